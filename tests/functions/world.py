"""A stack's tables, bucket and queue on moto, without event mappings: tests carry the events themselves."""

from __future__ import annotations

import base64
import copy
import functools
import io
import itertools
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote_plus

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.counter_file import read_canonical
from countagg.core.ledger import Ledger, decode_ledger
from countagg.core.names import METRICS_NAMESPACE, Names
from countagg.core.partitions import parse_partition
from countagg.core.sequencer import normalise_sequencer
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import Snapshot, pack_counters
from countagg.core.values import SCALE
from countagg.data.snapshots import NewSnapshot
from countagg.data.store import Store
from countagg.functions.clients import FunctionClients, make_clients
from countagg.functions.processor import Processor
from tests.events.loading import load_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeDefinitionTypeDef, KeySchemaElementTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

REGION = "us-east-1"
ACCOUNT = "123456789012"
BUCKET = "fleet-counters"
DAY = "2026-11-20"
NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
REQUEST_ID = "8c6b7a1e-0000-4000-8000-000000000001"

C = TypeVar("C")


class NetworkReached(BaseException):
    """A test tried to reach the network. No `Exception`, so that no handler under test swallows it."""


class Context(LambdaContext):
    """What Lambda says about an invocation."""

    def __init__(self, *remaining: int) -> None:
        self._aws_request_id = REQUEST_ID
        self._remaining = list(remaining)

    def get_remaining_time_in_millis(self) -> int:  # type: ignore[override]  # static in powertools' description
        """Return the given times one after the other, and the last one from then on."""
        return self._remaining.pop(0) if len(self._remaining) > 1 else self._remaining[0]


class _Overridden:
    def __init__(self, client: object, operations: Mapping[str, Callable[..., Any]]) -> None:
        self._client = client
        self._operations = operations

    def __getattr__(self, name: str) -> object:
        return self._operations.get(name) or getattr(self._client, name)


def overridden(client: C, **operations: Callable[..., Any]) -> C:
    """Return the client with some operations replaced."""
    return cast("C", _Overridden(client, operations))


@dataclass
class Calls:
    """Counts calls that reach (mocked) AWS, with their parameters."""

    made: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def note(self, params: dict[str, Any], model: Any, **_: object) -> None:
        """Handle `before-parameter-build`."""
        self.made.append((model.name, copy.deepcopy(params)))

    def of(self, operation: str) -> list[dict[str, Any]]:
        """Return the parameters of each call of an operation."""
        return [params for name, params in self.made if name == operation]


@dataclass
class Batch:
    """What came of a batch of queue messages: the positions of those that are to come again."""

    retried: list[int]


@dataclass
class World:
    """One stack on moto, with the clock at `NOW`."""

    settings: FunctionSettings
    clients: FunctionClients
    store: Store
    calls: Calls
    log: io.StringIO
    logger: Logger
    metrics: EphemeralMetrics
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def names(self) -> Names:
        """Names of the stack's resources."""
        return Names(self.settings.stack)

    def now(self) -> datetime:
        """Return the time, which stands still."""
        return NOW

    def log_lines(self) -> list[dict[str, Any]]:
        """Return what was logged."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    # The bucket and its events

    def put(self, instance: str, content: bytes, day: str = DAY) -> str:
        """Write an instance's file; return its key."""
        key = f"{self.settings.prefix}{day}/values_{instance}"
        self.put_key(key, content)
        return key

    def put_key(self, key: str, content: bytes) -> None:
        """Write an object."""
        self.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.clients.s3.delete_object(Bucket=BUCKET, Key=key)

    def created(self, key: str, sequencer: str | None = None, version_id: str | None = None) -> str:
        """Return the message that tells of a write, with a newer sequencer than any before unless one is given."""
        message = json.loads(self._message("s3-object-created-put", key, sequencer))
        if version_id is not None:
            message["Records"][0]["s3"]["object"]["versionId"] = version_id
        return json.dumps(message)

    def removed(self, key: str, sequencer: str | None = None) -> str:
        """Return the message that tells of a removal."""
        return self._message("s3-object-removed-delete", key, sequencer)

    def _message(self, event: str, key: str, sequencer: str | None) -> str:
        message = load_event(event)
        entity = message["Records"][0]["s3"]["object"]
        entity["key"] = quote_plus(key, safe="/")
        entity["sequencer"] = sequencer or self.next_sequencer()
        return json.dumps(message)

    def next_sequencer(self) -> str:
        """Return a newer sequencer than any before."""
        return f"00674760B0{next(self._numbers):08X}"

    # The processor

    def process(self, *bodies: str, context: Context | None = None, store: Store | None = None) -> Batch:
        """Hand messages to the processor in one batch."""
        records = [sqs_record(body, str(position)) for position, body in enumerate(bodies)]
        processor = Processor(self.settings, store or self.store, self.logger, self.metrics, self.now)
        answer = processor.handle({"Records": records}, context or Context(60_000))
        assert set(answer) == {"batchItemFailures"}
        return Batch([int(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]])

    def process_between_good_ones(self, *bodies: str, store: Store | None = None, retried: bool = False) -> None:
        """Hand messages to the processor between two good files.

        Asserts that the good ones are applied, and that exactly the others are retried, or nothing is.
        """
        before, after = self.put("i-before", b"n 1\n"), self.put("i-after", b"n 2\n")
        batch = self.process(self.created(before), *bodies, self.created(after), store=store)
        assert self.counters_of("i-before") == {"n": SCALE}
        assert self.counters_of("i-after") == {"n": 2 * SCALE}
        assert batch.retried == (list(range(1, len(bodies) + 1)) if retried else [])

    # Tables and queue

    def snapshot_item(self, instance: str, day: str = DAY) -> dict[str, Any] | None:
        """Return the item of an instance's snapshot, or None."""
        answer = self.clients.dynamodb.get_item(
            TableName=self.names.snapshots,
            Key={"Date": {"S": day}, "Instance": {"S": instance}},
            ConsistentRead=True,
        )
        item = answer.get("Item")
        return None if item is None else dict(item)

    def counters_of(self, instance: str, day: str = DAY) -> dict[str, int] | None:
        """Return the counters of an instance's snapshot, or None if there is none."""
        item = self.snapshot_item(instance, day)
        return None if item is None else read_canonical(zlib.decompress(item["Counters"]["B"]))

    def totals_item(self, day: str = DAY) -> dict[str, Any] | None:
        """Return the item of a day's ledger, or None."""
        answer = self.clients.dynamodb.get_item(
            TableName=self.names.totals, Key={"Date": {"S": day}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return None if item is None else dict(item)

    def ledger(self, day: str = DAY) -> Ledger:
        """Return a day's ledger."""
        item = self.totals_item(day)
        assert item is not None, f"no ledger of {day}"
        return decode_ledger(item["Document"]["B"])

    def refusals(self) -> list[dict[str, Any]]:
        """Take everything out of the dead letter queue."""
        found = []
        while messages := self.clients.sqs.receive_message(
            QueueUrl=self.settings.dead_letters_url, MaxNumberOfMessages=10
        ).get("Messages"):
            found += [json.loads(message["Body"]) for message in messages]
        return found

    def snapshot_changed(self, instance: str, counters: Mapping[str, int], day: str = DAY) -> dict[str, Any]:
        """Write a snapshot as the processor does; return the record that the table's stream emits.

        Of a day that is split, `day` is the key of a partition.
        """
        old = self.snapshot_item(instance, day)
        snapshot = Snapshot(
            day=parse_partition(day).day,
            instance=instance,
            sequencer=normalise_sequencer(self.next_sequencer()),
            packed=pack_counters(counters),
            etag="d41d8cd98f00b204e9800998ecf8427e",
            key=f"{self.settings.prefix}{day}/values_{instance}",
            uploaded_at=NOW.isoformat(),
        )
        assert self.store.snapshots.put(
            NewSnapshot({day: snapshot}), self.settings.expiry_of(snapshot.day).snapshots
        )
        new = self.snapshot_item(instance, day)
        assert new is not None
        record = load_event("stream-snapshot-insert")
        record["eventName"] = "MODIFY" if old else "INSERT"
        record["dynamodb"] |= {
            "Keys": {"Date": {"S": day}, "Instance": {"S": instance}},
            "NewImage": as_event(new),
        }
        if old:
            record["dynamodb"]["OldImage"] = as_event(old)
        return record


def clients_of(*, s3: object = None, sqs: object = None, dynamodb: object = None) -> FunctionClients:
    """Return fakes in the places of boto3's clients."""
    return FunctionClients(cast("S3Client", s3), cast("SQSClient", sqs), cast("DynamoDBClient", dynamodb))


def sqs_record(body: str, message_id: str) -> dict[str, Any]:
    """Return a message as Lambda hands it over."""
    return load_event("sqs-record") | {"messageId": message_id, "body": body}


def as_event(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item as Lambda shows it in a stream event: binaries as base64."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }


def emitted_metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the embedded metrics on stdout, added up, after checking their form."""
    found: dict[str, float] = {}
    for line in capsys.readouterr().out.splitlines():
        document = json.loads(line)
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == METRICS_NAMESPACE
        assert directive["Dimensions"] == [["service"]]
        for metric in directive["Metrics"]:
            assert metric["Unit"] == "Count"
            found[metric["Name"]] = found.get(metric["Name"], 0) + sum(document[metric["Name"]])
    return found


@functools.cache
def _watched_clients() -> tuple[FunctionClients, Calls]:
    """Make clients that all worlds share, because that takes longer than most tests."""
    clients, calls = make_clients(), Calls()
    for client in (clients.s3, clients.sqs, clients.dynamodb):
        client.meta.events.register("before-parameter-build", calls.note)
    return clients, calls


def make_world() -> World:
    """Create the resources and return them, with everything that a handler takes."""
    clients, calls = _watched_clients()
    names = Names("countagg")
    clients.s3.create_bucket(Bucket=BUCKET)
    queue_url = clients.sqs.create_queue(QueueName=names.dead_letters)["QueueUrl"]
    date: AttributeDefinitionTypeDef = {"AttributeName": "Date", "AttributeType": "S"}
    instance: AttributeDefinitionTypeDef = {"AttributeName": "Instance", "AttributeType": "S"}
    partition: KeySchemaElementTypeDef = {"AttributeName": "Date", "KeyType": "HASH"}
    sort: KeySchemaElementTypeDef = {"AttributeName": "Instance", "KeyType": "RANGE"}
    clients.dynamodb.create_table(
        TableName=names.snapshots,
        AttributeDefinitions=[date, instance],
        KeySchema=[partition, sort],
        BillingMode="PAY_PER_REQUEST",
    )
    clients.dynamodb.create_table(
        TableName=names.totals, AttributeDefinitions=[date], KeySchema=[partition], BillingMode="PAY_PER_REQUEST"
    )
    counter: AttributeDefinitionTypeDef = {"AttributeName": "Counter", "AttributeType": "S"}
    by_date: KeySchemaElementTypeDef = {"AttributeName": "Date", "KeyType": "RANGE"}
    clients.dynamodb.create_table(
        TableName=names.counters,
        AttributeDefinitions=[counter, date],
        KeySchema=[{"AttributeName": "Counter", "KeyType": "HASH"}, by_date],
        GlobalSecondaryIndexes=[
            {"IndexName": "ByDate", "KeySchema": [partition], "Projection": {"ProjectionType": "ALL"}}
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    settings = FunctionSettings(
        stack=names.stack,
        bucket=BUCKET,
        bucket_owner=ACCOUNT,
        prefix="counters/",
        output_prefix="totals/",
        dead_letters_url=queue_url,
        snapshot_retention_days=35,
        totals_retention_days=400,
        alerts_topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:{names.alerts}",
    )
    calls.made.clear()
    log = io.StringIO()
    # Powertools keeps the handlers of a service's logger, so each world has a service of its own.
    service = f"test-{next(_WORLDS)}"
    return World(
        settings=settings,
        clients=clients,
        store=Store(settings, clients),
        calls=calls,
        log=log,
        logger=Logger(service=service, stream=log),
        metrics=EphemeralMetrics(namespace=METRICS_NAMESPACE, service=service),
    )


_WORLDS = itertools.count(1)
