"""What the alarms of a stack watch: what would otherwise fail, or cost, in silence.

A stream consumer that fails is tried again for up to a day, at full price, and nobody hears of it
(docs/aws-facts.md#event-source-mappings). So each function's errors, throttles and lag raise an alarm, and so does
anything in the dead letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from countagg.core.ages import parse_age
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.provision import metrics
from countagg.provision.metrics import Metric
from countagg.provision.settings import DEFAULT_ALARM_UPLOADS

PERIOD: Final = 300
"""Seconds over which a metric is looked at."""
MAX_LAG: Final = 600
"""Seconds that a record or a message may wait; what waits longer than a stream's 24 hours is lost."""
MAX_DEPTH: Final = 10_000
"""Messages that may wait in the uploads queue."""


@dataclass(frozen=True, slots=True)
class Watched:
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
    watched = all_watched(names, DEFAULT_ALARM_UPLOADS, stale_alarm)
    return {each.short: name_of_alarm(names, each.short) for each in watched if each.is_wanted}


def all_watched(names: Names, uploads: int, stale_alarm: str | None) -> Iterator[Watched]:
    """Yield all that a stack watches, also what its choices do not want.

    Args:
        names: of the stack.
        uploads: a minute, beyond which there is an alarm.
        stale_alarm: the choice of that name.
    """
    yield from _of_functions(names)
    yield from _of_queues(names, uploads)
    yield _of_instances(names, stale_alarm)


def name_of_alarm(names: Names, short: str) -> str:
    """Return an alarm's name in CloudWatch."""
    return f"{names.stack}-{short}"


def _of_functions(names: Names) -> Iterator[Watched]:
    for short, name in names.functions.items():
        yield Watched(f"{short}-errors", f"The {short} fails; see its log", metrics.errors(name), 0)
        throttled = f"The {short} is throttled: the account's concurrency is used up"
        yield Watched(f"{short}-throttles", throttled, metrics.throttles(name), 0)
        # The processor reads a queue, which has an age of its own.
        if short != "processor":
            lags = f"The {short} lags behind its stream, which forgets after 24 hours"
            yield Watched(f"{short}-iterator-age", lags, metrics.iterator_age(name), MAX_LAG * 1_000)
    yield Watched(
        "files-refused",
        "Counter files break the rules; `countagg dead-letters list` tells which and why",
        metrics.files_refused(names.processor),
        0,
    )


def _of_queues(names: Names, uploads: int) -> Iterator[Watched]:
    yield Watched(
        "uploads-age", "Uploads wait too long for the processor", metrics.oldest_age(names.uploads), MAX_LAG
    )
    yield Watched(
        "uploads-depth", "Too many uploads wait for the processor", metrics.depth(names.uploads), MAX_DEPTH
    )
    yield Watched(
        "uploads-rate",
        "More files are uploaded than expected, and paid for; see `countagg setup --alarm-uploads`",
        metrics.messages_sent(names.uploads),
        uploads * PERIOD // 60,
    )
    yield Watched(
        "dead-letters",
        "Something could not be processed; `countagg dead-letters list` tells what",
        metrics.depth(names.dead_letters),
        0,
    )


def _of_instances(names: Names, stale_alarm: str | None) -> Watched:
    after = parse_age(stale_alarm) if stale_alarm else None
    return Watched(
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
