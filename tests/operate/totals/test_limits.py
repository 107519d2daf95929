"""Limits beside the totals of a day, and the checks of what an operator types."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from countagg.aws.session import Clients
from countagg.aws.subscribers import Subscribers
from countagg.core.errors import CountaggError, UsageError
from countagg.core.limits import Alert, AlertState, Direction, Limit, parse_test
from countagg.core.values import SCALE
from countagg.data.limits import LimitsTable, StoredAlert, StoredLimit
from countagg.operate.totals.limits import (
    LimitOfDay,
    LimitsOfDay,
    SentTest,
    check_limit,
    check_limits_file,
    compare_limits,
    send_test,
)
from tests.fakes.clients import FakeClients
from tests.fakes.pipeline import DAY, FakePipeline

NO_THIRD_WORD = "a line has no third word, such as a unit or a time"


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


@pytest.mark.parametrize(
    ("value", "alert", "reached", "passed"),
    [
        (9, None, False, False),
        (None, None, False, False),
        (10, None, True, False),
        (10, AlertState.REACHED, True, False),
        (9, AlertState.REACHED, True, True),
        (None, AlertState.SENT, True, True),
    ],
)
def test_a_total_passes_a_limit_below_only_after_it_reached_it(
    value: int | None,
    alert: AlertState | None,
    reached: bool,  # noqa: FBT001 - parameters of the test
    passed: bool,  # noqa: FBT001
) -> None:
    found = LimitOfDay("a", 10, value, alert, direction=Direction.BELOW)
    assert (found.reached, found.passed) == (reached, passed)


def test_limits_in_both_directions_have_alerts_of_their_own() -> None:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 9})
    fake.aggregate()
    limits = [StoredLimit("a", 10 * SCALE, direction=Direction.BELOW), StoredLimit("a", 10 * SCALE)]
    sent = StoredAlert(Alert(DAY, "a", 10 * SCALE, 11 * SCALE, 1), AlertState.SENT, "then")
    reached = StoredAlert(Alert(DAY, "a", 10 * SCALE, 11 * SCALE, 1, Direction.BELOW), AlertState.REACHED)
    above, below = compare_limits(fake, FakeLimits(limits, [sent, reached]), DAY).limits
    assert (above.direction, above.alert, above.passed) == (Direction.ABOVE, AlertState.SENT, False)
    assert (below.direction, below.alert, below.passed) == (Direction.BELOW, AlertState.REACHED, True)


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
    [expected] = check_limits_file("f", f"a {text}\n".encode())
    assert Limit("a", check_limit("a", text)) == expected


def test_a_line_may_say_the_direction() -> None:
    content = b"\xef\xbb\xbfb 2\r\na 1\tbelow \r\n\na 3 above\nabove 5\n"
    assert check_limits_file("f", content) == [
        Limit("a", 3 * SCALE),
        Limit("a", SCALE, Direction.BELOW),
        Limit("above", 5 * SCALE),
        Limit("b", 2 * SCALE),
    ]


def test_a_file_without_directions_may_be_compressed() -> None:
    assert check_limits_file("f", gzip.compress(b"a 1\n")) == [Limit("a", SCALE)]


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
        (b"a 1 below\nb 1\na 2 below\n", "limits.txt, line 3", "the counter 'a' is repeated"),
        (b"b 1\na many below\n", "limits.txt, line 2", "value 'many' is not a decimal number"),
        (b"a 1 beside\n", "limits.txt, line 1", f"'a 1 beside' is not COUNTER VALUE: {NO_THIRD_WORD}"),
        (b"a below\n", "limits.txt, line 1", "value 'below' is not a decimal number"),
        (b"a 1\n" * 1_400_000, "limits.txt", "the file has 5600000 bytes; at most 5242880 are read"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused_with_its_line(content: bytes, where: str, reason: str) -> None:
    with pytest.raises(UsageError) as wrong:
        check_limits_file("limits.txt", content)
    assert (wrong.value.where, wrong.value.what) == (where, reason)
    assert wrong.value.hint


def answering(answer: str, error: str | None = None) -> tuple[Clients, list[dict[str, Any]]]:
    """Return clients whose functions answer so and whose topics have two subscribers; and what they were asked."""
    asked: list[dict[str, Any]] = []

    class Lambda:
        def invoke(self, **request: Any) -> dict[str, Any]:
            asked.append(request)
            return {"Payload": io.BytesIO(answer.encode()), **({"FunctionError": error} if error else {})}

    class Sns:
        def get_paginator(self, operation: str) -> Sns:
            assert operation == "list_subscriptions_by_topic"
            return self

        def paginate(self, TopicArn: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's
            assert TopicArn == "arn"
            arns = {"arn:aws:1": "email", "arn:aws:2": "sqs", "PendingConfirmation": "email", "Deleted": "https"}
            listed = [{"SubscriptionArn": arn, "Protocol": protocol} for arn, protocol in arns.items()]
            return [{"Subscriptions": listed[:2]}, {"Subscriptions": listed[2:]}]

    return FakeClients(lambda_=Lambda(), sns=Sns()), asked


def ask(clients: Clients) -> SentTest:
    fake = FakePipeline()
    fake.hold("i-1", {"a": 9})
    fake.aggregate()
    limits = FakeLimits([StoredLimit("a", None, "why"), StoredLimit("a", 10 * SCALE, direction=Direction.BELOW)])
    return send_test(clients, fake, limits, ("a", None), DAY)


def test_a_test_says_what_the_limit_and_the_total_are_and_who_hears_it() -> None:
    clients, asked = answering('"id"')
    sent = ask(clients)
    assert sent == SentTest(
        Alert(DAY, "a", 10 * SCALE, 9 * SCALE, 1, Direction.BELOW, is_test=True),
        "id",
        Subscribers({"email": 1, "sqs": 1}, 1),
    )
    [request] = asked
    assert request["FunctionName"] == "countagg-publisher"
    assert parse_test(json.loads(request["Payload"])) == sent.alert


@pytest.mark.parametrize(
    ("answer", "what", "hint"),
    [
        (
            {"errorType": "NotPublished", "errorMessage": "AuthorizationError"},
            "the test was not sent: AuthorizationError",
            "countagg plan",
        ),
        (
            {"errorType": "KeyError", "errorMessage": "'Records'"},
            "it is of a version that sends no tests",
            "setup",
        ),
        ({"errorType": "Runtime.ImportModuleError"}, "{'errorType': 'Runtime.ImportModuleError'}", "plan"),
    ],
)
def test_a_publisher_that_cannot_send_says_why(answer: dict[str, str], what: str, hint: str) -> None:
    clients, _ = answering(json.dumps(answer), "Unhandled")
    with pytest.raises(CountaggError) as failed:
        ask(clients)
    assert failed.value.where == "function countagg-publisher"
    assert what in failed.value.what
    assert hint in failed.value.hint
