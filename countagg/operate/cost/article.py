"""What the article's layout costs, by the same prices and assumptions as ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from countagg.operate.cost.fleet_sizes import ArticleSizes
from countagg.operate.cost.model import (
    ASSUMED,
    GB,
    MONTH_DAYS,
    Bill,
    LineParts,
    Workload,
    bill,
    function_lines,
    log_lines,
)
from countagg.operate.cost.prices import Meter
from countagg.operate.cost.write_units import ARTICLE_UPDATES, STREAM_POLL

_BATCH: Final = 100
_MEMORY: Final = 256
"""MB of both functions, as much as our processor has."""
_LOG_DAYS: Final = 30


def article_bill(work: Workload, sizes: ArticleSizes) -> Bill:
    """Return what the article's layout costs. It has no alarms, no queue and nothing that is published."""
    return bill(_lines(work, sizes))


def _lines(work: Workload, sizes: ArticleSizes) -> Iterable[LineParts]:
    months = work.days / MONTH_DAYS
    values = work.files * work.counters
    yield "upload", Meter.S3_PUT, work.files, "a file"
    stored = work.instances * sizes.file * work.keep_days / GB * months
    yield "upload", Meter.S3_STORAGE, stored, "instances x bytes of a file x days kept"
    yield "notification", Meter.SNS_PUBLISH, work.files, "a file"

    seconds = (
        work.files * (ASSUMED.per_invocation + ASSUMED.s3_call) + values * ARTICLE_UPDATES * ASSUMED.dynamodb_call
    )
    yield from function_lines("processor", work.files, seconds, _MEMORY, "a file")
    yield from log_lines("processor", work.files * ASSUMED.article_log_bytes, _LOG_DAYS)
    yield "processor", Meter.S3_GET, work.files, "a file read"
    updates = values * ARTICLE_UPDATES * sizes.state_units
    yield "state", Meter.DYNAMODB_WRITE, updates, "files x counters x 2 updates x KB of a counter's item"
    stored = work.counters * sizes.state * work.keep_days / GB * months
    yield "state", Meter.DYNAMODB_STORAGE, stored, "counters x bytes of a counter's item x days kept"

    records = values * work.changed * work.changed_counters
    batch = min(_BATCH, 1 + records / work.seconds * STREAM_POLL)
    calls = records / batch
    seconds = calls * ASSUMED.per_invocation + records * ASSUMED.dynamodb_call
    yield from function_lines("aggregator", calls, seconds, _MEMORY, "batches of stream records")
    yield from log_lines("aggregator", calls * ASSUMED.article_log_bytes, _LOG_DAYS)
    yield "sums", Meter.DYNAMODB_WRITE, records * sizes.total_units, "changed values, an update a stream record"
    stored = work.counters * sizes.total * work.keep_days / GB * months
    yield "sums", Meter.DYNAMODB_STORAGE, stored, "counters x bytes of a sum x days kept"
