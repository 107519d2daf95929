"""The alarms of a stack: what would otherwise fail, or cost, in silence.

A stream consumer that fails is tried again for up to a day, at full price, and nobody hears of it
(docs/aws-facts.md#event-source-mappings). So each function's errors, throttles and lag raise an alarm, and so does
anything in the dead letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from countagg.core.ages import parse_age
from countagg.core.names import Names
from countagg.provision import metrics
from countagg.provision.blueprint import Blueprint
from countagg.provision.metrics import Metric
from countagg.provision.reconcile import Node
from countagg.provision.settings import DEFAULT_ALARM_UPLOADS
from countagg.provision.states import AlarmState

PERIOD: Final = 300
"""Seconds over which a metric is looked at."""
MAX_LAG: Final = 600
"""Seconds that a record or a message may wait; what waits longer than a stream's 24 hours is lost."""
MAX_DEPTH: Final = 10_000
"""Messages that may wait in the uploads queue."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A metric, and the value above which it raises an alarm.

    Attributes:
        period: seconds over which the metric is looked at.
        missing_data: what it means that there is none.
        is_wanted: whether the operator chose it.
    """

    short: str
    description: str
    metric: Metric
    threshold: float
    period: int = PERIOD
    # A function that is not called, and a queue that is idle, have no data.
    missing_data: str = "notBreaching"
    is_wanted: bool = True


def alarm_names(names: Names, stale_alarm: str | None) -> dict[str, str]:
    """Return the names of a stack's alarms, by their short names.

    Args:
        names: of the stack.
        stale_alarm: the choice of that name.
    """
    watched = _all_watched(names, DEFAULT_ALARM_UPLOADS, stale_alarm)
    return {each.short: _name(names, each.short) for each in watched if each.is_wanted}


def alarms(blueprint: Blueprint) -> tuple[Node[AlarmState], ...]:
    """Return the alarms, all of which go to the alerts topic, and the end of one that was chosen before."""
    settings = blueprint.settings
    watched = _all_watched(blueprint.names, settings.alarm_uploads, settings.stale_alarm)
    return tuple(_alarm(blueprint, each) for each in watched)


def _all_watched(names: Names, uploads: int, stale_alarm: str | None) -> Iterator[_Watched]:
    yield from _of_functions(names)
    yield from _of_queues(names, uploads)
    yield _of_instances(names, stale_alarm)


def _name(names: Names, short: str) -> str:
    return f"{names.stack}-{short}"


def _of_functions(names: Names) -> Iterator[_Watched]:
    for short, name in names.functions.items():
        yield _Watched(f"{short}-errors", f"The {short} fails; see its log", metrics.errors(name), 0)
        throttled = f"The {short} is throttled: the account's concurrency is used up"
        yield _Watched(f"{short}-throttles", throttled, metrics.throttles(name), 0)
        # The processor reads a queue, which has an age of its own.
        if short != "processor":
            lags = f"The {short} lags behind its stream, which forgets after 24 hours"
            yield _Watched(f"{short}-iterator-age", lags, metrics.iterator_age(name), MAX_LAG * 1_000)
    yield _Watched(
        "files-refused",
        "Counter files break the rules; `countagg dead-letters list` tells which and why",
        metrics.files_refused(names.processor),
        0,
    )


def _of_queues(names: Names, uploads: int) -> Iterator[_Watched]:
    yield _Watched(
        "uploads-age", "Uploads wait too long for the processor", metrics.oldest_age(names.uploads), MAX_LAG
    )
    yield _Watched(
        "uploads-depth", "Too many uploads wait for the processor", metrics.depth(names.uploads), MAX_DEPTH
    )
    yield _Watched(
        "uploads-rate",
        "More files are uploaded than expected, and paid for; see `countagg setup --alarm-uploads`",
        metrics.messages_sent(names.uploads),
        uploads * PERIOD // 60,
    )
    yield _Watched(
        "dead-letters",
        "Something could not be processed; `countagg dead-letters list` tells what",
        metrics.depth(names.dead_letters),
        0,
    )


def _of_instances(names: Names, stale_alarm: str | None) -> _Watched:
    after = parse_age(stale_alarm) if stale_alarm else None
    return _Watched(
        "instances-silent",
        f"Instances upload nothing for {stale_alarm}; `countagg instances --stale {stale_alarm}` tells which",
        metrics.instances_silent(names.processor),
        0,
        # The processor looks several times meanwhile.
        period=int(after.total_seconds()) if after else PERIOD,
        # As long as anybody uploads there is data.
        missing_data="breaching",
        is_wanted=after is not None,
    )


def _alarm(blueprint: Blueprint, watched: _Watched) -> Node[AlarmState]:
    state = AlarmState(
        description=watched.description,
        namespace=watched.metric.namespace,
        metric=watched.metric.name,
        dimensions=dict(watched.metric.dimensions),
        statistic=watched.metric.statistic,
        threshold=watched.threshold,
        period=watched.period,
        periods=1,
        comparison="GreaterThanThreshold",
        missing_data=watched.missing_data,
        enabled=True,
        actions=(blueprint.alerts_arn,),
        tags=blueprint.tags,
    )
    return blueprint.node(
        f"alarm/{watched.short}",
        _name(blueprint.names, watched.short),
        lambda _: state,
        needs=("topic/alerts",),
        unwanted=not watched.is_wanted,
    )
