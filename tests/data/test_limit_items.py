from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.limits import Alert, AlertState, Direction
from countagg.core.values import SCALE, format_value
from countagg.data.limits import StoredAlert, alert_item, alerts_partition, parse_alert, parse_limit
from tests.core.strategies import DAY, names, values

SUMS = st.one_of(values(), st.integers(-(10**38), 10**38))


def alerts() -> st.SearchStrategy[Alert]:
    versions, directions = st.integers(1, 10**9), st.sampled_from(Direction)
    return st.builds(Alert, st.just(DAY), names(), values(), SUMS, versions, directions)


# Limits


@given(values())
def test_a_limit_survives_the_way_through_its_item(value: int) -> None:
    assert parse_limit({"Value": {"N": format_value(value)}}) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1E+3", 1000 * SCALE), ("1.50", 3 * SCALE // 2), ("1.0000000000", SCALE), ("-0", 0), ("100", 100 * SCALE)],
)
def test_a_limit_in_another_spelling_is_the_same(text: str, value: int) -> None:
    assert parse_limit({"Value": {"N": text}}) == value


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({}, "has no number"),
        ({"Value": {"S": "5"}}, "has no number"),
        ({"Value": "5"}, "has no number"),
        ({"Value": {"N": "five"}}, "'five' is not a decimal number"),
        ({"Value": {"N": "NaN"}}, "'NaN' is not a decimal number"),
        ({"Value": {"N": "1E+24"}}, "out of range"),
        ({"Value": {"N": "1E-10"}}, "more than 9 decimals"),
    ],
)
def test_an_invalid_limit_is_explained(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_limit(item)


# Alerts


@given(alerts())
def test_an_alert_survives_the_way_through_its_item(alert: Alert) -> None:
    item = alert_item(alert, AlertState.SENDING, 0)
    assert parse_alert(item, DAY) == StoredAlert(alert, AlertState.SENDING)
    sent = {**item, "State": {"S": "sent"}, "SentAt": {"S": "then"}}
    assert parse_alert(sent, DAY) == StoredAlert(alert, AlertState.SENT, "then")


@given(alerts(), alerts())
def test_alerts_share_an_item_only_if_day_counter_and_limit_are_the_same(one: Alert, other: Alert) -> None:
    is_same = (one.counter, one.limit, one.direction) == (other.counter, other.limit, other.direction)
    assert (one.name == other.name) == is_same


@given(alerts())
def test_no_counter_of_any_day_has_the_key_of_an_alert(alert: Alert) -> None:
    attributes = alert_item(alert, AlertState.SENDING, 0)
    assert attributes["Counter"]["S"] == alerts_partition(alert.day) == f"alerts {alert.day}"
    assert all(" " in attributes[name]["S"] for name in ("Counter", "Date"))
    assert len(attributes["Date"]["S"].encode()) <= 1024
    assert not {"Value", "Version"} & attributes.keys()


@pytest.mark.parametrize(
    "change",
    [
        {"Date": {"S": "a"}},
        {"Date": {"S": "a b c"}},
        {"Date": {"S": "a above 1"}},
        {"Date": {"S": "a 1e3"}},
        {"Date": {"S": "a 01"}},
        {"Date": {"S": f"a {'9' * 25}"}},
        {"Date": {"S": "a b below 1"}},
        {"Date": {"S": "a five"}},
        {"Total": {"S": "5"}},
        {"Total": {"N": "five"}},
        {"LedgerVersion": {"N": "x"}},
        {"State": {"S": "unheard-of"}},
        {"State": None},
        {"Total": "5"},
    ],
)
def test_an_item_that_is_no_alert_is_refused(change: dict[str, Any]) -> None:
    item = alert_item(Alert(DAY, "a", 1, 2, 3), AlertState.SENT, 0)
    with pytest.raises(ValueError, match=r"\S"):
        parse_alert({**item, **change}, DAY)
