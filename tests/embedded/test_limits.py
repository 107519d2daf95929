"""Limits and alerts on the embedded engine: a queue that is subscribed to the topic shows what is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.embedded.world import DeployedStack, wait_until

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.xdist_group("embedded"),
    pytest.mark.usefixtures("without_limits"),
]


LISTENER_ARN = "arn:aws:sqs:us-east-1:000000000000:alerts-listener"


@dataclass
class Listener:
    """A queue that is subscribed to the topic, and what came."""

    stack: DeployedStack
    url: str
    received: list[Any] = field(default_factory=list)

    def alerts(self, counter: str) -> list[Any]:
        """Return what came about a counter, so far."""
        sqs = self.stack.clients.sqs
        while found := sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                self.received.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [each for each in self.received if json.loads(each["Message"])["counter"] == counter]

    def wait_for(self, counter: str, count: int) -> Any:
        """Wait until so many have come; return the last one's message."""
        wait_until(f"{count} alerts about {counter}", lambda: len(self.alerts(counter)) >= count)
        return json.loads(self.alerts(counter)[-1]["Message"])


@pytest.fixture
def listener(stack: DeployedStack) -> Iterator[Listener]:
    url = stack.clients.sqs.create_queue(QueueName="alerts-listener")["QueueUrl"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": LISTENER_ARN,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    stack.clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stack.clients.sns.subscribe(TopicArn=topic(stack), Protocol="sqs", Endpoint=LISTENER_ARN)
    yield Listener(stack, url)
    stack.clients.sqs.delete_queue(QueueUrl=url)


def topic(stack: DeployedStack) -> str:
    return f"arn:aws:sns:us-east-1:000000000000:{stack.names.alerts}"


def put_and_publish(stack: DeployedStack, day: str, counter: str, value: str) -> None:
    """Upload a value, and wait until it is published."""
    stack.put(day, "i-1", f"{counter} {value}\n")
    wait_until(f"{counter} {value}", lambda: stack.published(day).get(counter, ("", 0))[0] == value)


def test_a_passed_limit_is_told_once_and_again_when_it_was_raised(
    stack: DeployedStack, listener: Listener
) -> None:
    day, name = stack.new_day(), "RAISED"
    stack.run("limits", "set", name, "100")
    put_and_publish(stack, day, name, "100")
    put_and_publish(stack, day, name, "100.5")

    told = listener.wait_for(name, 1)

    assert told == {
        "schema": 1,
        "kind": "limit-passed",
        "stack": "countagg",
        "counter": name,
        "date": day,
        "value": 100.5,
        "limit": 100,
        "direction": "above",
        "version": stack.published(day)[name][1],
    }
    [envelope] = listener.alerts(name)
    assert envelope["Subject"] == f"Limit passed: {name} is above 100 on {day}"
    assert envelope["TopicArn"] == topic(stack)

    put_and_publish(stack, day, name, "200")
    stack.run("limits", "set", name, "300")
    put_and_publish(stack, day, name, "299")
    put_and_publish(stack, day, name, "301")

    assert listener.wait_for(name, 2)["limit"] == 300
    [listed] = limits_of(stack, day, name)
    assert (listed["limit"], listed["value"], listed["passed"]) == (300, 301, True)
    wait_until("the mark", lambda: limits_of(stack, day, name)[0]["alerted_at"] is not None)
    # The next day's alert shows that nothing else came before it.
    other = stack.new_day()
    put_and_publish(stack, other, name, "302")
    assert listener.wait_for(name, 3)["date"] == other
    assert len(listener.alerts(name)) == 3
    stack.run("limits", "unset", name)
    assert limits_of(stack, day, name) == []


def test_a_fall_below_a_limit_is_told_and_a_test_of_the_way_is_marked(
    stack: DeployedStack, listener: Listener
) -> None:
    day, name = stack.new_day(), "FALLEN"
    stack.run("limits", "set", name, "10", "--below")
    put_and_publish(stack, day, name, "9")
    put_and_publish(stack, day, name, "12")
    wait_until("the limit is reached", lambda: limits_of(stack, day, name)[0]["reached"])

    tested = stack.run("limits", "test", name, "--date", day, "--output", "json").json()

    assert tested["subscribers"] == {"confirmed": 1, "by_protocol": {"sqs": 1}, "unconfirmed": 0}
    assert listener.wait_for(name, 1)["kind"] == "limit-test"
    [envelope] = listener.alerts(name)
    assert envelope["MessageId"] == tested["message_id"]
    assert envelope["Subject"] == f"[TEST] Limit passed: {name} has fallen below 10 on {day}"

    stack.put(day, "i-1", "OTHER 1\n")

    told = listener.wait_for(name, 2)
    assert (told["kind"], told["direction"], told["value"], told["limit"]) == ("limit-passed", "below", 0, 10)
    wait_until("the mark", lambda: limits_of(stack, day, name)[0]["alerted_at"] is not None)
    stack.run("limits", "unset", name, "--below")


def limits_of(stack: DeployedStack, day: str, counter: str) -> list[Any]:
    found = stack.run("limits", "list", "--date", day, "--output", "json").json()["limits"]
    return [each for each in found if each["counter"] == counter]


def test_limits_and_alerts_disturb_neither_query_nor_verify_nor_repair(
    stack: DeployedStack, listener: Listener
) -> None:
    day, name = stack.new_day(), "UNDISTURBED"
    stack.run("limits", "set", name, "1")
    put_and_publish(stack, day, name, "2")
    listener.wait_for(name, 1)

    assert stack.query(day)["totals"] == {name: 2}
    assert stack.run("verify", "--date", day, "--output", "json").json()["differences"] == []
    repaired = stack.run("repair", "--date", day, "--yes", "--output", "json").json()
    assert repaired["repaired"] == []
    assert stack.published(day).keys() == {name}
