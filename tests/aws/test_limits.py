"""Limits as the operator sets them, on moto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from countagg.core.errors import AwsCallFailed
from countagg.core.limits import Alert, AlertState, Direction, Limit
from countagg.core.values import SCALE
from countagg.data.limits import LimitsTable, StoredAlert, StoredLimit, alert_item
from tests.aws.world import OneClient, World

DAY = "2026-11-20"


@pytest.fixture
def stored(world: World) -> World:
    """Give the counters table alone."""
    world.focus("table").set_up()
    world.calls.reset()
    return world


@pytest.fixture
def limits(stored: World) -> LimitsTable:
    return LimitsTable(stored.clients, "countagg-counters")


def put_item(world: World, **item: Any) -> None:
    world.clients.dynamodb.put_item(TableName="countagg-counters", Item=item)


def items(world: World) -> list[dict[str, Any]]:
    return [dict(each) for each in world.clients.dynamodb.scan(TableName="countagg-counters")["Items"]]


def test_a_limit_is_one_item_and_tells_what_it_replaces(stored: World, limits: LimitsTable) -> None:
    assert limits.put(Limit("a", SCALE // 4)) is None
    assert items(stored) == [{"Counter": {"S": "a"}, "Date": {"S": "limit"}, "Value": {"N": "0.25"}}]
    assert limits.put(Limit("a", -SCALE)) == StoredLimit("a", SCALE // 4)
    assert list(limits.read()) == [StoredLimit("a", -SCALE)]


def test_a_limit_that_is_deleted_tells_what_it_was(stored: World, limits: LimitsTable) -> None:
    limits.put(Limit("a", SCALE))
    limits.put(Limit("b", SCALE))
    assert limits.delete("a") == StoredLimit("a", SCALE)
    assert limits.delete("a") is None
    assert [item["Counter"]["S"] for item in items(stored)] == ["b"]


def test_a_counter_has_a_limit_in_each_direction(stored: World, limits: LimitsTable) -> None:
    limits.put(Limit("a", SCALE))
    assert limits.put(Limit("a", 2 * SCALE, Direction.BELOW)) is None
    below = {"Counter": {"S": "a below"}, "Date": {"S": "limit"}, "Value": {"N": "2"}}
    assert below in items(stored)
    assert limits.put(Limit("a", 3 * SCALE, Direction.BELOW)) == StoredLimit("a", 2 * SCALE, "", Direction.BELOW)
    assert limits.delete("a", Direction.BELOW) == StoredLimit("a", 3 * SCALE, "", Direction.BELOW)
    assert list(limits.read()) == [StoredLimit("a", SCALE)]


def test_only_limits_are_read_and_invalid_ones_are_said(stored: World, limits: LimitsTable) -> None:
    limits.put(Limit("a", SCALE))
    put_item(stored, Counter={"S": "a"}, Date={"S": DAY}, Value={"N": "1"}, Version={"N": "1"})
    put_item(stored, Counter={"S": "b"}, Date={"S": "limit"}, Value={"S": "1"})
    found = sorted(limits.read(), key=lambda each: each.counter)
    assert found == [StoredLimit("a", SCALE), StoredLimit("b", None, "the limit has no number as its Value")]
    assert limits.put(Limit("b", SCALE)) == found[1]


def test_many_limits_go_in_calls_of_25(stored: World, limits: LimitsTable) -> None:
    many = [Limit(f"c{number:02d}", number * SCALE, Direction.BELOW) for number in range(60)]
    limits.put(Limit("c07", -SCALE))
    limits.put(Limit("other", SCALE))
    stored.calls.reset()
    assert list(limits.put_all(many)) == [25, 50, 60]
    assert stored.mutating == ["BatchWriteItem"] * 3
    stored_limits = [each.limit for each in limits.read()]
    assert sorted(stored_limits, key=str) == sorted([*many, Limit("c07", -SCALE), Limit("other", SCALE)], key=str)
    assert list(limits.put_all([])) == []


class Throttled:
    """Answers a batch as DynamoDB does when it takes only some of its items."""

    def __init__(self, accepted: int, rounds: int) -> None:
        self.written: list[str] = []
        self.pauses: list[float] = []
        self._accepted = accepted
        self._rounds = rounds

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        [(table, requests)] = RequestItems.items()
        assert 1 <= len(requests) <= 25
        self._rounds -= 1
        taken = len(requests) if self._rounds < 0 else self._accepted
        self.written += [each["PutRequest"]["Item"]["Counter"]["S"] for each in requests[:taken]]
        return {"UnprocessedItems": {table: requests[taken:]} if requests[taken:] else {}}


def throttled(accepted: int, rounds: int) -> tuple[Throttled, LimitsTable]:
    fake = Throttled(accepted, rounds)
    clients: Any = OneClient(dynamodb=fake)
    return fake, LimitsTable(clients, "countagg-counters", fake.pauses.append)


def test_what_is_throttled_is_written_later() -> None:
    fake, limits = throttled(accepted=10, rounds=3)
    names = [f"c{number:02d}" for number in range(30)]
    assert list(limits.put_all([Limit(name, SCALE) for name in names])) == [10, 20, 30]
    assert sorted(fake.written) == names
    assert fake.pauses == [0.05, 0.1]


def test_what_is_throttled_for_ever_is_said() -> None:
    fake, limits = throttled(accepted=0, rounds=99)
    with pytest.raises(AwsCallFailed, match="2 of 2 limits were not accepted") as caught:
        list(limits.put_all([Limit("a", SCALE), Limit("b", SCALE)]))
    assert caught.value.hint
    assert len(fake.pauses) == 8
    assert sum(fake.pauses) == pytest.approx(0.05 * 255)


def test_the_alerts_of_a_day_are_read_and_what_is_none_is_left_out(stored: World, limits: LimitsTable) -> None:
    sent, sending = Alert(DAY, "a", SCALE, 2 * SCALE, 3), Alert(DAY, "b", SCALE, 2 * SCALE, 3)
    put_item(stored, **alert_item(sent, AlertState.SENT, 0), SentAt={"S": "then"})
    put_item(stored, **alert_item(sending, AlertState.SENDING, 0))
    put_item(stored, **alert_item(Alert("2026-11-21", "a", SCALE, 2 * SCALE, 3), AlertState.SENT, 0))
    put_item(stored, Counter={"S": f"alerts {DAY}"}, Date={"S": "garbage"})
    assert list(limits.alerts(DAY)) == [
        StoredAlert(sent, AlertState.SENT, "then"),
        StoredAlert(sending, AlertState.SENDING),
    ]


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("Query", lambda limits: list(limits.read())),
        ("Query", lambda limits: list(limits.alerts(DAY))),
        ("PutItem", lambda limits: limits.put(Limit("a", 1))),
        ("DeleteItem", lambda limits: limits.delete("a")),
        ("BatchWriteItem", lambda limits: list(limits.put_all([Limit("a", 1)]))),
    ],
)
def test_every_other_answer_rises_translated_and_says_where(
    stored: World, limits: LimitsTable, operation: str, ask: Callable[[LimitsTable], object]
) -> None:
    stored.answers(operation, "SlowDown", "slow down", times=9)
    with pytest.raises(AwsCallFailed, match=f"{operation} failed: slow down") as caught:
        ask(limits)
    assert caught.value.where
