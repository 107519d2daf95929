"""Scales of charts: decades where counters differ so much that one would flatten all others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from countagg.core.lazy_dataclass import dataclass

_FLATTENED: Final = 50.0
"""So many times lower than the highest, a line lies on the axis: a chart in a terminal is 48 dots high."""
_DECADES: Final = 12
"""Decades below the largest value that are told apart, and as many more as the lowest line needs.

What is smaller is drawn next to 0.
"""
_TICKS: Final = 6
_BASE: Final = 10.0


@dataclass(frozen=True, slots=True)
class LogScale:
    """A log scale that has 0 and negative values too.

    Decades are as high as each other down to the smallest; from there to 0 it is about one more, and below 0 it is
    the same in the mirror.

    Attributes:
        smallest: power of ten; what is smaller is no longer told apart by decades.
        low: value at which the axis begins.
        high: value at which it ends, greater.
    """

    smallest: float
    low: float
    high: float

    @property
    def constant(self) -> float:
        """The value around which the scale goes over from linear to logarithmic: `constant` of Vega's symlog."""
        return self.smallest / _BASE

    def position(self, value: float) -> float:
        """Return where a value stands, about in decades from 0."""
        return math.copysign(math.log10(1 + abs(value) / self.constant), value)

    @property
    def ticks(self) -> list[float]:
        """The powers of ten that are named at the axis, and 0 if it is there, in order."""
        above, below = self._powers(self.high), self._powers(-self.low)
        step = math.ceil((len(above) + len(below)) / _TICKS)
        zero = [0.0] if self.low <= 0 <= self.high else []
        return [-power for power in reversed(below[::step])] + zero + above[::step]

    def _powers(self, limit: float) -> list[float]:
        if limit < self.smallest:
            return []
        first = round(math.log10(self.smallest))
        powers = (_BASE**exponent for exponent in range(first, math.floor(math.log10(limit)) + 1))
        return [power for power in powers if power <= limit]


def find_log_scale(lines: Iterable[Sequence[float]]) -> LogScale | None:
    """Return the log scale that lines need; None if the usual one does: none of them is flattened by another.

    A line that is 0 all the time needs none.

    Args:
        lines: the values of each.
    """
    values = [list(line) for line in lines]
    peaks = [peak for line in values if (peak := max(map(abs, line), default=0.0))]
    if not peaks or max(peaks) < _FLATTENED * min(peaks):
        return None
    every = [value for line in values for value in line]
    floor = min(*peaks, max(peaks) / _BASE**_DECADES)
    least = max(floor, min(abs(value) for value in every if value))
    smallest = _BASE ** math.floor(math.log10(least))
    low, high = min(every), max(every)
    if low >= 0:
        low = smallest if low >= smallest else 0.0
    return LogScale(smallest, low, max(high, 0.0))
