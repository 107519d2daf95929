"""One look at a day: everything that is stored of it, read hop by hop in the order of the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from countagg.core.counter_file import MAX_FILE_BYTES, parse_counter_file
from countagg.core.days import check_upload_day, is_closed
from countagg.core.errors import (
    AccessDenied,
    CorruptDocument,
    InvalidCounterFile,
    InvalidObjectKey,
    UnreadableObject,
)
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger
from countagg.core.object_keys import CounterFileKey, parse_object_key
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.core.snapshot import join_parts, pack_counters
from countagg.data.counters import CounterItem
from countagg.data.day_records import StoredRecord
from countagg.data.files import ListedObject
from countagg.data.ledgers import StoredDay
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.integrity.bound import within_bound
from countagg.operate.integrity.findings import RefusedFile
from countagg.operate.integrity.inclusion import IncludedDay, find_inclusion
from countagg.operate.integrity.stored_forms import Terms
from countagg.operate.integrity.sums import lines_or_none
from countagg.operate.parallel import in_parallel

if TYPE_CHECKING:
    from countagg.aws.day_reader import DayReader


@dataclass(frozen=True, slots=True)
class CounterFile:
    """A counter file as it was read: whose it is, and its counters packed as in a snapshot, or why not.

    One that is listed but not found has neither: S3 may not show it for up to 15 minutes after versioning was
    first enabled (docs/aws-facts.md#surprises).

    Attributes:
        instance: whose; empty if the key itself is refused.
        key: the object's key.
        etag: of the object that was read.
        packed: its counters; None for a refused file, or one that is not found.
        refused: why it is refused; None for a good one, or one that is not found.
        modified_at: when it was written, aware UTC; None if that is not known.
        denied: whether it is refused because the principal may not use its key.
    """

    instance: str
    key: str
    etag: str
    packed: bytes | None = None
    refused: RefusedFile | None = None
    modified_at: datetime | None = None
    denied: bool = False


@dataclass(frozen=True, slots=True)
class DayLook:
    """What one look saw.

    Attributes:
        day: YYYY-MM-DD.
        files: instance -> its file.
        refused: files that the rules refuse, those with a refused key too, and those that S3 does not read out.
        snapshots: instance -> its snapshot.
        stored: the ledger as it is stored.
        inclusion: the ledger decoded, and what it includes; None if there is none, or it cannot be read.
        counters: counter -> its item of the counters table.
        published: the published object.
        expired: whether the day is closed, and the files stand in for its snapshots, which are gone or go soon.
        terms: what the look goes by.
        record: what is written down of the day.
    """

    day: str
    files: Mapping[str, CounterFile]
    refused: tuple[RefusedFile, ...]
    snapshots: Mapping[str, StoredSnapshot]
    stored: StoredDay
    inclusion: IncludedDay | None
    counters: Mapping[str, CounterItem]
    published: PublishedTotals
    expired: bool
    terms: Terms
    record: StoredRecord = field(default_factory=StoredRecord)

    @property
    def ledger(self) -> Ledger | None:
        """The ledger of the whole day; None if there is none, or it cannot be read."""
        return self.inclusion.ledger if self.inclusion else None


OnRead = Callable[[int, int], None]
"""Told how many files were read, out of how many."""


@dataclass
class Observer:
    """Looks at a day, again and again. A file that is still the same is read only once.

    Args:
        reader: where to read.
        day: YYYY-MM-DD.
        today: the current date, UTC.
        on_read: told about the files that are being read.
    """

    reader: DayReader
    day: str
    today: date
    on_read: OnRead = lambda _done, _total: None
    _known: dict[str, CounterFile] = field(default_factory=dict)

    def trust_snapshots(self) -> None:
        """Take what the snapshots say for what their files say, as long as these have the same ETag.

        It saves reading the files. Of an object, the ETag tells the content; of a snapshot, who wrote it.
        """
        for found in self.reader.snapshots(self.day):
            if found.etag and lines_or_none(found.packed) is not None:
                self._known[found.key] = CounterFile(found.instance, found.key, found.etag, found.packed)

    def look(self) -> DayLook:
        """Look once. The order matters: what is read later may be newer, never older.

        Raises:
            AccessDenied: the principal may not read what the processor reads.
        """
        files = self._files()
        record = self.reader.record(self.day)
        if record.item is None:
            record = self.reader.record(self.day, searched=True)
        snapshots, stored = self._stored()
        if files and not snapshots and not stored.exists:
            # A day that has begun has either, in the layout that is written down.
            record = self.reader.record(self.day, searched=True)
            snapshots, stored = self._stored()
        _check_permission(files, snapshots)
        inclusion = _decode(stored)
        ledger = inclusion.ledger if inclusion else None
        if self._expired:
            snapshots = self._in_place_of_expired(files, ledger)
        else:
            self._follow(snapshots, ledger)
            most = self.reader.settings.max_counters
            files = [
                within_bound(file, snapshots.get(file.instance), ledger or Ledger(), self.day, most)
                for file in files
            ]
        published = self.reader.published(self.day)
        good = {found.instance: found for found in files if found.instance}
        return DayLook(
            day=self.day,
            files=good,
            refused=tuple(found.refused for found in files if found.refused),
            snapshots=snapshots,
            stored=stored,
            inclusion=inclusion,
            counters={item.counter: item for item in self.reader.counters(self.day)},
            published=published,
            expired=self._expired,
            terms=Terms(self.reader.settings, self.day, self.today, self.reader.expiry(self.day)),
            record=record,
        )

    def _stored(self) -> tuple[dict[str, StoredSnapshot], StoredDay]:
        snapshots = {found.instance: found for found in self.reader.snapshots(self.day)}
        return snapshots, self.reader.ledger(self.day)

    @property
    def _expired(self) -> bool:
        expiry = self.reader.expiry(self.day)
        return is_closed(self.day, self.today, self.reader.settings.snapshot_retention_days, expiry)

    def _follow(self, snapshots: dict[str, StoredSnapshot], ledger: Ledger | None) -> None:
        """Read those snapshots again of which the ledger includes a newer one by now."""
        newer = [
            instance
            for instance, included in (ledger.seen.items() if ledger else ())
            if instance not in snapshots or snapshots[instance].sequencer < included
        ]
        again = in_parallel(lambda each: self.reader.snapshot(self.day, each), newer)
        snapshots.update((instance, found) for instance, found in again if found is not None)

    def _in_place_of_expired(self, files: list[CounterFile], ledger: Ledger | None) -> dict[str, StoredSnapshot]:
        """Return what the snapshots would say, of a day that is closed."""
        seen = {} if ledger is None else ledger.seen
        return {
            found.instance: StoredSnapshot(
                self.day, found.instance, seen.get(found.instance, ""), found.packed, found.etag, found.key, ""
            )
            for found in files
            if found.packed is not None
        }

    def _files(self) -> list[CounterFile]:
        listed = list(self.reader.list_objects(self.day))
        found: list[CounterFile] = []
        absent: list[CounterFile] = []
        pending: list[tuple[ListedObject, CounterFileKey]] = []
        for each in listed:
            known = self._known.get(each.key)
            if known is not None and known.etag == each.etag:
                found.append(replace(known, modified_at=each.modified_at))
            elif (file_key := self._file_key(each, found)) is not None:
                pending.append((each, file_key))
        layout = self.reader.layout_of_files(self.day) if pending else Layout()
        max_counters = self.reader.settings.max_counters
        for count, ((each, file_key), answer) in enumerate(in_parallel(self._fetch, pending), start=1):
            if answer is None:
                absent.append(CounterFile(file_key.instance, each.key, each.etag))
            elif isinstance(answer, UnreadableObject):
                # It may be readable at the next look.
                found.append(unreadable_file(each.key, file_key, each.etag, answer.what, denied=answer.denied))
            else:
                self._known[each.key] = read_file(each, file_key, answer, layout, max_counters)
                found.append(self._known[each.key])
            self.on_read(count, len(pending))
        # What is not listed any more went since.
        listed_again = {each.key for each in self.reader.list_objects(self.day)} if absent else set()
        return found + [file for file in absent if file.key in listed_again]

    def _file_key(self, each: ListedObject, found: list[CounterFile]) -> CounterFileKey | None:
        """Return whose file it is; None if it is nobody's, or refused by its key."""
        settings = self.reader.settings
        try:
            file_key = parse_object_key(each.key, settings.prefix)
            if not self._expired:
                check_upload_day(self.day, each.modified_at.date(), self.today, settings.snapshot_retention_days)
        except InvalidObjectKey as error:
            found.append(CounterFile("", each.key, each.etag, refused=RefusedFile(each.key, error.what, None)))
            return None
        return file_key

    def _fetch(self, pending: tuple[ListedObject, CounterFileKey]) -> tuple[bytes, str] | UnreadableObject | None:
        each, _ = pending
        try:
            # Of a file that is too large, that alone is known.
            return (b"", each.etag) if each.size > MAX_FILE_BYTES else self.reader.read_object(each.key)
        except UnreadableObject as error:
            return error


def unreadable_file(
    key: str, file_key: CounterFileKey, etag: str, reason: str, *, denied: bool = False
) -> CounterFile:
    """Return what there is of a file that S3 does not read out."""
    return CounterFile(file_key.instance, key, etag, refused=RefusedFile(key, reason, None), denied=denied)


def _check_permission(files: Sequence[CounterFile], snapshots: Mapping[str, StoredSnapshot]) -> None:
    """Require that the principal may use the key of some file, if the processor has read files with theirs.

    Raises:
        AccessDenied: it may not.
    """
    if any(file.packed is not None for file in files):
        return
    for file in files:
        snapshot = snapshots.get(file.instance)
        if file.denied and file.refused and snapshot is not None and snapshot.etag == file.etag:
            raise AccessDenied(
                f"of {len(files)} files none can be read, although the processor has read them: "
                f"{file.refused.reason}",
                action="kms:Decrypt",
                where=f"object {file.key}",
                hint="the key's policy, or a permission of yours on the key, has to allow kms:Decrypt",
            )


def read_file(
    listed: ListedObject,
    file_key: CounterFileKey,
    content: tuple[bytes, str],
    layout: Layout,
    max_counters: int,
) -> CounterFile:
    """Read a counter file under the rules of the processor.

    Args:
        listed: as the bucket lists it.
        file_key: what its key says.
        content: its bytes, which may be empty if it is too large, and its ETag.
        layout: of its day.
        max_counters: that it may have.
    """
    body, etag = content
    try:
        packed = _packed(listed, layout, body, max_counters)
    except InvalidCounterFile as error:
        refused = RefusedFile(listed.key, error.what, error.line)
        return CounterFile(file_key.instance, listed.key, etag, refused=refused)
    # What was read may be newer than what was listed; nobody knows then when it was written.
    modified_at = listed.modified_at if etag == listed.etag else None
    return CounterFile(file_key.instance, listed.key, etag, packed, modified_at=modified_at)


def _packed(listed: ListedObject, layout: Layout, content: bytes, max_counters: int) -> bytes:
    if listed.size > MAX_FILE_BYTES and not content:
        raise InvalidCounterFile(f"the file has {listed.size} bytes; at most {MAX_FILE_BYTES} are read")
    counters = parse_counter_file(content, max_counters)
    return join_parts([pack_counters(share) for share in layout.split(counters)])


def _decode(stored: StoredDay) -> IncludedDay | None:
    try:
        return find_inclusion(stored) if stored.exists else None
    except CorruptDocument:
        return None
