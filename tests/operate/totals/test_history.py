"""Totals of many days."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import pytest

from countagg.aws.pipeline import DayTotals, Pipeline
from countagg.core.errors import UsageError
from countagg.core.ledger import Ledger
from countagg.core.values import SCALE
from countagg.operate.totals.history import MAX_DAYS, History, days_between, read_history
from countagg.operate.totals.query import Choice, TotalsOfDay

DAYS: Final = ["2026-02-27", "2026-02-28", "2026-03-01"]


@dataclass
class Ledgers(Pipeline):
    """A pipeline that holds totals of days, and remembers who asked.

    Attributes:
        held: day -> counters.
        threads: who asked for which day.
    """

    held: Mapping[str, Mapping[str, int]]
    threads: dict[str, int] = field(default_factory=dict)

    def totals(self, day: str) -> DayTotals:
        self.threads[day] = threading.get_ident()
        if day not in self.held:
            return DayTotals(day, 0, None, Ledger())
        sums = {name: value * SCALE for name, value in self.held[day].items()}
        return DayTotals(day, 3, "then", Ledger(sums, dict.fromkeys(sums, 1), {}))


LEDGERS: Final = Ledgers({DAYS[0]: {"a": 1, "b": 20, "c": 5}, DAYS[2]: {"b": 1, "a": 30, "d": -7}})


def test_days_go_from_the_first_to_the_last_over_the_end_of_a_month() -> None:
    assert days_between(date(2026, 2, 27), date(2026, 3, 1)) == DAYS
    assert days_between(date(2026, 3, 1), date(2026, 3, 1)) == DAYS[-1:]
    assert len(days_between(date(2023, 1, 1), date(2023, 1, 1).replace(year=2026))) < MAX_DAYS


@pytest.mark.parametrize(
    ("since", "until", "complaint"),
    [
        (date(2026, 3, 1), date(2026, 2, 28), "2026-02-28 lies before 2026-03-01"),
        (date(2020, 1, 1), date(2026, 1, 1), f"these are 2193 days; at most {MAX_DAYS} are read"),
    ],
)
def test_periods_that_cannot_be_are_refused(since: date, until: date, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        days_between(since, until)

    assert str(caught.value) == f"--since, --until: {complaint}"


def test_every_day_is_there_also_one_without_totals() -> None:
    found = read_history(LEDGERS, DAYS)

    assert found.days == (
        TotalsOfDay(DAYS[0], 3, "then", {"a": 1 * SCALE, "b": 20 * SCALE, "c": 5 * SCALE}),
        TotalsOfDay(DAYS[1], 0, None, {}),
        TotalsOfDay(DAYS[2], 3, "then", {"a": 30 * SCALE, "b": 1 * SCALE, "d": -7 * SCALE}),
    )


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(("b", "[cd]")), [["b", "c"], [], ["b", "d"]]),
        (Choice(top=2), [["a", "b"], [], ["a", "b"]]),
        (Choice(top=1, by_value=True), [["a"], [], ["a"]]),
        (Choice(("[bcd]",), top=1), [["b"], [], ["b"]]),
        (Choice(by_value=True), [["b", "c", "a"], [], ["a", "b", "d"]]),
    ],
)
def test_counters_are_chosen_by_their_sum_over_all_days(choice: Choice, expected: list[list[str]]) -> None:
    found = read_history(LEDGERS, DAYS, choice)

    assert [list(day.totals) for day in found.days] == expected


def test_the_first_day_is_read_before_any_thread_is_started() -> None:
    ledgers = Ledgers({})

    read_history(ledgers, [f"2026-01-{day:02d}" for day in range(1, 31)])

    assert ledgers.threads["2026-01-01"] == threading.get_ident()
    assert len(ledgers.threads) == 30
    assert threading.get_ident() not in list(ledgers.threads.values())[1:]


def test_the_names_begin_with_the_highest_and_series_leave_gaps() -> None:
    history = History(
        (
            TotalsOfDay("2026-02-27", 1, "", {"low": 5, "a": 7}),
            TotalsOfDay("2026-02-28", 0, None, {}),
            TotalsOfDay("2026-03-01", 1, "", {"low": -9, "high": 8, "b": 7}),
        )
    )

    assert history.names == ["high", "a", "b", "low"]
    assert history.series("low") == [(0, 5), (2, -9)]
    assert history.series("high") == [(2, 8)]
