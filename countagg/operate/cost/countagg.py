"""What our layout costs, hop by hop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from countagg.core.ages import parse_age
from countagg.core.silence import interval_of_looks
from countagg.operate.cost.fleet_sizes import Sizes
from countagg.operate.cost.item_sizes import READ_UNIT
from countagg.operate.cost.model import (
    ASSUMED,
    DEFAULTS,
    GB,
    MONTH_DAYS,
    STATEMENTS,
    Bill,
    LineParts,
    Workload,
    bill,
    cpu_share,
    function_lines,
    log_lines,
    seconds_per_file,
)
from countagg.operate.cost.prices import Meter
from countagg.operate.cost.write_units import changed_in, rhythm_of
from countagg.provision.settings import StackSettings

_POLL_WAIT: Final = 20.0
"""Seconds that a poller of Lambda's waits for a message."""


def our_bill(work: Workload, sizes: Sizes, choices: StackSettings = DEFAULTS) -> Bill:
    """Return what our layout costs."""
    return bill(_OurLines(work, sizes, choices).all())


def watching_lines(choices: StackSettings, months: float) -> Iterable[LineParts]:
    """Yield the lines of what watches over a stack and costs the same however much passes through."""
    yield "watching", Meter.ALARM, ASSUMED.alarms * months, "alarms of the stack"
    yield "watching", Meter.METRIC, ASSUMED.metrics * months, "metrics that good runs emit"
    if choices.stale_alarm:
        yield "watching", Meter.ALARM, months, "the alarm of silent instances"
        yield "watching", Meter.METRIC, months, "the metric of silent instances"
    if choices.dashboard:
        yield "watching", Meter.DASHBOARD, months, "the dashboard, as if the account had three others"


class _OurLines:
    """The lines of our layout."""

    def __init__(self, work: Workload, sizes: Sizes, choices: StackSettings) -> None:
        self._work, self._sizes, self._choices = work, sizes, choices
        self._rhythm = rhythm_of(work, sizes, choices)
        self._published = work.counters * changed_in(self._rhythm.files_per_publication, work.changed_counters)
        self._versions = work.changed_files / self._rhythm.files_per_version
        self._ledgers = self._versions * self._rhythm.ledgers_per_version
        self._partitions = self._choices.layout.lanes * self._choices.layout.shards
        self._publications = work.changed_files / self._rhythm.files_per_publication

    def all(self) -> Iterable[LineParts]:
        yield from self._transport()
        yield from self._processor()
        yield from self._aggregator()
        yield from self._publisher()
        yield from watching_lines(self._choices, self._months)
        if after := parse_age(self._choices.stale_alarm or ""):
            yield from self._silence(after)

    def _silence(self, after: timedelta) -> Iterable[LineParts]:
        looks = self._work.seconds / interval_of_looks(after).total_seconds()
        # Not strongly consistent, they cost the half.
        units = looks * self._work.instances * self._sizes.snapshot / READ_UNIT / 2
        yield "watching", Meter.DYNAMODB_READ, units, "looks for silent instances x bytes of all snapshots"
        yield "watching", Meter.DYNAMODB_WRITE, looks, "looks, each of which takes its turn"

    @property
    def _months(self) -> float:
        return self._work.days / MONTH_DAYS

    def _transport(self) -> Iterable[LineParts]:
        work = self._work
        yield "upload", Meter.S3_PUT, work.files, "a file"
        stored = work.instances * self._sizes.file * work.keep_days / GB * self._months
        yield "upload", Meter.S3_STORAGE, stored, "instances x bytes of a file x days kept"
        yield "notification", Meter.SNS_PUBLISH, work.files, "a file"
        calls = work.files / self._rhythm.files_per_call
        receives = _receives(calls / work.seconds / ASSUMED.pollers) * ASSUMED.pollers * work.seconds
        yield "queue", Meter.SQS_REQUEST, work.files, "a file sent"
        yield "queue", Meter.SQS_REQUEST, receives, "receives of 5 pollers, each waiting up to 20 s"
        yield "queue", Meter.SQS_REQUEST, calls, "a batch deleted"

    def _processor(self) -> Iterable[LineParts]:
        work, sizes = self._work, self._sizes
        calls = work.files / self._rhythm.files_per_call
        seconds = calls * ASSUMED.per_invocation + work.files * seconds_per_file(work, self._choices)
        yield from self._function("processor", calls, seconds, self._choices.memory.processor)
        yield "processor", Meter.S3_GET, work.files, "a file read"
        shards = self._choices.layout.shards
        # The parts of a snapshot are read in a transaction, which costs twice as much.
        units = shards * math.ceil(sizes.snapshot / shards / READ_UNIT) * (1 if shards == 1 else 2)
        yield "snapshots", Meter.DYNAMODB_READ, work.files * units, "files x 4 KB of the snapshot before"
        yield "snapshots", Meter.DYNAMODB_WRITE, work.files * sizes.snapshot_units, "files x KB of a snapshot"
        stored = work.instances * self._choices.retention.snapshots * sizes.snapshot / GB * self._months
        yield "snapshots", Meter.DYNAMODB_STORAGE, stored, "instances x bytes of a snapshot x days kept"

    def _aggregator(self) -> Iterable[LineParts]:
        work, sizes = self._work, self._sizes
        memory = self._choices.memory.aggregator
        cpu = work.changed_files * work.counters * ASSUMED.per_value + self._ledgers * self._ledger_cpu
        own = self._versions * ASSUMED.per_invocation + self._ledgers * ASSUMED.dynamodb_call
        seconds = own + cpu / cpu_share(memory)
        yield from self._function("aggregator", self._versions, seconds, memory)
        units = self._ledgers * sizes.ledger_units
        yield "totals", Meter.DYNAMODB_WRITE, units, "batches of the aggregator x KB of the ledgers"
        stored = self._partitions * sizes.ledger * self._choices.retention.totals / GB * self._months
        yield "totals", Meter.DYNAMODB_STORAGE, stored, "bytes of the ledgers x days kept"

    @property
    def _ledger_cpu(self) -> float:
        layout = self._choices.layout
        entries = self._work.instances / layout.lanes + self._work.counters / layout.shards
        return entries * ASSUMED.per_entry

    def _publisher(self) -> Iterable[LineParts]:
        work, sizes = self._work, self._sizes
        memory, count = self._choices.memory.publisher, self._publications
        calls = ASSUMED.batch_call * math.ceil(self._published / STATEMENTS) + 2 * ASSUMED.s3_call
        own = ASSUMED.per_invocation + 3 * ASSUMED.dynamodb_call + calls
        read = count * self._partitions
        decoded = (self._ledgers + read) * self._ledger_cpu / cpu_share(memory)
        yield from self._function("publisher", count, count * own + decoded, memory)
        yield "publisher", Meter.DYNAMODB_READ, 1.5 * count, "publications x queries for limits and for alerts"
        units, how = read * math.ceil(sizes.ledger / READ_UNIT), "publications x 4 KB of the newest ledger"
        if self._choices.layout.is_split:
            # What a transaction reads costs twice what it costs alone (docs/aws-facts.md#dynamodb).
            units, how = 2 * units, "publications x 4 KB of all newest ledgers x 2"
        yield "publisher", Meter.DYNAMODB_READ, units, how
        yield "publisher", Meter.S3_GET, count, "publications, each after a look at the object"
        units = 2 * sizes.counter_units * self._published * count
        yield "counters", Meter.DYNAMODB_WRITE, units, "publications x changed counters x (table + index)"
        stored = 2 * work.counters * sizes.counter * self._choices.retention.totals / GB * self._months
        yield "counters", Meter.DYNAMODB_STORAGE, stored, "counters x bytes x (table + index) x days kept"
        yield "object", Meter.S3_PUT, count, "publications"

    def _function(self, hop: str, calls: float, seconds: float, memory: float) -> Iterable[LineParts]:
        how = {"processor": "batches of files", "aggregator": "batches of snapshots", "publisher": "publications"}
        yield from function_lines(hop, calls, seconds, memory, how[hop])
        yield from log_lines(hop, calls * ASSUMED.log_bytes, self._choices.retention.logs)


def _receives(rate: float) -> float:
    """Return the receives a second of one poller that finds so many batches a second, and else waits in vain."""
    found_in_time = -math.expm1(-rate * _POLL_WAIT)
    return rate / found_in_time if found_in_time else 1 / _POLL_WAIT
