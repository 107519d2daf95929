"""Query: a day's totals, and who contributes what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from countagg.core.counter_file import read_canonical
from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.snapshot import Snapshot, unpack_canonical

if TYPE_CHECKING:
    from countagg.aws.pipeline import DayTotals, Pipeline


@dataclass(frozen=True, slots=True)
class Choice:
    """Which counters are wanted, and in which order.

    Attributes:
        patterns: names, or patterns of the shell such as `http_*`; all counters if empty.
        top: only so many, those with the largest values; None for all.
        by_value: the largest value first; by name otherwise.
    """

    patterns: tuple[str, ...] = ()
    top: int | None = None
    by_value: bool = False

    @property
    def is_partial(self) -> bool:
        """Whether some counters may be left out."""
        return bool(self.patterns) or self.top is not None

    def matches(self, name: str) -> bool:
        """Tell whether a counter is one of those that the patterns name."""
        return not self.patterns or any(is_named(pattern, name) for pattern in self.patterns)

    def pick(self, values: Mapping[str, int]) -> dict[str, int]:
        """Return the counters that are wanted, in their order."""
        picked = {name: value for name, value in values.items() if self.matches(name)}
        if self.top is not None:
            picked = dict(sorted(picked.items(), key=_largest_first)[: self.top])
        return self.order(picked)

    def order(self, values: Mapping[str, int]) -> dict[str, int]:
        """Return the counters in their order."""
        return dict(sorted(values.items(), key=_largest_first if self.by_value else None))

    def unmatched(self, names: Iterable[str]) -> list[str]:
        """Return the patterns that name none of these counters."""
        known = list(names)
        return [pattern for pattern in self.patterns if not any(is_named(pattern, name) for name in known)]


def is_named(pattern: str, name: str) -> bool:
    """Tell whether a pattern names a counter: as it stands, or as a pattern of the shell, case-sensitive."""
    return pattern == name or fnmatchcase(name, pattern)


def _largest_first(item: tuple[str, int]) -> tuple[int, str]:
    name, value = item
    return -value, name


EVERYTHING = Choice()


@dataclass(frozen=True, slots=True)
class TotalsOfDay:
    """Totals of a day.

    Attributes:
        day: YYYY-MM-DD.
        version: of the ledger; 0 if nothing was uploaded.
        updated_at: UTC, ISO 8601; None if nothing was uploaded.
        totals: counter -> sum in units of 10^-9, in the order that was asked for.
        instances: instance -> its counters; None if that was not asked for.
    """

    day: str
    version: int
    updated_at: str | None
    totals: Mapping[str, int]
    instances: Mapping[str, Mapping[str, int]] | None = None


def query(pipeline: Pipeline, day: str, choice: Choice = EVERYTHING, *, by_instance: bool = False) -> TotalsOfDay:
    """Read a day's totals.

    Args:
        pipeline: the deployed stack.
        day: YYYY-MM-DD.
        choice: which counters.
        by_instance: also what each instance contributes.
    """
    found = pick_totals(pipeline.totals(day), choice)
    if not by_instance:
        return found
    # What an instance counts and the totals do not include yet is shown too, unless it is not among the largest.
    wanted = choice.matches if choice.top is None else found.totals.__contains__
    return replace(found, instances=_contributions(pipeline, day, choice, wanted))


def pick_totals(found: DayTotals, choice: Choice) -> TotalsOfDay:
    """Return of a day's totals what is wanted."""
    return TotalsOfDay(found.day, found.version, found.updated_at, choice.pick(found.ledger.sums))


def _contributions(
    pipeline: Pipeline, day: str, choice: Choice, wanted: Callable[[str], bool]
) -> dict[str, Mapping[str, int]]:
    """Return the counters of each instance, without those that withdrew their file."""
    contributions = {
        snapshot.instance: choice.order(
            {name: value for name, value in _counters_of(snapshot).items() if wanted(name)}
        )
        for snapshot in pipeline.snapshots(day)
        if snapshot.etag
    }
    return {instance: found for instance, found in sorted(contributions.items()) if found or not choice.is_partial}


def _counters_of(snapshot: Snapshot) -> Mapping[str, int]:
    try:
        return read_canonical(unpack_canonical(snapshot.packed))
    except CorruptDocument as error:
        where = f"snapshot of {snapshot.instance} on {snapshot.day}"
        hint = f"`countagg repair --date {snapshot.day}` mends it"
        raise CorruptDocument(error.what, where=where, hint=hint) from error
