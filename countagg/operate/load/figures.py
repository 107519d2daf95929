"""What a load shows: percentiles, a histogram, and the knee, where the lag begins to grow. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from statistics import StatisticsError, linear_regression
from typing import Final

from countagg.core.lazy_dataclass import dataclass

BINS: Final = 12
GROWING: Final = 0.1
"""A lag that grows by more than this share of the rate goes on growing."""
KEPT_UP: Final = 0.9
"""An uploader that sends less than this share of what is due is itself the limit."""
_NOTICEABLE: Final = 5
_SETTLING: Final = 1 / 3
"""Share of a step after which its lag is looked at: before it, the new rate makes itself felt."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How far everything was at a moment.

    Attributes:
        at: seconds since the beginning of the load.
        sent: files whose upload ended.
        applied: of these, how many a snapshot has, or had.
        included: of these, how many the totals include, or included before they were overtaken.
        queued: messages in the uploads queue, as SQS counts them.
        due: files that were to be sent by then.
    """

    at: float
    sent: int
    applied: int
    included: int
    queued: int = 0
    due: int = 0

    @property
    def lag(self) -> int:
        """Files that were sent and are not included."""
        return self.sent - self.included


class Bottleneck(StrEnum):
    """What keeps more files from being included."""

    UPLOADER = "uploader"
    EVENTS = "events"
    PROCESSOR = "processor"
    AGGREGATOR = "aggregator"


EXPLANATIONS: Final = {
    Bottleneck.UPLOADER: "this machine: it cannot upload faster; take more --workers, or several machines",
    Bottleneck.EVENTS: "the way from the bucket to the queue: files wait for a snapshot, and the queue is short",
    Bottleneck.PROCESSOR: "the processor: the uploads queue grows",
    Bottleneck.AGGREGATOR: "the aggregator: snapshots wait for the ledger",
}


@dataclass(frozen=True, slots=True)
class StepFigures:
    """What a step of the load showed.

    Attributes:
        rate: files a second that were due.
        due: files that were due.
        unsent: of these, how many were not sent by its end.
        sent_rate: files a second that were sent.
        included_rate: files a second that the totals included.
        lag: files that were sent and not included, at its end.
        growth: files a second by which the lag grew.
        before_snapshot: the same of files without a snapshot.
        in_queue: the same of the uploads queue.
        busy: share of one CPU that this process used.
    """

    rate: float
    due: int
    unsent: int
    sent_rate: float
    included_rate: float
    lag: int
    growth: float
    before_snapshot: float
    in_queue: float
    busy: float


@dataclass(frozen=True, slots=True)
class Knee:
    """Where the lag begins to grow without bound.

    Attributes:
        step: number of the first step in which it did, from 0.
        sustained: files a second of the step before; None if it is the first.
        limit: what limits.
    """

    step: int
    sustained: float | None
    limit: Bottleneck


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share of the values does not exceed; None without values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def histogram(values: Sequence[float], bins: int = BINS) -> list[tuple[float, float, int]]:
    """Return how many values lie in equal parts of their range, as (from, to, count); the last has its end too."""
    if not values:
        return []
    low, high = min(values), max(values)
    if low == high:
        return [(low, high, len(values))]
    edges = [low + (high - low) * number / bins for number in range(bins)] + [high]
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int((value - low) / (high - low) * bins))] += 1
    return [(begin, end, count) for (begin, end), count in zip(pairwise(edges), counts, strict=True)]


def growth(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """Return by how much a second something grows: the slope of the straight line that fits best."""
    try:
        return linear_regression([sample.at for sample in samples], [of(sample) for sample in samples]).slope
    except StatisticsError:  # There are no two moments.
        return 0.0


def step_figures(rate: float, due: int, samples: Sequence[Sample], busy: float) -> StepFigures:
    """Sum up the samples of a step, in the order of time.

    Args:
        rate: files a second that were due.
        due: files that were due.
        samples: taken during the step, from its beginning to its end.
        busy: share of one CPU that this process used.
    """
    first, last = samples[0], samples[-1]
    seconds = max(last.at - first.at, 1e-9)
    settled = [sample for sample in samples if sample.at >= first.at + seconds * _SETTLING]
    return StepFigures(
        rate=rate,
        due=due,
        unsent=max(0, due - (last.sent - first.sent)),
        sent_rate=(last.sent - first.sent) / seconds,
        included_rate=(last.included - first.included) / seconds,
        lag=last.lag,
        growth=growth(settled, lambda sample: sample.lag),
        before_snapshot=growth(settled, lambda sample: sample.sent - sample.applied),
        in_queue=growth(settled, lambda sample: sample.queued),
        busy=busy,
    )


def find_knee(steps: Sequence[StepFigures]) -> Knee | None:
    """Return where the lag begins to grow without bound, or the uploader falls behind; None if neither does."""
    for number, step in enumerate(steps):
        limit = _limit(step)
        if limit is not None:
            return Knee(number, steps[number - 1].included_rate if number else None, limit)
    return None


def _limit(step: StepFigures) -> Bottleneck | None:
    grows = step.growth > GROWING * step.rate and step.lag >= _NOTICEABLE
    if not grows:
        late = step.unsent >= _NOTICEABLE and step.unsent > (1 - KEPT_UP) * step.due
        return Bottleneck.UPLOADER if late else None
    if step.before_snapshot < step.growth / 2:
        return Bottleneck.AGGREGATOR
    return Bottleneck.PROCESSOR if step.in_queue >= step.before_snapshot / 2 else Bottleneck.EVENTS
