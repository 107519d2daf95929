from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

import pytest

from countagg.aws.environments import read_settings
from countagg.aws.pipeline import DayTotals, MappingHealth, Pipeline, QueueDepth, SnapshotHead
from countagg.core.errors import AccessDenied, CountaggError, StackNotFound
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import Snapshot, pack_counters
from tests.aws.by_hand import queue_url
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.world import BUCKET, PLACE, OneClient, World

DAY = "2026-11-20"
PARTS = (
    "topic/uploads",
    "queue",
    "table/snapshots",
    "table/totals",
    "role/processor",
    "function/processor",
    "mapping/processor",
    "bucket",
    "notification",
)


@pytest.fixture
def pipeline(deployed: World) -> Pipeline:
    return Pipeline.deployed(deployed.clients, "countagg")


def snapshot(instance: str, counters: dict[str, int], day: str = DAY) -> Snapshot:
    return Snapshot(
        day=day,
        instance=instance,
        sequencer=f"SEQ-{instance}",
        packed=pack_counters(counters),
        etag=f"etag-{instance}",
        key=f"counters/{day}/values_{instance}",
        uploaded_at="2026-11-20T10:00:00Z",
    )


@pytest.fixture
def unwired(world: World) -> World:
    """Give a stack that never had mappings: moto would run the functions at every item, now and ever after."""
    world.focus("queue/dead-letters", "table", "role/processor", "function/processor").set_up()
    return world


def put(world: World, found: Snapshot) -> None:
    world.clients.dynamodb.put_item(
        TableName="countagg-snapshots",
        Item={
            "Date": {"S": found.day},
            "Instance": {"S": found.instance},
            "Sequencer": {"S": found.sequencer},
            "Counters": {"B": found.packed},
            "ETag": {"S": found.etag},
            "Key": {"S": found.key},
            "UploadedAt": {"S": found.uploaded_at},
            "ExpiresAt": {"N": "1"},
        },
    )


# Finding a stack


def test_settings_are_read_back_from_the_deployed_stack(world: World) -> None:
    world.focus(*PARTS).set_up(world.nodes(stack="mine", prefix="in/"))
    settings = read_settings(world.clients, "mine")
    assert settings == FunctionSettings(
        stack="mine",
        bucket=BUCKET,
        bucket_owner=ACCOUNT,
        prefix="in/",
        output_prefix="totals/",
        dead_letters_url=queue_url(world, "mine-dead-letters"),
        snapshot_retention_days=35,
        totals_retention_days=400,
        alerts_topic_arn=PLACE.topic_arn("mine-alerts"),
    )
    assert Pipeline.deployed(world.clients, "mine").settings == settings


def test_a_stack_that_does_not_exist(world: World) -> None:
    assert read_settings(world.clients, "countagg") is None
    with pytest.raises(StackNotFound, match=PLACE.region) as caught:
        Pipeline.deployed(world.clients, "countagg")
    assert caught.value.exit_code == 5
    assert caught.value.hint


def test_a_stack_that_may_not_be_read_is_not_taken_for_absent(deployed: World) -> None:
    deployed.answers("GetFunctionConfiguration", "AccessDeniedException", "no")
    with pytest.raises(AccessDenied):
        read_settings(deployed.clients, "countagg")


def test_a_function_of_that_name_that_is_not_ours_has_no_settings(deployed: World) -> None:
    deployed.clients.lambda_.update_function_configuration(
        FunctionName="countagg-processor", Environment={"Variables": {"A": "1"}}
    )
    with pytest.raises(CountaggError, match="COUNTAGG_STACK"):
        read_settings(deployed.clients, "countagg")


# Totals


def test_totals_of_a_day_without_uploads(pipeline: Pipeline) -> None:
    assert pipeline.totals(DAY) == DayTotals(DAY, 0, None, Ledger())


def test_totals_of_a_day(unwired: World) -> None:
    pipeline = Pipeline.deployed(unwired.clients, "countagg")
    ledger = Ledger(sums={"A": 3 * 10**9}, contributors={"A": 2}, seen={"i-1": "S1"})
    unwired.clients.dynamodb.put_item(
        TableName="countagg-totals",
        Item={
            "Date": {"S": DAY},
            "Version": {"N": "17"},
            "UpdatedAt": {"S": "2026-11-20T10:00:00Z"},
            "Document": {"B": encode_ledger(ledger)},
        },
    )
    assert pipeline.totals(DAY) == DayTotals(DAY, 17, "2026-11-20T10:00:00Z", ledger)
    assert pipeline.totals("2026-11-19").version == 0


# Snapshots


def as_plain(stored: Snapshot) -> Snapshot:
    """Return it without the item that it was read from."""
    return Snapshot(*(getattr(stored, each.name) for each in fields(Snapshot)))


def test_snapshots_of_a_day_by_instance(unwired: World) -> None:
    pipeline = Pipeline.deployed(unwired.clients, "countagg")
    found = [snapshot("i-1", {"A": 1}), snapshot("i-2", {}), snapshot("i-3", {"B": -1})]
    for each in [*found[::-1], snapshot("i-1", {"A": 9}, "2026-11-19")]:
        put(unwired, each)
    assert [as_plain(each) for each in pipeline.snapshots(DAY)] == found
    assert list(pipeline.snapshot_heads(DAY)) == [
        SnapshotHead(each.instance, each.sequencer, each.etag, each.sequencer) for each in found
    ]
    assert list(pipeline.snapshots("2026-11-18")) == []


class PagedQueries:
    """DynamoDB that answers in pages: moto's limit of 1 MB a page would take long to fill."""

    def __init__(self, items: list[dict[str, Any]]) -> None:
        self.items = items
        self.asked: list[dict[str, Any]] = []

    def get_item(self, **_request: Any) -> dict[str, Any]:
        return {}

    def get_paginator(self, name: str) -> PagedQueries:
        assert name == "query"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.asked.append(request)
        return [{"Items": [item]} for item in self.items] + [{"Items": []}]


def test_heads_come_from_every_page_and_are_read_strongly_consistent(pipeline: Pipeline, deployed: World) -> None:
    items = [
        {"Instance": {"S": name}, "Sequencer": {"S": "1"}, "ETag": {"S": "e"}} for name in ("i-1", "i-2", "i-3")
    ]
    fake = PagedQueries(items)

    clients: Any = OneClient(dynamodb=fake)
    heads = list(Pipeline(clients, pipeline.settings).snapshot_heads(DAY))
    assert [head.instance for head in heads] == ["i-1", "i-2", "i-3"]
    (request,) = fake.asked
    assert request["ConsistentRead"] is True
    assert request["TableName"] == "countagg-snapshots"
    assert "Counters" not in request["ProjectionExpression"]
    assert deployed.mutating


# Uploads


def test_an_upload_returns_its_etag(deployed: World, pipeline: Pipeline) -> None:
    # moto 5.2 ignores the condition of our policy and would refuse every object.
    deployed.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    etag = pipeline.put_counter_file("counters/2026-11-20/values_i-1", b"A 1\n")
    assert etag == hashlib.md5(b"A 1\n").hexdigest()  # noqa: S324 - S3's ETag
    found = deployed.clients.s3.get_object(Bucket=BUCKET, Key="counters/2026-11-20/values_i-1")
    assert found["Body"].read() == b"A 1\n"


class Buckets:
    """S3 that notes who is said to own the bucket: moto 5.2 does not check it."""

    def __init__(self) -> None:
        self.owners: list[str] = []

    def put_object(self, *, ExpectedBucketOwner: str, **_: object) -> dict[str, str]:  # noqa: N803 - AWS's name
        self.owners.append(ExpectedBucketOwner)
        return {"ETag": '"e"'}

    def get_bucket_notification_configuration(
        self,
        *,
        ExpectedBucketOwner: str,  # noqa: N803 - AWS's name
        **_: object,
    ) -> dict[str, str]:
        self.owners.append(ExpectedBucketOwner)
        return {}


def test_a_bucket_that_changed_hands_is_not_used(pipeline: Pipeline) -> None:
    buckets = Buckets()

    clients: Any = OneClient(s3=buckets)
    careful = Pipeline(clients, pipeline.settings)
    careful.put_counter_file("k", b"")
    assert careful.has_notification() is False
    assert buckets.owners == [ACCOUNT, ACCOUNT]


# The state of the parts


def test_a_file_is_deleted_and_an_absent_one_is_no_error(deployed: World, pipeline: Pipeline) -> None:
    # moto 5.2 ignores the condition of our policy and would refuse every object.
    deployed.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    key = "counters/2026-11-20/values_i-1"
    pipeline.put_counter_file(key, b"A 1\n")

    for _ in range(2):
        pipeline.delete_counter_file(key)

    assert "Contents" not in deployed.clients.s3.list_objects_v2(Bucket=BUCKET)


def test_the_memory_of_a_function(pipeline: Pipeline) -> None:
    assert pipeline.function_memory("countagg-processor") == 256
    assert pipeline.function_memory("no-such-function") is None


def test_the_depth_of_a_queue(deployed: World, pipeline: Pipeline) -> None:
    name, url = pipeline.names.dead_letters, pipeline.settings.dead_letters_url
    assert pipeline.queue_depth(name) == QueueDepth(0, 0)
    for _ in range(3):
        deployed.clients.sqs.send_message(QueueUrl=url, MessageBody="x")
    deployed.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    assert pipeline.queue_depth(name) == QueueDepth(2, 1)
    assert pipeline.queue_depth("no-such-queue") is None


def test_a_topic_exists_or_not(pipeline: Pipeline) -> None:
    assert pipeline.topic_exists("countagg-uploads")
    assert not pipeline.topic_exists("uploads")
    assert not pipeline.topic_exists("countagg")


def test_our_notification_is_there_or_not(deployed: World, pipeline: Pipeline) -> None:
    assert pipeline.has_notification()
    # One that CloudFormation made has an id that S3 picks.
    for topic, is_ours in (("countagg-uploads", True), ("countagg-alerts", False)):
        entry: Any = {"Id": "NmQ1", "TopicArn": PLACE.topic_arn(topic), "Events": ["s3:ObjectCreated:*"]}
        deployed.clients.s3.put_bucket_notification_configuration(
            Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": [entry]}
        )
        assert pipeline.has_notification() is is_ours
    deployed.clients.s3.delete_bucket(Bucket=BUCKET)
    assert not pipeline.has_notification()


def test_the_health_of_a_mapping(deployed: World, pipeline: Pipeline) -> None:
    health = pipeline.mapping_health("countagg-processor")
    assert health is not None
    assert health.state == "Enabled"
    (found,) = deployed.clients.lambda_.list_event_source_mappings(FunctionName="countagg-processor")[
        "EventSourceMappings"
    ]
    deployed.clients.lambda_.update_event_source_mapping(UUID=found["UUID"], Enabled=False)
    assert pipeline.mapping_health("countagg-processor") == MappingHealth("Disabled", health.last_result)
    deployed.clients.lambda_.delete_event_source_mapping(UUID=found["UUID"])
    assert pipeline.mapping_health("countagg-processor") is None


def test_the_health_is_not_that_of_somebody_else_s_mapping(deployed: World, pipeline: Pipeline) -> None:
    lambda_, sqs = deployed.clients.lambda_, deployed.clients.sqs
    sqs.create_queue(QueueName="another")
    for ours in lambda_.list_event_source_mappings(FunctionName="countagg-processor")["EventSourceMappings"]:
        lambda_.delete_event_source_mapping(UUID=ours["UUID"])
    lambda_.create_event_source_mapping(
        EventSourceArn=PLACE.queue_arn("another"), FunctionName="countagg-processor"
    )
    assert pipeline.mapping_health("countagg-processor") is None


def test_the_mapping_of_a_function_that_is_gone_is_none(deployed: World, pipeline: Pipeline) -> None:
    deployed.answers("ListEventSourceMappings", "ResourceNotFoundException", "Function not found")
    assert pipeline.mapping_health("countagg-processor") is None


def test_a_table_is_active_or_absent(deployed: World, pipeline: Pipeline) -> None:
    assert pipeline.table_status("countagg-totals") == "ACTIVE"
    deployed.clients.dynamodb.delete_table(TableName="countagg-totals")
    assert pipeline.table_status("countagg-totals") == "absent"


@pytest.mark.parametrize(
    ("operation", "code", "ask"),
    [
        ("GetItem", "ThrottlingException", lambda pipeline: pipeline.totals(DAY)),
        ("Query", "ThrottlingException", lambda pipeline: list(pipeline.snapshots(DAY))),
        ("GetQueueUrl", "RequestThrottled", lambda pipeline: pipeline.queue_depth("q")),
        ("ListTopics", "Throttled", lambda pipeline: pipeline.topic_exists("t")),
        ("GetBucketNotificationConfiguration", "SlowDown", lambda pipeline: pipeline.has_notification()),
        (
            "ListEventSourceMappings",
            "TooManyRequestsException",
            lambda pipeline: pipeline.mapping_health("countagg-processor"),
        ),
        ("DescribeTable", "ThrottlingException", lambda pipeline: pipeline.table_status("t")),
        ("PutObject", "SlowDown", lambda pipeline: pipeline.put_counter_file("k", b"")),
    ],
)
def test_every_other_answer_rises_translated_and_says_where(
    deployed: World, pipeline: Pipeline, operation: str, code: str, ask: Any
) -> None:
    deployed.answers(operation, code, "slow down", times=9)
    with pytest.raises(CountaggError, match=f"{operation} failed: slow down") as caught:
        ask(pipeline)
    assert caught.value.where
