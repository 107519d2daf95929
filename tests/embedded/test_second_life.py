"""A stack's second life on the embedded engine: after teardown and setup, and after its totals table was lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countagg.core.values import to_number
from countagg.local import EngineRecord
from tests.embedded.world import CommandLine, DeployedStack, engine_clients, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

NAME, BUCKET = "second", "counters-second"
LISTENER = "arn:aws:sqs:us-east-1:000000000000:second-listener"


def setup(command_line: CommandLine) -> None:
    command_line("setup", "--stack", NAME, "--bucket", BUCKET, "--yes")


@pytest.fixture(scope="module")
def second(engine: EngineRecord, command_line: CommandLine) -> DeployedStack:
    """Return a stack of its own, on a bucket of somebody else's, which outlives it."""
    clients = engine_clients(engine)
    clients.s3.create_bucket(Bucket=BUCKET)
    setup(command_line)
    return DeployedStack(NAME, BUCKET, command_line, clients)


def wait_for_all_hops(stack: DeployedStack, day: str, expected: Mapping[str, int]) -> None:
    """Wait until query, object and counters table say the same; what is gone may stay in the table with 0."""

    def agree() -> bool:
        counters = {name: float(value) for name, (value, _) in stack.published(day).items() if float(value)}
        published = {name: to_number(value) for name, value in stack.published_object(day).totals.items()}
        return published == counters == expected

    stack.wait_for_totals(day, expected)
    wait_until(f"outputs of {day}: {expected}", agree)
    assert stack.query(day)["totals"] == expected
    assert stack.run("verify", "--date", day, "--output", "json").json()["ok"]


def test_what_an_earlier_stack_published_is_replaced_and_alerts_nobody(
    second: DeployedStack, command_line: CommandLine
) -> None:
    today = datetime.now(UTC).date().isoformat()
    second.put(today, "i-1", "orders 50\ncarts 7\n")
    wait_for_all_hops(second, today, {"orders": 50, "carts": 7})

    second.run("teardown", "--yes")
    second.delete(today, "i-1")
    setup(command_line)
    sqs, sns = second.clients.sqs, second.clients.sns
    listener = sqs.create_queue(QueueName="second-listener")["QueueUrl"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": LISTENER,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=listener, Attributes={"Policy": policy})
    topic = f"arn:aws:sns:us-east-1:000000000000:{second.names.alerts}"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=LISTENER)
    second.run("limits", "set", "orders", "10")
    second.put(today, "i-1", "orders 1\n")

    wait_for_all_hops(second, today, {"orders": 1})
    assert second.run("status", "--output", "json").json()["healthy"]
    # The one alert that comes is that of a limit that is passed now.
    second.put(today, "i-1", "orders 11\n")
    told: list[Any] = []

    def is_told() -> bool:
        told.extend(sqs.receive_message(QueueUrl=listener).get("Messages", []))
        return bool(told)

    wait_until("an alert", is_told)
    assert [json.loads(json.loads(each["Body"])["Message"])["value"] for each in told] == [11]


def test_a_totals_table_that_was_lost_is_told_and_the_next_upload_or_a_repair_mends_all(
    second: DeployedStack, command_line: CommandLine
) -> None:
    now = datetime.now(UTC)
    today, yesterday = now.date().isoformat(), (now - timedelta(days=1)).date().isoformat()
    for day in (today, yesterday):
        second.put(day, "i-1", "orders 3\n")
        second.put(day, "i-2", "orders 4\n")
        wait_for_all_hops(second, day, {"orders": 7})

    second.clients.dynamodb.delete_table(TableName=second.names.totals)
    hops = {hop["hop"]: hop for hop in second.run("status", "--output", "json", code=1).json()["hops"]}
    assert not hops["table/totals"]["healthy"]
    setup(command_line)
    hops = {hop["hop"]: hop for hop in second.run("status", "--output", "json", code=1).json()["hops"]}
    assert (hops["table/totals"]["healthy"], hops["last-published"]["healthy"]) == (True, False)
    assert f"countagg repair --date {today}" in hops["last-published"]["detail"]

    # The first upload is of an instance that was never counted.
    second.put(today, "i-3", "carts 1\n")
    wait_for_all_hops(second, today, {"orders": 7, "carts": 1})
    assert second.run("status", "--output", "json").json()["healthy"]
    second.run("repair", "--date", yesterday, "--yes")
    wait_for_all_hops(second, yesterday, {"orders": 7})
