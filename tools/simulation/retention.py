"""Retention in the simulation: what the operator chooses, anew from time to time, and when the runs go on.

A run goes on where it hurts: on the last day on which uploads of its first day are taken, at the midnight that
ends it, on the days up to the removal of what is stored, and after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

from tools.simulation.timeline import DAY, HOUR, MINUTE

_HANDLING_DAYS: Final = 1
_SETTLING_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class Kept:
    """Days for which the operator has snapshots and totals kept."""

    snapshots: int = 35
    totals: int = 400

    def closing(self, day: str) -> int:
        """Return on which day (ordinal) a day that begins under this choice takes no more files."""
        return date.fromisoformat(day).toordinal() + self.snapshots + 1 + _HANDLING_DAYS


def closing_before(expires_at: int) -> int:
    """Return on which day (ordinal) a day must be closed whose snapshots expire then."""
    return date(1970, 1, 1).toordinal() + expires_at // int(DAY) - _SETTLING_DAYS


@dataclass(frozen=True, slots=True)
class Later:
    """When a run goes on.

    Attributes:
        pause: days since its beginning.
        kept: what the operator chooses now.
        chosen_after: seconds after which he does; functions know the choice before until then, and some longer.
        span: seconds in which uploads of old days come, and TTL removes what has expired.
    """

    pause: int
    kept: Kept
    chosen_after: float
    span: float


_CHOICES: Final = (
    Kept(),
    Kept(35, 35),
    Kept(10, 10),
    Kept(10, 400),
    Kept(3, 3),
    Kept(3, 12),
    Kept(1, 1),
    Kept(70, 70),
)


def choose_kept(random: Random) -> Kept:
    """Choose what is kept in the beginning: mostly what is kept by default."""
    return Kept() if random.random() < 0.5 else random.choice(_CHOICES)


def choose_later(random: Random, kept: Kept) -> list[Later]:
    """Choose how a run goes on that begins with a choice."""
    made: list[Later] = []
    pause = 0
    for _ in range(random.choice((1, 2, 2, 3))):
        known = {kept, *(each.kept for each in made)}
        edges = {days + more for each in known for days in (each.snapshots, each.totals) for more in range(-1, 7)}
        ahead = sorted(edge for edge in edges if pause < edge < pause + 80)
        pause = random.choice(ahead) if ahead and random.random() < 0.8 else pause + random.randint(1, 12)
        chosen = random.choice(_CHOICES) if random.random() < 0.7 else kept
        at = random.choice((0.0, 0.0, 10 * MINUTE, HOUR)) * random.random()
        made.append(Later(pause, chosen, at, random.choice((10 * MINUTE, HOUR, HOUR, 2 * DAY))))
    return made
