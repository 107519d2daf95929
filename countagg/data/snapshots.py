"""Snapshots in their table: an item for each instance's file of a day, or one a shard of the counters.

Written under the sequencer of the file's event, and only over one of an earlier event. An upload that repeats the
counters which are stored moves this order on, so that no older one can win any more, and nothing else: the version
of the content stays, and the write says that it changed the order alone, by which the stream's mapping leaves it
out (`provision.functions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Image
from countagg.core.partitions import Layout
from countagg.core.sequencer import is_normalised
from countagg.core.silence import LastUpload
from countagg.core.snapshot import CHANGE_ATTRIBUTE, Snapshot, SnapshotChange, have_same_counters, join_parts
from countagg.data.attributes import DATE, EXPIRES_AT, Attribute, BinaryAttribute, Item, TextAttribute, unchanged
from countagg.data.calls import DataClients, StoredTable

INSTANCE: Final = TextAttribute("Instance")
SEQUENCER: Final = TextAttribute("Sequencer")
CONTENT_SEQUENCER: Final = TextAttribute("ContentSequencer")
"""That of the upload which brought the counters. Items of before there was such an attribute lack it."""
CHANGE: Final = TextAttribute(CHANGE_ATTRIBUTE)
COUNTERS: Final = BinaryAttribute("Counters")
ETAG: Final = TextAttribute("ETag")
KEY: Final = TextAttribute("Key")
UPLOADED_AT: Final = TextAttribute("UploadedAt")

SnapshotPlace = tuple[str, str]
"""Partition and instance."""

_CONDITION_OF_TRANSACTION: Final = "ConditionalCheckFailed"


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """What a snapshot is of: the event's sequencer, and the object's ETag, which is None after a withdrawal."""

    sequencer: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class StoredSnapshot(Snapshot):
    """A snapshot, and the items that it was read from, one a shard; none for one that stands in for it.

    `packed` stands in the place of their counters. What cannot be read of it is empty.
    """

    items: tuple[Item, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class NewSnapshot:
    """A snapshot that is to be written.

    Attributes:
        parts: partition -> the snapshot with those of its counters that belong there. They are written together
            or not at all.
        found: the items that were there when it was made, in the order of the parts.
        unchanged_since: the version of their content, if they say the same; otherwise None.
    """

    parts: Mapping[str, Snapshot]
    found: Sequence[Item] = ()
    unchanged_since: str | None = None

    @classmethod
    def over(cls, found: Sequence[Item], parts: Mapping[str, Snapshot]) -> Self:
        """Compare a snapshot with the items that are there."""
        return cls(parts, found, _unchanged_since(parts, found))

    @property
    def sequencer(self) -> str:
        """That of the event."""
        return next(iter(self.parts.values())).sequencer


def _unchanged_since(parts: Mapping[str, Snapshot], found: Sequence[Item]) -> str | None:
    """Return the version of a stored content that says the same as the parts; None if it does not."""
    if len(found) != len(parts):
        return None
    orders = {SEQUENCER.find(item) for item in found}
    versions = {content_sequencer(item, SEQUENCER.find(item)) for item in found}
    if len(orders) > 1 or len(versions) > 1 or not all(map(is_normalised, versions)):
        return None
    pairs = zip(parts.values(), found, strict=True)
    same = all(have_same_counters(part.packed, COUNTERS.find(item)) for part, item in pairs)
    return versions.pop() if same else None


def snapshot_key(partition: str, instance: str) -> dict[str, Any]:
    """Return the key of a snapshot's item."""
    return DATE.put(partition) | INSTANCE.put(instance)


class SnapshotsTable:
    """The table of a stack, as far as snapshots are concerned (`data.day_records` are in it too).

    Args:
        clients: to work with.
        name: the table's name.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self._table = StoredTable(clients, name)

    def applied(self, partition: str, instance: str) -> AppliedFile | None:
        """Return what an instance's snapshot is of, strongly consistent; None if there is none."""
        item = self._table.get(_where(partition, instance), snapshot_key(partition, instance), SEQUENCER, ETAG)
        return None if item is None else AppliedFile(SEQUENCER.read(item), ETAG.find(item) or None)

    def put(self, new: NewSnapshot, expires_at: int) -> bool:
        """Write a snapshot unless the table holds one of the same or a newer event.

        Args:
            new: to be written.
            expires_at: seconds since 1970, the same for all snapshots of a day.

        Returns:
            Whether it was written. After a write that landed although the caller saw a time-out, the repeated
            one finds its own sequencer and returns False: the work is done all the same.
        """
        if any(SEQUENCER.find(item) >= new.sequencer for item in new.found):
            return False
        if new.unchanged_since is not None:
            # Its record is left out: it must not hide what another upload has written since it was read.
            conditions = [unchanged(item, SEQUENCER) for item in new.found]
            if self._write(_items(new.parts, expires_at, new.unchanged_since), conditions):
                return True
        items = _items(new.parts, expires_at)
        return self._write(items, list(map(_unless_newer, items)))

    def _write(self, items: Sequence[Item], conditions: Sequence[Item]) -> bool:
        """Write all items, each on its condition, or none; return whether the conditions held."""
        if len(items) == 1:
            return self._table.put("snapshot", items[0], conditions[0])
        puts: Any = [
            {"TableName": self._table.name, "Item": item, **condition}
            for item, condition in zip(items, conditions, strict=True)
        ]
        try:
            self._table.clients.dynamodb.transact_write_items(TransactItems=[{"Put": put} for put in puts])
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", [])
            if any(reason["Code"] == _CONDITION_OF_TRANSACTION for reason in reasons):
                return False
            raise
        return True

    def images(self, partition: str) -> Iterator[tuple[str, Image]]:
        """Yield (instance, image) of every snapshot of a partition, strongly consistent."""
        for item in self.items(partition, INSTANCE, SEQUENCER, CONTENT_SEQUENCER, COUNTERS):
            yield INSTANCE.read(item), Image(content_sequencer(item, SEQUENCER.read(item)), COUNTERS.read(item))

    def items(self, partition: str, *shown: Attribute) -> Iterator[Item]:
        """Yield the items of a partition, or some of their attributes, by instance, strongly consistent."""
        return self._table.query(f"snapshots of {partition}", DATE, partition, *shown)

    def last_uploads(self, partition: str) -> Iterator[LastUpload]:
        """Yield what each instance of a partition did last, unless it says no time; not strongly consistent."""
        shown = (INSTANCE, UPLOADED_AT, ETAG)
        for item in self._table.query(f"uploads of {partition}", DATE, partition, *shown, consistent=False):
            if (at := moment_of(UPLOADED_AT.find(item))) is not None:
                yield LastUpload(INSTANCE.find(item), at, is_withdrawn=not ETAG.find(item))

    def parts(self, partitions: Sequence[str], instance: str) -> list[Item]:
        """Return the items of one snapshot as they are at one moment, strongly consistent."""
        where, keys = _where(partitions[0], instance), [snapshot_key(each, instance) for each in partitions]
        items = [self._table.get(where, keys[0])] if len(keys) == 1 else self._table.at_one_moment(where, keys)
        return [item for item in items if item is not None]

    def read_together(self, places: Sequence[SnapshotPlace]) -> dict[SnapshotPlace, Item | None]:
        """Read the items of places in one call, each strongly consistent; None where nothing is.

        What DynamoDB leaves for another call is not in the answer.
        """
        keys = [snapshot_key(*place) for place in places]
        items, left = self._table.get_together(f"{len(places)} snapshots", keys)
        found: dict[SnapshotPlace, Item | None] = dict.fromkeys(places)
        found |= {_place(item): item for item in items}
        for key in left:
            del found[_place(key)]
        return found

    def replace(self, partition: str, instance: str, replaced: Item | None, changed: Item) -> bool:
        """Change attributes of an item if it still is of the version that was read; return whether it was.

        Args:
            partition: of a day (`core.partitions`).
            instance: whose.
            replaced: as it was read; None if there was none.
            changed: attributes that it gets; it keeps the others. The sequencer that it has then is that of its
                content too, so that the ledger takes it in.
        """
        read = replaced or {}
        written = {**snapshot_key(partition, instance), **read, **changed, **CHANGE.put(SnapshotChange.COUNTERS)}
        written |= CONTENT_SEQUENCER.put(SEQUENCER.find(written))
        return self._table.put(_where(partition, instance), written, unchanged(read, INSTANCE, SEQUENCER))


def moment_of(uploaded_at: str) -> datetime | None:
    """Return the moment that `UploadedAt` of an item says, aware; None if it says none."""
    try:
        moment = datetime.fromisoformat(uploaded_at)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _place(item: Item) -> SnapshotPlace:
    return DATE.read(item), INSTANCE.read(item)


def _where(partition: str, instance: str) -> str:
    return f"snapshot {instance} of {partition}"


def _items(parts: Mapping[str, Snapshot], expires_at: int, unchanged_since: str | None = None) -> list[Item]:
    return [
        snapshot_item(partition, replace(snapshot, unchanged_since=unchanged_since), expires_at)
        for partition, snapshot in parts.items()
    ]


def snapshot_item(partition: str, snapshot: Snapshot, expires_at: int) -> Item:
    """Return the item of a snapshot, or of its share of a partition."""
    return (
        snapshot_key(partition, snapshot.instance)
        | SEQUENCER.put(snapshot.sequencer)
        | CONTENT_SEQUENCER.put(snapshot.content_sequencer)
        | CHANGE.put(SnapshotChange.COUNTERS if snapshot.unchanged_since is None else SnapshotChange.ORDER)
        | COUNTERS.put(snapshot.packed)
        | ETAG.put(snapshot.etag)
        | KEY.put(snapshot.key)
        | UPLOADED_AT.put(snapshot.uploaded_at)
        | EXPIRES_AT.put(expires_at)
    )


def content_sequencer(item: Item, sequencer: str) -> str:
    """Return the version of an item's content, given the sequencer of its upload.

    One that cannot be of an upload before it counts as not there.
    """
    content = CONTENT_SEQUENCER.find(item)
    return content if is_normalised(content) and content <= sequencer else sequencer


def _unless_newer(item: Item) -> dict[str, Any]:
    return {
        "ConditionExpression": f"attribute_not_exists({SEQUENCER}) OR {SEQUENCER} < :sequencer",
        "ExpressionAttributeValues": {":sequencer": item[SEQUENCER.name]},
    }


def belong_together(parts: Sequence[Item], layout: Layout) -> bool:
    """Tell whether items are all parts of one version of a snapshot."""
    return len(parts) == layout.shards and len({SEQUENCER.find(part) for part in parts}) == 1


def stored_snapshot(day: str, parts: Sequence[Item], layout: Layout) -> StoredSnapshot:
    """Make a snapshot of its parts, at least one. Where they do not belong together, it cannot be read."""
    newest = max(parts, key=SEQUENCER.find)
    sequencer = SEQUENCER.find(newest)
    content = max(content_sequencer(part, SEQUENCER.find(part)) for part in parts)
    return StoredSnapshot(
        day=day,
        instance=INSTANCE.find(newest),
        sequencer=sequencer,
        packed=_joined(list(map(COUNTERS.find, parts))) if belong_together(parts, layout) else b"",
        etag=ETAG.find(newest),
        key=KEY.find(newest),
        uploaded_at=UPLOADED_AT.find(newest),
        unchanged_since=content if content < sequencer else None,
        items=tuple(parts),
    )


def _joined(packed: Sequence[bytes]) -> bytes:
    try:
        return join_parts(packed)
    except CorruptDocument:
        return b""
