from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.days import (
    Expiry,
    check_upload_day,
    days_from,
    expiry_epoch_seconds,
    is_closed,
    parse_date,
    resolve_day,
)
from countagg.core.errors import InvalidObjectKey, UsageError
from tests.core.strategies import days

TODAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@given(st.dates())
def test_every_date_reads_back(day: date) -> None:
    assert parse_date(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    ["2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-01-01", "2026-1-1", "26-01-01", "20261120"],
)
def test_a_date_that_is_not_real_or_not_in_full_is_none(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T00", "2026-W47-5", " 2026-11-20", "2026-11-20\n", "\u0662\u0660\u0662\u0666-11-20", "", "today"],
)
def test_what_is_no_real_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_leap_days_are_real() -> None:
    assert parse_date("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("text", "day"), [("today", "2026-11-20"), ("yesterday", "2026-11-19"), ("2024-02-29", "2024-02-29")]
)
def test_an_operator_may_say_today_yesterday_or_a_date(text: str, day: str) -> None:
    assert resolve_day(text, NOON) == day


def test_today_is_the_day_in_utc_wherever_the_clock_stands() -> None:
    sydney = timezone(timedelta(hours=11))
    assert resolve_day("today", datetime(2026, 11, 21, 8, tzinfo=sydney)) == "2026-11-20"
    assert resolve_day("yesterday", datetime(2026, 11, 21, 8, tzinfo=sydney)) == "2026-11-19"


@pytest.mark.parametrize("text", ["the day after", "Today", "2026-02-30", "", "-1"])
def test_anything_else_is_a_usage_error_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        resolve_day(text, NOON)
    assert str(wrong.value) == f"{text!r} is not a date"
    assert wrong.value.hint == "give YYYY-MM-DD, today, yesterday or tomorrow (UTC)"


@pytest.mark.parametrize("day", ["2026-11-21", "2026-11-20", "2026-10-16"])
def test_days_from_the_end_of_retention_to_tomorrow_are_accepted(day: str) -> None:
    check_upload_day(day, TODAY, TODAY, 35)


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("2026-11-22", "the date 2026-11-22 is more than 1 day ahead of 2026-11-20 (UTC)"),
        ("9999-12-31", "the date 9999-12-31 is more than 1 day ahead of 2026-11-20 (UTC)"),
        ("2026-10-15", "the date 2026-10-15 is more than 35 days before 2026-11-20 (UTC)"),
        ("0001-01-01", "the date 0001-01-01 is more than 35 days before 2026-11-20 (UTC)"),
    ],
)
def test_days_outside_are_refused_with_the_reason(day: str, reason: str) -> None:
    with pytest.raises(InvalidObjectKey) as refused:
        check_upload_day(day, TODAY, TODAY, 35)
    assert refused.value.what == reason


def is_taken(day: str, uploaded: date, handled: date, retention: int, fixed: Expiry | None = None) -> bool:
    try:
        check_upload_day(day, uploaded, handled, retention, fixed)
    except InvalidObjectKey:
        return False
    return True


def test_what_was_uploaded_on_the_last_day_may_be_handled_on_the_next() -> None:
    last, late = date(2026, 12, 25), date(2026, 12, 26)
    assert is_taken("2026-11-20", last, late, 35)
    assert not is_taken("2026-11-20", late, late, 35)


def test_a_day_is_closed_a_day_after_its_last_uploads() -> None:
    last, closing = date(2026, 12, 25), date(2026, 12, 27)
    assert not is_closed("2026-11-20", date(2026, 12, 26), 35)
    assert is_closed("2026-11-20", closing, 35)
    with pytest.raises(InvalidObjectKey) as refused:
        check_upload_day("2026-11-20", last, closing, 35)
    reason = "the date 2026-11-20 has been closed since 2026-12-27 (UTC), before its snapshots expire"
    assert refused.value.what == reason


def test_more_days_of_retention_never_open_a_closed_day_again() -> None:
    fixed = Expiry.chosen("2026-11-20", 10, 400)
    closing = date(2026, 12, 2)
    assert is_taken("2026-11-20", date(2026, 12, 1), date(2026, 12, 1), 35, fixed)
    assert not is_taken("2026-11-20", closing, closing, 35, fixed)


def test_fewer_days_of_retention_close_a_day_earlier() -> None:
    fixed = Expiry.chosen("2026-11-20", 35, 400)
    assert is_taken("2026-11-20", date(2026, 11, 30), date(2026, 12, 1), 10, fixed)
    assert not is_taken("2026-11-20", date(2026, 12, 1), date(2026, 12, 1), 10, fixed)
    assert not is_taken("2026-11-20", date(2026, 11, 30), date(2026, 12, 2), 10, fixed)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_of_all_days_expire_too(day: str) -> None:
    assert is_closed(day, TODAY, 35, Expiry.chosen(day, 35, 400)) == (day < "2026")


@given(days(), st.integers(1, 500), st.integers(1, 500), st.integers(1, 500), st.integers(-3, 520))
def test_what_is_taken_passes_the_queue_and_both_streams_before_anything_expires(
    day: str, begun: int, totals: int, now: int, later: int
) -> None:
    fixed = Expiry.chosen(day, begun, totals)
    handled = date.fromisoformat(day) + timedelta(days=later)
    midnight = datetime(handled.year, handled.month, handled.day, tzinfo=UTC)
    if is_taken(day, handled, handled, now, fixed):
        ends = (midnight - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() + 86_400
        # A stream keeps its records for a day; with something to spare for the invocation itself.
        assert fixed.snapshots >= ends + 86_400
        assert fixed.totals >= fixed.snapshots + 86_400


def test_an_item_expires_three_days_after_the_midnight_that_ends_its_last_accepted_day() -> None:
    expiry = datetime.fromtimestamp(expiry_epoch_seconds("2026-11-20", 35), UTC)
    assert expiry == datetime(2026, 12, 29, tzinfo=UTC)


def test_totals_are_kept_as_chosen_and_at_least_a_day_longer_than_snapshots() -> None:
    snapshots = expiry_epoch_seconds("2026-11-20", 35)
    assert Expiry.chosen("2026-11-20", 35, 400) == Expiry(snapshots, expiry_epoch_seconds("2026-11-20", 400))
    assert Expiry.chosen("2026-11-20", 35, 10) == Expiry(snapshots, snapshots + 86_400)


def test_days_from_one_to_another_are_both_included() -> None:
    assert days_from("2026-02-27", "2026-03-01") == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert days_from("2026-03-01", "2026-03-01") == ["2026-03-01"]
    assert days_from("2026-03-01", "2026-02-28") == []
