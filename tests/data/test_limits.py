"""Claims on moto, which reads the expressions as DynamoDB does; and the topic."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from countagg.core.days import expiry_epoch_seconds
from countagg.core.ledger import encode_ledger
from countagg.core.limits import Alert, AlertState, Direction, ask_for_test
from countagg.core.values import SCALE
from countagg.data.ledgers import StoredLedger
from countagg.data.limits import Claim, LimitsTable, StoredAlert, alert_item, parse_alert
from countagg.functions import publisher
from countagg.functions.clients import make_sns_client
from countagg.functions.limits_topic import AlertsTopic, NotPublished
from tests.functions.publishing import ledger, record
from tests.functions.world import DAY, REGION, Context, World, clients_of, overridden

ALERT = Alert(DAY, "a", SCALE, 2 * SCALE, 7)
NAME = "countagg-counters"
EXPIRY = expiry_epoch_seconds(DAY, 400)


class Table(LimitsTable):
    """The table, with alerts that expire like those of the day."""

    def claim(self, alert: Alert, now: int, until: int, expires_at: int = EXPIRY) -> Claim:
        return super().claim(alert, now, until, expires_at)

    def release(self, alert: Alert, until: int, expires_at: int = EXPIRY) -> None:
        super().release(alert, until, expires_at)

    def mark_sent(self, alert: Alert, sent_at: str, expires_at: int = EXPIRY) -> None:
        super().mark_sent(alert, sent_at, expires_at)


@pytest.fixture
def table(world: World) -> Table:
    return Table(world.clients, NAME)


def put(world: World, **item: Any) -> None:
    world.clients.dynamodb.put_item(TableName=NAME, Item=item)


def stored(table: Table) -> dict[str, Any]:
    [item] = table.alert_items(DAY)
    return dict(item)


def test_limits_are_found_among_the_counters(world: World, table: Table) -> None:
    put(world, Counter={"S": "a"}, Date={"S": "limit"}, Value={"N": "5"}, Note={"S": "mine"})
    put(world, Counter={"S": "b"}, Date={"S": "limit"})
    put(world, Counter={"S": "a"}, Date={"S": DAY}, Value={"N": "1"}, Version={"N": "1"})
    found = {each.counter: each.value for each in table.read()}
    assert found == {"a": 5 * SCALE, "b": None}


def test_an_alert_is_claimed_once(table: Table) -> None:
    assert table.claim(ALERT, 1_000, 2_000) is Claim.OURS
    assert (
        stored(table).items()
        >= (alert_item(ALERT, AlertState.SENDING, EXPIRY) | {"SendingUntil": {"N": "2000"}}).items()
    )
    assert parse_alert(stored(table), DAY).alert == ALERT
    assert table.claim(ALERT, 2_000, 3_000) is Claim.BUSY
    assert stored(table)["SendingUntil"] == {"N": "2000"}


def test_a_claim_that_ran_out_is_taken_over(table: Table) -> None:
    table.claim(ALERT, 1_000, 2_000)
    assert table.claim(ALERT, 2_001, 3_000) is Claim.OURS
    assert stored(table)["SendingUntil"] == {"N": "3000"}


def test_what_was_sent_is_claimed_by_nobody(table: Table) -> None:
    table.claim(ALERT, 1_000, 2_000)
    table.mark_sent(ALERT, "then")
    assert table.claim(ALERT, 9_000, 10_000) is Claim.DONE
    assert (stored(table)["State"], stored(table)["SentAt"]) == ({"S": "sent"}, {"S": "then"})
    table.release(ALERT, 2_000)
    assert stored(table)["State"] == {"S": "sent"}


def test_only_a_claim_of_ours_is_given_up(table: Table) -> None:
    table.claim(ALERT, 1_000, 2_000)
    table.release(ALERT, 1_999)
    assert table.claim(ALERT, 1_001, 2_500) is Claim.BUSY
    table.release(ALERT, 2_000)
    assert table.claim(ALERT, 1_001, 2_500) is Claim.OURS


FALL = Alert(DAY, "a", SCALE, 0, 7, Direction.BELOW)


def test_a_fall_is_claimed_once_and_only_where_the_limit_was_reached(table: Table) -> None:
    assert table.claim(FALL, 1_000, 2_000) is Claim.BUSY
    assert list(table.alert_items(DAY)) == []
    assert table.reach(replace(FALL, value=SCALE, version=7), EXPIRY)
    later = replace(FALL, version=8)
    assert table.claim(later, 1_000, 2_000) is Claim.OURS
    assert parse_alert(stored(table), DAY).alert == later
    assert table.claim(replace(FALL, version=9), 1_500, 3_000) is Claim.BUSY
    assert table.claim(replace(FALL, version=9), 2_001, 3_000) is Claim.OURS
    table.mark_sent(later, "then")
    assert table.claim(replace(FALL, version=10), 9_000, 10_000) is Claim.DONE


def test_that_a_limit_is_reached_is_written_down_once_and_never_over_an_alert(table: Table) -> None:
    reached = replace(FALL, value=SCALE)
    assert table.reach(reached, EXPIRY)
    assert not table.reach(replace(reached, version=9), EXPIRY)
    assert parse_alert(stored(table), DAY) == StoredAlert(reached, AlertState.REACHED)
    later = replace(FALL, version=8)
    table.claim(later, 1_000, 2_000)
    table.reach(replace(reached, version=10), EXPIRY)
    assert stored(table)["State"] == {"S": "sending"}


def test_a_given_up_claim_of_a_fall_is_for_the_next(table: Table) -> None:
    table.reach(replace(FALL, value=SCALE, version=6), EXPIRY)
    table.claim(FALL, 1_000, 2_000)
    table.release(FALL, 2_000)
    assert table.claim(replace(FALL, version=8), 1_001, 2_500) is Claim.OURS


def test_other_limits_and_days_are_other_alerts(table: Table) -> None:
    for other in (ALERT, Alert(DAY, "a", 2 * SCALE, 3 * SCALE, 8), Alert("2026-11-21", "a", SCALE, 2 * SCALE, 7)):
        assert table.claim(other, 1_000, 2_000) is Claim.OURS
    assert sorted(each.alert.name for each in table.alerts(DAY)) == ["a 1", "a 2"]


@pytest.mark.parametrize("write", [lambda table: table.claim(ALERT, 1, 2), lambda table: table.release(ALERT, 2)])
def test_other_errors_rise(world: World, write: Callable[[Table], object]) -> None:
    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "PutItem")

    table = Table(clients_of(dynamodb=overridden(world.clients.dynamodb, put_item=throttled)), NAME)
    with pytest.raises(ClientError, match="slow down"):
        write(table)


@pytest.mark.usefixtures("world")
def test_a_topic_that_is_not_there_or_does_not_answer_is_said() -> None:
    def unreachable(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="https://sns.test")

    arn = f"arn:aws:sns:{REGION}:123456789012:nowhere"
    with pytest.raises(NotPublished, match="NotFound"):
        AlertsTopic(arn, make_sns_client()).publish("subject", '{"default": "message"}')
    with pytest.raises(NotPublished, match=r"https://sns\.test"):
        AlertsTopic(arn, overridden(make_sns_client(), publish=unreachable)).publish(
            "subject", '{"default": "message"}'
        )


def test_the_entry_point_sends_to_the_stacks_topic(deployed: World) -> None:
    sns, queue = boto3.client("sns"), deployed.settings.dead_letters_url
    arn = sns.create_topic(Name="countagg-alerts")["TopicArn"]
    sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:countagg-dead-letters"
    )
    put(deployed, Counter={"S": "a"}, Date={"S": "limit"}, Value={"N": "5"})
    # The counter is there already, so that moto, which cannot parse the writes of counters, need not.
    put(deployed, Counter={"S": "a"}, Date={"S": DAY}, Value={"N": "6"}, Version={"N": "2"})
    unchanged = record(2, ledger({"a": 6 * SCALE}, 1), ledger({"a": 6 * SCALE}, 2))
    stored = StoredLedger(2, "then", encode_ledger(ledger({"a": 6 * SCALE}, 2)))
    assert deployed.store.ledgers.save(DAY, StoredLedger(), stored)
    assert publisher.handler({"Records": [unchanged]}, Context(60_000)) is None
    [message] = deployed.clients.sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["TopicArn"] == arn
    assert envelope["Subject"] == f"Limit passed: a is above 5 on {DAY}"
    assert json.loads(envelope["Message"])["version"] == 2


def test_the_entry_point_sends_a_test_and_changes_nothing(deployed: World) -> None:
    sns, queue = boto3.client("sns"), deployed.settings.dead_letters_url
    arn = sns.create_topic(Name="countagg-alerts")["TopicArn"]
    sns.subscribe(
        TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:countagg-dead-letters"
    )
    answer = publisher.handler(dict(ask_for_test(FALL)), Context(60_000))
    [message] = deployed.clients.sqs.receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert answer == envelope["MessageId"]
    assert envelope["Subject"] == f"[TEST] Limit passed: a has fallen below 1 on {DAY}"
    assert json.loads(envelope["Message"])["kind"] == "limit-test"
    assert deployed.clients.dynamodb.scan(TableName=NAME)["Items"] == []
