"""Which file an event is of, and what is fixed of the file's day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from countagg.core.days import Expiry, check_upload_day
from countagg.core.errors import InvalidEvent, shorten
from countagg.core.events import ObjectEvent
from countagg.core.object_keys import CounterFileKey, parse_object_key
from countagg.core.settings import FunctionSettings
from countagg.data.day_records import DayRecord, DayRecords
from countagg.data.snapshots import SnapshotPlace


class EventFiles:
    """Finds the files of events, whose days must be open.

    Args:
        settings: of the stack.
        records: of days; what is read of them is remembered.
        now: the clock, aware UTC.
    """

    def __init__(self, settings: FunctionSettings, records: DayRecords, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._stored = records
        self._now = now
        self._records: dict[str, DayRecord] = {}

    def key_of(self, event: ObjectEvent) -> CounterFileKey | None:
        """Return which file an event is of; None if it is no counter file.

        Raises:
            InvalidEvent: it is of another bucket.
            InvalidObjectKey: the key breaks the rules, or its day is closed.
        """
        if event.bucket != self._settings.bucket:
            raise InvalidEvent(
                f"the event names the bucket {shorten(event.bucket)}, not {self._settings.bucket!r}"
            )
        file_key = parse_object_key(event.key, self._settings.prefix)
        if file_key is not None:
            self._check_day(file_key.day, event)
        return file_key

    def record_of(self, day: str, event: ObjectEvent) -> DayRecord:
        """Return what is fixed of a day, by this write if it is the first.

        Raises:
            InvalidObjectKey: the day is closed.
        """
        if day not in self._records:
            begun = DayRecord(self._settings.layout, self._settings.expiry_of(day))
            self._records[day] = self._stored.fix(day, begun)
        record = self._records[day]
        self._check_day(day, event, record.expiry)
        return record

    def place_of(self, event: ObjectEvent) -> SnapshotPlace | None:
        """Return where the snapshot of an event is: a day of which nothing is known yet has the stack's layout.

        Nothing is written, for a refused file begins no day. None of no counter file, and of a snapshot in parts.

        Raises:
            InvalidEvent: it is of another bucket.
            InvalidObjectKey: the key breaks the rules, or its day is closed.
        """
        file_key = self.key_of(event)
        if file_key is None:
            return None
        record = self._records.get(file_key.day)
        layout = self._settings.layout if record is None else record.layout
        partition, *others = layout.partitions_of(file_key.day, file_key.instance)
        return None if others else (partition, file_key.instance)

    def _check_day(self, day: str, event: ObjectEvent, fixed: Expiry | None = None) -> None:
        days = self._settings.snapshot_retention_days
        check_upload_day(day, event.date, self._now().date(), days, fixed)
