"""When a made-up fleet uploads, and what. Pure: the same seed gives the same load."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator, Sequence
from typing import Final

from countagg.core.counter_file import render_counters
from countagg.core.lazy_dataclass import dataclass
from countagg.core.values import SCALE

INSTANCE_PREFIX: Final = "loadtest-"
COUNTER_PREFIX: Final = "loadtest_"
JITTER: Final = 0.1
"""Share of the interval by which an upload may be early or late."""

MOST_PER_SECOND: Final = 1_000
"""Files; one machine does not upload more."""

_LARGEST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class LoadStep:
    """A time of steady load.

    Attributes:
        begin: seconds since the beginning of the load.
        seconds: how long it goes on.
        interval: seconds between two files of an instance.
    """

    begin: float
    seconds: float
    interval: float

    @property
    def end(self) -> float:
        """Seconds since the beginning of the load."""
        return self.begin + self.seconds

    def rate(self, instances: int) -> float:
        """Return the files a second."""
        return instances / self.interval


@dataclass(frozen=True, slots=True)
class Due:
    """An upload that is due: when, in seconds since the beginning of the load, and whose."""

    at: float
    instance: int


def steady(interval: float, duration: float) -> tuple[LoadStep, ...]:
    """Return a load that stays as it is."""
    return (LoadStep(0.0, duration, interval),)


def ramp(
    interval: float, duration: float, step_seconds: float, factor: float, shortest: float
) -> tuple[LoadStep, ...]:
    """Return a load that grows from step to step.

    Args:
        interval: of the first step.
        duration: seconds in all; the last step may be shorter, but not by more than half.
        step_seconds: of a step.
        factor: by which the rate grows, more than 1.
        shortest: interval below which it ends.
    """
    steps = [LoadStep(0.0, min(step_seconds, duration), interval)]
    while steps[-1].end + step_seconds / 2 <= duration and steps[-1].interval / factor >= shortest:
        begin = steps[-1].end
        steps.append(LoadStep(begin, min(step_seconds, duration - begin), steps[-1].interval / factor))
    return tuple(steps)


def uploads_of(step: LoadStep, instances: int, seed: int) -> Iterator[Due]:
    """Yield the uploads of a step in the order of time.

    Each instance has its own moment within the interval, and is early or late by up to a tenth of it.
    """
    source = random.Random(f"{seed} {step.begin}")  # noqa: S311 - a load, not secrets
    waiting = [(source.uniform(0, step.interval), number) for number in range(instances)]
    waiting = [entry for entry in waiting if entry[0] < step.seconds]
    heapq.heapify(waiting)
    while waiting:
        moment, number = waiting[0]
        yield Due(step.begin + moment, number)
        # Jitter is added to the distance of two uploads, so that their order needs no sorting.
        following = moment + step.interval * source.uniform(1 - JITTER, 1 + JITTER)
        if following < step.seconds:
            heapq.heapreplace(waiting, (following, number))
        else:
            heapq.heappop(waiting)


class DueCount:
    """Counts the uploads of a load that were due by a moment.

    Args:
        steps: of the load.
        instances: of the fleet.
        seed: of the load.
    """

    def __init__(self, steps: Sequence[LoadStep], instances: int, seed: int) -> None:
        self._coming = (due.at for step in steps for due in uploads_of(step, instances, seed))
        self._next = next(self._coming, None)
        self._count = 0

    def by(self, moment: float) -> int:
        """Return how many were due by then, in seconds since the beginning of the load; no moment goes back."""
        while self._next is not None and self._next <= moment:
            self._count += 1
            self._next = next(self._coming, None)
        return self._count


def instance_id(seed: int, number: int) -> str:
    """Return the id of an instance, by which everybody sees what it is."""
    return f"{INSTANCE_PREFIX}{seed}-{number:06d}"


def file_of(seed: int, number: int, upload: int, counters: int) -> bytes:
    """Return an instance's file; no two uploads of an instance have the same.

    Args:
        seed: of the load.
        number: of the instance.
        upload: counts the instance's uploads.
        counters: how many it has.
    """
    source = random.Random(f"{seed} {number} {upload}")  # noqa: S311 - a load, not secrets
    values = {f"{COUNTER_PREFIX}COUNTER{index}": source.randrange(_LARGEST) for index in range(2, counters + 1)}
    values[f"{COUNTER_PREFIX}COUNTER1"] = upload + 1
    return render_counters({name: value * SCALE for name, value in values.items()})
