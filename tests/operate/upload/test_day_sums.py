"""What a reading adds to a day: the rules one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from countagg.core.errors import CountaggError
from countagg.operate.upload.day_sums import (
    SentContent,
    UploadState,
    Values,
    add_gains,
    check_clock,
    forget_past_days,
    take_as_is,
)
from countagg.operate.upload.readings import Reading, SourceReading
from countagg.operate.upload.remarks import Remark, Remarks
from tests.operate.upload.world import utc

NOON = utc("2026-11-20T12:00:00")
MIDNIGHT = utc("2026-11-21T00:00:00")
YESTERDAY, TODAY, TOMORROW = "2026-11-19", "2026-11-20", "2026-11-21"
ALL = "all"


def reading(started: datetime | None = None, source: str = "a", **counters: int) -> Reading:
    return Reading((SourceReading(source, counters, started.timestamp() if started else None),))


def add(state: UploadState, found: Reading, now: datetime, selection: str = ALL) -> UploadState:
    return add_gains(state, found, selection, now)[0]


def remarks(state: UploadState, found: Reading, now: datetime) -> Remarks:
    return {what: count for what, count in add_gains(state, found, ALL, now)[1].items() if count}


def read_once(at: datetime = NOON, **counters: int) -> UploadState:
    return add(UploadState(), reading(None, "a", **counters), at)


@pytest.mark.parametrize(
    ("started", "counted"),
    [
        (utc("2026-11-20T00:00:00"), 7),
        (utc("2026-11-20T11:00:00"), 7),
        (utc("2026-11-19T23:59:59"), 0),
        (None, 0),
    ],
)
def test_of_a_source_that_is_read_first_a_start_today_counts_whole(started: datetime | None, counted: int) -> None:
    found = reading(started, A=7)

    assert add(UploadState(), found, NOON).days == {TODAY: {"A": counted}}
    assert remarks(UploadState(), found, NOON) == ({} if counted else {Remark.FROM_NOW_ON: 1})


def test_what_was_gained_since_the_last_reading_is_added() -> None:
    state = read_once(A=7, B=1)
    state = add(state, reading(A=10, B=1), NOON + timedelta(minutes=1))
    state = add(state, reading(A=11, B=4), NOON + timedelta(minutes=2))

    assert state.days == {TODAY: {"A": 4, "B": 3}}


def test_a_smaller_value_counts_from_zero_and_is_told() -> None:
    state = read_once(A=7)

    assert add(state, reading(A=3), NOON).days == {TODAY: {"A": 3}}
    assert remarks(state, reading(A=3), NOON) == {Remark.RESTARTED: 1}


def test_a_counter_that_its_source_did_not_have_counts_whole() -> None:
    assert add(read_once(A=7), reading(A=7, B=5), NOON).days == {TODAY: {"A": 0, "B": 5}}


def test_a_counter_that_nobody_asked_for_before_counts_from_now_on() -> None:
    state = add(read_once(A=7), reading(A=7, B=5), NOON, selection="other")

    assert state.days == {TODAY: {"A": 0, "B": 0}}
    assert add(state, reading(A=7, B=6), NOON, selection="other").days == {TODAY: {"A": 0, "B": 1}}


def test_a_counter_that_is_missing_keeps_what_it_has_and_goes_on_from_there() -> None:
    state = add(read_once(A=7, B=1), reading(A=9, B=3), NOON)
    state = add(state, reading(A=9), NOON)

    assert state.days == {TODAY: {"A": 2, "B": 2}}
    assert add(state, reading(A=9, B=5), NOON).days == {TODAY: {"A": 2, "B": 4}}


def test_a_counter_that_was_missing_when_its_source_had_begun_anew_counts_from_zero() -> None:
    state = read_once(A=7, B=1)
    restarted = NOON + timedelta(minutes=1)
    state = add(state, reading(restarted, A=0), restarted + timedelta(minutes=1))

    assert add(state, reading(restarted, A=0, B=2), restarted + timedelta(minutes=2)).days[TODAY]["B"] == 2


def test_negative_numbers_are_no_counters() -> None:
    state = add(read_once(A=7), reading(A=8, B=-1), NOON)

    assert state.days == {TODAY: {"A": 1}}
    assert remarks(read_once(A=7), reading(A=8, B=-1), NOON) == {Remark.NEGATIVE: 1}


@pytest.mark.parametrize(
    ("before", "after", "days"),
    [
        (60, 0, {TODAY: {"A": 5}, TOMORROW: {"A": 0}}),
        (59, 1, {TODAY: {"A": 5}, TOMORROW: {"A": 0}}),
        (30, 30, {TODAY: {"A": 5}, TOMORROW: {"A": 0}}),
        (29, 31, {TODAY: {"A": 0}, TOMORROW: {"A": 5}}),
        (1, 40_000, {TODAY: {"A": 0}, TOMORROW: {"A": 5}}),
    ],
)
def test_what_was_gained_over_midnight_is_of_the_day_with_more_of_the_time(
    before: int, after: int, days: dict[str, dict[str, int]]
) -> None:
    state = read_once(MIDNIGHT - timedelta(seconds=before), A=7)

    assert add(state, reading(A=12), MIDNIGHT + timedelta(seconds=after)).days == days


def test_after_a_whole_day_without_a_reading_counters_count_from_now_on() -> None:
    state = read_once(A=7)
    later = MIDNIGHT + timedelta(days=1)

    assert add(state, reading(A=12), later).days == {TODAY: {"A": 0}, "2026-11-22": {"A": 0}}
    assert remarks(state, reading(A=12), later) == {Remark.FROM_NOW_ON: 1}
    assert add(state, reading(later, A=12), later).days["2026-11-22"] == {"A": 12}


def test_a_source_that_was_left_out_for_a_reading_counts_from_now_on() -> None:
    state = read_once(A=7)
    state = add(state, reading(source="b", B=1), NOON)

    assert add(state, Reading((*reading(A=12).sources, *reading(source="b", B=2).sources)), NOON).days == {
        TODAY: {"A": 0, "B": 1}
    }


def test_a_counter_that_gained_nothing_all_day_and_is_gone_is_forgotten_at_midnight() -> None:
    state = add(read_once(A=7, B=1, C=2), reading(A=7, C=4), NOON)
    state = add(state, reading(A=7), MIDNIGHT)

    assert state.sources["a"].counters == {"A": 7, "C": 4}


def test_as_it_is_a_reading_is_the_day() -> None:
    state = take_as_is(take_as_is(UploadState(), reading(A=7), TODAY), reading(B=1), TODAY)

    assert state.days == {TODAY: {"B": 1}}


def test_sums_do_not_go_on_from_what_was_uploaded_as_it_was() -> None:
    state = take_as_is(UploadState(), reading(A=7), YESTERDAY)
    state = take_as_is(state, reading(A=7_000), TODAY)

    assert add(state, reading(A=7_001), NOON).days == {YESTERDAY: {"A": 7}, TODAY: {"A": 0}}


def test_days_that_are_over_are_forgotten_and_yesterday_a_day_later() -> None:
    sent = {day: SentContent("where", "digest") for day in ("2026-11-18", YESTERDAY)}
    state = UploadState(Values.TODAY, 0, {}, {day: {"A": 1} for day in ("2026-11-18", YESTERDAY, TODAY)}, sent)

    kept = forget_past_days(state, NOON.date())

    assert list(kept.days) == [YESTERDAY, TODAY]
    assert list(kept.sent) == [YESTERDAY]


@pytest.mark.parametrize(("days", "refused"), [(0, False), (1, False), (2, True), (400, True)])
def test_a_clock_that_went_back_by_more_than_a_day_is_refused(days: int, refused: bool) -> None:  # noqa: FBT001 - expected
    state = replace(read_once(A=7), days={TODAY: {"A": 1}})
    now = NOON - timedelta(days=days)
    if refused:
        with pytest.raises(CountaggError, match="the clock says"):
            check_clock(state, now)
    else:
        check_clock(state, now)


def test_a_clock_that_was_set_back_over_midnight_goes_on_with_the_day_before() -> None:
    state = add(read_once(MIDNIGHT - timedelta(minutes=1), A=7), reading(A=9), MIDNIGHT)
    state = add(state, reading(A=10), MIDNIGHT - timedelta(seconds=30))

    assert state.days == {TODAY: {"A": 3}, TOMORROW: {"A": 0}}
