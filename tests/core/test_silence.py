from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from countagg.core.silence import LastUpload, days_to_look_at, find_silent, interval_of_looks

AFTER = timedelta(minutes=15)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def ago(minutes: float, now: datetime = NOON) -> datetime:
    return now - timedelta(minutes=minutes)


def upload(instance: str, at: datetime, *, is_withdrawn: bool = False) -> LastUpload:
    return LastUpload(instance, at, is_withdrawn)


def test_silent_is_who_uploaded_nothing_for_longer_than_that_the_longest_first() -> None:
    uploads = [upload("i-1", ago(1)), upload("i-2", ago(15.1)), upload("i-3", ago(600)), upload("i-4", ago(15))]
    assert list(find_silent(uploads, NOON, AFTER).items()) == [("i-3", ago(600)), ("i-2", ago(15.1))]


def test_whose_file_was_deleted_is_not_expected() -> None:
    uploads = [upload("i-1", ago(60), is_withdrawn=True)]
    assert find_silent(uploads, NOON, AFTER) == {}
    # Whose file of yesterday was, but not today's.
    uploads += [upload("i-1", ago(20))]
    assert find_silent(uploads, NOON, AFTER) == {"i-1": ago(20)}


def test_the_newest_of_all_days_counts_whatever_comes_first() -> None:
    uploads = [upload("i-1", ago(2)), upload("i-1", ago(700)), upload("i-2", ago(700)), upload("i-2", ago(2))]
    assert find_silent(uploads, NOON, AFTER) == {}


@pytest.mark.parametrize(
    ("minutes_after_midnight", "last_before_midnight", "silent"),
    [
        (5, 11, True),  # it uploaded at 23:49, and not since
        (5, 9, False),
        (29, 1, True),
        (29, 15, True),
        (29, 16, False),  # it was silent when the day ended
        (5, 600, False),
    ],
)
def test_who_uploaded_shortly_before_midnight_is_expected_in_the_new_day(
    minutes_after_midnight: int, last_before_midnight: int, *, silent: bool
) -> None:
    now, last = ago(-minutes_after_midnight, MIDNIGHT), ago(last_before_midnight, MIDNIGHT)
    assert bool(find_silent([upload("i-1", last)], now, AFTER)) == silent


def test_yesterday_is_looked_at_until_each_silence_of_its_end_was_seen() -> None:
    today = ["2026-11-21", "2026-11-20"]
    assert days_to_look_at(MIDNIGHT, AFTER) == [*today, "2026-11-19"]
    assert days_to_look_at(ago(-29.9, MIDNIGHT), AFTER) == [*today, "2026-11-19"]
    assert days_to_look_at(ago(-30, MIDNIGHT), AFTER) == today
    # Who uploaded last at midnight is silent from 00:15, and is looked at for as long again.
    last = 2 * AFTER - AFTER
    assert last / interval_of_looks(AFTER) >= 2


def test_days_are_those_of_utc() -> None:
    tokyo = datetime(2026, 11, 21, 8, tzinfo=timezone(timedelta(hours=9)))
    assert days_to_look_at(tokyo, AFTER) == ["2026-11-21", "2026-11-20"]
    assert find_silent([upload("i-1", ago(0, MIDNIGHT))], tokyo, AFTER) == {"i-1": MIDNIGHT}


def test_looks_are_three_within_the_time_and_at_most_one_a_minute() -> None:
    assert interval_of_looks(AFTER) == timedelta(minutes=5)
    assert (
        interval_of_looks(timedelta(minutes=3)) == interval_of_looks(timedelta(minutes=1)) == timedelta(minutes=1)
    )
