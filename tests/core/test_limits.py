from __future__ import annotations

import json
from dataclasses import replace

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.limits import Alert, Direction, Limit, ask_for_test, parse_owner, parse_test
from countagg.core.values import SCALE, format_value, to_number
from tests.core.strategies import DAY, LARGEST_VALUE, names, values

SUMS = st.one_of(values(), st.integers(-(10**38), 10**38))


DIRECTIONS = st.sampled_from(Direction)


def alerts() -> st.SearchStrategy[Alert]:
    return st.builds(
        Alert, st.just(DAY), names(), values(), SUMS, st.integers(1, 10**9), DIRECTIONS, st.booleans()
    )


# Passing


@pytest.mark.parametrize(
    ("direction", "limit", "total", "expected"),
    [
        (Direction.ABOVE, 10, 9, ""),
        (Direction.ABOVE, 10, 10, ""),
        (Direction.ABOVE, 10, 11, "passed"),
        (Direction.ABOVE, -1, None, ""),
        (Direction.BELOW, 10, 9, "passed"),
        (Direction.BELOW, 10, 10, "reached"),
        (Direction.BELOW, 10, None, "passed"),
        (Direction.BELOW, 0, 0, "reached"),
        # Nobody counts it: that is no fall below 0, and no rise to it.
        (Direction.BELOW, 0, None, ""),
        (Direction.BELOW, -1, None, ""),
        (Direction.BELOW, -1, -2, "passed"),
    ],
)
def test_how_a_total_stands_to_a_limit(direction: Direction, limit: int, total: int | None, expected: str) -> None:
    found = Limit("a", limit, direction)
    assert found.is_passed_by(total) is (expected == "passed")
    assert found.is_reached_by(total) is (expected == "reached")


@given(names(), values(), DIRECTIONS)
def test_the_owner_of_a_limit_tells_counter_and_direction(counter: str, value: int, direction: Direction) -> None:
    assert parse_owner(Limit(counter, value, direction).owner) == (counter, direction)


@pytest.mark.parametrize("owner", ["a b", "a below b", "a above", "a  below", "below"])
def test_what_no_limit_wrote_is_a_name(owner: str) -> None:
    assert parse_owner(owner) == (owner, Direction.ABOVE)


# Messages


@given(alerts())
def test_the_message_is_json_in_ascii_with_exact_numbers(alert: Alert) -> None:
    text = alert.to_message("countagg")
    assert text.isascii()
    assert simplejson.loads(text, use_decimal=True) == {
        "schema": 1,
        "kind": "limit-test" if alert.is_test else "limit-passed",
        "stack": "countagg",
        "counter": alert.counter,
        "date": DAY,
        "value": to_number(alert.value),
        "limit": to_number(alert.limit),
        "direction": alert.direction.value,
        "version": alert.version,
    }


def test_the_message_as_it_reads() -> None:
    assert Alert(DAY, "a", SCALE // 4, 2 * SCALE, 3).to_message("mine") == (
        '{"schema": 1, "kind": "limit-passed", "stack": "mine", "counter": "a", "date": "2026-11-20", '
        '"value": 2, "limit": 0.25, "direction": "above", "version": 3}'
    )
    assert json.loads(Alert(DAY, 'say "hi"', 0, 1, 3).to_message("mine"))["counter"] == 'say "hi"'


@given(alerts())
def test_the_subject_is_one_that_sns_takes(alert: Alert) -> None:
    subject = alert.subject()
    assert len(subject.encode()) <= 99
    assert subject.isprintable()
    assert subject.startswith("[TEST] Limit passed: " if alert.is_test else "Limit passed: ")
    saying = "is above" if alert.direction is Direction.ABOVE else "has fallen below"
    assert subject.endswith(f" {saying} {format_value(alert.limit)} on {DAY}")


@pytest.mark.parametrize(
    ("counter", "limit", "shown"),
    [
        ("COUNTER1", 100_000 * SCALE, "Limit passed: COUNTER1 is above 100000 on 2026-11-20"),
        ("a\0b", 0, r"Limit passed: a\x00b is above 0 on 2026-11-20"),
        ("\u20ac", -SCALE, "Limit passed: \u20ac is above -1 on 2026-11-20"),
        ("n" * 60, 0, f"Limit passed: {'n' * 60} is above 0 on 2026-11-20"),
        ("n" * 61, 0, f"Limit passed: {'n' * 57}... is above 0 on 2026-11-20"),
        ("\u20ac" * 30, 0, f"Limit passed: {chr(0x20AC) * 19}... is above 0 on 2026-11-20"),
        ("n" * 255, -LARGEST_VALUE, f"Limit passed: {'n' * 23}... is above -{'9' * 24}.{'9' * 9} on 2026-11-20"),
    ],
)
def test_the_subject_as_it_reads(counter: str, limit: int, shown: str) -> None:
    assert Alert(DAY, counter, limit, limit + 1, 3).subject() == shown


def test_each_protocol_has_a_form_that_its_readers_understand() -> None:
    alert = Alert(DAY, "orders", 5 * SCALE, 9 * SCALE // 2, 3, Direction.BELOW)
    forms = json.loads(alert.to_messages("mine"))
    assert forms.keys() == {"default", "email", "sms", "https"}
    assert forms["default"] == alert.to_message("mine")
    assert forms["sms"] == alert.subject() == "Limit passed: orders has fallen below 5 on 2026-11-20"
    sentence = "orders has fallen below 5 on 2026-11-20: the total is 4.5 (stack mine)."
    assert forms["email"] == f"{sentence}\n\n{alert.to_message('mine')}\n"
    assert json.loads(forms["https"]) == {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": "Limit passed",
            "description": f"`orders`{sentence.removeprefix('orders')}",
            "keywords": ["mine"],
        },
        "metadata": {
            "summary": "Limit passed",
            "eventType": "limit-passed",
            "additionalContext": {
                "schema": "1",
                "kind": "limit-passed",
                "stack": "mine",
                "counter": "orders",
                "date": DAY,
                "value": "4.5",
                "limit": "5",
                "direction": "below",
                "version": "3",
            },
        },
    }


@given(alerts())
def test_no_name_of_a_counter_writes_links_or_mentions_into_a_chat(alert: Alert) -> None:
    description = json.loads(json.loads(alert.to_messages("s"))["https"])["content"]["description"]
    _, shown, _ = description.split("`")
    assert not set("&<>@") & set(shown)
    assert shown.isprintable()


def test_a_test_is_marked_in_every_form() -> None:
    alert = Alert(DAY, "a", SCALE, 0, 3, is_test=True)
    forms = json.loads(alert.to_messages("mine"))
    assert json.loads(forms["default"])["kind"] == "limit-test"
    assert alert.subject().startswith("[TEST] ")
    assert forms["sms"].startswith("[TEST] ")
    assert forms["email"].startswith("This is a test, nothing has passed. a is above 1 on")
    notification = json.loads(forms["https"])
    assert notification["content"]["title"] == "[TEST] Limit passed"
    assert notification["content"]["description"].startswith("This is a test, nothing has passed. ")
    assert notification["metadata"]["eventType"] == "limit-test"


@given(alerts())
def test_the_publisher_reads_what_it_is_asked_to_send(alert: Alert) -> None:
    asked = json.loads(json.dumps(ask_for_test(alert)))
    assert parse_test(asked) == replace(alert, is_test=True)


def test_other_events_ask_for_no_test() -> None:
    assert parse_test({"Records": []}) is None
