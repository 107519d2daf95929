"""Writes that mend a day.

Each is conditional on what was read before, so that whatever the functions write meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Mapping

from countagg.aws.day_reader import DayReader
from countagg.aws.session import Clients
from countagg.core.partitions import parse_partition
from countagg.core.settings import FunctionSettings
from countagg.data.attributes import Item
from countagg.data.counters import CounterItem
from countagg.data.day_records import DayRecord
from countagg.data.ledgers import StoredLedger
from countagg.data.store import Store


class DayWriter:
    """Conditional writes to a deployed stack. Each returns whether it wrote.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        self._store = Store(settings, clients)
        self._days = DayReader(clients, settings)

    def replace_ledger(
        self, partition: str, replaced: StoredLedger, version: int, document: bytes, updated_at: str
    ) -> bool:
        """Store a ledger if the stored one still is of the version that was read (`LedgersTable.save`)."""
        expires_at = self._days.expiry(parse_partition(partition).day).totals
        ledger = StoredLedger(version, updated_at, document, expires_at)
        return self._store.ledgers.save(partition, replaced, ledger)

    def replace_counter(self, day: str, replaced: CounterItem | None, item: CounterItem) -> bool:
        """Store an item of the counters table if it still is as it was read (`CountersTable.replace`)."""
        return self._store.counters.replace(day, replaced, item, self._days.expiry(day).totals)

    def replace_snapshot(self, partition: str, instance: str, replaced: Item | None, changed: Item) -> bool:
        """Change attributes of a snapshot's item if it still is as it was read (`SnapshotsTable.replace`)."""
        return self._store.snapshots.replace(partition, instance, replaced, changed)

    def replace_record(self, day: str, replaced: Item | None, record: DayRecord) -> bool:
        """Write a day's record if the one there still is what was read (`DayRecords.replace`)."""
        return self._store.records.replace(day, replaced, record)

    def replace_published(
        self, day: str, replaced: str, version: int, updated_at: str, totals: Mapping[str, int]
    ) -> bool:
        """Write a day's object if the one with that ETag still is there (`PublishedObjects.write`)."""
        return bool(self._store.published.write(day, version, updated_at, totals, replaced))
