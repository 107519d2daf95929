"""Ledgers in the totals table: an item for each partition of a day, replaced only in the version that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from countagg.core.errors import CountaggError, InvalidEvent, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger, decode_ledger, merge
from countagg.core.partitions import MORE_PARTITIONS, Layout, parse_partition
from countagg.core.snapshot import MAX_PACKED_BYTES
from countagg.core.versions import version_before_all, version_of_day
from countagg.data.attributes import (
    DATE,
    EXPIRES_AT,
    VERSION,
    Attribute,
    BinaryAttribute,
    Item,
    TextAttribute,
    unchanged,
)
from countagg.data.calls import DataClients, StoredTable, in_base64

DOCUMENT: Final = BinaryAttribute("Document")
UPDATED_AT: Final = TextAttribute("UpdatedAt")

_IN_ONE_PIECE: Final = Layout()


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """A partition's ledger as it is stored, not yet decoded; version 0 and empty if there is none.

    Attributes:
        version: counts its changes; 0 also if it cannot be read, and then the document is empty, too.
        updated_at: when it was stored, UTC, ISO 8601; empty if that cannot be read.
        document: encoded; empty if it cannot be read.
        expires_at: seconds since 1970; None if it never does.
        item: as it is stored; None if there is none, it is to be stored, or it was read strictly.
    """

    version: int = 0
    updated_at: str = ""
    document: bytes = b""
    expires_at: int | None = field(default=None, compare=False)
    item: Item | None = field(default=None, compare=False, repr=False)

    @property
    def exists(self) -> bool:
        """Whether there is one, however damaged."""
        return self.version > 0 or self.item is not None

    def decode(self) -> Ledger:
        """Return the ledger; an empty one if there is none.

        Raises:
            CorruptDocument: it cannot be read.
        """
        return decode_ledger(self.document) if self.exists else Ledger()


@dataclass(frozen=True, slots=True)
class StoredDay:
    """The ledgers of a day at one moment.

    Attributes:
        parts: one a partition, in the order of the layout's partitions.
        layout: of the day.
    """

    parts: tuple[StoredLedger, ...] = (StoredLedger(),)
    layout: Layout = _IN_ONE_PIECE

    @property
    def version(self) -> int:
        """That of the whole day, which grows with every change; 0 if there is no ledger."""
        return version_of_day(part.version for part in self.parts)

    @property
    def updated_at(self) -> str:
        """When the newest was stored, UTC, ISO 8601; empty if there is none."""
        return max(part.updated_at for part in self.parts)

    @property
    def expires_at(self) -> int | None:
        """When the last of them expires, seconds since 1970; None if none does."""
        return max((part.expires_at for part in self.parts if part.expires_at is not None), default=None)

    @property
    def exists(self) -> bool:
        """Whether there is a ledger, however damaged."""
        return any(part.exists for part in self.parts)

    def decode_parts(self) -> list[Ledger]:
        """Return the ledger of each partition; an empty one for a partition that has none.

        Raises:
            CorruptDocument: one of them cannot be read.
        """
        return [part.decode() for part in self.parts]

    def decode(self) -> Ledger:
        """Return the ledger of the whole day.

        Raises:
            CorruptDocument: one of its parts cannot be read.
        """
        return merge(self.decode_parts(), self.layout.shards)


class LedgersTable:
    """The table of ledgers of a stack.

    Args:
        clients: to work with.
        name: the table's name.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self._table = StoredTable(clients, name)

    def load(self, partition: str) -> StoredLedger:
        """Read a partition's ledger strictly, strongly consistent."""
        item = self._table.get(_where(partition), DATE.put(partition))
        if item is None:
            return StoredLedger()
        return StoredLedger(VERSION.read(item), UPDATED_AT.find(item), DOCUMENT.read(item), EXPIRES_AT.find(item))

    def read(self, day: str, layout: Layout, *shown: Attribute, consistent: bool = True) -> StoredDay:
        """Read all ledgers of a day as they are at one moment, tolerantly.

        Args:
            day: YYYY-MM-DD.
            layout: of the day.
            shown: the attributes that are read; all if none is named.
            consistent: whether a ledger in one piece may not be a moment old. Several never are.
        """
        keys = [DATE.put(partition) for partition in layout.partitions(day)]
        if layout.is_split:
            items = self._table.at_one_moment(_where(day), keys, *shown)
        else:
            items = [self._table.get(_where(day), keys[0], *shown, consistent=consistent)]
        return StoredDay(tuple(map(_stored_ledger, items)), layout)

    def read_one_by_one(self, day: str, layout: Layout) -> StoredDay:
        """Read a day's ledgers each by itself: they may be too large to be read at one moment."""
        keys = map(DATE.put, layout.partitions(day))
        items = [self._table.get(_where(day), key, consistent=False) for key in keys]
        return StoredDay(tuple(map(_stored_ledger, items)), layout)

    def save(self, partition: str, replaced: StoredLedger, ledger: StoredLedger) -> bool:
        """Replace a partition's ledger if it still is of the version that was read.

        Args:
            partition: of a day (`core.partitions`).
            replaced: as it was read.
            ledger: in its place.

        Returns:
            False if another writer was faster.

        Raises:
            CountaggError: the document does not fit into an item.
        """
        size = len(ledger.document)
        if size > MAX_PACKED_BYTES:
            raise CountaggError(
                f"the totals of {partition} take {size} bytes compressed; at most {MAX_PACKED_BYTES} fit",
                hint=MORE_PARTITIONS,
            )
        read = VERSION.put(replaced.version) if replaced.version else replaced.item or {}
        clients = self._table.clients.sending(in_base64(ledger.document))
        return StoredTable(clients, self._table.name).put(
            _where(partition), ledger_item(partition, ledger), unchanged(read, VERSION)
        )


def ledger_item(partition: str, ledger: StoredLedger) -> Item:
    """Return the item of a ledger."""
    written = VERSION.put(ledger.version) | DOCUMENT.put(ledger.document) | UPDATED_AT.put(ledger.updated_at)
    expires = {} if ledger.expires_at is None else EXPIRES_AT.put(ledger.expires_at)
    return DATE.put(partition) | written | expires


def _where(partition: str) -> str:
    return f"totals of {partition}"


def _stored_ledger(item: Item | None) -> StoredLedger:
    """Read a ledger of an item tolerantly; None where there is none."""
    if item is None:
        return StoredLedger()
    version, updated_at, expires_at = VERSION.find(item), UPDATED_AT.find(item), EXPIRES_AT.find(item)
    document = DOCUMENT.find(item) if version else b""
    return StoredLedger(version or 0, updated_at, document, expires_at, item)


@dataclass(frozen=True, slots=True)
class TotalsChange:
    """A ledger going from one version to the next, as its stream tells it.

    Attributes:
        partition: the ledger's key.
        day: YYYY-MM-DD.
        layout: of the day, of which the ledger is one partition.
        replaced: version of the document before; of the first of a partition, one that is greater than any of a
            ledger that was there before it; 0 for one that was damaged.
        version: of the new document.
        updated_at: when it was stored, UTC, ISO 8601.
        expires_at: seconds since 1970; None if it does not.
        old: the document before, encoded; None for the first of a partition, and empty, which none is, for one
            that was damaged.
        new: the document after, encoded.
    """

    partition: str
    day: str
    layout: Layout
    replaced: int
    version: int
    updated_at: str
    expires_at: int | None
    old: bytes | None
    new: bytes


def parse_totals_record(record: Mapping[str, Any]) -> TotalsChange | None:
    """Read a record of the table's stream, as Lambda hands it over (docs/aws-facts.md#dynamodb).

    Returns:
        None for a removal.

    Raises:
        InvalidEvent: the record lacks what a ledger has.
    """
    if record.get("eventName") == "REMOVE":
        return None
    try:
        change = record["dynamodb"]
        old, new = change.get("OldImage"), change["NewImage"]
        key, version = DATE.read(change["Keys"]), VERSION.read(new)
        partition = parse_partition(key)
        replaced, document = _replaced(old) if old else (version_before_all(version), None)
        return TotalsChange(
            partition=key,
            day=partition.day,
            layout=partition.layout,
            replaced=replaced,
            version=version,
            updated_at=UPDATED_AT.read(new),
            expires_at=EXPIRES_AT.read(new) if EXPIRES_AT.name in new else None,
            old=document,
            new=DOCUMENT.read_event(new),
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise InvalidEvent(f"the stream record is not of a ledger: {shorten(error)}") from error


def _replaced(image: Item) -> tuple[int, bytes]:
    """Return version and document of the ledger that was replaced; one that was damaged has neither."""
    try:
        return VERSION.read(image), DOCUMENT.read_event(image)
    except (AttributeError, KeyError, TypeError, ValueError):
        return 0, b""
