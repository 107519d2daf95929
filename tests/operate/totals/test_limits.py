"""Limits beside the totals of a day, and the checks of what an operator types."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from countagg.core.errors import UsageError
from countagg.core.limits import Alert, AlertState
from countagg.core.values import SCALE
from countagg.data.limits import LimitsTable, StoredAlert, StoredLimit
from countagg.operate.totals.limits import (
    LimitOfDay,
    LimitsOfDay,
    check_limit,
    check_limits_file,
    compare_limits,
)
from tests.fakes.pipeline import DAY, FakePipeline


class FakeLimits(LimitsTable):
    """Limits and alerts in memory."""

    def __init__(self, stored: Sequence[StoredLimit], alerts: Sequence[StoredAlert] = ()) -> None:
        self._stored = stored
        self._alerts = alerts

    def read(self) -> Iterator[StoredLimit]:
        return iter(self._stored)

    def alerts(self, day: str) -> Iterator[StoredAlert]:
        return (each for each in self._alerts if each.alert.day == day)


def test_limits_stand_beside_the_totals_in_the_order_of_their_names() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"above": 11, "equal": 10, "free": 99})
    fake.aggregate()
    stored = [StoredLimit(name, 10 * SCALE) for name in ("nobodys", "equal", "above")]
    assert compare_limits(fake, FakeLimits(stored), DAY) == LimitsOfDay(
        DAY,
        1,
        (
            LimitOfDay("above", 10 * SCALE, 11 * SCALE),
            LimitOfDay("equal", 10 * SCALE, 10 * SCALE),
            LimitOfDay("nobodys", 10 * SCALE, None),
        ),
    )


@pytest.mark.parametrize(
    ("limit", "value", "passed"), [(10, 11, True), (10, 10, False), (10, None, False), (None, 11, False)]
)
def test_a_total_passes_a_limit_that_it_is_greater_than(
    limit: int | None,
    value: int | None,
    passed: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    assert LimitOfDay("a", limit, value).passed is passed


def test_only_the_alert_about_this_limit_on_this_day_counts() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 11})
    fake.aggregate()

    def alert(counter: str, limit: int, day: str = DAY, sent_at: str = "") -> StoredAlert:
        state = AlertState.SENT if sent_at else AlertState.SENDING
        return StoredAlert(Alert(day, counter, limit * SCALE, 11 * SCALE, 1), state, sent_at)

    others = [alert("a", 9, sent_at="x"), alert("b", 10, sent_at="x"), alert("a", 10, "2026-07-02", "x")]
    stored = [StoredLimit("a", 10 * SCALE)]
    for more, expected in (
        ([], (None, None)),
        ([alert("a", 10, sent_at="then")], (AlertState.SENT, "then")),
        ([alert("a", 10)], (AlertState.SENDING, None)),
    ):
        [found] = compare_limits(fake, FakeLimits(stored, [*others, *more]), DAY).limits
        assert (found.alert, found.alerted_at) == expected


def test_an_invalid_limit_is_shown_and_never_passed() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 11})
    fake.aggregate()
    [found] = compare_limits(fake, FakeLimits([StoredLimit("a", None, "why")]), DAY).limits
    assert found == LimitOfDay("a", None, 11 * SCALE, problem="why")


@pytest.mark.parametrize("text", ["42", "-0.25", "+7"])
def test_a_limit_is_a_value_of_a_counter_file(text: str) -> None:
    [expected] = check_limits_file("f", f"a {text}\n".encode()).values()
    assert check_limit("a", text) == expected


@pytest.mark.parametrize(
    ("counter", "text", "where"),
    [
        ("a", "many", "VALUE"),
        ("a", "", "VALUE"),
        ("a", "0.0000000001", "VALUE"),
        ("a", "9" * 25, "VALUE"),
        ("", "1", "COUNTER"),
        ("a b", "1", "COUNTER"),
        ("a\n", "1", "COUNTER"),
        ("n" * 256, "1", "COUNTER"),
        ("\u20ac" * 86, "1", "COUNTER"),
        ("\ufeffa", "1", "COUNTER"),
        ("\udcff", "1", "COUNTER"),
    ],
)
def test_what_breaks_the_rules_is_refused(counter: str, text: str, where: str) -> None:
    with pytest.raises(UsageError) as wrong:
        check_limit(counter, text)
    assert wrong.value.where == where


@pytest.mark.parametrize(
    ("content", "where", "reason"),
    [
        (b"a 1\nb\n", "limits.txt, line 2", "'b' is not COUNTER VALUE"),
        (b"a 1\na 2\n", "limits.txt, line 2", "the counter 'a' is repeated"),
        (b"\xff 1\n", "limits.txt, line 1", "the line is not UTF-8"),
        (b"a 1\n" * 1_400_000, "limits.txt", "the file has 5600000 bytes; at most 5242880 are read"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_its_line(content: bytes, where: str, reason: str) -> None:
    with pytest.raises(UsageError) as wrong:
        check_limits_file("limits.txt", content)
    assert (wrong.value.where, wrong.value.what) == (where, reason)
    assert wrong.value.hint
