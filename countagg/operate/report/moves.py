"""What moved most from one day to the next."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.values import SCALE

_SMALL: Final = 10 * SCALE
"""What counts for little: without it, a counter that went from 1 to 3 would stand before all others."""


@dataclass(frozen=True, slots=True)
class Move:
    """A counter whose total is not what it was the day before.

    Attributes:
        counter: its name.
        before: its total of the day before, in units of 10^-9; None if that day does not have it.
        now: its total of the day; None likewise.
    """

    counter: str
    before: int | None
    now: int | None

    @property
    def difference(self) -> int:
        """By how much it moved, in units of 10^-9; a day without it counts as 0."""
        return (self.now or 0) - (self.before or 0)

    @property
    def percent(self) -> Fraction | None:
        """By how much it moved, in percent of what it was; None if it was nothing, or is no more."""
        if not self.before or self.now is None:
            return None
        return Fraction(100 * self.difference, abs(self.before))

    @property
    def weight(self) -> int:
        """How far it moved in proportion to its size, in units of 10^-9, whatever the counter is of."""
        return abs(self.difference) * SCALE // (max(abs(self.before or 0), abs(self.now or 0)) + _SMALL)


def find_moves(before: Mapping[str, int], now: Mapping[str, int]) -> tuple[Move, ...]:
    """Return the counters whose totals are not the same, the farthest in proportion first.

    Args:
        before: totals of the day before.
        now: totals of the day.
    """
    moves = (Move(name, before.get(name), now.get(name)) for name in before.keys() | now.keys())
    moved = (each for each in moves if each.before != each.now)
    return tuple(sorted(moved, key=lambda each: (-each.weight, -abs(each.difference), each.counter)))
