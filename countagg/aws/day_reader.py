"""Reads everything that there is of one day, hop by hop, as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.names import BY_DATE_INDEX, Names
from countagg.core.object_keys import build_object_key
from countagg.core.published import PublishedTotals, parse_published, published_key
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import Snapshot

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

    Item = dict[str, AttributeValueTypeDef]

_GONE: Final = "NoSuchKey"
_ITEMS_AT_ONCE: Final = 100
"""Items of one call, as DynamoDB limits them."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing of the bucket shows it: key, ETag without quotes, size in bytes."""

    key: str
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object as it is now.

    Attributes:
        content: its bytes; None if there are more of them than any counter file may have.
        etag: without quotes.
        size: in bytes.
        modified_at: aware UTC.
    """

    content: bytes | None
    etag: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A day's ledger as it is stored, not yet decoded; version 0 and empty if there is none."""

    version: int = 0
    updated_at: str = ""
    document: bytes = b""


@dataclass(frozen=True, slots=True)
class CounterItem:
    """An item of the counters table: a counter's value in the version in which it changed last."""

    counter: str
    value: Decimal
    version: int


class DayReader:
    """Reads of a deployed stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        self._clients = clients
        self.settings = settings
        self._names = Names(settings.stack)
        self._owner: Any = {"Bucket": settings.bucket, "ExpectedBucketOwner": settings.bucket_owner}

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        """Yield the objects that may be counter files of a day, whatever their names."""
        prefix = build_object_key(self.settings.prefix, day, "")
        with aws_errors(f"objects below {prefix}"):
            for page in self._clients.s3.get_paginator("list_objects_v2").paginate(**self._owner, Prefix=prefix):
                for found in page.get("Contents", []):
                    yield ListedObject(found["Key"], found["ETag"].strip('"'), found["Size"])

    def read_object(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and ETag; None if it is gone."""
        with aws_errors(f"object {key}"):
            answer = self._get(key)
            if answer is None:
                return None
            with answer["Body"] as body:
                return body.read(), answer["ETag"].strip('"')

    def find_object(self, key: str) -> FoundObject | None:
        """Return an object as it is now; None if there is none."""
        with aws_errors(f"object {key}"):
            answer = self._get(key)
            if answer is None:
                return None
            with answer["Body"] as body:
                size = answer["ContentLength"]
                content = body.read() if size <= MAX_FILE_BYTES else None
        return FoundObject(content, answer["ETag"].strip('"'), size, answer["LastModified"].astimezone(UTC))

    def snapshots(self, day: str) -> Iterator[Snapshot]:
        """Yield a day's snapshots by instance, strongly consistent; what an item lacks is empty."""
        for item in self._query(self._names.snapshots, day, ConsistentRead=True):
            yield _snapshot(item, day)

    def snapshot(self, day: str, instance: str) -> Snapshot | None:
        """Return one snapshot, strongly consistent."""
        with aws_errors(f"snapshot {instance} of {day}"):
            answer = self._clients.dynamodb.get_item(
                TableName=self._names.snapshots,
                Key={"Date": {"S": day}, "Instance": {"S": instance}},
                ConsistentRead=True,
            )
        item = answer.get("Item")
        return None if item is None else _snapshot(item, day)

    def sequencers(self, day: str) -> dict[str, str]:
        """Return which version of each file a day's snapshots hold, strongly consistent: instance -> sequencer."""
        items = self._query(
            self._names.snapshots, day, ConsistentRead=True, ProjectionExpression="Instance, Sequencer"
        )
        return {item["Instance"]["S"]: _text(item, "Sequencer") for item in items}

    def ledger(self, day: str) -> StoredDocument:
        """Read a day's ledger, strongly consistent."""
        with aws_errors(f"totals of {day}"):
            answer = self._clients.dynamodb.get_item(
                TableName=self._names.totals, Key={"Date": {"S": day}}, ConsistentRead=True
            )
        item = answer.get("Item")
        if item is None:
            return StoredDocument()
        document = bytes(item.get("Document", {}).get("B", b""))
        return StoredDocument(int(item["Version"]["N"]), _text(item, "UpdatedAt"), document)

    def counters(self, day: str) -> Iterator[CounterItem]:
        """Yield a day's items of the counters table, by its index, which lags behind by moments."""
        for item in self._query(self._names.counters, day, IndexName=BY_DATE_INDEX):
            yield _counter_item(item)

    def counters_exactly(self, day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        """Yield those of a day's counters that the table has, strongly consistent, in no order."""
        keys: list[Any] = [{"Counter": {"S": counter}, "Date": {"S": day}} for counter in counters]
        with aws_errors(f"counters of {day}"):
            while keys:
                asked, keys = keys[:_ITEMS_AT_ONCE], keys[_ITEMS_AT_ONCE:]
                answer = self._clients.dynamodb.batch_get_item(
                    RequestItems={self._names.counters: {"Keys": asked, "ConsistentRead": True}}
                )
                yield from map(_counter_item, answer["Responses"].get(self._names.counters, []))
                # What is throttled is left for another call.
                unprocessed = answer.get("UnprocessedKeys", {}).get(self._names.counters)
                keys += unprocessed["Keys"] if unprocessed else []

    def published(self, day: str) -> PublishedTotals:
        """Read a day's published object."""
        key = published_key(self.settings.output_prefix, day)
        with aws_errors(f"object {key}"):
            answer = self._get(key)
            if answer is None:
                return PublishedTotals()
            with answer["Body"] as body:
                return parse_published(body.read(), answer["Metadata"], answer["ETag"])

    def _get(self, key: str) -> GetObjectOutputTypeDef | None:
        """Ask for an object; None if there is none."""
        try:
            return self._clients.s3.get_object(**self._owner, Key=key)
        except ClientError as error:
            if code_of(error) == _GONE:
                return None
            raise

    def _query(self, table: str, day: str, **more: Any) -> Iterator[Item]:  # noqa: ANN401 - passed on to boto3
        with aws_errors(f"{table} of {day}"):
            pages = self._clients.dynamodb.get_paginator("query").paginate(
                TableName=table,
                KeyConditionExpression="#date = :date",
                ExpressionAttributeNames={"#date": "Date"},
                ExpressionAttributeValues={":date": {"S": day}},
                **more,
            )
            for page in pages:
                yield from page["Items"]


def _snapshot(item: Item, day: str) -> Snapshot:
    return Snapshot(
        day=day,
        instance=item["Instance"]["S"],
        sequencer=_text(item, "Sequencer"),
        packed=bytes(item.get("Counters", {}).get("B", b"")),
        etag=_text(item, "ETag"),
        key=_text(item, "Key"),
        uploaded_at=_text(item, "UploadedAt"),
    )


def _counter_item(item: Item) -> CounterItem:
    version = item.get("Version", {}).get("N", "0")
    return CounterItem(item["Counter"]["S"], Decimal(item.get("Value", {}).get("N", "NaN")), int(version))


def _text(item: Item, name: str) -> str:
    return item.get(name, {}).get("S", "")
