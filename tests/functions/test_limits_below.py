"""Limits below: which falls are told, and what becomes of them when invocations fail, die or come late."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.limits import Direction
from countagg.core.values import SCALE
from countagg.functions.publisher import AlertsPutOff
from tests.functions.alerting import Alerting, Crash, Fault
from tests.functions.publishing import TOMORROW, Record, ledger, record, stream
from tests.functions.test_limits_failures import UNKNOWABLE
from tests.functions.world import DAY, Context

LIMIT = 10
REACHED = ["limits", "alerts", "reach", "limits", "alerts"]
FALLEN = ["limits", "alerts", "claim", "publish", "mark"]


@pytest.fixture
def outside() -> Alerting:
    found = Alerting()
    found.set_limit("a", LIMIT * SCALE, Direction.BELOW)
    return found


def day_of(*totals: int | None, day: str = DAY) -> list[Record]:
    """Return the records of a day whose total was this, one after the other; None if nobody counted it."""
    return stream([{"z": 1} if total is None else {"a": total * SCALE, "z": 1} for total in totals], day)


def told(outside: Alerting) -> list[tuple[object, ...]]:
    """Return the total, limit, direction and version of each message."""
    names = ("value", "limit", "direction", "version")
    return [tuple(each[name] for name in names) for each in outside.topic.messages]


# Which falls are told


def test_a_day_that_has_only_begun_is_no_fall(outside: Alerting) -> None:
    outside.publish(*day_of(0, 3, 9))
    outside.publish(*day_of(None, 1, day=TOMORROW))
    assert told(outside) == []
    assert outside.script.calls.count("reach") == 0


def test_a_total_that_was_at_its_limit_and_falls_below_is_told_once(outside: Alerting) -> None:
    for each in day_of(3, 10, 9, 12, 1, 10):
        outside.publish(each)
        outside.publish(each, by=outside.start())
    assert told(outside) == [(9, LIMIT, "below", 3)]


def test_a_total_at_or_above_its_limit_has_not_fallen(outside: Alerting) -> None:
    for each in day_of(11, 30, 10):
        outside.publish(each)
    assert told(outside) == []


def test_a_total_that_nobody_counts_any_more_has_fallen_to_0(outside: Alerting) -> None:
    for each in day_of(12, None):
        outside.publish(each)
    assert told(outside) == [(0, LIMIT, "below", 2)]


def test_a_limit_that_is_set_later_waits_until_it_is_reached(outside: Alerting) -> None:
    outside.table.items.pop(("a below", "limit"))
    first, *others = day_of(12, 9, 8, 11, 7)
    outside.publish(first)
    outside.set_limit("a", LIMIT * SCALE, Direction.BELOW)
    for each in others:
        outside.publish(each)
    assert told(outside) == [(7, LIMIT, "below", 5)]


def test_each_day_counts_by_itself(outside: Alerting) -> None:
    for each in (*day_of(12), *day_of(3, day=TOMORROW), *day_of(12, 4)[1:], *day_of(3, 12, 5, day=TOMORROW)[1:]):
        outside.publish(each)
    assert [(each["date"], each["value"]) for each in outside.topic.messages] == [(DAY, 4), (TOMORROW, 5)]


def test_a_counter_may_have_a_limit_on_both_sides_also_the_same(outside: Alerting) -> None:
    outside.set_limit("a", LIMIT * SCALE)
    for each in day_of(10, 11, 9):
        outside.publish(each)
    assert told(outside) == [(11, LIMIT, "above", 2), (9, LIMIT, "below", 3)]


def test_a_limit_that_was_changed_is_another_one(outside: Alerting) -> None:
    first, second, third, fourth = day_of(20, 9, 15, 14)
    outside.publish(first)
    outside.publish(second)
    outside.set_limit("a", 15 * SCALE, Direction.BELOW)
    outside.publish(third)
    outside.publish(fourth)
    assert told(outside) == [(9, 10, "below", 2), (14, 15, "below", 4)]


def test_that_a_limit_is_reached_costs_one_call_and_another_look_a_day(outside: Alerting) -> None:
    again = ["reach", "limits", "alerts"]
    for each, calls in zip(day_of(3, 10, 12, 8, 7), ([], again, [], FALLEN[2:], []), strict=True):
        outside.script.calls.clear()
        outside.publish(each)
        assert outside.script.calls == ["limits", "alerts", *calls]


def test_what_is_written_down_is_no_alert_yet(outside: Alerting) -> None:
    outside.publish(*day_of(12))
    item = outside.alert_item("a below 10")
    assert (item["State"], item["Total"], item["LedgerVersion"]) == ({"S": "reached"}, {"N": "12"}, {"N": "1"})
    assert not {"Value", "Version", "SendingUntil", "SentAt"} & item.keys()


# When invocations fail, die or come late


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", range(len(REACHED)), ids=REACHED)
def test_wherever_it_dies_or_fails_while_the_limit_is_reached_the_fall_is_told(
    outside: Alerting, call: int, fault: Fault
) -> None:
    first, second = day_of(12, 9)
    outside.script.faults = {call: fault}
    outside.take_until_done(first)
    outside.take_until_done(second)
    assert told(outside) == [(9, LIMIT, "below", 2)]


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("call", range(len(FALLEN)), ids=FALLEN)
def test_wherever_it_dies_or_fails_at_the_fall_one_message_comes(
    outside: Alerting, call: int, fault: Fault
) -> None:
    first, second, third = day_of(12, 9, 20)
    outside.publish(first)
    outside.script.faults = {len(REACHED) + call: fault}
    outside.take_until_done(second)
    twice = (FALLEN[call], fault) in UNKNOWABLE
    assert told(outside) == [(9, LIMIT, "below", 2)] * (1 + twice)
    outside.publish(third, by=outside.start())
    assert outside.alert_item("a below 10")["State"] == {"S": "sent"}
    assert len(told(outside)) == 1 + twice


def test_a_fall_that_was_claimed_is_told_although_the_total_rose_since(outside: Alerting) -> None:
    first, second, third = day_of(12, 9, 30)
    outside.publish(first)
    outside.script.faults = {len(REACHED) + FALLEN.index("publish"): Fault.CRASH_BEFORE}
    assert isinstance(outside.take(second), Crash)
    outside.restart()
    outside.later(70)
    outside.publish(third)
    assert told(outside) == [(9, LIMIT, "below", 2)]


def test_an_older_total_that_comes_late_is_no_fall(outside: Alerting) -> None:
    """An invocation that read the day before it rose looks at the limits only after another saw it risen."""
    risen = record(3, ledger({"a": 9 * SCALE}, 2), ledger({"a": 12 * SCALE}, 3))

    def another_sees_it_risen() -> None:
        assert outside.take(risen, by=outside.start()) is None

    outside.script.meanwhile = {REACHED.index("alerts"): another_sees_it_risen}
    outside.publish(*day_of(3, 9))
    assert outside.script.calls.count("reach") == 1
    assert told(outside) == []


def test_a_fall_that_another_saw_before_the_limit_was_known_to_be_reached_is_told(outside: Alerting) -> None:
    first, second = day_of(12, 9)

    def another_sees_it_fallen() -> None:
        assert outside.take(second, by=outside.start()) is None
        assert told(outside) == []

    outside.script.meanwhile = {REACHED.index("reach"): another_sees_it_fallen}
    outside.publish(first)
    assert told(outside) == [(9, LIMIT, "below", 2)]


@pytest.mark.parametrize("call", range(len(FALLEN)), ids=FALLEN)
def test_of_two_invocations_at_the_same_time_one_tells_the_fall(outside: Alerting, call: int) -> None:
    first, second = day_of(12, 9)
    outside.publish(first)
    other = outside.start()
    ends: list[BaseException | None] = []
    outside.script.meanwhile = {len(REACHED) + call: lambda: ends.append(outside.take(second, by=other))}
    outside.publish(second)
    assert [type(end) for end in ends] == [AlertsPutOff if FALLEN[call] in {"publish", "mark"} else type(None)]
    outside.publish(second, by=other)
    assert told(outside) == [(9, LIMIT, "below", 2)]


class Hurried(Context):
    """An invocation whose time may run out at any moment."""

    left = 60_000

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # static in powertools' description
        return self.left


def test_without_time_for_a_slow_call_the_next_invocation_writes_down_what_is_reached(outside: Alerting) -> None:
    first, second = day_of(12, 9)
    outside.ledgers.become(first)
    hurried = Hurried(0)
    outside.script.meanwhile = {REACHED.index("alerts"): lambda: setattr(hurried, "left", 14_999)}
    with pytest.raises(AlertsPutOff):
        outside.warm.handle({"Records": [first]}, hurried)
    assert outside.script.calls == ["limits", "alerts"]
    outside.publish(first)
    outside.publish(second)
    assert told(outside) == [(9, LIMIT, "below", 2)]


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[dict[str, int]], dict[str, int], dict[int, Fault]]:
    """Versions of a day, limits below, and faults at calls."""
    values = st.integers(0, 4).map(lambda whole: whole * SCALE)
    versions = draw(st.lists(st.dictionaries(st.sampled_from("ab"), values), min_size=1, max_size=7))
    limits = draw(st.dictionaries(st.sampled_from("ab"), values, min_size=1))
    faults = draw(st.dictionaries(st.integers(0, 60), st.sampled_from(Fault), max_size=6))
    return versions, limits, faults


@given(lives())
@settings(deadline=None)
def test_each_fall_is_told_once_whatever_fails_except_between_sending_and_marking(
    life: tuple[list[dict[str, int]], dict[str, int], dict[int, Fault]],
) -> None:
    versions, limits, faults = life
    outside = Alerting()
    outside.script.faults = dict(faults)
    for name, limit in limits.items():
        outside.set_limit(name, limit, Direction.BELOW)
    for each in stream(versions):
        outside.take_until_done(each)
    fallen: dict[str, int] = {}
    for name, limit in limits.items():
        reached = False
        for totals in versions:
            reached = reached or totals.get(name, -1) >= limit
            if reached and totals.get(name, 0) < limit:
                fallen.setdefault(name, totals.get(name, 0) // SCALE)
    messages = Counter((each["counter"], each["value"]) for each in outside.topic.messages)
    assert messages.keys() == set(fallen.items())
    assert messages.total() - len(messages) == sum(each in UNKNOWABLE for each in outside.script.struck)
