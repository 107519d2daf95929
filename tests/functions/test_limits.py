"""Alerts: who is told what and how often, and what is read for it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from countagg.core.values import SCALE
from tests.functions.alerting import Alerting
from tests.functions.publishing import EXPIRES_AT, TOMORROW, ledger, record, stream
from tests.functions.world import DAY, emitted_metrics

CALLS = ["limits", "alerts", "claim", "publish", "mark"]


@pytest.fixture
def outside() -> Alerting:
    return Alerting()


def test_a_total_above_its_limit_is_told_once_with_everything(
    outside: Alerting, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.set_limit("a", 10 * SCALE)
    first, second = stream([{"a": 10 * SCALE}, {"a": 10 * SCALE + 1}])
    outside.publish(first)
    assert outside.topic.messages == []
    capsys.readouterr()
    outside.publish(second)
    assert outside.topic.messages == [
        {
            "schema": 1,
            "kind": "limit-passed",
            "stack": "countagg",
            "counter": "a",
            "date": DAY,
            "value": Decimal("10.000000001"),
            "limit": 10,
            "direction": "above",
            "version": 2,
        }
    ]
    assert emitted_metrics(capsys) == {
        "VersionsSeen": 1,
        "CountersPublished": 1,
        "ObjectsPublished": 1,
        "AlertsSent": 1,
    }
    [line] = [json.loads(each) for each in outside.log.getvalue().splitlines() if "alert sent" in each]
    assert (line["level"], line["day"], line["alert"], line["message_id"]) == ("INFO", DAY, "a 10", "1")


def test_an_alert_is_an_item_that_is_no_counter_of_any_day(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    outside.publish(*stream([{"a": 5 * SCALE}]))
    assert outside.alert_item("a 1") == {
        "Counter": {"S": f"alerts {DAY}"},
        "Date": {"S": "a 1"},
        "Total": {"N": "5"},
        "LedgerVersion": {"N": "1"},
        "State": {"S": "sent"},
        "SentAt": {"S": "2026-11-20T12:00:00+00:00"},
        "ExpiresAt": {"N": str(EXPIRES_AT)},
    }
    assert outside.values() == {"a": "5"}


def test_later_rises_retries_and_replays_repeat_nothing(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    records = stream([{"a": 2 * SCALE}, {"a": 3 * SCALE}, {"a": SCALE}, {"a": 9 * SCALE}])
    for each in records:
        outside.publish(each)
        outside.publish(each)
        outside.publish(*records, by=outside.start())
    assert outside.sent() == [("a", DAY, 2, 1, 1)]


def test_a_raised_limit_is_told_again_when_it_is_passed_and_a_lowered_one_too(outside: Alerting) -> None:
    records = stream([{"a": value * SCALE} for value in (2, 3, 6, 7, 8)])
    for each, limit in zip(records, (1, 5, 5, 4, 1), strict=True):
        outside.set_limit("a", limit * SCALE)
        outside.publish(each)
    assert outside.sent() == [("a", DAY, 2, 1, 1), ("a", DAY, 6, 5, 3), ("a", DAY, 7, 4, 4)]


def test_a_limit_that_is_set_later_is_found_at_the_next_version(outside: Alerting) -> None:
    first, second = stream([{"a": 5 * SCALE}, {"a": 5 * SCALE, "b": SCALE}])
    outside.publish(first)
    outside.set_limit("a", SCALE)
    outside.publish(second)
    assert outside.sent() == [("a", DAY, 5, 1, 2)]


def test_each_day_and_each_counter_has_its_own_alert(outside: Alerting) -> None:
    for name in "ab":
        outside.set_limit(name, SCALE)
    totals = {"a": 2 * SCALE, "b": 3 * SCALE, "c": 4 * SCALE}
    outside.publish(*stream([totals]), *stream([totals], TOMORROW))
    assert sorted(outside.sent()) == [
        ("a", DAY, 2, 1, 1),
        ("a", TOMORROW, 2, 1, 1),
        ("b", DAY, 3, 1, 1),
        ("b", TOMORROW, 3, 1, 1),
    ]
    assert outside.script.calls.count("limits") == 2


def test_a_limit_of_a_counter_that_nobody_counts_is_not_passed(outside: Alerting) -> None:
    outside.set_limit("gone", -SCALE)
    outside.publish(*stream([{"gone": SCALE, "a": SCALE}, {"a": SCALE}]))
    assert outside.sent() == []


def test_a_version_that_was_lost_is_made_up_for_by_the_next(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    outside.publish(*stream([{"a": SCALE}]))
    outside.publish(record(3, ledger({"a": 2 * SCALE}, 2), ledger({"a": 2 * SCALE}, 3)))
    assert outside.sent() == [("a", DAY, 2, 1, 3)]


# What is read


def test_nothing_is_read_when_nothing_changed(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    outside.publish(*stream([{"a": 2 * SCALE}]))
    outside.script.calls.clear()
    for version in (2, 3):
        outside.publish(record(version, ledger({"a": 2 * SCALE}, version - 1), ledger({"a": 2 * SCALE}, version)))
    assert outside.script.calls == []


def test_a_change_costs_two_queries_and_an_alert_three_calls_more(outside: Alerting) -> None:
    outside.set_limit("a", SCALE)
    first, second, third = stream([{"a": SCALE}, {"a": 2 * SCALE}, {"a": 3 * SCALE}])
    outside.publish(first)
    assert outside.script.calls == ["limits", "alerts"]
    outside.script.calls.clear()
    outside.publish(second)
    assert outside.script.calls == CALLS
    outside.script.calls.clear()
    outside.publish(third)
    assert outside.script.calls == ["limits", "alerts"]


def test_a_function_that_has_just_begun_looks_once_although_nothing_changed(outside: Alerting) -> None:
    outside.publish(*stream([{"a": 2 * SCALE}]))
    outside.set_limit("a", SCALE)
    outside.restart()
    unchanged = record(2, ledger({"a": 2 * SCALE}, 1), ledger({"a": 2 * SCALE}, 2))
    outside.publish(unchanged)
    outside.publish(unchanged)
    assert outside.script.calls == [*["limits", "alerts"], *CALLS]
    assert outside.sent() == [("a", DAY, 2, 1, 2)]


# Items that somebody made by hand


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"Value": {"S": "5"}},
        {"Value": {"NULL": True}},
        {"Value": {"N": "0.0000000001"}},
        {"Value": {"N": "1E+99"}},
    ],
)
def test_an_invalid_limit_is_warned_about_once_and_stops_no_other(
    outside: Alerting, attributes: dict[str, dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    outside.limit_item("a", attributes)
    outside.set_limit("b", SCALE)
    first, second = stream([{"a": 9 * SCALE, "b": SCALE}, {"a": 9 * SCALE, "b": 2 * SCALE}])
    outside.publish(first)
    outside.publish(second)
    assert outside.sent() == [("b", DAY, 2, 1, 2)]
    assert emitted_metrics(capsys)["LimitsInvalid"] == 2
    [line] = [json.loads(each) for each in outside.log.getvalue().splitlines() if "limit left out" in each]
    assert (line["level"], line["item"]) == ("WARNING", "a")
    assert line["reason"]


@pytest.mark.parametrize("name", ["a 1", "garbage"])
def test_an_alert_that_somebody_made_up_is_left_alone(outside: Alerting, name: str) -> None:
    made_up = {"Counter": {"S": f"alerts {DAY}"}, "Date": {"S": name}}
    outside.table.items[f"alerts {DAY}", name] = dict(made_up)
    outside.set_limit("b", SCALE)
    outside.publish(*stream([{"b": 2 * SCALE}]))
    assert outside.sent() == [("b", DAY, 2, 1, 1)]
    assert outside.alert_item(name) == made_up
    assert '"alert left out"' in outside.log.getvalue()
