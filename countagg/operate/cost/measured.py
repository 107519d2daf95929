"""What a deployed stack costs, by what CloudWatch counted of it; where it has nothing, that is said.

S3 counts requests only for money, so its lines follow from others: an event stands for a PUT, a file that was
applied for a GET. What is stored is not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from countagg.aws.metrics import HOUR
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import BY_DATE_INDEX, Names
from countagg.operate.cost.countagg import watching_lines
from countagg.operate.cost.model import DAY_SECONDS, DEFAULTS, GB, MONTH_DAYS, Bill, BillLine, as_quantity
from countagg.operate.cost.prices import Meter
from countagg.provision import metrics
from countagg.provision.metrics import Metric
from countagg.provision.settings import StackSettings

Sums = Mapping[Metric, Mapping[datetime, float]]
"""What each metric counted, by the hour."""


@dataclass(frozen=True, slots=True)
class MeasuredLine:
    """How a line of the bill follows from metrics: the sum of some, times a factor."""

    hop: str
    meter: Meter
    metrics: tuple[Metric, ...]
    factor: float
    formula: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A bill for a month of what was measured.

    Attributes:
        bill: its lines; those that nothing is known of have no quantity.
        since: where the first hour begins for which there is any data; None if there is none.
        until: the end.
    """

    bill: Bill
    since: datetime | None
    until: datetime


def measured_lines(names: Names, memory: Mapping[str, int]) -> list[MeasuredLine]:
    """Return the lines of a stack.

    Args:
        names: of the stack.
        memory: MB of each function, by its name.
    """
    return [*_transport(names), *_functions(names, memory), *_tables(names)]


def _transport(names: Names) -> Iterator[MeasuredLine]:
    published = (Metric("AWS/SNS", "NumberOfMessagesPublished", (("TopicName", names.uploads),)),)
    calls = (metrics.invocations(names.processor),)
    yield MeasuredLine("upload", Meter.S3_PUT, published, 1, "an event of S3's each")
    yield MeasuredLine("notification", Meter.SNS_PUBLISH, published, 1, "messages published")
    received = metrics.messages_sent(names.uploads), metrics.of_queue("NumberOfEmptyReceives", names.uploads)
    yield MeasuredLine("queue", Meter.SQS_REQUEST, received, 1, "messages sent, receives in vain")
    yield MeasuredLine("queue", Meter.SQS_REQUEST, calls, 2, "calls of the processor: a receive and a removal")
    read = (metrics.files_applied(names.processor),)
    yield MeasuredLine("processor", Meter.S3_GET, read, 1, "files applied")
    objects = (metrics.objects_published(names.publisher),)
    yield MeasuredLine("object", Meter.S3_PUT, objects, 1, "objects published")


def _functions(names: Names, memory: Mapping[str, int]) -> Iterator[MeasuredLine]:
    for hop, function in names.functions.items():
        calls, duration = metrics.invocations(function), metrics.of_function("Duration", function)
        gigabytes = memory.get(function, 0) / 1024
        yield MeasuredLine(hop, Meter.LAMBDA_REQUEST, (calls,), 1, "invocations")
        yield MeasuredLine(
            hop, Meter.LAMBDA_GB_SECOND, (duration,), gigabytes / 1000, "milliseconds x GB of memory / 1000"
        )
        written = Metric("AWS/Logs", "IncomingBytes", (("LogGroupName", names.log_group(function)),))
        yield MeasuredLine(hop, Meter.LOGS_INGEST, (written,), 1 / GB, "bytes of log")


def _tables(names: Names) -> Iterator[MeasuredLine]:
    for hop, table in (("snapshots", names.snapshots), ("totals", names.totals), ("counters", names.counters)):
        here = (("TableName", table),)
        places = [here] if hop != "counters" else [here, (*here, ("GlobalSecondaryIndexName", BY_DATE_INDEX))]
        for meter, name in (
            (Meter.DYNAMODB_WRITE, "ConsumedWriteCapacityUnits"),
            (Meter.DYNAMODB_READ, "ConsumedReadCapacityUnits"),
        ):
            consumed = tuple(Metric("AWS/DynamoDB", name, place) for place in places)
            yield MeasuredLine(hop, meter, consumed, 1, "units consumed")


def full_hour(moment: datetime) -> datetime:
    """Return the beginning of a moment's hour."""
    return moment.replace(minute=0, second=0, microsecond=0)


def measure(
    lines: Sequence[MeasuredLine], sums: Sums, until: datetime, choices: StackSettings = DEFAULTS
) -> Measured:
    """Make a bill for a month out of what was counted since the first hour that has data.

    Args:
        lines: of the stack.
        sums: what was counted.
        until: when.
        choices: of the stack, some of which cost the same however much passes through it.
    """
    fixed = [BillLine(hop, meter, as_quantity(each), how) for hop, meter, each, how in watching_lines(choices, 1)]
    hours = [hour for of_metric in sums.values() for hour in of_metric]
    if not hours:
        nothing = [BillLine(line.hop, line.meter, None, line.formula) for line in lines]
        return Measured(Bill((*nothing, *fixed)), None, until)
    since = min(hours)
    seconds = max(HOUR, (until - since).total_seconds())
    months = MONTH_DAYS * DAY_SECONDS / seconds
    return Measured(Bill((*(_line(line, sums, months) for line in lines), *fixed)), since, until)


def _line(line: MeasuredLine, sums: Sums, months: float) -> BillLine:
    known = [sum(sums[metric].values()) for metric in line.metrics if sums.get(metric)]
    quantity = as_quantity(sum(known) * line.factor * months) if known else None
    return BillLine(line.hop, line.meter, quantity, line.formula)
