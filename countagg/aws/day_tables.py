"""The snapshots and ledgers of a day as they are stored, over however many partitions the day is spread.

What stands in several items is read either in one transaction, as it is at one moment, or item by item and then
again wherever the items do not belong together. What cannot be read is empty, and no error.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from countagg.aws.session import Clients
from countagg.core.days import Expiry
from countagg.core.names import Names
from countagg.core.partitions import LAYOUTS_PARTITION, Layout
from countagg.data.attributes import EXPIRES_AT, Attribute, Item
from countagg.data.day_records import DayRecords, StoredRecord, expiry_of, layout_of, may_expire
from countagg.data.ledgers import LedgersTable, StoredDay
from countagg.data.snapshots import (
    INSTANCE,
    SEQUENCER,
    SnapshotsTable,
    StoredSnapshot,
    belong_together,
    stored_snapshot,
)

_IN_ONE_PIECE: Final = Layout()


class DayTables:
    """Reads of the snapshots and the totals table, strongly consistent unless said otherwise.

    Args:
        clients: to work with.
        names: of the stack.
        chosen: how days yet to begin are spread.
    """

    def __init__(self, clients: Clients, names: Names, chosen: Layout = _IN_ONE_PIECE) -> None:
        self._chosen = chosen
        self._snapshots = SnapshotsTable(clients, names.snapshots)
        self._records = DayRecords(clients, names.snapshots)
        self._ledgers = LedgersTable(clients, names.totals)
        self._items: dict[str, Item] = {}
        self._layouts: dict[str, Layout] = {}
        self._expiries: dict[str, Expiry] = {}

    def layout(self, day: str) -> Layout:
        """Return how a day is spread; in one piece as long as no file of it was applied."""
        return self._fixed_layout(day) or _IN_ONE_PIECE

    def layout_of_files(self, day: str) -> Layout:
        """Return how the processor spreads a day's files: as the settings say if none was applied yet."""
        return self._fixed_layout(day) or self._chosen

    def _fixed_layout(self, day: str) -> Layout | None:
        """Return how a day is spread, which never changes; None as long as no file of it came.

        Where that is written down and cannot be read, what is stored of the day tells it.
        """
        if day not in self._layouts:
            record = self.record(day)
            return record.layout or record.actual
        return self._layouts[day]

    def fixed_expiry(self, day: str, chosen: Expiry) -> Expiry:
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
            stored = Counter(EXPIRES_AT.find(item) for item in self.heads(day, INSTANCE, EXPIRES_AT))
            told = max((each for each, _ in stored.most_common(1) if each and may_expire(day, each)), default=0)
            snapshots = max(told, snapshots or 0) or chosen.snapshots
        if totals is None or totals <= snapshots:
            ends = [part.expires_at or 0 for part in self.ledger(day).parts]
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
        item = self._records.find(day)
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
        others = [layout_of(item) for item in self._snapshots.items(LAYOUTS_PARTITION)]
        candidates = dict.fromkeys([self._chosen, _IN_ONE_PIECE, *filter(None, others)])
        return next((each for each in candidates if each != besides and self._is_stored(day, each)), None)

    def _is_stored(self, day: str, layout: Layout) -> bool:
        if self._ledgers.read(day, layout).exists:
            return True
        return any(True for partition in layout.first_partitions(day) for _ in self._snapshots.items(partition))

    def snapshots(self, day: str, *shown: Attribute) -> Iterator[StoredSnapshot]:
        """Yield a day's snapshots, or some of their attributes, by instance within each lane."""
        layout = self.layout(day)
        for lane in layout.lanes_of(day):
            streams = [self._snapshots.items(partition, *shown) for partition in lane]
            for instance, found in groupby(heapq.merge(*streams, key=INSTANCE.find), key=INSTANCE.find):
                parts = list(found)
                if not belong_together(parts, layout):
                    # The shards were read one after the other: it may have been written in between.
                    parts = self.snapshot_items(day, instance)
                if parts:
                    yield stored_snapshot(day, parts, layout)

    def snapshot(self, day: str, instance: str) -> StoredSnapshot | None:
        """Return one snapshot."""
        parts = self.snapshot_items(day, instance)
        return stored_snapshot(day, parts, self.layout(day)) if parts else None

    def snapshot_items(self, day: str, instance: str) -> list[Item]:
        """Return the items of one snapshot as they are stored."""
        return self._snapshots.parts(self.layout(day).partitions_of(day, instance), instance)

    def snapshots_of(self, partition: str, day: str) -> Iterator[StoredSnapshot]:
        """Yield what one partition of a day holds of its snapshots."""
        for item in self._snapshots.items(partition):
            yield stored_snapshot(day, [item], _IN_ONE_PIECE)

    def heads(self, day: str, *shown: Attribute) -> Iterator[Item]:
        """Yield an item of each snapshot: its parts are the same but for the counters, and written together."""
        for partition in self.layout(day).first_partitions(day):
            yield from self._snapshots.items(partition, *shown)

    def sequencers(self, day: str) -> dict[str, str]:
        """Return which version of each file a day's snapshots hold: instance -> sequencer."""
        heads = self.heads(day, INSTANCE, SEQUENCER)
        return {INSTANCE.find(item): SEQUENCER.find(item) for item in heads}

    def ledger(self, day: str, *shown: Attribute, consistent: bool = True) -> StoredDay:
        """Read a day's ledgers, or some of their attributes, as they are at one moment (`LedgersTable.read`)."""
        return self._ledgers.read(day, self.layout(day), *shown, consistent=consistent)

    def ledgers_one_by_one(self, day: str) -> StoredDay:
        """Read a day's ledgers each by itself: they may be too large to be read at one moment."""
        return self._ledgers.read_one_by_one(day, self.layout(day))
