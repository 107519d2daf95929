"""Items of the tables as they are stored, read tolerantly: what cannot be read is None, or empty, and no error.

The items themselves stay with what was read from them, so that `verify` can tell what is wrong with them, and
`repair` can replace them on the condition that they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from countagg.core.day_record import SNAPSHOTS_EXPIRE, TOTALS_EXPIRE, DayRecord
from countagg.core.days import Expiry, expiry_epoch_seconds
from countagg.core.errors import CorruptDocument
from countagg.core.partitions import MAX_PARTITIONS, Layout
from countagg.core.snapshot import Snapshot, join_parts
from countagg.core.versions import MAX_VERSION

Item = Mapping[str, Any]
"""In DynamoDB's attribute form."""

_SHORTEST: Final = -2
_LONGEST: Final = 3_660
"""Days of retention, with some to spare for margins: setup takes 1 to 3,650."""

_ANY_LAYOUT: Final[Item] = {"Lanes": {"N": "1"}, "CounterShards": {"N": "1"}}


@dataclass(frozen=True, slots=True)
class StoredSnapshot(Snapshot):
    """A snapshot, and the items that it was read from, one a shard; none for one that stands in for it.

    `packed` stands in the place of their counters.
    """

    items: tuple[Item, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CounterItem:
    """An item of the counters table: a counter's value in the version in which it changed last.

    Attributes:
        counter: which.
        value: None if it cannot be read.
        version: of the ledger; None if it cannot be read.
        item: as it is stored; None for one that is to be written.
    """

    counter: str
    value: Decimal | None
    version: int | None
    item: Item | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What the snapshots table says of a whole day (`core.day_record`).

    Attributes:
        item: as it is stored; None if there is none.
        layout: how the day is spread, as the item says; None if it does not.
        actual: how it is spread by what is stored of it, where the item does not say that.
    """

    item: Item | None = None
    layout: Layout | None = None
    actual: Layout | None = None


def text_of(item: Item, name: str) -> str:
    """Return an attribute's text; empty if it has none."""
    text: str = item.get(name, {}).get("S", "")
    return text


def bytes_of(item: Item, name: str) -> bytes:
    """Return an attribute's bytes; empty if it has none."""
    return bytes(item.get(name, {}).get("B", b""))


def whole_number(value: Mapping[str, Any] | None) -> int | None:
    """Return a whole number, not below zero; None if the value is something else, or not there."""
    text = str((value or {}).get("N", ""))
    return int(text) if text.isascii() and text.isdigit() else None


def version_of(item: Item) -> int | None:
    """Return the version of a ledger that an item has; None if it has none that a ledger can have."""
    version = whole_number(item.get("Version"))
    return version if version and version <= MAX_VERSION else None


def layout_of(item: Item) -> Layout | None:
    """Return the layout that a day's record says; None if it says none that a day can have."""
    lanes, shards = whole_number(item.get("Lanes")), whole_number(item.get("CounterShards"))
    if not lanes or not shards or lanes * shards > MAX_PARTITIONS:
        return None
    return Layout(lanes, shards)


def expiry_of(item: Item, day: str, chosen: Expiry) -> tuple[int | None, int | None]:
    """Return when a day's record says that snapshots and totals expire; None for what no retention gives."""
    if SNAPSHOTS_EXPIRE not in item and TOTALS_EXPIRE not in item and whole_number(item.get("ExpiresAt")):
        older = DayRecord.from_item({**item, **_ANY_LAYOUT}, chosen).expiry
        return older.snapshots, older.totals
    snapshots, totals = whole_number(item.get(SNAPSHOTS_EXPIRE)), whole_number(item.get(TOTALS_EXPIRE))
    if snapshots is not None and not may_expire(day, snapshots):
        snapshots = None
    if totals is not None and not (may_expire(day, totals) and totals > (snapshots or 0)):
        totals = None
    return snapshots, totals


def may_expire(day: str, seconds: int) -> bool:
    """Tell whether any retention lets something of a day expire then; seconds since 1970."""
    return expiry_epoch_seconds(day, _SHORTEST) <= seconds <= expiry_epoch_seconds(day, _LONGEST)


def counter_item(item: Item) -> CounterItem:
    """Read an item of the counters table."""
    number = item.get("Value", {}).get("N")
    value = None if number is None else Decimal(number)
    return CounterItem(item["Counter"]["S"], value, version_of(item), item)


def belong_together(parts: Sequence[Item], layout: Layout) -> bool:
    """Tell whether items are all parts of one version of a snapshot."""
    return len(parts) == layout.shards and len({text_of(part, "Sequencer") for part in parts}) == 1


def stored_snapshot(day: str, instance: str, parts: Sequence[Item], layout: Layout) -> StoredSnapshot:
    """Make a snapshot of its parts, at least one. Where they do not belong together, it cannot be read."""
    newest = max(parts, key=lambda part: text_of(part, "Sequencer"))
    packed = [bytes_of(part, "Counters") for part in parts]
    return StoredSnapshot(
        day=day,
        instance=instance,
        sequencer=text_of(newest, "Sequencer"),
        packed=_joined(packed) if belong_together(parts, layout) else b"",
        etag=text_of(newest, "ETag"),
        key=text_of(newest, "Key"),
        uploaded_at=text_of(newest, "UploadedAt"),
        items=tuple(parts),
    )


def _joined(packed: Sequence[bytes]) -> bytes:
    try:
        return join_parts(packed)
    except CorruptDocument:
        return b""
