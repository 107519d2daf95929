"""What should be: the files as they were written, known from the plan and not from the code under test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tools.simulation.files import File
from tools.simulation.plans import PREFIX, Step


@dataclass(slots=True)
class Story:
    """What became of one object.

    Attributes:
        latest: the last step.
        removed: the date (UTC) on which it was removed last; None if it never was.
        date: on which the last step was done (UTC).
        said: every set of counters that the object stood for since it was removed last; none at the beginning.
        ever: every one that it stood for, whether it was removed since or not.
    """

    latest: Step
    removed: date | None
    date: date
    said: list[Mapping[str, int]] = field(default_factory=lambda: [{}])
    ever: list[Mapping[str, int]] = field(default_factory=lambda: [{}])

    def is_refused(self) -> bool:
        """Tell whether the object as it is breaks a rule for files."""
        return self.latest.file is not None and self.latest.file.counters is None

    def may_stand(self, content: Mapping[str, int], *, versioned: bool) -> bool:
        """Tell whether this is what should be counted of the object.

        A good file, or its absence, says so itself. Before a refused one stands the newest good one, if the bucket
        keeps versions; if it does not, any that was seen since the object was removed, or none.
        """
        if not self.is_refused():
            return content == self.counters()
        return content == self.said[-1] if versioned else content in self.said

    def counters(self) -> Mapping[str, int]:
        """Return what the object as it is says: nothing if it is gone or refused."""
        return {} if self.latest.file is None else self.latest.file.counters or {}


class Truth:
    """The story of every object below the prefix."""

    def __init__(self) -> None:
        self.stories: dict[str, Story] = {}

    def tell(self, step: Step, moment: datetime) -> None:
        """Take a step into account."""
        story = self.stories.setdefault(step.key, Story(step, None, moment.date()))
        story.latest, story.date = step, moment.date()
        if step.file is None:
            story.said, story.removed = [{}], moment.date()
        elif step.file.counters is not None:
            story.said.append(step.file.counters)
            story.ever.append(step.file.counters)

    def counter_files(self) -> dict[tuple[str, str], Story]:
        """Return the stories of the objects whose keys are counter files', by day and instance."""
        return {
            day_and_instance(key): story
            for key, story in self.stories.items()
            if not story.latest.foreign and not story.latest.key_reason
        }

    def refused(self) -> list[tuple[str, File, str]]:
        """Return what stands in the bucket and must be refused: key, file, part of the reason."""
        return [
            (key, story.latest.file, story.latest.key_reason or story.latest.file.reason)
            for key, story in self.stories.items()
            if story.latest.file is not None
            and not story.latest.foreign
            and (story.latest.key_reason or story.latest.file.counters is None)
        ]


def day_and_instance(key: str) -> tuple[str, str]:
    """Read a counter file's key."""
    day, _, name = key.removeprefix(PREFIX).partition("/")
    return day, name.removeprefix("values_")


def sum_of(contents: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counters; those that some content names stay, also where they come to 0."""
    sums: Counter[str] = Counter()
    for content in contents:
        for name, value in content.items():
            sums[name] += value
    return dict(sums)
