"""Reads everything that there is of one day, hop by hop, as it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from countagg.aws.day_tables import DayTables
from countagg.aws.errors import DENIED, aws_errors, code_of, message_of
from countagg.aws.session import Clients
from countagg.aws.stored_items import CounterItem, Item, StoredRecord, StoredSnapshot, counter_item, text_of
from countagg.aws.stored_ledgers import StoredDay
from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.days import Expiry
from countagg.core.errors import CountaggError, UnreadableObject
from countagg.core.ledger import MAX_DOCUMENT_BYTES
from countagg.core.names import BY_DATE_INDEX, Names
from countagg.core.object_keys import FILE_NAME_PREFIX, build_object_key
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals, published_key, read_strictly, unread_published
from countagg.core.settings import FunctionSettings
from countagg.core.unreadable import describe_unreadable, is_denial_of_key, unreadable_reason

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectTypeDef

_GONE: Final = "NoSuchKey"
_UNSEEN: Final = "the bucket lists it, but S3 answers 404 when it is read"
_UNSEEN_HINT: Final = "for up to 15 minutes after versioning was first enabled it may do so; try again then"
_ITEMS_AT_ONCE: Final = 100
"""Items of one call, as DynamoDB limits them."""


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object as a listing of the bucket shows it.

    Attributes:
        key: the object's.
        etag: without quotes.
        size: in bytes.
        modified_at: aware UTC.
    """

    key: str
    etag: str
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object as it is now.

    Attributes:
        content: its bytes; None if there are more of them than any counter file may have, or it cannot be read.
        etag: without quotes.
        size: in bytes.
        modified_at: aware UTC.
        unreadable: why S3 does not read it out; None if S3 does.
    """

    content: bytes | None
    etag: str
    size: int
    modified_at: datetime
    unreadable: str | None = None


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
        self._tables = DayTables(clients, self._names, settings.layout)
        self._readable_folders: set[str] = set()
        self._owner: Any = {"Bucket": settings.bucket, "ExpectedBucketOwner": settings.bucket_owner}

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        """Yield the objects that may be counter files of a day, whatever their names."""
        prefix = build_object_key(self.settings.prefix, day, "")
        with aws_errors(f"objects below {prefix}"):
            for page in self._clients.s3.get_paginator("list_objects_v2").paginate(**self._owner, Prefix=prefix):
                for found in page.get("Contents", []):
                    yield _listed(found)

    def listed(self, key: str) -> ListedObject | None:
        """Return an object as the bucket lists it; None if it does not.

        A listing is consistent, also where GET answers 404 for an object that exists.
        """
        with aws_errors(f"object {key}"):
            # Keys come in order, so the key itself comes before those that begin with it.
            answer = self._clients.s3.list_objects_v2(**self._owner, Prefix=key, MaxKeys=1)
        for found in answer.get("Contents", []):
            if found["Key"] == key:
                return _listed(found)
        return None

    def read_object(self, key: str) -> tuple[bytes, str] | None:
        """Return an object's bytes and ETag; None if it is not found.

        Raises:
            UnreadableObject: S3 does not read it out, for a reason of the object's own.
        """
        with aws_errors(f"object {key}"):
            answer = self._get_file(key)
            if answer is None:
                return None
            with answer["Body"] as body:
                return body.read(), answer["ETag"].strip('"')

    def find_object(self, key: str) -> FoundObject | None:
        """Return an object as it is now; None if there is none."""
        with aws_errors(f"object {key}"):
            try:
                answer = self._get_file(key)
            except UnreadableObject as error:
                found = self.listed(key)
                if found is None:
                    return None
                return FoundObject(None, found.etag, found.size, found.modified_at, error.what)
            if answer is None:
                return None
            with answer["Body"] as body:
                size = answer["ContentLength"]
                content = body.read() if size <= MAX_FILE_BYTES else None
        return FoundObject(content, answer["ETag"].strip('"'), size, answer["LastModified"].astimezone(UTC))

    def expiry(self, day: str) -> Expiry:
        """Return when a day expires; by the settings if no file of it came yet."""
        return self._tables.expiry(day, self.settings.expiry_of(day))

    def layout(self, day: str) -> Layout:
        """Return how a day is spread."""
        return self._tables.layout(day)

    def record(self, day: str, *, searched: bool = False) -> StoredRecord:
        """Return what is written down of a day (`DayTables.record`)."""
        return self._tables.record(day, searched=searched)

    def layout_of_files(self, day: str) -> Layout:
        """Return how the processor spreads a day's files: as the settings say if none was applied yet."""
        return self._tables.fixed_layout(day) or self.settings.layout

    def snapshots(self, day: str) -> Iterator[StoredSnapshot]:
        """Yield a day's snapshots by instance, strongly consistent; what cannot be read is empty."""
        return self._tables.snapshots(day)

    def snapshot(self, day: str, instance: str) -> StoredSnapshot | None:
        """Return one snapshot, strongly consistent."""
        return self._tables.snapshot(day, instance)

    def snapshot_items(self, day: str, instance: str) -> list[Item]:
        """Return the items of one snapshot as they are stored, strongly consistent."""
        return self._tables.parts(day, instance)

    def snapshots_of(self, partition: str, day: str) -> Iterator[StoredSnapshot]:
        """Yield what one partition of a day holds of its snapshots, strongly consistent."""
        return self._tables.partition(partition, day)

    def sequencers(self, day: str) -> dict[str, str]:
        """Return which version of each file a day's snapshots hold, strongly consistent: instance -> sequencer."""
        items = self._tables.heads(day, ProjectionExpression="Instance, Sequencer")
        return {item["Instance"]["S"]: text_of(item, "Sequencer") for item in items}

    def ledger(self, day: str) -> StoredDay:
        """Read a day's ledger as it is at one moment, strongly consistent."""
        return self._tables.ledgers(day)

    def counters(self, day: str) -> Iterator[CounterItem]:
        """Yield a day's items of the counters table, by its index, which lags behind by moments."""
        for item in self._counter_items(day):
            yield counter_item(item)

    def counters_exactly(self, day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        """Yield those of a day's counters that the table has, strongly consistent, in no order."""
        keys: list[Any] = [{"Counter": {"S": counter}, "Date": {"S": day}} for counter in counters]
        with aws_errors(f"counters of {day}"):
            while keys:
                asked, keys = keys[:_ITEMS_AT_ONCE], keys[_ITEMS_AT_ONCE:]
                answer = self._clients.dynamodb.batch_get_item(
                    RequestItems={self._names.counters: {"Keys": asked, "ConsistentRead": True}}
                )
                yield from map(counter_item, answer["Responses"].get(self._names.counters, []))
                # What is throttled is left for another call.
                unprocessed = answer.get("UnprocessedKeys", {}).get(self._names.counters)
                keys += unprocessed["Keys"] if unprocessed else []

    def published(self, day: str) -> PublishedTotals:
        """Read a day's published object.

        Raises:
            CountaggError: there is one, but it is not found.
        """
        key = published_key(self.settings.output_prefix, day)
        with aws_errors(f"object {key}"):
            try:
                answer = self._get(key)
            except ClientError as error:
                unread = unread_published(code_of(error), message_of(error))
                if unread is None:
                    raise
                return unread
            if answer is None and self.listed(key) is not None:
                # It may have been written since it was asked for.
                answer = self._get(key)
                if answer is None:
                    raise CountaggError(_UNSEEN, where=f"object {key}", hint=_UNSEEN_HINT)
            if answer is None:
                return PublishedTotals()
            with answer["Body"] as body:
                return read_strictly(
                    # One of ours is never larger.
                    body.read(MAX_DOCUMENT_BYTES + 1),
                    answer["Metadata"],
                    answer.get("ContentType", ""),
                    answer["ETag"],
                    self.settings.stack,
                )

    def _get_file(self, key: str) -> GetObjectOutputTypeDef | None:
        try:
            return self._get(key)
        except ClientError as error:
            code, text = code_of(error), message_of(error)
            reason = unreadable_reason(code, text)
            if reason is None and code in DENIED and self._may_read_beside(key):
                reason = describe_unreadable("access to it alone is denied", code, text)
            if reason is None:
                raise
            denied = is_denial_of_key(code, text)
            raise UnreadableObject(reason, denied=denied, where=f"object {key}") from error

    def _may_read_beside(self, key: str) -> bool:
        """Tell whether the principal may read other files of a folder, so that a denial is about one of them.

        Of an object that is not there, S3 answers 404 only to who may read and list it
        (docs/aws-facts.md#s3-events).
        """
        folder = key.rpartition("/")[0]
        if folder not in self._readable_folders:
            try:
                self._get(f"{folder}/{FILE_NAME_PREFIX}{uuid4().hex}")
            except ClientError as error:
                if code_of(error) not in DENIED:
                    raise
                return False
            self._readable_folders.add(folder)
        return True

    def _get(self, key: str) -> GetObjectOutputTypeDef | None:
        """Ask for an object; None if there is none."""
        try:
            return self._clients.s3.get_object(**self._owner, Key=key)
        except ClientError as error:
            if code_of(error) == _GONE:
                return None
            raise

    def _counter_items(self, day: str) -> Iterator[Item]:
        with aws_errors(f"{self._names.counters} of {day}"):
            pages = self._clients.dynamodb.get_paginator("query").paginate(
                TableName=self._names.counters,
                IndexName=BY_DATE_INDEX,
                KeyConditionExpression="#date = :date",
                ExpressionAttributeNames={"#date": "Date"},
                ExpressionAttributeValues={":date": {"S": day}},
            )
            for page in pages:
                yield from page["Items"]


def _listed(found: ObjectTypeDef) -> ListedObject:
    modified_at = found["LastModified"].astimezone(UTC)
    return ListedObject(found["Key"], found["ETag"].strip('"'), found["Size"], modified_at)
