"""The dead letter queue and the streams behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws.stream_records import dates_of_records
from countagg.core.errors import AwsCallFailed
from countagg.data.queues import DeadLetterQueue
from tests.aws.by_hand import queue_url
from tests.aws.world import OneClient, World

NAME = "countagg-dead-letters"


@pytest.fixture
def filled(world: World) -> World:
    """Give a dead letter queue with 23 messages."""
    world.focus("queue/dead-letters").set_up()
    url = queue_url(world, NAME)
    for number in range(23):
        world.clients.sqs.send_message(
            QueueUrl=url,
            MessageBody=f"body {number}",
            MessageAttributes={"ErrorMessage": {"DataType": "String", "StringValue": f"error {number}"}},
        )
    return world


@pytest.fixture
def queue(filled: World) -> DeadLetterQueue:
    return DeadLetterQueue(filled.clients, queue_url(filled, NAME))


def visible(world: World) -> int:
    answer = world.clients.sqs.get_queue_attributes(
        QueueUrl=queue_url(world, NAME), AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_every_message_is_held_once_with_what_is_known_of_it(filled: World, queue: DeadLetterQueue) -> None:
    held = list(queue.receive())
    assert sorted(each.body for each in held) == sorted(f"body {number}" for number in range(23))
    assert {each.receives for each in held} == {1}
    assert held[0].attributes == {"ErrorMessage": held[0].body.replace("body", "error")}
    assert timedelta(0) <= datetime.now(UTC) - held[0].sent_at < timedelta(minutes=5)
    assert visible(filled) == 0


def test_messages_that_are_given_back_are_there_for_others_at_once(filled: World, queue: DeadLetterQueue) -> None:
    held = list(queue.receive())
    queue.give_back(held)
    assert visible(filled) == 23
    assert {each.receives for each in queue.receive()} == {2}


def test_messages_are_deleted_and_no_others(filled: World, queue: DeadLetterQueue) -> None:
    held = list(queue.receive())
    assert queue.delete(held[:12]) == held[:12]
    queue.hold(held[12:])
    assert visible(filled) == 0
    queue.give_back(held)
    assert sorted(each.body for each in queue.receive()) == sorted(each.body for each in held[12:])


class SecondTime:
    """A queue that shows the same messages again and again, as after the visibility time-out."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def receive_message(self, **request: Any) -> Any:
        self.asked.append(request)
        number = len(self.asked)
        return {"Messages": [{"MessageId": "m", "ReceiptHandle": f"h{number}", "Body": "x"}]}


def test_a_message_that_comes_again_is_not_held_twice() -> None:
    fake = SecondTime()

    clients: Any = OneClient(sqs=fake)
    assert [each.id for each in DeadLetterQueue(clients, "url").receive()] == ["m"]
    # Without waiting, SQS asks only some of its servers.
    assert {request["WaitTimeSeconds"] for request in fake.asked} == {1}
    assert all(request["VisibilityTimeout"] <= 120 for request in fake.asked)


class FakeStream:
    """One shard, read in pages of one, with empty pages between."""

    def __init__(
        self, numbers: Sequence[int], error: str = "", partitions: Mapping[int, str] | None = None
    ) -> None:
        self.numbers = list(numbers)
        self.partitions = partitions or {}
        self.error = error

    def get_shard_iterator(self, **request: str) -> dict[str, str]:
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "GetShardIterator")
        assert request["ShardIteratorType"] == "AT_SEQUENCE_NUMBER"
        assert (request["StreamArn"], request["ShardId"]) == ("stream", "shard")
        return {"ShardIterator": f"{self.numbers.index(int(request['SequenceNumber']))} full"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        position, kind = ShardIterator.split()
        if kind == "empty":
            return {"Records": [], "NextShardIterator": f"{position} full"}
        index = int(position)
        number = self.numbers[index]
        partition = self.partitions.get(number, f"2026-11-{number % 30 + 1:02}")
        key = {"Date": {"S": partition}, "Instance": {"S": "i"}}
        record = {"dynamodb": {"SequenceNumber": str(number), "Keys": key}}
        following = {"NextShardIterator": f"{index + 1} empty"} if index + 1 < len(self.numbers) else {}
        return {"Records": [record], **following}


def dates(stream: FakeStream, first: int, last: int) -> set[str] | None:
    clients: Any = OneClient(dynamodb_streams=stream)
    return dates_of_records(clients, "stream", "shard", str(first), str(last))


def test_the_dates_of_a_range_of_records_are_read_across_empty_pages() -> None:
    # The numbers grow by a digit on the way.
    assert dates(FakeStream([8, 9, 10, 11, 12]), 9, 11) == {"2026-11-10", "2026-11-11", "2026-11-12"}


def test_the_dates_of_partitions_are_those_of_their_days_and_a_layout_has_none() -> None:
    partitions = {8: "2026-11-20#0/3#0/1", 9: "layout", 10: "2026-11-20#2/3#0/1", 11: "what nobody wrote"}
    assert dates(FakeStream([8, 9, 10, 11], partitions=partitions), 8, 11) == {"2026-11-20", "what nobody wrote"}


def test_a_shard_that_ends_before_the_last_record_ends_the_reading() -> None:
    assert dates(FakeStream([9, 10]), 9, 15) == {"2026-11-10", "2026-11-11"}


def test_a_last_record_that_is_not_there_is_passed() -> None:
    assert dates(FakeStream([9, 20]), 9, 15) == {"2026-11-10"}


@pytest.mark.parametrize("code", ["TrimmedDataAccessException", "ResourceNotFoundException"])
def test_records_that_the_stream_no_longer_has_are_none(code: str) -> None:
    assert dates(FakeStream([1], code), 1, 1) is None


def test_every_other_answer_rises() -> None:
    with pytest.raises(AwsCallFailed, match="stream stream"):
        dates(FakeStream([1], "InternalServerError"), 1, 1)


def test_a_message_that_sqs_moved_itself_names_the_queue_that_it_comes_from(world: World) -> None:
    arn = "arn:aws:sqs:us-east-1:123456789012:countagg-uploads"
    world.focus("queue/dead-letters").set_up()
    url = queue_url(world, NAME)
    for body in ("moved", "sent"):
        world.clients.sqs.send_message(QueueUrl=url, MessageBody=body)

    def add_source(parsed: Any, **_: object) -> None:
        # moto moves messages without saying so.
        for each in parsed.get("Messages", []):
            if each["Body"] == "moved":
                each["Attributes"]["DeadLetterQueueSourceArn"] = arn

    world.clients.sqs.meta.events.register("after-call.sqs.ReceiveMessage", add_source)

    held = DeadLetterQueue(world.clients, url).receive()

    assert {each.body: each.source for each in held} == {"moved": arn, "sent": None}
