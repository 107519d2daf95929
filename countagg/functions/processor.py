"""Processor: files to snapshots.

Level-triggered: an event only says that a key has changed. The object is read as it is now and written as the
instance's snapshot under the event's sequencer, in one conditional write, so that a file counts wholly or not at
all. Only a removal makes an empty snapshot, which withdraws the instance: an upload whose object is not found is
left for another try, and where a file is refused, the newest good version before it stands.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.counter_file import MAX_FILE_BYTES, parse_counter_file
from countagg.core.errors import InvalidCounterFile, InvalidObjectKey, UnreadableObject
from countagg.core.events import ObjectEvent, parse_s3_message
from countagg.core.names import Names
from countagg.core.object_keys import SKIPPED, CounterFileKey
from countagg.core.sequencer import sequencer_before
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import Snapshot, pack_counters
from countagg.data.files import FileObject, ObjectVersion
from countagg.data.letters import Refusal
from countagg.data.snapshots import COUNTERS, AppliedFile, NewSnapshot
from countagg.data.store import Store
from countagg.functions.clients import make_clients
from countagg.functions.day_bound import DayBound
from countagg.functions.deadline import has_time, require_time
from countagg.functions.earlier_versions import EarlierVersions, ObjectNotFound
from countagg.functions.event_files import EventFiles
from countagg.functions.silence import SilenceWatch
from countagg.functions.snapshots_ahead import SnapshotsAhead
from countagg.functions.telemetry import make_telemetry, report, utc_now

CALLS_PER_FILE: Final = 3
"""So many of the slowest calls fit before a file is begun, or a version before a refused file. There may be more:
the file, its day's record, its snapshot and the day's ledger are read, and a snapshot or a refusal is written. A
file that is cut off comes again."""


class Outcome(StrEnum):
    """What became of an event; each is a metric. An event of a file that is skipped is skipped too."""

    APPLIED = "FilesApplied"
    ALREADY_NEWER = "EventsAlreadyNewer"
    REFUSED = "FilesRefused"
    SKIPPED = "EventsSkipped"
    FILE_SKIPPED = "FilesSkipped"


class Processor:
    """Applies events to the snapshots table.

    Args:
        settings: of the stack.
        store: where objects are read and snapshots written.
        logger: for one line a batch and one a refusal.
        metrics: for the counts of outcomes.
        now: the clock, aware UTC.
    """

    def __init__(
        self,
        settings: FunctionSettings,
        store: Store,
        logger: Logger,
        metrics: EphemeralMetrics,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._store = store
        self._logger = logger
        self._metrics = metrics
        self._now = now
        self._bound = DayBound(store.ledgers, settings.max_counters, logger, now)
        self._skipped_key = ""
        self._files = EventFiles(settings, store.records, now)
        self._ahead = SnapshotsAhead(store.snapshots, logger)
        self._silence = SilenceWatch(store, logger, metrics, now)

    def handle(self, event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
        """Process a batch of queue messages; those that fail are named in the answer and come again."""
        outcomes: Counter[str] = Counter()

        def handle_record(record: SQSRecord) -> None:
            try:
                require_time(context.get_remaining_time_in_millis, CALLS_PER_FILE)
                outcomes.update(self._apply_all(parse_s3_message(record.body), context))
            except ObjectNotFound as error:
                self._logger.warning(
                    "object not found, left for another try", message_id=record.message_id, reason=str(error)
                )
                raise
            except Exception:
                self._logger.exception("message left for another try", extra={"message_id": record.message_id})
                raise

        self._ahead.read((record["body"] for record in event["Records"]), self._files.place_of)
        batch = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        answer = process_partial_response(event, handle_record, batch, context)
        if skipped := outcomes[Outcome.FILE_SKIPPED]:
            self._logger.info(SKIPPED, skipped=skipped, key=self._skipped_key)
            outcomes[Outcome.SKIPPED] += skipped
        report(self._logger, self._metrics, outcomes, retried=len(batch.fail_messages))
        self._silence.look(context.get_remaining_time_in_millis)
        return answer

    def _apply_all(self, events: Sequence[ObjectEvent], context: LambdaContext) -> list[Outcome]:
        """Apply a message's events, those after one whose object is not found too.

        Raises:
            ObjectNotFound: of one of them; the message comes again.
        """
        outcomes: list[Outcome] = []
        missing: ObjectNotFound | None = None
        for event in events:
            try:
                outcomes.append(self._apply(event, context))
            except ObjectNotFound as error:
                missing = error
        if missing is not None:
            raise missing
        return outcomes

    def _apply(self, event: ObjectEvent, context: LambdaContext) -> Outcome:
        try:
            file_key = self._files.key_of(event)
            return self._skip(event) if file_key is None else self._apply_file(event, file_key, context)
        except InvalidObjectKey as error:
            if event.removed:
                # Refused when it came, or its day is closed: its going withdraws nothing.
                return Outcome.SKIPPED
            return self._refuse(event, error, "", context, None)

    def _skip(self, event: ObjectEvent) -> Outcome:
        if event.removed:
            return Outcome.SKIPPED
        self._skipped_key = event.key
        return Outcome.FILE_SKIPPED

    def _apply_file(self, event: ObjectEvent, file_key: CounterFileKey, context: LambdaContext) -> Outcome:
        try:
            fetched = self._store.files.fetch(event.key)
        except UnreadableObject as unread:
            return self._apply_earlier(event, file_key, None, InvalidCounterFile(unread.what), context)
        if fetched is None:
            return self._withdraw(event, file_key) if event.removed else self._await_object(event, file_key)
        try:
            snapshot = self._snapshot(event, file_key, fetched)
        except InvalidCounterFile as error:
            return self._apply_earlier(event, file_key, fetched, error, context)
        return self._put(event, file_key, snapshot)

    def _apply_earlier(
        self,
        event: ObjectEvent,
        file_key: CounterFileKey,
        refused: FileObject | None,
        error: InvalidCounterFile,
        context: LambdaContext,
    ) -> Outcome:
        """Apply what stands in the place of a file that is refused; None for one that S3 does not read out.

        It is stored as if it came right before the file, so that a redrive can still take that up. After a
        removal that is nothing, unless a good file came in between: what was there before is gone. The refused
        file came later, and has an event of its own.
        """
        versions = EarlierVersions(
            self._store.files,
            partial(has_time, context.get_remaining_time_in_millis, CALLS_PER_FILE),
            partial(self._counts, event, file_key),
        )
        before = sequencer_before(event.sequencer)
        standing = event if event.removed else replace(event, sequencer=before)
        earlier = versions.newest_good(event, refused, partial(self._snapshot, standing, file_key))
        if event.removed:
            return (
                self._withdraw(event, file_key)
                if earlier.snapshot is None
                else self._put(event, file_key, earlier.snapshot)
            )
        if earlier.snapshot is not None:
            self._put(event, file_key, earlier.snapshot)
        return self._refuse(event, error, "" if refused is None else refused.etag, context, earlier.told)

    def _withdraw(self, event: ObjectEvent, file_key: CounterFileKey) -> Outcome:
        return self._put(event, file_key, self._snapshot(event, file_key, None))

    def _await_object(self, event: ObjectEvent, file_key: CounterFileKey) -> Outcome:
        """Leave an upload whose object is not found for another try, unless something newer is known by now.

        Raises:
            ObjectNotFound: nothing is.
        """
        applied = self._applied(event, file_key)
        if applied is not None and applied.sequencer >= event.sequencer:
            return Outcome.ALREADY_NEWER
        raise ObjectNotFound(f"{event.key} is not there, and nothing tells yet that it was removed")

    def _applied(self, event: ObjectEvent, file_key: CounterFileKey) -> AppliedFile | None:
        day, instance = file_key.day, file_key.instance
        # All parts of a snapshot are written together.
        partition = self._files.record_of(day, event).layout.partitions_of(day, instance)[0]
        return self._store.snapshots.applied(partition, instance)

    def _counts(self, event: ObjectEvent, file_key: CounterFileKey, version: ObjectVersion) -> bool:
        """Tell whether the snapshot that stands is of this version."""
        applied = self._applied(event, file_key)
        return applied is not None and applied.etag is not None and applied.etag == version.etag

    def _put(self, event: ObjectEvent, file_key: CounterFileKey, snapshot: NewSnapshot) -> Outcome:
        expires_at = self._files.record_of(file_key.day, event).expiry.snapshots
        return Outcome.APPLIED if self._store.snapshots.put(snapshot, expires_at) else Outcome.ALREADY_NEWER

    def _snapshot(self, event: ObjectEvent, file_key: CounterFileKey, found: FileObject | None) -> NewSnapshot:
        """Make the snapshot under the event's sequencer; a tombstone of no file.

        Raises:
            InvalidCounterFile: the rules refuse the file.
        """
        day, instance = file_key.day, file_key.instance
        counters = _counters(found, self._settings.max_counters)
        layout = self._files.record_of(day, event).layout
        etag, time = (
            ("", event.time) if found is None else (found.etag, found.modified_at.isoformat(timespec="seconds"))
        )
        parts = {
            partition: Snapshot(day, instance, event.sequencer, pack_counters(share), etag, event.key, time)
            for partition, share in zip(layout.partitions_of(day, instance), layout.split(counters), strict=True)
        }
        snapshot = NewSnapshot.over(self._ahead.parts(list(parts), instance, event.sequencer), parts)
        if snapshot.unchanged_since is None:
            self._bound.check(day, layout, [COUNTERS.find(item) for item in snapshot.found], counters)
        return snapshot

    def _refuse(
        self,
        event: ObjectEvent,
        error: InvalidObjectKey | InvalidCounterFile,
        etag: str,
        context: LambdaContext,
        before: str | None,
    ) -> Outcome:
        refusal = Refusal(
            bucket=event.bucket,
            key=event.key,
            sequencer=event.sequencer,
            reason=error.what,
            line=error.line if isinstance(error, InvalidCounterFile) else None,
            etag=etag,
            request_id=context.aws_request_id,
            refused_at=self._now().isoformat(timespec="seconds"),
            before=before,
        )
        self._store.dead_letters.send(refusal.to_message())
        self._logger.warning(
            "file refused",
            bucket=event.bucket,
            key=event.key,
            reason=refusal.reason,
            line=refusal.line,
            before=before,
        )
        return Outcome.REFUSED


def _counters(found: FileObject | None, max_counters: int) -> Mapping[str, int]:
    """Read what was found; an absent object names no counter."""
    if found is None:
        return {}
    if found.content is None:
        raise InvalidCounterFile(f"the file has {found.size} bytes; at most {MAX_FILE_BYTES} are read")
    return parse_counter_file(found.content, max_counters)


@cache
def _processor() -> Processor:
    settings = FunctionSettings.from_environment(os.environ)
    logger, metrics = make_telemetry(Names(settings.stack).processor)
    return Processor(settings, Store(settings, make_clients()), logger, metrics, utc_now)


def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """Entry point of AWS Lambda."""
    return _processor().handle(event, context)
