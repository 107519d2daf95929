"""The snapshots and ledgers of a day as they are stored, over however many partitions the day is spread.

What stands in several items is read either in one transaction, as it is at one moment, or item by item and then
again wherever the items do not belong together.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.core.day_record import DayRecord, layout_of, record_key
from countagg.core.days import Expiry
from countagg.core.errors import CorruptDocument
from countagg.core.ledger import Ledger, decode_ledger, merge
from countagg.core.names import Names
from countagg.core.partitions import Layout
from countagg.core.snapshot import Snapshot, join_parts

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

_ATTEMPTS: Final = 20
_IN_ONE_PIECE: Final = Layout()
_CANCELLED: Final = "TransactionCanceledException"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A partition's ledger as it is stored, not yet decoded; version 0 and empty if there is none."""

    version: int = 0
    updated_at: str = ""
    document: bytes = b""


@dataclass(frozen=True, slots=True)
class StoredDay:
    """The ledgers of a day at one moment.

    Attributes:
        parts: one a partition, in the order of the layout's partitions.
        layout: of the day.
    """

    parts: tuple[StoredDocument, ...] = (StoredDocument(),)
    layout: Layout = _IN_ONE_PIECE

    @property
    def version(self) -> int:
        """The sum of the partitions' versions, which grows with every change; 0 if there is no ledger."""
        return sum(part.version for part in self.parts)

    @property
    def updated_at(self) -> str:
        """When the newest was stored, UTC, ISO 8601; empty if there is none."""
        return max(part.updated_at for part in self.parts)

    def decode_parts(self) -> list[Ledger]:
        """Return the ledger of each partition; an empty one for a partition that has none.

        Raises:
            CorruptDocument: one of them cannot be read.
        """
        return [decode_ledger(part.document) if part.version else Ledger() for part in self.parts]

    def decode(self) -> Ledger:
        """Return the ledger of the whole day.

        Raises:
            CorruptDocument: one of its parts cannot be read.
        """
        return merge(self.decode_parts(), self.layout.shards)


class DayTables:
    """Reads of the snapshots and the totals table, strongly consistent unless said otherwise.

    Args:
        clients: to work with.
        names: of the stack.
    """

    def __init__(self, clients: Clients, names: Names) -> None:
        self._clients = clients
        self._names = names
        self._records: dict[str, Item] = {}

    def _record(self, day: str) -> Item | None:
        """Return what the first write of a day fixed for good; None as long as there was none."""
        if day not in self._records:
            with aws_errors(f"record of {day}"):
                answer = self._clients.dynamodb.get_item(
                    TableName=self._names.snapshots, Key=record_key(day), ConsistentRead=True
                )
            item = answer.get("Item")
            if item is None:
                return None
            self._records[day] = item
        return self._records[day]

    def expiry(self, day: str, chosen: Expiry) -> Expiry:
        """Return when a day expires: what was chosen, as long as nothing is fixed."""
        record = self._record(day)
        return chosen if record is None else DayRecord.from_item(record, chosen).expiry

    def fixed_layout(self, day: str) -> Layout | None:
        """Return how a day is spread; None as long as no file of it came."""
        record = self._record(day)
        return None if record is None else layout_of(record)

    def layout(self, day: str) -> Layout:
        """Return how a day is spread; in one piece as long as no file of it was applied."""
        return self.fixed_layout(day) or _IN_ONE_PIECE

    def snapshots(self, day: str, **projection: Any) -> Iterator[Snapshot]:  # noqa: ANN401 - passed on to boto3
        """Yield a day's snapshots, by instance within each lane; what an item lacks is empty.

        Args:
            day: YYYY-MM-DD.
            projection: parameters of the query, by which only some attributes are read.
        """
        layout = self.layout(day)
        for lane in layout.lanes_of(day):
            streams = [self._query(partition, day, **projection) for partition in lane]
            for instance, found in groupby(heapq.merge(*streams, key=_instance), key=_instance):
                parts = list(found)
                if not _belong_together(parts, layout):
                    # The shards were read one after the other: it may have been written in between.
                    parts = self._parts(day, instance, layout)
                if parts:
                    yield _snapshot(day, instance, parts, layout)

    def snapshot(self, day: str, instance: str) -> Snapshot | None:
        """Return one snapshot."""
        layout = self.layout(day)
        parts = self._parts(day, instance, layout)
        return _snapshot(day, instance, parts, layout) if parts else None

    def _parts(self, day: str, instance: str, layout: Layout) -> list[Item]:
        table, partitions = self._names.snapshots, layout.partitions_of(day, instance)
        with aws_errors(f"snapshot {instance} of {day}"):
            if len(partitions) == 1:
                key: Any = _key(partitions[0], instance)
                answer = self._clients.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
                return [answer["Item"]] if "Item" in answer else []
            found = self._at_one_moment(table, [_key(partition, instance) for partition in partitions])
            return [item for item in found if item is not None]

    def heads(self, day: str, **projection: Any) -> Iterator[Item]:  # noqa: ANN401 - passed on to boto3
        """Yield an item of each snapshot: its parts are the same but for the counters, and written together."""
        for partition in self.layout(day).first_partitions(day):
            yield from self._query(partition, day, **projection)

    def partition(self, partition: str, day: str) -> Iterator[Snapshot]:
        """Yield what one partition of a day holds of its snapshots."""
        for item in self._query(partition, day):
            yield _snapshot(day, _instance(item), [item], _IN_ONE_PIECE)

    def ledgers(self, day: str, *, consistent: bool = True, **projection: Any) -> StoredDay:  # noqa: ANN401 - of boto3
        """Read a day's ledgers, all of them as they are at one moment.

        Args:
            day: YYYY-MM-DD.
            consistent: whether a ledger in one piece may not be a moment old. Several never are.
            projection: parameters of the call, by which only some attributes are read.
        """
        layout = self.layout(day)
        table, partitions = self._names.totals, layout.partitions(day)
        with aws_errors(f"totals of {day}"):
            if layout.is_split:
                found = self._at_one_moment(table, [_key(partition) for partition in partitions], **projection)
            else:
                more: Any = {"ConsistentRead": True} if consistent else {}
                answer = self._clients.dynamodb.get_item(TableName=table, Key=_key(day), **more, **projection)
                found = [answer.get("Item")]
        return StoredDay(tuple(map(_stored, found)), layout)

    def ledgers_one_by_one(self, day: str) -> StoredDay:
        """Read a day's ledgers each by itself: they may be too large to be read at one moment."""
        layout = self.layout(day)
        with aws_errors(f"totals of {day}"):
            answers = [
                self._clients.dynamodb.get_item(TableName=self._names.totals, Key=_key(partition))
                for partition in layout.partitions(day)
            ]
        return StoredDay(tuple(_stored(answer.get("Item")) for answer in answers), layout)

    def _at_one_moment(self, table: str, keys: Sequence[Any], **projection: Any) -> list[Item | None]:  # noqa: ANN401
        asked: Any = [{"Get": {"TableName": table, "Key": key, **projection}} for key in keys]
        left = _ATTEMPTS
        while True:
            left -= 1
            try:
                answers = self._clients.dynamodb.transact_get_items(TransactItems=asked)["Responses"]
            except ClientError as error:
                # A write of one of the items was under way (`TransactGetItems`, Amazon DynamoDB API Reference).
                if code_of(error) != _CANCELLED or not left:
                    raise
            else:
                return [answer.get("Item") for answer in answers]

    def _query(self, partition: str, day: str, **more: Any) -> Iterator[Item]:  # noqa: ANN401 - passed on to boto3
        names = {"#date": "Date", **more.pop("ExpressionAttributeNames", {})}
        with aws_errors(f"snapshots of {day}"):
            pages = self._clients.dynamodb.get_paginator("query").paginate(
                TableName=self._names.snapshots,
                KeyConditionExpression="#date = :date",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":date": {"S": partition}},
                ConsistentRead=True,
                **more,
            )
            for page in pages:
                yield from page["Items"]


def _key(partition: str, instance: str = "") -> Any:  # noqa: ANN401 - a parameter of boto3
    return {"Date": {"S": partition}} | ({"Instance": {"S": instance}} if instance else {})


def _instance(item: Item) -> str:
    return item["Instance"]["S"]


def _belong_together(parts: Sequence[Item], layout: Layout) -> bool:
    return len(parts) == layout.shards and len({text_of(part, "Sequencer") for part in parts}) == 1


def _snapshot(day: str, instance: str, parts: Sequence[Item], layout: Layout) -> Snapshot:
    """Make a snapshot of its parts, at least one. Where they do not belong together, it cannot be read."""
    newest = max(parts, key=lambda part: text_of(part, "Sequencer"))
    packed = [bytes(part.get("Counters", {}).get("B", b"")) for part in parts]
    return Snapshot(
        day=day,
        instance=instance,
        sequencer=text_of(newest, "Sequencer"),
        packed=_joined(packed) if _belong_together(parts, layout) else b"",
        etag=text_of(newest, "ETag"),
        key=text_of(newest, "Key"),
        uploaded_at=text_of(newest, "UploadedAt"),
    )


def _joined(packed: Sequence[bytes]) -> bytes:
    try:
        return join_parts(packed)
    except CorruptDocument:
        return b""


def _stored(item: Item | None) -> StoredDocument:
    if item is None:
        return StoredDocument()
    document = bytes(item.get("Document", {}).get("B", b""))
    return StoredDocument(int(item["Version"]["N"]), text_of(item, "UpdatedAt"), document)


def text_of(item: Item, name: str) -> str:
    """Return an attribute's text; empty if it is not there."""
    return item.get(name, {}).get("S", "")
