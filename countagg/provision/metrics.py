"""The metrics of a stack that are looked at: by its alarms, and by `status`."""

from __future__ import annotations

from dataclasses import dataclass

from countagg.core.names import METRICS_NAMESPACE

SUM = "Sum"
MAXIMUM = "Maximum"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of CloudWatch.

    Attributes:
        namespace: whose metrics it is one of.
        name: of the metric.
        dimensions: which tell whose it is, as (name, value).
        statistic: how the values of a period become one.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str = SUM


def invocations(function: str) -> Metric:
    """Return how often a function was called; calls that were throttled do not count."""
    return _of_function(function, "Invocations")


def errors(function: str) -> Metric:
    """Return how many calls of a function failed."""
    return _of_function(function, "Errors")


def throttles(function: str) -> Metric:
    """Return how many calls of a function were throttled."""
    return _of_function(function, "Throttles")


def iterator_age(function: str) -> Metric:
    """Return how long the records of a stream had waited for a function, in milliseconds."""
    return _of_function(function, "IteratorAge", MAXIMUM)


def _of_function(function: str, name: str, statistic: str = SUM) -> Metric:
    return Metric("AWS/Lambda", name, (("FunctionName", function),), statistic)


def files_refused(processor: str) -> Metric:
    """Return how many files the processor refused."""
    return Metric(METRICS_NAMESPACE, "FilesRefused", (("service", processor),))


def files_skipped(processor: str) -> Metric:
    """Return how many objects the processor skipped that are no counter files."""
    return Metric(METRICS_NAMESPACE, "FilesSkipped", (("service", processor),))


def instances_silent(processor: str) -> Metric:
    """Return how many instances had uploaded nothing for too long."""
    return Metric(METRICS_NAMESPACE, "InstancesSilent", (("service", processor),), MAXIMUM)


def ledgers_nearly_full(aggregator: str) -> Metric:
    """Return how often the aggregator wrote a ledger that has little room left."""
    return Metric(METRICS_NAMESPACE, "LedgersNearlyFull", (("service", aggregator),))


def days_beyond_max_counters(publisher: str) -> Metric:
    """Return how often the publisher published a day with more counters than a file may have."""
    return Metric(METRICS_NAMESPACE, "DaysBeyondMaxCounters", (("service", publisher),))


def messages_sent(queue: str) -> Metric:
    """Return how many messages were sent to a queue."""
    return Metric("AWS/SQS", "NumberOfMessagesSent", (("QueueName", queue),))


def oldest_age(queue: str) -> Metric:
    """Return how long the oldest message of a queue has waited, in seconds."""
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", (("QueueName", queue),), MAXIMUM)


def depth(queue: str) -> Metric:
    """Return how many messages of a queue wait."""
    return Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", (("QueueName", queue),), MAXIMUM)
