"""What one instance's stolen right can cost at most in a day, line by line. Pure.

Whoever has the right uploads as fast as S3 takes it, day and night, to all days that the pipeline takes, and what
costs most at each hop. Each line is bounded by itself; so the bill is an upper bound, and no attack reaches it in
all lines at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from countagg.operate.cost.item_sizes import KB, MAX_ITEM_BYTES
from countagg.operate.cost.model import (
    ASSUMED,
    DAY_SECONDS,
    GB,
    MONTH_DAYS,
    STATEMENTS,
    Bill,
    LineParts,
    bill,
    function_lines,
    log_lines,
)
from countagg.operate.cost.prices import Meter
from countagg.provision.messaging import MAX_RECEIVES
from countagg.provision.settings import Retention, StackSettings

_FILES: Final = 3_500
"""A second: what S3 takes below a prefix until it spreads it (S3 User Guide, performance)."""
_BYTES: Final = 1.25e9
"""A second: those of 10 Gbit/s."""
_UNITS_OF_AN_ITEM: Final = 1_000
"""Write units a second of an item, and of a partition (docs/aws-facts.md#dynamodb). A hot item gets a partition,
and so a shard of the stream, to itself."""


def days_taken(retention: Retention) -> int:
    """Return for how many days an instance may write a file: those that are kept, today, and one ahead."""
    return retention.snapshots + 2


def worst_day(choices: StackSettings) -> Bill:
    """Return the bill."""
    days = days_taken(choices.retention)
    return bill(
        [
            *_transport(choices),
            *_processor(choices, days),
            *_aggregator(choices, days),
            *_publisher(choices, days),
        ]
    )


def _transport(choices: StackSettings) -> Iterator[LineParts]:
    files = _FILES * DAY_SECONDS
    yield "upload", Meter.S3_PUT, files, f"{_FILES:,} files a second: what S3 takes below a prefix"
    kept = choices.retention.snapshots if choices.bucket_versioning else MONTH_DAYS
    how = f"10 Gbit/s, {'as old versions' if choices.bucket_versioning else 'to ever new names,'} for {kept} days"
    yield "upload", Meter.S3_STORAGE, _BYTES * DAY_SECONDS / GB * kept / MONTH_DAYS, how
    yield "notification", Meter.SNS_PUBLISH, files, "a file"
    how = f"a file sent, deleted, and received up to {MAX_RECEIVES} times"
    yield "queue", Meter.SQS_REQUEST, (2 + MAX_RECEIVES) * files, how


def _processor(choices: StackSettings, days: int) -> Iterator[LineParts]:
    busy = choices.max_concurrency * DAY_SECONDS
    taken = min(_FILES * DAY_SECONDS * MAX_RECEIVES, busy / (ASSUMED.s3_call + ASSUMED.dynamodb_call))
    yield from _function(choices, "processor", taken, busy, f"{choices.max_concurrency} at a time, of small files")
    yield "processor", Meter.S3_GET, taken, "a file read"
    yield "processor", Meter.S3_PUT, taken, "a file refused, whose versions are listed"
    yield (
        "snapshots",
        Meter.DYNAMODB_WRITE,
        _written(days),
        f"items of {days} days, as fast as DynamoDB can",
    )
    yield "snapshots", Meter.DYNAMODB_STORAGE, days * MAX_ITEM_BYTES / GB, "full items of these days, a month"


def _aggregator(choices: StackSettings, days: int) -> Iterator[LineParts]:
    busy = days * DAY_SECONDS
    calls = busy / (ASSUMED.per_invocation + 2 * ASSUMED.dynamodb_call)
    yield from _function(choices, "aggregator", calls, busy, f"{days} shards, without a pause")
    yield "totals", Meter.DYNAMODB_WRITE, _written(days), f"ledgers of {days} days, as fast as DynamoDB can"
    yield "totals", Meter.DYNAMODB_READ, _written(days), "the same ledgers, read before they are written"
    yield "totals", Meter.DYNAMODB_STORAGE, days * MAX_ITEM_BYTES / GB, "full ledgers of these days, a month"


def _publisher(choices: StackSettings, days: int) -> Iterator[LineParts]:
    busy = days * DAY_SECONDS
    calls = busy / (ASSUMED.per_invocation + 2 * ASSUMED.dynamodb_call + ASSUMED.batch_call + ASSUMED.s3_call)
    yield from _function(choices, "publisher", calls, busy, f"{days} shards, without a pause")
    yield "publisher", Meter.DYNAMODB_READ, 1.5 * calls, "publications x queries for limits and for alerts"
    units = 2 * STATEMENTS * busy / ASSUMED.batch_call
    yield "counters", Meter.DYNAMODB_WRITE, units, f"{STATEMENTS} counters a call, in table and index"
    kept = 2 * days * choices.max_counters * KB / GB
    yield "counters", Meter.DYNAMODB_STORAGE, kept, "a file's counters in each day, in table and index, a month"
    yield "object", Meter.S3_PUT, calls, "publications"


def _function(choices: StackSettings, name: str, calls: float, seconds: float, how: str) -> Iterator[LineParts]:
    yield from function_lines(name, calls, seconds, getattr(choices.memory, name), how)
    yield from log_lines(name, calls * ASSUMED.log_bytes, choices.retention.logs)


def _written(days: int) -> int:
    """Return the write units of a day on one item of each day."""
    return days * _UNITS_OF_AN_ITEM * DAY_SECONDS
