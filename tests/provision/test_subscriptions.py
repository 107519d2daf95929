"""Who can be subscribed, how a stack remembers it, and which records of the stream a function is called with."""

from __future__ import annotations

import json
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.core.limits import Alert, AlertState, Direction, Limit
from countagg.data.attributes import VERSION
from countagg.data.counters import COUNTER, CounterItem, counter_item
from countagg.data.limits import alert_item, limit_item
from countagg.provision.place import Place
from countagg.provision.settings import SETTINGS
from countagg.provision.stack import stack_nodes
from countagg.provision.subscriptions import (
    MAX_PATTERN,
    Subscriber,
    SubscriptionKind,
    change_filter,
    counter_rule,
    read_address,
    read_function,
    read_patterns,
    read_queue,
    read_url,
)
from tests.events.loading import load_event
from tests.provision.policy_evaluator import listed
from tests.provision.stacks import PLACE, email, make_stack, node_of, state_of

DAY = "2026-11-20"
ENGINE = Place("000000000000", "us-east-1", embedded=True)
LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:on-call"


# What Lambda passes on. Its rules: AWS Lambda developer guide, control which events Lambda sends to your function.


def passes(pattern: Any, record: Any) -> bool:
    """Tell whether Lambda calls a function with a record; `exists` looks at leaves, all else at what is there."""
    for key, rule in pattern.items():
        if isinstance(rule, dict):
            if not isinstance(record.get(key), dict) or not passes(rule, record[key]):
                return False
        elif not any(_is(each, record.get(key)) for each in rule):
            return False
    return True


def _is(rule: Any, value: Any) -> bool:
    match rule:
        case {"exists": bool(wanted)}:
            return (value is not None) is wanted
        case {"prefix": str(text)}:
            return isinstance(value, str) and value.startswith(text)
        case {"suffix": str(text)}:
            return isinstance(value, str) and value.endswith(text)
        case str(text):
            return bool(value == text)
    raise ValueError(rule)


def record_of(item: Any, event: str = "stream-totals-modify") -> Any:
    """Return a recorded event of a stream, about another item."""
    record = load_event(event)
    record["dynamodb"]["Keys"] = {name: item[name] for name in ("Counter", "Date")}
    for image in ("NewImage", "OldImage"):
        if image in record["dynamodb"]:
            record["dynamodb"][image] = item
    return record


def change_of(counter: str) -> Any:
    return record_of(counter_item(DAY, CounterItem(counter, Decimal(5), 7, None), 1))


def is_told(record: Any, *counters: str) -> bool:
    return passes(json.loads(change_filter(counters)), record)


def test_the_filter_names_the_attributes_of_the_table() -> None:
    changes = json.loads(change_filter(["A"]))["dynamodb"]
    assert list(changes["Keys"]) == [COUNTER.name]
    assert list(changes["NewImage"]) == [VERSION.name]


def test_limits_alerts_and_what_expires_are_left_out() -> None:
    assert is_told(change_of("A"))
    for direction in Direction:
        limit = Limit("A", 5, direction)
        assert not is_told(record_of(limit_item(limit)))
        for state in AlertState:
            alert: Alert = limit.alert(DAY, 6, 1)
            assert not is_told(record_of(alert_item(alert, state, 1)))
            assert not is_told(record_of(alert_item(alert, state, 1)), "*ts")
    gone = record_of(counter_item(DAY, CounterItem("A", Decimal(5), 7, None), 1), "stream-totals-ttl-remove")
    assert "NewImage" not in gone["dynamodb"]
    assert not is_told(gone)


NAMES = st.text(st.sampled_from("ab_."), min_size=1, max_size=5)


@given(NAMES, st.lists(st.tuples(NAMES, st.sampled_from(["{}", "{}*", "*{}"])), min_size=1, max_size=3))
def test_a_counter_is_told_if_a_pattern_of_the_shell_matches_it(name: str, parts: list[tuple[str, str]]) -> None:
    patterns = [form.format(text) for text, form in parts]
    assert is_told(change_of(name), *patterns) is any(fnmatchcase(name, pattern) for pattern in patterns)


@pytest.mark.parametrize("pattern", ["a*b", "*a*", "**", "a?", "[ab]", "a b", ""])
def test_what_a_filter_cannot_say_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_patterns(["fine", pattern])
    assert caught.value.where == "--counter"
    assert "NAME*" in str(caught.value.hint)


def test_patterns_are_sorted_and_said_once_and_a_star_is_all() -> None:
    assert read_patterns(["b", "a*", "b"]) == ("a*", "b")
    assert read_patterns(["b", "*"]) == ()
    assert counter_rule("*a") == {"suffix": "a"}


def test_patterns_that_no_filter_holds_are_refused() -> None:
    names = [f"{number:03}{'x' * 200}" for number in range(MAX_PATTERN // 200)]
    with pytest.raises(UsageError, match="4,096"):
        read_patterns(names)
    assert len(change_filter(read_patterns(names[:18]))) <= MAX_PATTERN


# Who is meant


def test_a_function_is_named_or_given_by_its_arn() -> None:
    for said in ("act", f"{LAMBDA}act"):
        assert read_function(said, PLACE) == "act"
    assert read_function(f"{LAMBDA}act:live", PLACE) == "act:live"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("not a name", "is not a function"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:act", "is not in eu-central-1"),
        ("arn:aws:lambda:eu-central-1:999999999999:function:act", "is not in eu-central-1"),
        (QUEUE, "is not a function"),
    ],
)
def test_a_function_that_no_stream_calls_is_refused(said: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_function(said, PLACE)


@pytest.mark.parametrize(
    ("said", "why"), [(f"{QUEUE}.fifo", "FIFO"), ("on-call", "is not a queue"), (LAMBDA, "not a queue")]
)
def test_only_standard_queues_are_taken(said: str, why: str) -> None:
    assert read_queue(QUEUE) == QUEUE
    with pytest.raises(UsageError, match=why):
        read_queue(said)


@pytest.mark.parametrize("said", ["ops", "ops@host", "a b@example.org", f"{'a' * 510}@b.c"])
def test_only_addresses_are_taken(said: str) -> None:
    assert read_address("ops+x@example.org") == "ops+x@example.org"
    with pytest.raises(UsageError, match="cannot be used"):
        read_address(said)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("http://example.org/a", "https alone"),
        ("ftp://example.org", "cannot be used"),
        ("https://", "cannot be used"),
        ("https://user:secret@example.org/", "in plain text"),
        ("https://example.org/a b", "cannot be used"),
        ("https://example.org/#part", "cannot be used"),
    ],
)
def test_only_urls_of_https_are_taken(said: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        read_url(said, PLACE)
    assert "secret" not in str(caught.value)


def test_urls_are_taken_as_they_are_and_plain_ones_on_the_engine_alone() -> None:
    for url in ("https://example.org", "https://example.org:8443/a?key=@1"):
        assert read_url(url, PLACE) == url
    assert read_url("http://127.0.0.1:9/a", ENGINE) == "http://127.0.0.1:9/a"


# What is remembered


@pytest.mark.parametrize(
    "entry",
    [
        "email",
        [],
        ["email"],
        ["email", "nobody"],
        ["email", 5],
        ["queue", "on-call"],
        ["https", "ftp://x"],
        ["function", "act"],
        ["function", "act", ["a*b"], ""],
        ["function", "act", [5], ""],
        ["telegram", "x"],
    ],
)
def test_what_nobody_could_have_subscribed_is_no_memory(entry: Any) -> None:
    setting = SETTINGS["subscriptions"]
    assert setting.from_memory([entry]) is None
    assert setting.from_memory([entry, ["email", "a@b.c"]]) == (email("a@b.c"),)


def test_the_address_of_setup_comes_first_and_once() -> None:
    settings = make_stack(alarm_email="b@b.c", subscriptions=(email("a@b.c"), email("b@b.c"))).settings
    assert settings.deliveries == (email("b@b.c"), email("a@b.c"))


# What it is made of


def test_what_is_subscribed_comes_last_and_what_ended_goes_before_the_functions_forget_it() -> None:
    act = Subscriber(SubscriptionKind.FUNCTION, "act", (), "role")
    stack = make_stack(subscriptions=(act,), dropped=frozenset({Subscriber(SubscriptionKind.QUEUE, QUEUE)}))
    nodes = [node.id for node in stack_nodes(stack)]
    ended = [f"alert-queue/{QUEUE}", "alert-queue-policy/on-call"]
    assert nodes[-2:] == ["consumer-policy/role", "consumer/act"]
    assert [name for name in nodes if name in ended] == ended
    assert nodes.index(ended[-1]) < nodes.index("function/processor")


def test_a_role_is_let_do_what_lambda_does_for_its_function_and_nothing_else() -> None:
    act = Subscriber(SubscriptionKind.FUNCTION, "act", (), "theirs/act-role")
    state = state_of(make_stack(subscriptions=(act,)), "consumer-policy/act-role")
    granted = {
        (action, each["Resource"])
        for each in json.loads(state.policy)["Statement"]
        for action in listed(each["Action"])
    }
    stream = f"{PLACE.table_arn('countagg-counters')}/stream/*"
    assert granted == {
        *((f"dynamodb:{name}", stream) for name in ("DescribeStream", "GetRecords", "GetShardIterator")),
        ("dynamodb:ListStreams", "*"),
        ("sqs:SendMessage", PLACE.queue_arn("countagg-dead-letters")),
    }


def test_the_statement_of_a_queue_lets_this_topic_in_and_no_other() -> None:
    queue = Subscriber(SubscriptionKind.QUEUE, QUEUE)
    states = [
        json.loads(
            state_of(make_stack(stack=name, subscriptions=(queue,)), "alert-queue-policy/on-call").statement
        )
        for name in ("countagg", "another")
    ]
    assert states[0]["Condition"] == {"ArnEquals": {"aws:SourceArn": PLACE.topic_arn("countagg-alerts")}}
    assert states[0]["Resource"] == QUEUE
    assert states[0]["Sid"] != states[1]["Sid"]
    assert all(each["Sid"].isalnum() for each in states)


def test_a_queue_gets_the_message_and_a_url_the_envelope_and_both_lose_nothing() -> None:
    url = Subscriber(SubscriptionKind.HTTPS, "https://example.org/a")
    stack = make_stack(subscriptions=(Subscriber(SubscriptionKind.QUEUE, QUEUE), url))
    found = [state_of(stack, name) for name in (f"alert-queue/{QUEUE}", "https/example.org/a")]
    assert [each.raw_delivery for each in found] == [True, False]
    for each in found:
        assert json.loads(each.redrive_policy) == {"deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters")}
    assert node_of(stack, "https/example.org/a").needs == ("topic/alerts", "queue/dead-letters")
