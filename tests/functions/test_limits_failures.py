"""Alerts: what becomes of them when invocations fail, die or overlap."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.values import SCALE
from countagg.functions.publisher import AlertsNotSent, AlertsPutOff
from tests.functions.alerting import Alerting, Crash, Fault
from tests.functions.publishing import TOMORROW, stream
from tests.functions.world import DAY, emitted_metrics

CALLS = ["limits", "alerts", "claim", "publish", "mark"]
UNKNOWABLE = {
    ("publish", Fault.CRASH_AFTER),
    ("publish", Fault.ERROR_AFTER),
    ("mark", Fault.CRASH_BEFORE),
    ("mark", Fault.ERROR_BEFORE),
}
"""Sent, and not yet marked as sent: the next invocation cannot know."""


@pytest.fixture
def outside() -> Alerting:
    return Alerting()


def test_all_is_published_before_an_alert_fails_the_batch_and_the_retry_need_not_wait(
    outside: Alerting, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.set_limit("a", SCALE)
    outside.set_limit("b", SCALE)
    records = [*stream([{"a": 2 * SCALE, "b": 2 * SCALE}]), *stream([{"a": 3 * SCALE}], TOMORROW)]
    outside.script.faults = {CALLS.index("publish"): Fault.ERROR_BEFORE}
    with pytest.raises(AlertsNotSent, match="1 alerts"):
        outside.publish(*records)
    assert outside.agrees_with({"a": 2 * SCALE, "b": 2 * SCALE}, 1)
    assert outside.agrees_with({"a": 3 * SCALE}, 1, TOMORROW)
    assert emitted_metrics(capsys) | {"CountersPublished": 3} == {
        "VersionsSeen": 2,
        "CountersPublished": 3,
        "ObjectsPublished": 2,
        "AlertsSent": 2,
        "AlertsFailed": 1,
    }
    [line] = [json.loads(each) for each in outside.log.getvalue().splitlines() if "alert not sent" in each]
    # The smaller day comes first.
    assert (line["level"], line["day"], line["alert"]) == ("ERROR", TOMORROW, "a 1")
    assert "InternalError" in line["exception"]
    outside.publish(*records)
    assert sorted(outside.sent()) == [("a", DAY, 2, 1, 1), ("a", TOMORROW, 3, 1, 1), ("b", DAY, 2, 1, 1)]


def test_a_day_whose_publication_fails_keeps_no_alert_of_another_back(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    records = [*stream([{"a": 2 * SCALE}]), *stream([{"b": SCALE}], TOMORROW)]
    outside.table.failing = {"b": "ThrottlingError"}
    assert outside.take(*records) is not None
    assert outside.sent() == [("a", DAY, 2, 1, 1)]
    outside.table.failing = {}
    outside.publish(*records)
    assert outside.sent() == [("a", DAY, 2, 1, 1)]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", range(len(CALLS)), ids=CALLS)
def test_whatever_call_it_dies_or_fails_at_one_message_comes(outside: Alerting, call: int, fault: Fault) -> None:
    outside.set_limit("a", SCALE)
    outside.script.faults = {call: fault}
    outside.take_until_done(*stream([{"a": 2 * SCALE}]))
    twice = (CALLS[call], fault) in UNKNOWABLE
    assert outside.sent() == [("a", DAY, 2, 1, 1)] * (1 + twice)
    assert outside.alert_item("a 1")["State"] == {"S": "sent"}
    outside.publish(*stream([{"a": 2 * SCALE}, {"a": 3 * SCALE}])[1:], by=outside.start())
    assert len(outside.sent()) == 1 + twice


def test_what_was_claimed_is_sent_although_the_total_fell_and_the_limit_rose_since(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    first, second = stream([{"a": 5 * SCALE}, {"a": SCALE // 2}])
    outside.script.faults = {CALLS.index("publish"): Fault.CRASH_BEFORE}
    assert isinstance(outside.take(first), Crash)
    outside.set_limit("a", 100 * SCALE)
    outside.restart()
    outside.later(70)
    outside.publish(first, second)
    assert outside.sent() == [("a", DAY, 5, 1, 1)]


def test_a_claim_holds_until_its_invocation_has_ended_and_no_longer(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    records = stream([{"a": 5 * SCALE}])
    outside.script.faults = {CALLS.index("publish"): Fault.CRASH_BEFORE}
    outside.take(*records, left=50_000)
    outside.restart()
    outside.later(55)
    with pytest.raises(AlertsPutOff):
        outside.publish(*records)
    assert outside.sent() == []
    outside.later(0.001)
    outside.publish(*records)
    assert outside.sent() == [("a", DAY, 5, 1, 1)]


@pytest.mark.parametrize("call", range(len(CALLS)), ids=CALLS)
def test_of_two_invocations_at_the_same_time_one_sends(outside: Alerting, call: int) -> None:
    outside.set_limit("a", SCALE)
    records = stream([{"a": 2 * SCALE}])
    ends: list[BaseException | None] = []
    other = outside.start()
    outside.script.meanwhile = {call: lambda: ends.append(outside.take(*records, by=other))}
    outside.publish(*records)
    assert outside.sent() == [("a", DAY, 2, 1, 1)]
    # While the first has claimed and not yet sent, the other must come again: the first may die.
    assert [type(end) for end in ends] == [AlertsPutOff if CALLS[call] in {"publish", "mark"} else type(None)]
    outside.publish(*records, by=other)
    assert len(outside.sent()) == 1


def test_a_claim_that_another_took_over_is_not_given_up(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    records = stream([{"a": 2 * SCALE}])
    other = outside.start()
    publish = CALLS.index("publish")

    def another_takes_it_over() -> None:
        outside.later(66)
        assert outside.take(*records, by=other) is None

    outside.script.meanwhile = {publish: another_takes_it_over}
    outside.script.faults = {publish: Fault.ERROR_BEFORE}
    with pytest.raises(AlertsNotSent):
        outside.publish(*records)
    assert outside.script.calls[-1] == "release"
    outside.publish(*records)
    assert outside.sent() == [("a", DAY, 2, 1, 1)]


def test_without_the_time_for_three_slow_calls_an_alert_is_left_to_the_next_invocation(
    outside: Alerting, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.set_limit("a", SCALE)
    records = stream([{"a": 2 * SCALE}])
    assert isinstance(outside.take(*records, left=44_999), AlertsPutOff)
    assert outside.script.calls == ["limits", "alerts"]
    assert emitted_metrics(capsys)["AlertsPutOff"] == 1
    assert outside.take(*records, left=45_000) is None
    assert outside.sent() == [("a", DAY, 2, 1, 1)]


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[dict[str, int]], list[dict[str, int]], dict[int, Fault]]:
    """Versions of a day, the limits that stand at each of them, and faults at calls."""
    values = st.integers(0, 6).map(lambda whole: whole * SCALE)
    sums = st.dictionaries(st.sampled_from("ab"), values, min_size=1)
    versions = draw(st.lists(sums, min_size=1, max_size=6))
    limits = [draw(st.dictionaries(st.sampled_from("ab"), values)) for _ in versions]
    faults = draw(st.dictionaries(st.integers(0, 60), st.sampled_from(Fault), max_size=6))
    return versions, limits, faults


@given(lives())
@settings(deadline=None)
def test_each_passed_limit_is_told_once_whatever_fails_except_between_sending_and_marking(
    life: tuple[list[dict[str, int]], list[dict[str, int]], dict[int, Fault]],
) -> None:
    versions, limits, faults = life
    outside = Alerting()
    outside.script.faults = dict(faults)
    passed, noticed = set(), set()
    before: dict[str, int] = {}
    for each, totals, limits_then in zip(stream(versions), versions, limits, strict=True):
        for name in "ab":
            outside.table.items.pop((name, "limit"), None)
        for name, limit in limits_then.items():
            outside.set_limit(name, limit)
            if totals.get(name, limit) > limit:
                passed.add((name, limit // SCALE))
                # Where nothing changes, nothing is read.
                if totals != before:
                    noticed.add((name, limit // SCALE))
        outside.take_until_done(each)
        before = totals
    told = Counter((counter, limit) for counter, _, _, limit, _ in outside.sent())
    assert noticed <= told.keys() <= passed
    assert told.total() - len(told) == sum(each in UNKNOWABLE for each in outside.script.struck)
