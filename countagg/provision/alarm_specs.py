"""The alarms of a stack: what would otherwise fail, or cost, in silence.

A stream consumer that fails is tried again for up to a day, at full price, and nobody hears of it (AWS-FACTS
section 4). So each function's errors, throttles and lag raise an alarm, and so does anything in the dead letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from countagg.core.names import METRICS_NAMESPACE
from countagg.provision.blueprint import Blueprint, Spec
from countagg.provision.identities import AlarmId
from countagg.provision.states import AlarmState

PERIOD: Final = 300
"""Seconds over which a metric is looked at."""
MAX_LAG: Final = 600
"""Seconds that a record or a message may wait; what waits longer than a stream's 24 hours is lost."""
MAX_DEPTH: Final = 10_000
"""Messages that may wait in the uploads queue."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A metric, and the value above which it raises an alarm."""

    short: str
    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    threshold: float


def alarms(blueprint: Blueprint) -> tuple[Spec[AlarmState], ...]:
    """Return the alarms, all of which go to the alerts topic."""
    return tuple(_alarm(blueprint, watched) for watched in (*_of_functions(blueprint), *_of_queues(blueprint)))


def _of_functions(blueprint: Blueprint) -> Iterator[_Watched]:
    for short, name in blueprint.functions.items():
        here = {"FunctionName": name}
        yield _Watched(
            f"{short}-errors", f"The {short} fails; see its log", "AWS/Lambda", "Errors", here, "Sum", 0
        )
        yield _Watched(
            f"{short}-throttles",
            f"The {short} is throttled: the account's concurrency is used up",
            "AWS/Lambda",
            "Throttles",
            here,
            "Sum",
            0,
        )
        # The processor reads a queue, which has an age of its own.
        if short != "processor":
            yield _Watched(
                f"{short}-iterator-age",
                f"The {short} lags behind its stream, which forgets after 24 hours",
                "AWS/Lambda",
                "IteratorAge",
                here,
                "Maximum",
                MAX_LAG * 1_000,
            )
    yield _Watched(
        "files-refused",
        "Counter files break the rules; `countagg dead-letters list` tells which and why",
        METRICS_NAMESPACE,
        "FilesRefused",
        {"service": blueprint.names.processor},
        "Sum",
        0,
    )


def _of_queues(blueprint: Blueprint) -> Iterator[_Watched]:
    uploads = {"QueueName": blueprint.names.uploads}
    yield _Watched(
        "uploads-age",
        "Uploads wait too long for the processor",
        "AWS/SQS",
        "ApproximateAgeOfOldestMessage",
        uploads,
        "Maximum",
        MAX_LAG,
    )
    visible = "ApproximateNumberOfMessagesVisible"
    yield _Watched(
        "uploads-depth",
        "Too many uploads wait for the processor",
        "AWS/SQS",
        visible,
        uploads,
        "Maximum",
        MAX_DEPTH,
    )
    yield _Watched(
        "dead-letters",
        "Something could not be processed; `countagg dead-letters list` tells what",
        "AWS/SQS",
        visible,
        {"QueueName": blueprint.names.dead_letters},
        "Maximum",
        0,
    )


def _alarm(blueprint: Blueprint, watched: _Watched) -> Spec[AlarmState]:
    state = AlarmState(
        description=watched.description,
        namespace=watched.namespace,
        metric=watched.metric,
        dimensions=watched.dimensions,
        statistic=watched.statistic,
        threshold=watched.threshold,
        period=PERIOD,
        periods=1,
        comparison="GreaterThanThreshold",
        # A function that is not called, and a queue that is idle, have no data.
        missing_data="notBreaching",
        enabled=True,
        actions=(blueprint.alerts_arn,),
        tags=blueprint.tags,
    )
    return Spec(
        f"alarm/{watched.short}",
        AlarmId(f"{blueprint.names.stack}-{watched.short}"),
        lambda _: state,
        needs=("topic/alerts",),
    )
