"""The handlers under hostile events, with everything behind them held in memory."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.errors import CorruptDocument, InvalidEvent
from countagg.core.ledger import Image
from countagg.core.partitions import Layout
from countagg.core.snapshot import MAX_PACKED_BYTES, Snapshot
from countagg.data.attributes import Item
from countagg.data.day_records import DayRecord, DayRecords
from countagg.data.files import CounterFiles, FileObject, ObjectVersion
from countagg.data.ledgers import LedgersTable, StoredDay, StoredLedger
from countagg.data.queues import DeadLetterQueue
from countagg.data.snapshots import AppliedFile, NewSnapshot, SnapshotsTable, snapshot_item
from countagg.data.store import Store
from countagg.functions.aggregator import Aggregator
from countagg.functions.processor import Processor
from tests.functions.publishing import SETTINGS, Outside
from tests.functions.world import Context, clients_of, sqs_record

_TIME: Final = "2026-11-20T12:00:00+00:00"
_LONGEST_LINE: Final = 20_000
"""Of the log: a traceback, with its texts from outside cut short."""


class HeldFiles(CounterFiles):
    """Every object has the same content, and the bucket keeps no versions."""

    content: bytes | None

    def fetch(self, key: str, version_id: str | None = None) -> FileObject | None:
        assert key.startswith(SETTINGS.prefix)
        assert version_id is None
        return None if self.content is None else FileObject(self.content, "etag", len(self.content), _now())

    def versions(self, key: str) -> Iterator[ObjectVersion]:  # noqa: ARG002 - the bucket keeps none
        return iter((ObjectVersion("null", is_delete_marker=False),))


class HeldRecords(DayRecords):
    def fix(self, day: str, wanted: DayRecord) -> DayRecord:  # noqa: ARG002 - no day has begun
        return wanted

    def find(self, day: str) -> None:
        """Find nothing: no day has begun."""


class HeldSnapshots(SnapshotsTable):
    held: dict[str, Snapshot]

    def applied(self, partition: str, instance: str) -> AppliedFile | None:  # noqa: ARG002 - of all partitions
        snapshot = self.held.get(instance)
        return None if snapshot is None else AppliedFile(snapshot.sequencer, snapshot.etag or None)

    def parts(self, partitions: Sequence[str], instance: str) -> list[Item]:
        snapshot = self.held.get(instance)
        return [] if snapshot is None else [snapshot_item(partitions[0], snapshot, 1)]

    def put(self, new: NewSnapshot, expires_at: int) -> bool:
        assert expires_at > 0
        for snapshot in new.parts.values():
            assert len(snapshot.packed) <= MAX_PACKED_BYTES <= MAX_FILE_BYTES
            self.held[snapshot.instance] = snapshot
        return True

    def images(self, partition: str) -> Iterator[tuple[str, Image]]:  # noqa: ARG002 - there are none
        return iter(())


class HeldLedgers(LedgersTable):
    held: dict[str, StoredLedger]

    def load(self, partition: str) -> StoredLedger:
        return self.held.get(partition, StoredLedger())

    def read_one_by_one(self, day: str, layout: Layout) -> StoredDay:
        return StoredDay(tuple(map(self.load, layout.partitions(day))), layout)

    def save(self, partition: str, replaced: StoredLedger, ledger: StoredLedger) -> bool:
        assert datetime.fromisoformat(ledger.updated_at).tzinfo is not None
        assert ledger.version > replaced.version
        self.held[partition] = ledger
        return True


class HeldLetters(DeadLetterQueue):
    def send(self, body: str) -> None:
        assert json.loads(body)["kind"] == "refused-file"


def held_store(content: bytes | None = None) -> Store:
    """Return a store in memory."""
    clients = clients_of()
    store = Store(SETTINGS, clients)
    store.files = files = HeldFiles(clients, SETTINGS)
    store.snapshots = snapshots = HeldSnapshots(clients, "snapshots")
    store.ledgers = ledgers = HeldLedgers(clients, "totals")
    store.records, store.dead_letters = HeldRecords(clients, "snapshots"), HeldLetters(clients, "letters")
    files.content, snapshots.held, ledgers.held = content, {}, {}
    return store


@cache
def _telemetry() -> tuple[io.StringIO, Logger, EphemeralMetrics]:
    log = io.StringIO()
    return log, Logger(service="fuzz", stream=log), EphemeralMetrics(namespace="countagg", service="fuzz")


@contextlib.contextmanager
def _logged() -> Iterator[tuple[Logger, EphemeralMetrics]]:
    """Give logger and metrics; check at the end that each line of the log is JSON in ASCII, and not endless."""
    log, logger, metrics = _telemetry()
    log.seek(0)
    log.truncate()
    with contextlib.redirect_stdout(io.StringIO()):
        yield logger, metrics
    for line in log.getvalue().splitlines():
        assert json.loads(line)
        assert len(line) < _LONGEST_LINE


def _now() -> datetime:
    return datetime(2026, 11, 20, 12, tzinfo=UTC)


def handle_messages(parts: tuple[list[str], bytes | None]) -> None:
    """Hand messages to the processor: it survives, and names for another try only what cannot be read."""
    bodies, content = parts
    store = held_store(content)
    records = [sqs_record(body, str(position)) for position, body in enumerate(bodies)]
    with _logged() as (logger, metrics):
        answer = Processor(SETTINGS, store, logger, metrics, _now).handle({"Records": records}, Context(60_000))
    retried = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert retried <= {str(position) for position in range(len(bodies))}


def handle_snapshot_records(records: list[Any]) -> None:
    """Hand records to the aggregator: it stores a ledger or says that it cannot read one of them."""
    with _logged() as (logger, metrics):
        aggregator = Aggregator(held_store(), logger, metrics, _now)
        _run(lambda: aggregator.handle({"Records": records}, Context(60_000)))


def handle_totals_records(records: list[Any]) -> None:
    """Hand records to the publisher: it publishes, or says that it cannot read one of them."""
    outside = _outside()
    outside.table.items.clear()
    outside.bucket.objects.clear()
    outside.log.seek(0)
    outside.log.truncate()
    for record in records:
        with contextlib.suppress(AttributeError, KeyError, TypeError, ValueError):
            outside.ledgers.become(record)
    publisher = outside.start()
    with contextlib.redirect_stdout(io.StringIO()):
        _run(lambda: publisher.handle({"Records": records}, Context(60_000)))


@cache
def _outside() -> Outside:
    return Outside()


def _run(handle: Callable[[], None]) -> None:
    with contextlib.suppress(InvalidEvent, CorruptDocument):
        handle()
