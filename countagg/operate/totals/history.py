"""History: the totals of many days, out of their ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.moments import check_order
from countagg.operate.parallel import in_parallel
from countagg.operate.totals.query import EVERYTHING, Choice, TotalsOfDay, query

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline

MAX_DAYS: Final = 1_100
"""Three years: longer than ledgers are kept by default."""

_PARALLEL_READS: Final = 8


@dataclass(frozen=True, slots=True)
class History:
    """Totals of successive days, all of them, also those for which nothing was uploaded.

    Attributes:
        days: oldest first.
    """

    days: tuple[TotalsOfDay, ...]

    @property
    def names(self) -> list[str]:
        """The counters of all days, those with the largest single value first."""
        peaks: dict[str, int] = {}
        for day in self.days:
            for name, value in day.totals.items():
                peaks[name] = max(peaks.get(name, value), value)
        return sorted(peaks, key=lambda name: (-peaks[name], name))

    @property
    def sums(self) -> dict[str, int]:
        """The sum of each counter over all days, in units of 10^-9."""
        sums: dict[str, int] = {}
        for day in self.days:
            for name, value in day.totals.items():
                sums[name] = sums.get(name, 0) + value
        return sums

    def series(self, name: str) -> list[tuple[int, int]]:
        """Return a counter's values as (days since the first, value), without the days that do not have it."""
        return [(index, day.totals[name]) for index, day in enumerate(self.days) if name in day.totals]


def days_between(since: date, until: date) -> list[str]:
    """Return the days from the one to the other, both included.

    Raises:
        UsageError: there are none, or too many.
    """
    check_order(since.isoformat(), until.isoformat())
    count = (until - since).days + 1
    if count > MAX_DAYS:
        raise UsageError(
            f"these are {count} days; at most {MAX_DAYS} are read",
            where="--since, --until",
            hint="read them in parts",
        )
    return [(since + timedelta(days=index)).isoformat() for index in range(count)]


def read_history(pipeline: Pipeline, days: list[str], choice: Choice = EVERYTHING) -> History:
    """Read the totals of days.

    Args:
        pipeline: the deployed stack.
        days: YYYY-MM-DD, oldest first, at least one.
        choice: which counters; its largest ones are those with the largest sum over all days.
    """

    def read(day: str) -> TotalsOfDay:
        return query(pipeline, day, Choice(choice.patterns))

    first, *others = days
    # The client is made at the first call, which no two threads may do at once.
    found = [read(first), *(result for _, result in in_parallel(read, others, _PARALLEL_READS))]
    names = choice.pick(History(tuple(found)).sums)
    return History(tuple(_only(day, names, choice) for day in found))


def _only(day: TotalsOfDay, names: Mapping[str, int], choice: Choice) -> TotalsOfDay:
    totals = choice.order({name: value for name, value in day.totals.items() if name in names})
    return TotalsOfDay(day.day, day.version, day.updated_at, totals)
