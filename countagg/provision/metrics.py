"""The metrics of a stack that are looked at: by its alarms, and by `status`."""

from __future__ import annotations

from functools import partial
from typing import Final

from countagg.core.lazy_dataclass import dataclass
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


def _metric(namespace: str, dimension: str, name: str, owner: str, *, statistic: str = SUM) -> Metric:
    return Metric(namespace, name, ((dimension, owner),), statistic)


of_function: Final = partial(_metric, "AWS/Lambda", "FunctionName")
of_queue: Final = partial(_metric, "AWS/SQS", "QueueName")
of_service: Final = partial(_metric, METRICS_NAMESPACE, "service")
"""Return a metric of that name, of the function, queue or service of that name."""

# Of a function, by its name.
invocations: Final = partial(of_function, "Invocations")
"""How often it was called; calls that were throttled do not count."""
errors: Final = partial(of_function, "Errors")
"""How many calls failed."""
throttles: Final = partial(of_function, "Throttles")
"""How many calls were throttled."""
iterator_age: Final = partial(of_function, "IteratorAge", statistic=MAXIMUM)
"""How long the records of a stream had waited for it, in milliseconds."""
files_applied: Final = partial(of_service, "FilesApplied")
"""How many files the processor made into snapshots."""
files_refused: Final = partial(of_service, "FilesRefused")
"""How many files the processor refused."""
files_skipped: Final = partial(of_service, "FilesSkipped")
"""How many objects the processor skipped that are no counter files."""
instances_silent: Final = partial(of_service, "InstancesSilent", statistic=MAXIMUM)
"""How many instances had uploaded nothing for too long."""
links_added: Final = partial(of_service, "LinksAdded")
"""How many changes of snapshots the aggregator took up."""
days_rebuilt: Final = partial(of_service, "DaysRebuilt")
"""How many days the aggregator summed up anew."""
rebuilds_refused: Final = partial(of_service, "RebuildsRefused")
"""How many days the aggregator did not sum up anew, because snapshots were missing."""
ledgers_nearly_full: Final = partial(of_service, "LedgersNearlyFull")
"""How often the aggregator wrote a ledger that has little room left."""
counters_published: Final = partial(of_service, "CountersPublished")
"""How many counters the publisher wrote to the table."""
objects_published: Final = partial(of_service, "ObjectsPublished")
"""How many objects with a day's totals the publisher wrote."""
days_beyond_max_counters: Final = partial(of_service, "DaysBeyondMaxCounters")
"""How often the publisher published a day with more counters than a file may have."""

# Of a queue, by its name.
messages_sent: Final = partial(of_queue, "NumberOfMessagesSent")
"""How many messages were sent to it."""
oldest_age: Final = partial(of_queue, "ApproximateAgeOfOldestMessage", statistic=MAXIMUM)
"""How long its oldest message has waited, in seconds."""
depth: Final = partial(of_queue, "ApproximateNumberOfMessagesVisible", statistic=MAXIMUM)
"""How many messages wait."""
