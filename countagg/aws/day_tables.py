"""The snapshots and ledgers of a day as they are stored, over however many partitions the day is spread.

What stands in several items is read either in one transaction, as it is at one moment, or item by item and then
again wherever the items do not belong together.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.aws.stored_items import (
    Item,
    StoredRecord,
    StoredSnapshot,
    belong_together,
    expiry_of,
    layout_of,
    may_expire,
    stored_snapshot,
    text_of,
    whole_number,
)
from countagg.aws.stored_ledgers import StoredDay, stored_ledger
from countagg.core.day_record import record_key
from countagg.core.days import Expiry
from countagg.core.names import Names
from countagg.core.partitions import LAYOUTS_PARTITION, Layout

_ATTEMPTS: Final = 20
_IN_ONE_PIECE: Final = Layout()
_CANCELLED: Final = "TransactionCanceledException"


class DayTables:
    """Reads of the snapshots and the totals table, strongly consistent unless said otherwise.

    Args:
        clients: to work with.
        names: of the stack.
        chosen: how days yet to begin are spread.
    """

    def __init__(self, clients: Clients, names: Names, chosen: Layout = _IN_ONE_PIECE) -> None:
        self._clients = clients
        self._chosen = chosen
        self._names = names
        self._items: dict[str, Item] = {}
        self._layouts: dict[str, Layout] = {}
        self._expiries: dict[str, Expiry] = {}

    def fixed_layout(self, day: str) -> Layout | None:
        """Return how a day is spread, which never changes; None as long as no file of it came.

        Where that is written down and cannot be read, what is stored of the day tells it.
        """
        if day not in self._layouts:
            record = self.record(day)
            return record.layout or record.actual
        return self._layouts[day]

    def expiry(self, day: str, chosen: Expiry) -> Expiry:
        """Return when a day expires: what was chosen, as long as nothing is fixed.

        Where that is written down and cannot be right, what is stored of the day tells it.
        """
        if day not in self._items:
            self.record(day)
        if day not in self._layouts:
            return chosen
        if day not in self._expiries:
            fixed = expiry_of(self._items.get(day, {}), day, chosen)
            self._expiries[day] = self._likely_expiry(day, chosen, *fixed)
        return self._expiries[day]

    def _likely_expiry(self, day: str, chosen: Expiry, snapshots: int | None, totals: int | None) -> Expiry:
        """Return when a day expires: by its record, or by what is stored where the record cannot be right."""
        if snapshots is None or snapshots < chosen.snapshots:
            names = {"ProjectionExpression": "Instance, ExpiresAt"}
            stored = Counter(whole_number(item.get("ExpiresAt")) for item in self.heads(day, **names))
            told = max((each for each, _ in stored.most_common(1) if each and may_expire(day, each)), default=0)
            snapshots = max(told, snapshots or 0) or chosen.snapshots
        if totals is None or totals <= snapshots:
            ledgers = self._ledger_items(day, self.layout(day))
            ends = [whole_number(item.get("ExpiresAt")) or 0 for item in ledgers if item is not None]
            told = max((each for each in ends if may_expire(day, each)), default=0)
            totals = max(told or chosen.totals, snapshots + 1)
        return Expiry(snapshots, totals)

    def record(self, day: str, *, searched: bool = False) -> StoredRecord:
        """Read what is written down of a day.

        Where that cannot be read, what is stored of the day says how it is spread; from then on it is read so.

        Args:
            day: YYYY-MM-DD.
            searched: whether to look for what is stored in another layout than the one that is written down, or
                though none is.
        """
        with aws_errors(f"record of {day}"):
            answer = self._clients.dynamodb.get_item(
                TableName=self._names.snapshots, Key=record_key(day), ConsistentRead=True
            )
        item = answer.get("Item")
        if item is not None:
            self._items[day] = item
        self._expiries.pop(day, None)
        layout = layout_of(item) if item else None
        unreadable = item is not None and layout is None
        actual = self._stored_layout(day, layout) if searched or unreadable else None
        if actual is None and unreadable:
            actual = self._chosen
        if known := actual or layout:
            self._layouts[day] = known
        return StoredRecord(item, layout, actual)

    def _stored_layout(self, day: str, besides: Layout | None) -> Layout | None:
        """Return the layout in which there is something of a day: as is chosen now, or another day is spread."""
        others = [layout_of(item) for item in self._query(LAYOUTS_PARTITION, day)]
        candidates = dict.fromkeys([self._chosen, _IN_ONE_PIECE, *filter(None, others)])
        return next((each for each in candidates if each != besides and self._is_stored(day, each)), None)

    def _is_stored(self, day: str, layout: Layout) -> bool:
        if any(item is not None for item in self._ledger_items(day, layout)):
            return True
        return any(True for partition in layout.first_partitions(day) for _ in self._query(partition, day))

    def layout(self, day: str) -> Layout:
        """Return how a day is spread; in one piece as long as no file of it was applied."""
        return self.fixed_layout(day) or _IN_ONE_PIECE

    def snapshots(self, day: str, **projection: Any) -> Iterator[StoredSnapshot]:  # noqa: ANN401 - passed on to boto3
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
                if not belong_together(parts, layout):
                    # The shards were read one after the other: it may have been written in between.
                    parts = self._parts(day, instance, layout)
                if parts:
                    yield stored_snapshot(day, instance, parts, layout)

    def snapshot(self, day: str, instance: str) -> StoredSnapshot | None:
        """Return one snapshot."""
        layout = self.layout(day)
        parts = self._parts(day, instance, layout)
        return stored_snapshot(day, instance, parts, layout) if parts else None

    def parts(self, day: str, instance: str) -> list[Item]:
        """Return the items of one snapshot, as they are stored."""
        return self._parts(day, instance, self.layout(day))

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

    def partition(self, partition: str, day: str) -> Iterator[StoredSnapshot]:
        """Yield what one partition of a day holds of its snapshots."""
        for item in self._query(partition, day):
            yield stored_snapshot(day, _instance(item), [item], _IN_ONE_PIECE)

    def ledgers(self, day: str, *, consistent: bool = True, **projection: Any) -> StoredDay:  # noqa: ANN401 - of boto3
        """Read a day's ledgers, all of them as they are at one moment.

        Args:
            day: YYYY-MM-DD.
            consistent: whether a ledger in one piece may not be a moment old. Several never are.
            projection: parameters of the call, by which only some attributes are read.
        """
        layout = self.layout(day)
        found = self._ledger_items(day, layout, consistent=consistent, **projection)
        return StoredDay(tuple(map(stored_ledger, found)), layout)

    def _ledger_items(
        self,
        day: str,
        layout: Layout,
        *,
        consistent: bool = True,
        **projection: Any,  # noqa: ANN401 - of boto3
    ) -> list[Item | None]:
        table, partitions = self._names.totals, layout.partitions(day)
        with aws_errors(f"totals of {day}"):
            if layout.is_split:
                return self._at_one_moment(table, [_key(partition) for partition in partitions], **projection)
            more: Any = {"ConsistentRead": True} if consistent else {}
            answer = self._clients.dynamodb.get_item(TableName=table, Key=_key(day), **more, **projection)
            return [answer.get("Item")]

    def ledgers_one_by_one(self, day: str) -> StoredDay:
        """Read a day's ledgers each by itself: they may be too large to be read at one moment."""
        layout = self.layout(day)
        with aws_errors(f"totals of {day}"):
            answers = [
                self._clients.dynamodb.get_item(TableName=self._names.totals, Key=_key(partition))
                for partition in layout.partitions(day)
            ]
        return StoredDay(tuple(stored_ledger(answer.get("Item")) for answer in answers), layout)

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
    return text_of(item, "Instance")
