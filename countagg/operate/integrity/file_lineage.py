"""Lineage of a file: what became of it at each hop, and which totals it feeds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from countagg.core.days import Expiry, check_upload_day, is_closed
from countagg.core.errors import CorruptDocument, CountaggError, InvalidObjectKey
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger
from countagg.core.object_keys import FILE_NAME_PREFIX, CounterFileKey, parse_object_key
from countagg.core.partitions import Layout
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import Snapshot
from countagg.data.files import FileObject, ListedObject
from countagg.data.ledgers import StoredDay
from countagg.operate.integrity.bound import within_bound
from countagg.operate.integrity.evidence import CounterFile, read_file, unreadable_file
from countagg.operate.integrity.file_log import FileLog, LogExcerpt
from countagg.operate.integrity.findings import RefusedFile
from countagg.operate.integrity.lineage import pending_reason, unreadable_ledger
from countagg.operate.integrity.sums import exact, lines_or_none, share_of

if TYPE_CHECKING:
    from countagg.aws.day_reader import DayReader


@dataclass(frozen=True, slots=True)
class Share:
    """What a file has to do with one total.

    Attributes:
        counter: which.
        file: the value in the file as it is now; None if it does not name the counter.
        snapshot: the value in its snapshot; None if that does not.
        total: of the day; None if there is none.
        share: how much of the total the snapshot is, 1 for all of it; None if it is not included, or the total 0.
    """

    counter: str
    file: Decimal | None
    snapshot: Decimal | None
    total: Decimal | None
    share: Decimal | None


@dataclass(frozen=True, slots=True)
class FileLineage:
    """What became of a file.

    Attributes:
        key: the object's key.
        file_key: whose file of which day it is; None if the key itself is refused.
        found: the object as it is now; None if there is none.
        refused: why it is refused, or cannot be read; None for a good one, or none.
        counters: how many the object names; None if there is none, or it is refused.
        snapshot: what was made of it; None if nothing was, or it has expired.
        version: of the day's ledger; 0 if there is none.
        updated_at: of the ledger: UTC, ISO 8601; None if there is none.
        included: sequencer of the version that the ledger includes; None if none is.
        pending: what differs between file, snapshot and ledger; None if nothing does.
        same_content: whether file and snapshot say the same; None if one of them is not there, or not readable.
        shares: its counters, by name.
        expired: whether the snapshot has expired, and the file stands in for it.
        log: what the functions wrote about it; None if nobody knows when it was uploaded.
    """

    key: str
    file_key: CounterFileKey | None
    found: FileObject | None
    refused: RefusedFile | None
    counters: int | None = None
    snapshot: Snapshot | None = None
    version: int = 0
    updated_at: str | None = None
    included: str | None = None
    pending: str | None = None
    same_content: bool | None = None
    shares: tuple[Share, ...] = ()
    expired: bool = False
    log: LogExcerpt | None = None

    @property
    def is_included(self) -> bool:
        """Whether what the snapshot says is part of the totals."""
        return self.expired or (self.snapshot is not None and self.snapshot.is_included(self.included))


def follow_file(reader: DayReader, log: FileLog, key: str, now: datetime) -> FileLineage:
    """Follow a file through the hops.

    Args:
        reader: of the stack.
        log: what the functions wrote.
        key: below the stack's prefix.
        now: the current time, aware.

    Raises:
        CountaggError: it is no counter file, or there is none and never was.
        CorruptDocument: the day's ledger cannot be read.
    """
    settings = reader.settings
    present = reader.find_object(key)
    try:
        file_key = parse_object_key(key, settings.prefix)
    except InvalidObjectKey as error:
        if present is None:
            raise _nowhere(key, settings) from error
        refused = RefusedFile(key, error.what, None)
        return FileLineage(key, None, present, refused, log=log.around(present.modified_at, key, None))
    if file_key is None:
        hint = f"counter files are {settings.prefix}YYYY-MM-DD/{FILE_NAME_PREFIX}INSTANCE-ID"
        raise CountaggError("it is not a counter file, so the pipeline skips it", where=key, hint=hint)
    hops = _look(reader, key, file_key, present)
    if hops.found is None and hops.snapshot is None and hops.listed is None:
        raise _nowhere(key, settings)
    uploaded_at = hops.uploaded_at
    excerpt = log.around(uploaded_at, key, file_key) if uploaded_at else None
    return hops.lineage(settings.snapshot_retention_days, now.astimezone(UTC).date(), excerpt)


def _look(reader: DayReader, key: str, file_key: CounterFileKey, found: FileObject | None) -> _Hops:
    day, instance = file_key.day, file_key.instance
    snapshot = reader.snapshot(day, instance)
    stored = reader.ledger(day)
    ledger = _decode(stored, day)
    if snapshot is not None and snapshot.sequencer < ledger.seen.get(instance, ""):
        # It was replaced between the two reads.
        snapshot = reader.snapshot(day, instance)
    listed = None if found is not None else reader.listed(key)
    layout, expiry = reader.layout_of_files(day), reader.expiry(day)
    most = reader.settings.max_counters
    return _Hops(key, file_key, found, listed, snapshot, stored, ledger, layout, expiry, most)


def _nowhere(key: str, settings: FunctionSettings) -> CountaggError:
    folder = key.rpartition("/")[0]
    hint = f"`aws s3 ls s3://{settings.bucket}/{folder}/` lists those that exist"
    return CountaggError("there is no such file, and none was ever counted", where=key, hint=hint)


def _decode(stored: StoredDay, day: str) -> Ledger:
    try:
        return stored.decode()
    except CorruptDocument as error:
        raise unreadable_ledger(day, error.what) from error


@dataclass(frozen=True, slots=True)
class _Hops:
    """What each hop has of a file; `listed` is one that the bucket lists although it is not found."""

    key: str
    file_key: CounterFileKey
    found: FileObject | None
    listed: ListedObject | None
    snapshot: Snapshot | None
    stored: StoredDay
    ledger: Ledger
    layout: Layout
    expiry: Expiry
    max_counters: int

    @property
    def uploaded_at(self) -> datetime | None:
        """When it was written, or removed; None if that cannot be told."""
        if self.found is not None:
            return self.found.modified_at
        try:
            return datetime.fromisoformat(self.snapshot.uploaded_at).astimezone(UTC) if self.snapshot else None
        except ValueError:
            return None

    def lineage(self, retention_days: int, today: date, log: LogExcerpt | None) -> FileLineage:
        """Compare what the hops have."""
        included = self.ledger.seen.get(self.file_key.instance, "")
        # What is included was accepted when it came, however old it is by now.
        late = bool(included) and is_closed(self.file_key.day, today, retention_days, self.expiry)
        file = self._read() if late else self._refused_by_day(retention_days, today) or self._read()
        expired = late and self.snapshot is None
        snapshot = self._stand_in(file, included) if expired else self.snapshot
        in_file = lines_or_none(file.packed) if file and file.packed is not None else None
        counted = lines_or_none(snapshot.packed) if snapshot else None
        comparable = not expired and in_file is not None and counted is not None
        return FileLineage(
            key=self.key,
            file_key=self.file_key,
            found=self.found,
            refused=file.refused if file else None,
            counters=None if in_file is None else len(in_file),
            snapshot=self.snapshot,
            version=self.stored.version,
            updated_at=self.stored.updated_at or None,
            included=included or None,
            pending=pending_reason(file, snapshot, included),
            same_content=in_file == counted if comparable else None,
            shares=tuple(self._shares(in_file or {}, counted or {}, snapshot)),
            expired=expired,
            log=log,
        )

    def _refused_by_day(self, retention_days: int, today: date) -> CounterFile | None:
        if self.found is None:
            return None
        uploaded = self.found.modified_at.date()
        try:
            check_upload_day(self.file_key.day, uploaded, today, retention_days, self.expiry)
        except InvalidObjectKey as error:
            refused = RefusedFile(self.key, error.what, None)
            return CounterFile(self.file_key.instance, self.key, self.found.etag, refused=refused)
        return None

    def _read(self) -> CounterFile | None:
        if self.found is None:
            unseen = self.listed
            return None if unseen is None else CounterFile(self.file_key.instance, self.key, unseen.etag)
        if self.found.unreadable:
            return unreadable_file(self.key, self.file_key, self.found.etag, self.found.unreadable)
        listed = ListedObject(self.key, self.found.etag, self.found.size, self.found.modified_at)
        content = (self.found.content or b"", self.found.etag)
        file = read_file(listed, self.file_key, content, self.layout, self.max_counters)
        return within_bound(file, self.snapshot, self.ledger, self.file_key.day, self.max_counters)

    def _stand_in(self, file: CounterFile | None, included: str) -> Snapshot | None:
        if file is None or file.packed is None:
            return None
        day, instance = self.file_key.day, self.file_key.instance
        return Snapshot(day, instance, included, file.packed, file.etag, self.key, "")

    def _shares(
        self, in_file: dict[str, Decimal], counted: dict[str, Decimal], snapshot: Snapshot | None
    ) -> Iterator[Share]:
        counts = snapshot is not None and snapshot.is_included(self.ledger.seen.get(self.file_key.instance))
        for counter in sorted(in_file.keys() | counted.keys()):
            units = self.ledger.sums.get(counter)
            total = None if units is None else exact(units)
            value = counted.get(counter)
            share = share_of(value, total) if counts and value is not None and total else None
            yield Share(counter, in_file.get(counter), value, total, share)
