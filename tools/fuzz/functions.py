"""The handlers under hostile events, with everything behind them held in memory."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.day_record import DayRecord
from countagg.core.errors import CorruptDocument, InvalidEvent
from countagg.core.ledger import Image
from countagg.core.refusals import Refusal
from countagg.core.snapshot import MAX_PACKED_BYTES, Snapshot
from countagg.functions.aggregator import Aggregator
from countagg.functions.clients import Clients
from countagg.functions.files import AppliedFile, FetchedObject, ObjectVersion
from countagg.functions.processor import Processor
from countagg.functions.store import Store, StoredLedger
from tests.functions.publishing import SETTINGS, Outside
from tests.functions.world import Context, sqs_record

_TIME: Final = "2026-11-20T12:00:00+00:00"
_LONGEST_LINE: Final = 20_000
"""Of the log: a traceback, with its texts from outside cut short."""


class HeldStore(Store):
    """A store in memory: every object has the same content."""

    def __init__(self, content: bytes | None = None) -> None:
        super().__init__(SETTINGS, cast("Clients", None))
        self.content = content
        self.snapshots: dict[str, Snapshot] = {}
        self.ledgers: dict[str, StoredLedger] = {}
        self.refusals: list[Refusal] = []

    def fetch_object(self, key: str, version_id: str | None = None) -> FetchedObject | None:
        assert key.startswith(SETTINGS.prefix)
        assert version_id is None
        return None if self.content is None else FetchedObject(self.content, len(self.content), "etag", _TIME)

    def versions(self, key: str) -> Iterator[ObjectVersion]:  # noqa: ARG002 - the bucket keeps none
        return iter((ObjectVersion("null", is_delete_marker=False),))

    def applied(self, partition: str, instance: str) -> AppliedFile | None:  # noqa: ARG002 - of all partitions
        snapshot = self.snapshots.get(instance)
        return None if snapshot is None else AppliedFile(snapshot.sequencer, snapshot.etag or None)

    def fix_day(self, day: str, wanted: DayRecord) -> DayRecord:  # noqa: ARG002 - no day has begun
        return wanted

    def put_snapshot(self, parts: Mapping[str, Snapshot], expires_at: int) -> bool:
        assert expires_at > 0
        for snapshot in parts.values():
            assert len(snapshot.packed) <= MAX_PACKED_BYTES <= MAX_FILE_BYTES
            self.snapshots[snapshot.instance] = snapshot
        return True

    def snapshots_of(self, partition: str) -> Iterator[tuple[str, Image]]:  # noqa: ARG002 - there are none
        return iter(())

    def load_ledger(self, partition: str) -> StoredLedger:
        return self.ledgers.get(partition, StoredLedger(0, b""))

    def save_ledger(self, partition: str, replaced: StoredLedger, ledger: StoredLedger, updated_at: str) -> bool:
        assert datetime.fromisoformat(updated_at).tzinfo is not None
        assert ledger.version > replaced.version
        self.ledgers[partition] = ledger
        return True

    def send_refusal(self, refusal: Refusal) -> None:
        assert json.loads(refusal.to_message())["kind"] == "refused-file"
        self.refusals.append(refusal)


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
    store = HeldStore(content)
    records = [sqs_record(body, str(position)) for position, body in enumerate(bodies)]
    with _logged() as (logger, metrics):
        answer = Processor(SETTINGS, store, logger, metrics, _now).handle({"Records": records}, Context(60_000))
    retried = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    assert retried <= {str(position) for position in range(len(bodies))}


def handle_snapshot_records(records: list[Any]) -> None:
    """Hand records to the aggregator: it stores a ledger or says that it cannot read one of them."""
    with _logged() as (logger, metrics):
        aggregator = Aggregator(HeldStore(), logger, metrics, _now)
        _run(lambda: aggregator.handle({"Records": records}, Context(60_000)))


def handle_totals_records(records: list[Any]) -> None:
    """Hand records to the publisher: it publishes, or says that it cannot read one of them."""
    outside = _outside()
    outside.table.items.clear()
    outside.bucket.objects.clear()
    outside.log.seek(0)
    outside.log.truncate()
    with contextlib.redirect_stdout(io.StringIO()):
        _run(lambda: outside.publish(*records, by=outside.start()))


@cache
def _outside() -> Outside:
    return Outside()


def _run(handle: Callable[[], None]) -> None:
    with contextlib.suppress(InvalidEvent, CorruptDocument):
        handle()
