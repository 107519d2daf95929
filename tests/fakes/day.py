"""A day in memory, with everything that is stored of it, and functions that keep it up when they are let."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Final

from countagg.aws.day_reader import DayReader
from countagg.core.counter_file import MAX_FILE_BYTES, parse_counter_file
from countagg.core.days import Expiry
from countagg.core.errors import CorruptDocument, InvalidCounterFile, UnreadableObject
from countagg.core.events import ObjectEvent, parse_s3_message
from countagg.core.ledger import GapInChain, Image, Ledger, Link, decode_ledger, encode_ledger, fold, rebuild
from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.core.partitions import Layout
from countagg.core.polling import Polling
from countagg.core.published import PublishedTotals
from countagg.core.sequencer import normalise_sequencer
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import pack_counters
from countagg.data.attributes import Attribute, Item
from countagg.data.counters import CounterItem, CountersTable
from countagg.data.day_records import StoredRecord
from countagg.data.files import FileObject, ListedObject
from countagg.data.ledgers import LedgersTable, StoredDay, StoredLedger
from countagg.data.published import PublishedObjects
from countagg.data.queues import EventQueue
from countagg.data.snapshots import StoredSnapshot
from countagg.data.store import Store
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Verification
from countagg.operate.integrity.repair import Repaired, Repairer
from countagg.operate.integrity.repair_plan import plan_repair
from countagg.operate.integrity.sums import exact
from countagg.operate.integrity.verify import verify
from tests.fakes.bucket import etag_of

DAY: Final = "2026-11-20"
THEN: Final = "2026-11-20T10:00:00.000+00:00"
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
UPLOADED_AT: Final = datetime(2026, 11, 20, 10, tzinfo=UTC)
SETTINGS: Final = FunctionSettings("countagg", "b", "1", "counters/", "totals/", "url", 35, 400, "arn")


@dataclass
class FakeDay(DayReader, EventQueue):
    """One day of a stack: bucket, tables and queue, behind the reader, the writer and the queue of the operator.

    Attributes:
        objects: key -> bytes.
        held: instance -> snapshot.
        stored: the ledger.
        items: counter -> item of the counters table.
        object: the published object.
        waiting: events that the processor has not seen.
        refused: keys of files that the processor refused.
        clock: seconds; only sleeping moves it.
        on_sleep: what happens during each of the next pauses; the functions do their work in later ones, once a
            repair is carried out.
        processor_works: whether it takes events.
        on_write: what happens just before each of the next writes of a repair.
        wrote: the counters' items that a repair wrote, or would have.
        events: how many S3 had.
        unseen: keys that the bucket lists, and yet answers 404 for.
        shut: key -> why S3 does not read the object out.
        links: changes of snapshots that the aggregator has not seen.
        fixed: when the day expires; None for what the settings say.
        uploaded_at: when the files were uploaded.
        versions: of the ledger that the publisher has not seen: sums before and after, and the ledger.
    """

    today: date = date(2026, 11, 20)
    objects: dict[str, bytes] = field(default_factory=dict)
    held: dict[str, StoredSnapshot] = field(default_factory=dict)
    stored: StoredLedger = field(default_factory=StoredLedger)
    items: dict[str, CounterItem] = field(default_factory=dict)
    object: PublishedTotals = field(default_factory=PublishedTotals)
    waiting: list[ObjectEvent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    clock: float = 100.0
    on_sleep: list[Callable[[], None]] = field(default_factory=list)
    processor_works: bool = True
    on_write: list[Callable[[], None]] = field(default_factory=list)
    wrote: list[CounterItem] = field(default_factory=list)
    events: int = 0
    unseen: set[str] = field(default_factory=set)
    shut: dict[str, UnreadableObject] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    versions: list[tuple[dict[str, int], dict[str, int], StoredLedger]] = field(default_factory=list)
    settings: FunctionSettings = SETTINGS
    fixed: Expiry | None = None
    uploaded_at: datetime = UPLOADED_AT

    # Uploads, and what the functions do about them

    def upload(self, instance: str, content: str | bytes, *, told: bool = True) -> None:
        """Write a file; S3 tells of it unless the event is lost."""
        key = build_object_key("counters/", DAY, instance)
        self.objects[key] = content.encode() if isinstance(content, str) else content
        self._tell(key, removed=False, told=told)

    def delete(self, instance: str, *, told: bool = True) -> None:
        """Delete a file."""
        key = build_object_key("counters/", DAY, instance)
        del self.objects[key]
        self._tell(key, removed=True, told=told)

    def _tell(self, key: str, *, removed: bool, told: bool) -> None:
        self.events += 1
        sequencer = normalise_sequencer(f"00674760B0{self.events:08X}")
        if told:
            self.waiting.append(ObjectEvent("b", key, sequencer, removed, "then"))

    def process(self) -> None:
        """Do what the processor does: look at the files that events name."""
        taken = self.waiting if self.processor_works else []
        self.waiting = [] if self.processor_works else self.waiting
        for event in taken:
            file_key = parse_object_key(event.key, "counters/")
            assert file_key is not None
            content = self._content(event.key)
            if content is None and not event.removed:
                self.waiting.append(event)
                continue
            if event.key in self.shut and content is not None:
                self.refused.append(event.key)
                continue
            try:
                packed = pack_counters({} if content is None else parse_counter_file(content))
            except InvalidCounterFile:
                self.refused.append(event.key)
                continue
            etag = "" if content is None else etag_of(content)
            new = StoredSnapshot(DAY, file_key.instance, event.sequencer, packed, etag, event.key, "then")
            old = self.held.get(new.instance)
            if old is None or old.sequencer < new.sequencer:
                self.held[new.instance] = new
                self.links.append(Link(DAY, new.instance, None if old is None else _image(old), _image(new)))

    def aggregate(self) -> None:
        """Do what the aggregator does: fold what changed, or rebuild."""
        links, self.links = self.links, []
        try:
            ledger = self.totals
            if not fold(ledger, links):
                return
        except (GapInChain, CorruptDocument):
            ledger = rebuild((each.instance, _image(each)) for each in self.held.values())
        self.save(StoredLedger(self.stored.version + 1, THEN, encode_ledger(ledger)))

    def save(self, new: StoredLedger) -> None:
        """Store another version of the ledger."""
        try:
            before = dict(self.totals.sums)
        except CorruptDocument:
            before = dict(self.object.totals)
        self.stored = new
        self.versions.append((before, dict(self.totals.sums), new))

    def publish(self) -> None:
        """Do what the publisher does: write the counters that changed, then the object."""
        for before, after, stored in self.versions:
            version = stored.version
            changed = {name for name, _ in before.items() ^ after.items()}
            for name in changed:
                item = self.items.get(name)
                if item is None or (item.version or 0) < version:
                    self.items[name] = CounterItem(name, exact(after.get(name, 0)), version)
            if changed and self.object.version < version:
                self.object = PublishedTotals(version, f"etag {version}", after, updated_at=stored.updated_at)
        self.versions = []

    def settle(self) -> None:
        """Let all functions do their work."""
        self.process()
        self.aggregate()
        self.publish()

    @property
    def totals(self) -> Ledger:
        """The stored ledger, decoded."""
        return decode_ledger(self.stored.document) if self.stored.version else Ledger()

    def put_ledger(self, ledger: Ledger) -> None:
        """Put a ledger into the place of the stored one, in its version."""
        self.stored = replace(self.stored, document=encode_ledger(ledger))

    # The operator

    def verify(self, settle: float = 10.0, progress: list[tuple[int, int]] | None = None) -> Verification:
        """Verify."""
        told = [] if progress is None else progress
        observer = Observer(self, DAY, self.today, lambda done, total: told.append((done, total)))
        return verify(observer, self.settling(settle))[0]

    def repair(self, settle: float = 1.0, now: datetime = NOW) -> Repaired:
        """Repair, when it is that late."""
        observer = Observer(self, DAY, self.today)
        found, look = verify(observer, self.settling(settle))
        plan = plan_repair(found, look, self.settings, NOW.isoformat())
        self.on_sleep += [self.settle] * 99
        repairer = Repairer(self, self.store, self, self.settling(settle), lambda: now, timeout=5.0)
        return repairer.repair(observer, plan)

    def settling(self, seconds: float) -> Polling:
        """Return how to wait, by the clock of this day."""
        return Polling(seconds, self._sleep, lambda: self.clock)

    def _sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.clock += seconds
        if self.on_sleep:
            self.on_sleep.pop(0)()

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        prefix = build_object_key("counters/", day, "")
        for key, content in sorted(self.objects.items()):
            if key.startswith(prefix):
                yield ListedObject(key, etag_of(content), len(content), self.uploaded_at)

    def read_object(self, key: str) -> tuple[bytes, str] | None:
        if key in self.shut:
            raise self.shut[key]
        content = self._content(key)
        return None if content is None else (content, etag_of(content))

    def listed(self, key: str) -> ListedObject | None:
        content = self.objects.get(key)
        return None if content is None else ListedObject(key, etag_of(content), len(content), UPLOADED_AT)

    def _content(self, key: str) -> bytes | None:
        return None if key in self.unseen else self.objects.get(key)

    def find_object(self, key: str) -> FileObject | None:
        content = self._content(key)
        if content is None:
            return None
        if key in self.shut:
            return FileObject(
                None, etag_of(content), len(content), self.uploaded_at, unreadable=self.shut[key].what
            )
        held = content if len(content) <= MAX_FILE_BYTES else None
        return FileObject(held, etag_of(content), len(content), self.uploaded_at)

    def snapshots(self, _day: str, *_shown: Attribute) -> Iterator[StoredSnapshot]:
        return iter(list(self.held.values()))

    def snapshot(self, _day: str, instance: str) -> StoredSnapshot | None:
        return self.held.get(instance)

    def sequencers(self, _day: str) -> dict[str, str]:
        return {each.instance: each.sequencer for each in self.held.values()}

    def ledger(self, day: str, *_shown: Attribute, **_how: bool) -> StoredDay:
        return StoredDay((self.stored if day == DAY else StoredLedger(),))

    def expiry(self, day: str) -> Expiry:
        return self.fixed or self.settings.expiry_of(day)

    def record(self, _day: str, *, searched: bool = False) -> StoredRecord:
        assert not searched or self.files_alone
        return StoredRecord(RECORD, Layout())

    @property
    def files_alone(self) -> bool:
        """Whether nothing is stored of the files."""
        return bool(self.objects) and not self.held and not self.stored.exists

    def snapshot_items(self, _day: str, _instance: str) -> list[Item]:
        return []

    def layout(self, _day: str) -> Layout:
        return Layout()

    def layout_of_files(self, _day: str) -> Layout:
        return Layout()

    def snapshots_of(self, _partition: str, day: str) -> Iterator[StoredSnapshot]:
        return self.snapshots(day)

    def counters(self, _day: str) -> Iterator[CounterItem]:
        return iter(list(self.items.values()))

    def counters_exactly(self, _day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        return (self.items[name] for name in counters if name in self.items)

    def published(self, _day: str) -> PublishedTotals:
        return self.object

    def send(self, bodies: Sequence[str]) -> Iterator[list[bool]]:
        for body in bodies:
            self.waiting += parse_s3_message(body)
            yield [True]
        self.process()

    @property
    def store(self) -> Store:
        """Where a repair writes."""
        return _FakeStore(self)


class _FakeStore(Store):
    def __init__(self, day: FakeDay) -> None:
        self.ledgers, self.counters, self.published = _Ledgers(day), _Counters(day), _Published(day)


class _Ledgers(LedgersTable):
    def __init__(self, day: FakeDay) -> None:
        self._day = day

    def save(self, partition: str, replaced: StoredLedger, ledger: StoredLedger) -> bool:
        assert (partition, ledger.expires_at) == (DAY, self._day.expiry(DAY).totals)
        _happen(self._day.on_write)
        if self._day.stored.version != replaced.version:
            return False
        self._day.save(ledger)
        return True


class _Counters(CountersTable):
    def __init__(self, day: FakeDay) -> None:
        self._day = day

    def replace(self, day: str, replaced: CounterItem | None, item: CounterItem, expires_at: int) -> bool:
        assert expires_at == self._day.expiry(day).totals
        _happen(self._day.on_write)
        self._day.wrote.append(item)
        if self._day.items.get(item.counter) != replaced:
            return False
        self._day.items[item.counter] = item
        return True


class _Published(PublishedObjects):
    def __init__(self, day: FakeDay) -> None:
        self._day = day

    def write(self, day: str, version: int, updated_at: str, totals: Mapping[str, int], replaced: str) -> str:
        assert day == DAY
        _happen(self._day.on_write)
        if self._day.object.etag != replaced:
            return ""
        self._day.object = PublishedTotals(version, f"repaired {version}", dict(totals), updated_at=updated_at)
        return self._day.object.etag


def _happen(events: list[Callable[[], None]]) -> None:
    if events:
        events.pop(0)()


RECORD: Final[Item] = {"ExpiresAt": {"N": "1803000000"}, "Lanes": {"N": "1"}, "CounterShards": {"N": "1"}}


def _image(snapshot: StoredSnapshot) -> Image:
    return Image(snapshot.sequencer, snapshot.packed)
