"""Days do not wait for one another: one that is too large, or cannot be published, keeps no other one back."""

from __future__ import annotations

import json
from itertools import count

import pytest
from botocore.exceptions import ClientError

from countagg.core.values import SCALE
from countagg.data.counters import StatementFailed
from countagg.functions.deadline import OutOfTime
from countagg.functions.publisher import TRIES, AlertsNotSent
from tests.functions.alerting import Alerting
from tests.functions.publishing import MAX_COUNTERS, TOMORROW, Outside, Record, stream
from tests.functions.test_split_days import ONE, OTHER, Split
from tests.functions.world import DAY, NOW, REQUEST_ID, emitted_metrics

KEY = f"totals/{DAY}"
MANY = {f"c{number:03d}": SCALE for number in range(200)}
SMALL = stream([{"a": SCALE}], TOMORROW)


def calls_that_fit(calls: int) -> list[int]:
    """Return the remaining times of an invocation that ends after so many looks at them."""
    return [*[60_000] * calls, 14_999]


def publish_in_slices(outside: Outside, *records: Record, calls: int) -> int:
    """Hand a batch to one new execution environment after another; return how many it took."""
    for invocations in count(1):
        try:
            outside.publish(*records, by=outside.start(a_slice=25), remaining=calls_that_fit(calls))
        except OutOfTime:
            assert invocations < 100
        else:
            return invocations
    raise AssertionError


# Too large for one invocation


@pytest.mark.parametrize("calls", [4, 7, 10])
def test_a_day_that_is_too_large_for_an_invocation_goes_on_where_the_last_one_ended(calls: int) -> None:
    outside = Outside()
    taken = publish_in_slices(outside, *stream([MANY]), calls=calls)
    assert outside.agrees_with(MANY, 1)
    assert taken > 1
    # A call a slice, and nothing again.
    assert len(outside.table.calls) == 8


def test_a_warm_function_asks_nobody_how_far_it_came() -> None:
    outside = Outside()
    warm, taken = outside.start(a_slice=25), 0
    looks: list[int] = []
    while outside.published() is None:
        taken += 1
        try:
            outside.publish(*stream([MANY]), by=warm, remaining=calls_that_fit(5))
        except OutOfTime:
            looks.append(outside.table.looks)
    assert outside.agrees_with(MANY, 1)
    assert (len(outside.table.calls), len(looks)) == (8, taken - 1)
    assert taken > 2
    assert outside.table.looks == 1


def test_what_was_written_before_the_deadline_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    outside = Outside()
    with pytest.raises(OutOfTime):
        outside.publish(*stream([MANY]), by=outside.start(a_slice=25), remaining=calls_that_fit(5))
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 50}
    told = [json.loads(line)["message"] for line in outside.log.getvalue().splitlines()]
    assert told == ["day goes on in the next invocation", "batch done"]
    assert (len(outside.values()), outside.published()) == (50, None)


def test_a_day_of_which_only_the_object_is_left_writes_it_next_time() -> None:
    outside = Outside()
    records = stream([{"a": SCALE}])
    with pytest.raises(OutOfTime):
        outside.publish(*records, remaining=calls_that_fit(4))
    assert (outside.values(), outside.published()) == ({"a": "1"}, None)
    outside.publish(*records)
    assert outside.agrees_with({"a": SCALE}, 1)


def test_a_smaller_day_is_published_before_a_large_one_begins() -> None:
    outside = Outside()
    with pytest.raises(OutOfTime):
        outside.publish(*stream([MANY]), *SMALL, by=outside.start(a_slice=25), remaining=calls_that_fit(12))
    assert outside.agrees_with({"a": SCALE}, 1, TOMORROW)
    assert 0 < len(outside.values()) < len(MANY)
    assert outside.letters == []


def test_without_the_time_for_a_call_no_day_is_begun() -> None:
    outside = Outside()
    for _ in range(TRIES + 1):
        with pytest.raises(OutOfTime):
            outside.publish(*SMALL, remaining=[14_999])
    assert (outside.bucket.calls, outside.table.calls, outside.letters) == ([], [], [])


def test_a_warm_function_goes_on_with_the_version_that_it_began_also_if_newer_ones_come() -> None:
    outside = Outside()
    warm = outside.start(a_slice=25)
    versions = [{name: value + number for name, value in MANY.items()} for number in range(30)]
    records = stream(versions)
    for newest in range(1, len(records)):
        try:
            outside.publish(*records[:newest], by=warm, remaining=calls_that_fit(7))
        except OutOfTime:
            continue
        break
    assert outside.published() is not None, "each version begins anew, and none comes to its end"
    outside.publish(*records, by=warm)
    assert outside.agrees_with(versions[-1], len(versions))


def test_a_split_day_whose_totals_go_on_is_published_all_the_same() -> None:
    split = Split()
    warm = split.outside.start(a_slice=25)
    told = split.change(ONE, MANY)
    for number in range(100):
        try:
            split.outside.publish(told, by=warm, remaining=calls_that_fit(7))
        except OutOfTime:
            last = split.change(OTHER, {"a": number})
            continue
        break
    assert split.outside.published() is not None, "each look at the totals begins anew, and none comes to its end"
    split.outside.publish(told, last, by=warm)
    assert split.agrees()


def test_what_a_newer_invocation_published_meanwhile_stays() -> None:
    outside = Outside()
    warm = outside.start(a_slice=25)
    newer = {name: 2 * value for name, value in MANY.items() if name != "c007"}
    first, second = stream([MANY, newer])
    with pytest.raises(OutOfTime):
        outside.publish(first, by=warm, remaining=calls_that_fit(7))
    outside.publish(first, second)
    outside.publish(first, by=warm)
    assert outside.agrees_with(newer, 2)
    assert outside.values()["c007"] == "0"


# What cannot be published


def take(outside: Outside, *records: Record) -> str:
    """Hand a batch to a publisher; return the name of what ended it."""
    try:
        outside.publish(*records)
    except Exception as error:  # noqa: BLE001 - it is returned
        return type(error).__name__
    return ""


def test_a_day_that_cannot_be_published_keeps_no_other_one_back_and_ends_in_the_dead_letters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outside = Outside()
    outside.bucket.denied = {KEY}
    ours = stream([{"a": number * SCALE} for number in range(9)])
    others = stream([{"b": number * SCALE} for number in range(9)], TOMORROW)
    # The first try writes the counters, and so gets further.
    for tried in range(TRIES):
        assert take(outside, ours[0], others[tried]) == "ClientError"
        assert outside.agrees_with({"b": tried * SCALE}, tried + 1, TOMORROW)
        assert outside.letters == []
    capsys.readouterr()
    assert take(outside, ours[0], others[TRIES]) == ""
    assert emitted_metrics(capsys)["DaysGivenUp"] == 1
    why = "An error occurred (AccessDenied) when calling the PutObject operation: Access Denied"
    assert outside.letters == [
        {
            "schema": 1,
            "kind": "unpublished-day",
            "hop": "publisher",
            "day": DAY,
            "reason": f"ClientError: {why}",
            "request_id": REQUEST_ID,
            "given_up_at": NOW.isoformat(timespec="seconds"),
        }
    ]
    told = [json.loads(line) for line in outside.log.getvalue().splitlines()]
    assert [(each["day"], each["tries"]) for each in told if each["message"] == "day given up"] == [(DAY, TRIES)]


def test_the_next_version_of_a_day_that_was_given_up_is_tried_and_nothing_is_passed_over_in_silence() -> None:
    outside = Outside()
    outside.table.failing = {"a": "ThrottlingError"}
    records = stream([{"a": number * SCALE} for number in range(4)])
    assert [take(outside, records[0]) for _ in range(TRIES)][-1] == ""
    assert [take(outside, each) for each in records[1:3]] == ["", ""]
    assert len(outside.letters) == 3
    outside.table.failing = {}
    assert take(outside, records[3]) == ""
    assert outside.agrees_with({"a": 3 * SCALE}, 4)
    outside.table.failing = {"a": "ThrottlingError"}
    assert take(outside, *stream([{"a": number * SCALE} for number in range(5)])) == StatementFailed.__name__


def test_a_day_that_failed_comes_last_next_time() -> None:
    outside = Outside()
    outside.bucket.denied = {f"totals/{TOMORROW}"}
    first, second, third = stream([{name: value + number for name, value in MANY.items()} for number in range(3)])
    assert take(outside, *SMALL, first) == "ClientError"
    assert next(key for _, key in outside.bucket.calls) == f"totals/{TOMORROW}"
    # That try got further: it wrote the counters.
    take(outside, *SMALL, second)
    outside.bucket.calls.clear()
    take(outside, *SMALL, third)
    assert next(key for _, key in outside.bucket.calls) == KEY
    assert outside.bucket.calls[-1] == ("put", f"totals/{TOMORROW}")


def test_a_day_that_gets_further_at_each_try_is_not_given_up() -> None:
    outside = Outside()
    outside.warm = outside.start(a_slice=20)
    names = sorted(MANY)
    ends = []
    for tried in range(20, len(names) + 1, 20):
        outside.table.failing = dict.fromkeys(names[tried:], "ThrottlingError")
        ends.append(take(outside, *stream([MANY])))
    assert ends == [StatementFailed.__name__] * (len(ends) - 1) + [""]
    assert len(ends) > TRIES
    assert outside.letters == []
    assert outside.agrees_with(MANY, 1)


def test_a_day_is_not_given_up_unless_that_could_be_told() -> None:
    outside = Outside()
    outside.table.failing = {"a": "ThrottlingError"}
    outside.unsendable = 2
    for _ in range(TRIES - 1):
        assert take(outside, *SMALL) == StatementFailed.__name__
    assert [take(outside, *SMALL) for _ in range(3)] == [ClientError.__name__, ClientError.__name__, ""]
    assert len(outside.letters) == 1


def test_alerts_that_cannot_be_sent_keep_no_other_day_back() -> None:
    outside = Alerting()
    outside.set_limit("a", 0)
    outside.topic.denied = True
    records = stream([{"b": SCALE}])
    ends = [take(outside, *SMALL, *records) for _ in range(TRIES + 1)]
    assert ends == [AlertsNotSent.__name__] * TRIES + [""]
    assert outside.agrees_with({"b": SCALE}, 1)
    assert outside.agrees_with({"a": SCALE}, 1, TOMORROW)
    (letter,) = outside.letters
    assert (letter["day"], letter["reason"]) == (TOMORROW, f"AlertsNotSent: 1 alerts of {TOMORROW}")


def test_a_day_with_more_counters_than_a_file_may_have_is_published_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outside = Outside()
    sums = {f"c{number}": SCALE for number in range(MAX_COUNTERS + 1)}
    few, many = stream([{"a": SCALE}, sums])

    outside.publish(few)
    assert "DaysBeyondMaxCounters" not in emitted_metrics(capsys)
    outside.publish(many)

    assert outside.agrees_with(sums, 2)
    assert emitted_metrics(capsys)["DaysBeyondMaxCounters"] == 1
    [told] = [json.loads(line) for line in outside.log.getvalue().splitlines() if "more counters" in line]
    assert (told["day"], told["counters"], told["at_most"]) == (DAY, MAX_COUNTERS + 1, MAX_COUNTERS)
