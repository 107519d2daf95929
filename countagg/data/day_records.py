"""A day's record: what the first write of a day fixes for good.

It is an item of the snapshots table, beside the snapshots, and never expires: without it, a day whose snapshots
are gone would look like one that has not begun, and a late file would make its totals anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Self

from botocore.exceptions import ClientError

from countagg.core.days import Expiry, expiry_epoch_seconds
from countagg.core.lazy_dataclass import dataclass
from countagg.core.partitions import LAYOUTS_PARTITION, MAX_PARTITIONS, Layout
from countagg.core.settings import FunctionSettings
from countagg.data.attributes import DATE, EXPIRES_AT, Item, NumberAttribute, unchanged
from countagg.data.calls import CONDITION_FAILED, DataClients, StoredTable, code_of
from countagg.data.snapshots import snapshot_key

LANES: Final = NumberAttribute("Lanes")
SHARDS: Final = NumberAttribute("CounterShards")
SNAPSHOTS_EXPIRE: Final = NumberAttribute("SnapshotsExpireAt")
TOTALS_EXPIRE: Final = NumberAttribute("TotalsExpireAt")

_IS_ABSENT: Final = f"attribute_not_exists({LANES})"
_IS_INCOMPLETE: Final = f"attribute_not_exists({SNAPSHOTS_EXPIRE}) OR attribute_not_exists({TOTALS_EXPIRE})"
"""Conditions of a write: there is no record yet; there is none, or one of the older form."""

_SHORTEST: Final = -2
_LONGEST: Final = 3_660
"""Days of retention, with some to spare for margins: setup takes 1 to 3,650."""


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What is fixed of a day.

    Attributes:
        layout: how it is spread.
        expiry: when it expires.
        is_complete: whether the record says so; one of the older form fixes the layout alone.
    """

    layout: Layout
    expiry: Expiry
    is_complete: bool = True

    @classmethod
    def from_item(cls, item: Item, chosen: Expiry) -> Self:
        """Read an item.

        One of the older form expires itself, with the last that its day's first write stored. Nothing new may
        outlive that: what was stored before would be gone. Only the totals are kept for longer, if that is chosen.

        Args:
            item: the record.
            chosen: what the settings give a day that begins now.
        """
        layout = Layout(LANES.read(item), SHARDS.read(item))
        if SNAPSHOTS_EXPIRE.name in item and TOTALS_EXPIRE.name in item:
            return cls(layout, Expiry(SNAPSHOTS_EXPIRE.read(item), TOTALS_EXPIRE.read(item)))
        last = EXPIRES_AT.read(item) if EXPIRES_AT.name in item else chosen.totals
        return cls(layout, _older_expiry(last, chosen), is_complete=False)

    def to_item(self, day: str) -> dict[str, Any]:
        """Return the item of a day, complete."""
        return (
            record_key(day)
            | LANES.put(self.layout.lanes)
            | SHARDS.put(self.layout.shards)
            | SNAPSHOTS_EXPIRE.put(self.expiry.snapshots)
            | TOTALS_EXPIRE.put(self.expiry.totals)
        )


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """What the snapshots table says of a whole day.

    Attributes:
        item: as it is stored; None if there is none.
        layout: how the day is spread, as the item says; None if it does not.
        actual: how it is spread by what is stored of it, where the item does not say that.
    """

    item: Item | None = None
    layout: Layout | None = None
    actual: Layout | None = None


def record_key(day: str) -> dict[str, Any]:
    """Return the key of a day's record."""
    return snapshot_key(LAYOUTS_PARTITION, day)


class DayRecords:
    """The records of a stack's days.

    Args:
        clients: to work with.
        name: of the snapshots table.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self._table = StoredTable(clients, name)
        self._totals_expire: dict[str, int] = {}

    def fix(self, day: str, wanted: DayRecord) -> DayRecord:
        """Write a day's record, unless there is one already; return the one that is there."""
        return self._write(day, wanted, _IS_ABSENT) or wanted

    def _write(self, day: str, wanted: DayRecord, condition: str) -> DayRecord | None:
        """Write a record if the condition holds for the one that is there; else return that, complete."""
        try:
            self._table.clients.dynamodb.put_item(
                TableName=self._table.name,
                Item=wanted.to_item(day),
                ConditionExpression=condition,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) not in CONDITION_FAILED:
                raise
            answer: Any = error.response
            record = DayRecord.from_item(answer["Item"], wanted.expiry)
            if record.is_complete:
                return record
            completed = replace(record, is_complete=True)
            return self._write(day, completed, _IS_INCOMPLETE) or completed
        return None

    def find(self, day: str) -> Item | None:
        """Return a day's record as it is stored, strongly consistent; None if there is none."""
        return self._table.get(_where(day), record_key(day))

    def totals_expire(self, day: str, settings: FunctionSettings) -> int:
        """Return when a day's ledgers expire: as its record says, or as it would say by the settings."""
        chosen = settings.expiry_of(day)
        if day not in self._totals_expire:
            item = self.find(day)
            if item is None:
                return chosen.totals
            record = DayRecord.from_item(item, chosen)
            if not record.is_complete:
                return record.expiry.totals
            self._totals_expire[day] = record.expiry.totals
        return self._totals_expire[day]

    def replace(self, day: str, replaced: Item | None, record: DayRecord) -> bool:
        """Write a day's record if the one there still is what was read, and return whether it was.

        Args:
            day: YYYY-MM-DD.
            replaced: as it was read; None if there was none.
            record: in its place.
        """
        item = record.to_item(day)
        return self._table.put(_where(day), item, unchanged(replaced or {}, *item.keys() - {DATE.name}))


def _where(day: str) -> str:
    return f"record of {day}"


def layout_of(item: Item) -> Layout | None:
    """Return the layout that a day's record says; None if it says none that a day can have."""
    lanes, shards = LANES.find(item), SHARDS.find(item)
    return Layout(lanes, shards) if lanes and shards and lanes * shards <= MAX_PARTITIONS else None


def expiry_of(item: Item, day: str, chosen: Expiry) -> tuple[int | None, int | None]:
    """Return when a day's record says that snapshots and totals expire; None for what no retention gives."""
    last = EXPIRES_AT.find(item)
    if last and SNAPSHOTS_EXPIRE.name not in item and TOTALS_EXPIRE.name not in item:
        older = _older_expiry(last, chosen)
        return older.snapshots, older.totals
    snapshots, totals = SNAPSHOTS_EXPIRE.find(item), TOTALS_EXPIRE.find(item)
    if snapshots is not None and not may_expire(day, snapshots):
        snapshots = None
    if totals is not None and not (may_expire(day, totals) and totals > (snapshots or 0)):
        totals = None
    return snapshots, totals


def _older_expiry(last: int, chosen: Expiry) -> Expiry:
    return Expiry(min(chosen.snapshots, last), max(chosen.totals, last))


def may_expire(day: str, seconds: int) -> bool:
    """Tell whether any retention lets something of a day expire then; seconds since 1970."""
    return expiry_epoch_seconds(day, _SHORTEST) <= seconds <= expiry_epoch_seconds(day, _LONGEST)
