"""The cost model: what a fleet of some size costs in a month, line by line. Pure; the README tells its limits.

A line counts one thing that AWS meters, at one hop, and says by which formula. Two layouts can be compared: ours,
and that of the article of 2015 (an item a counter with a map of all instances' values, two conditional updates per
counter and file, one update per stream record, a function that SNS calls for each file).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.partitions import Layout
from countagg.operate.cost.prices import Meter, Prices
from countagg.provision.settings import StackSettings

HOPS: Final = (
    "upload",
    "notification",
    "queue",
    "processor",
    "snapshots",
    "state",
    "aggregator",
    "totals",
    "sums",
    "publisher",
    "counters",
    "object",
    "watching",
)
"""Of both layouts, in the order of the data."""
DAY_SECONDS: Final = 86_400
MONTH_DAYS: Final = 30
STATEMENTS: Final = 25
"""Counters that one call of the publisher writes: a unit each, and one of the index."""
GB: Final = 1024**3
DEFAULTS: Final = StackSettings("countagg", "any-bucket")
"""A bill depends on neither name."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What a fleet does.

    Attributes:
        instances: how many, spread evenly over the interval.
        counters: in each file.
        interval: seconds between two files of an instance.
        days: for how long; a bill is for that time.
        changed: share of the files whose values differ from those of the file before, 0 to 1.
        changed_counters: share of the counters that differ in those, 0 to 1; each may be any.
        keep_days: days for which data is stored.
    """

    instances: int
    counters: int
    interval: float
    days: float = MONTH_DAYS
    changed: float = 1.0
    changed_counters: float = 1.0
    keep_days: int = DEFAULTS.retention.totals

    @property
    def seconds(self) -> float:
        """How long it goes on."""
        return self.days * DAY_SECONDS

    @property
    def per_second(self) -> float:
        """Files a second."""
        return self.instances / self.interval

    @property
    def changed_files(self) -> float:
        """Files in that time that differ from the one before: the others end at the processor."""
        return self.files * self.changed

    @property
    def files(self) -> float:
        """Files in all."""
        return self.per_second * self.seconds


def spread(choices: StackSettings, layout: Layout) -> StackSettings:
    """Return the settings of the same stack with its days spread in another way."""
    return replace(choices, lanes=layout.lanes, counter_shards=layout.shards)


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is neither counted nor chosen: assumed, or measured on one machine.

    Attributes:
        s3_call, dynamodb_call, batch_call: seconds of a call, of a batch of 25 statements.
        per_invocation: seconds that an invocation takes besides.
        per_value: CPU seconds for a counter of a file, in the processor and again in the aggregator.
        per_entry: CPU seconds for a counter or an instance of a ledger that is written or read.
        log_bytes: of an invocation of ours: two lines of Lambda's, one of the function, one of metrics.
        article_log_bytes: of an invocation of the article's functions: Lambda's lines in text form.
        pollers: of Lambda's at a queue that is little used; each waits up to 20 s.
        metrics: custom ones that good runs emit.
        alarms: that setup makes.
    """

    s3_call: float = 0.030
    dynamodb_call: float = 0.008
    batch_call: float = 0.030
    per_invocation: float = 0.003
    per_value: float = 2.5e-6
    per_entry: float = 2.5e-6
    log_bytes: int = 1_250
    article_log_bytes: int = 330
    pollers: int = 5
    metrics: int = 5
    alarms: int = 13


ASSUMED: Final = Assumptions()


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line of a bill.

    Attributes:
        hop: where it arises.
        meter: what is counted.
        quantity: how many; None if nothing is known of it.
        formula: how it was reckoned.
    """

    hop: str
    meter: Meter
    quantity: Decimal | None
    formula: str

    def usd(self, prices: Prices) -> Decimal | None:
        """Return what it costs; None if nothing is known of it."""
        return None if self.quantity is None else self.quantity * prices.of[self.meter].usd


@dataclass(frozen=True, slots=True)
class Bill:
    """The lines of a bill, in the order of the data."""

    lines: tuple[BillLine, ...]

    @property
    def complete(self) -> bool:
        """Whether something is known of every line."""
        return all(line.quantity is not None for line in self.lines)

    def total(self, prices: Prices) -> Decimal:
        """Return the sum of what is known."""
        return sum((line.usd(prices) or Decimal() for line in self.lines), Decimal())

    def by_service(self, prices: Prices) -> dict[str, Decimal]:
        """Return the sums of the services that have a line."""
        return self._sums(prices, [line.meter.service for line in self.lines])

    def by_hop(self, prices: Prices) -> dict[str, Decimal]:
        """Return the sums of the hops."""
        return self._sums(prices, [line.hop for line in self.lines])

    def _sums(self, prices: Prices, names: Sequence[str]) -> dict[str, Decimal]:
        sums: dict[str, Decimal] = {}
        for name, line in zip(names, self.lines, strict=True):
            sums[name] = sums.get(name, Decimal()) + (line.usd(prices) or Decimal())
        return sums


def as_quantity(value: float) -> Decimal:
    """Return a quantity to the millionth."""
    return round(Decimal(value), 6)


def bill(lines: Iterable[tuple[str, Meter, float, str]]) -> Bill:
    """Return a bill of (hop, meter, quantity, formula)."""
    return Bill(tuple(BillLine(hop, meter, as_quantity(quantity), how) for hop, meter, quantity, how in lines))


_MB_OF_ONE_CPU: Final = 1_769


def seconds_per_file(work: Workload, choices: StackSettings) -> float:
    """Return how long the processor works on a file."""
    cpu = work.counters * ASSUMED.per_value / cpu_share(choices.memory.processor)
    # The snapshot is read before it is written.
    return ASSUMED.s3_call + 2 * ASSUMED.dynamodb_call + cpu


def cpu_share(memory: float) -> float:
    """Return the share of a CPU that a function of so many MB has."""
    return min(1.0, memory / _MB_OF_ONE_CPU)


LineParts = tuple[str, Meter, float, str]


def function_lines(hop: str, calls: float, seconds: float, memory: float, how: str) -> Iterable[LineParts]:
    """Yield the lines of a function's invocations."""
    yield hop, Meter.LAMBDA_REQUEST, calls, how
    yield hop, Meter.LAMBDA_GB_SECOND, seconds * memory / 1024, "seconds of the calls and of CPU x GB of memory"


def log_lines(hop: str, size: float, days: int) -> Iterable[LineParts]:
    """Yield the lines of a function's log."""
    yield hop, Meter.LOGS_INGEST, size / GB, "invocations x bytes of log"
    yield hop, Meter.LOGS_STORAGE, size / GB * days / MONTH_DAYS, "the same x months kept"
