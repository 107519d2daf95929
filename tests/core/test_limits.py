from __future__ import annotations

import json

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.limits import Alert, passed_limits
from countagg.core.values import SCALE, format_value, to_number
from tests.core.strategies import DAY, LARGEST_VALUE, names, values

SUMS = st.one_of(values(), st.integers(-(10**38), 10**38))


def alerts() -> st.SearchStrategy[Alert]:
    return st.builds(Alert, st.just(DAY), names(), values(), SUMS, st.integers(1, 10**9))


# Passing


def test_a_total_passes_a_limit_that_it_is_greater_than() -> None:
    limits = {"above": 10, "equal": 11, "below": 12, "absent": 0}
    found = list(passed_limits(DAY, 3, dict.fromkeys(["above", "equal", "below", "free"], 11), limits))
    assert found == [Alert(DAY, "above", 10, 11, 3)]


@given(st.dictionaries(names(), SUMS), st.dictionaries(names(), values()))
def test_exactly_the_totals_above_their_limits_pass(totals: dict[str, int], limits: dict[str, int]) -> None:
    found = {alert.counter for alert in passed_limits(DAY, 1, totals, limits)}
    assert found == {name for name in totals.keys() & limits.keys() if totals[name] > limits[name]}


@given(alerts())
def test_the_message_is_json_in_ascii_with_exact_numbers(alert: Alert) -> None:
    text = alert.to_message("countagg")
    assert text.isascii()
    assert simplejson.loads(text, use_decimal=True) == {
        "schema": 1,
        "kind": "limit-passed",
        "stack": "countagg",
        "counter": alert.counter,
        "date": DAY,
        "value": to_number(alert.value),
        "limit": to_number(alert.limit),
        "version": alert.version,
    }


def test_the_message_as_it_reads() -> None:
    assert Alert(DAY, "a", SCALE // 4, 2 * SCALE, 3).to_message("mine") == (
        '{"schema": 1, "kind": "limit-passed", "stack": "mine", "counter": "a", "date": "2026-11-20", '
        '"value": 2, "limit": 0.25, "version": 3}'
    )
    assert json.loads(Alert(DAY, 'say "hi"', 0, 1, 3).to_message("mine"))["counter"] == 'say "hi"'


@given(alerts())
def test_the_subject_is_one_that_sns_takes(alert: Alert) -> None:
    subject = alert.subject()
    assert len(subject.encode()) <= 99
    assert subject.isprintable()
    assert subject.startswith("Limit passed: ")
    assert subject.endswith(f" is above {format_value(alert.limit)} on {DAY}")


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
