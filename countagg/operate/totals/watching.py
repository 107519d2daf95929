"""Watching: a day's totals again and again, and what changed between two looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from countagg.core.lazy_dataclass import dataclass
from countagg.operate.totals.query import TotalsOfDay


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found.

    Attributes:
        found: the totals.
        changes: counter -> how much its total differs from the look before, in units of 10^-9; a counter that is
            gone has lost its whole value. Empty at the first look at a day.
        is_first: whether it is the first look at this day.
    """

    found: TotalsOfDay
    changes: Mapping[str, int]
    is_first: bool

    @property
    def is_news(self) -> bool:
        """Whether there is something that was not known."""
        return self.is_first or bool(self.changes)


def compare(before: TotalsOfDay | None, totals: TotalsOfDay) -> Look:
    """Tell what changed since the look before; a new day begins anew."""
    if before is None or before.day != totals.day:
        return Look(totals, {}, is_first=True)
    names = [*totals.totals, *(name for name in before.totals if name not in totals.totals)]
    differences = {name: totals.totals.get(name, 0) - before.totals.get(name, 0) for name in names}
    changed = {
        name: difference
        for name, difference in differences.items()
        if difference or (name in totals.totals) is not (name in before.totals)
    }
    return Look(totals, changed, is_first=False)


def watch(look: Callable[[], TotalsOfDay], looks: Iterable[None]) -> Iterator[Look]:
    """Look again and again, and yield what each look found.

    Args:
        look: reads the totals of the day that it is.
        looks: yields before each, as of `Polling`.
    """
    before: TotalsOfDay | None = None
    for _ in looks:
        totals = look()
        yield compare(before, totals)
        before = totals
