"""How a bill grows with the fleet, and what the windows make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.partitions import Layout
from countagg.operate.cost.article import article_bill
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.fleet_sizes import (
    IN_ONE_PIECE,
    ArticleSizes,
    DoesNotFit,
    Sizes,
    size_article,
    size_fleet,
)
from countagg.operate.cost.model import DEFAULTS, Bill, Workload, spread
from countagg.operate.cost.prices import Prices
from countagg.operate.cost.spreading import recommend_layout
from countagg.operate.cost.write_units import rhythm_of
from countagg.provision.settings import StackSettings

_MINUTE: Final = 60
FACTORS: Final = (Decimal("0.1"), Decimal(1), Decimal(10), Decimal(100))
WINDOWS: Final = (("processor", (0, 1, 5, 20)), ("aggregator", (0, 1, 10, 60)), ("publisher", (0, 10, 60, 300)))


@dataclass(frozen=True, slots=True)
class Point:
    """The bills of one size of fleet.

    Attributes:
        instances: how many.
        counters: of each.
        ours: USD of our layout; None where it does not fit.
        article: USD of the article's; None where it does not fit.
    """

    instances: int
    counters: int
    ours: Decimal | None
    article: Decimal | None


@dataclass(frozen=True, slots=True)
class WindowEffect:
    """What a function's window makes of the bill, all else equal.

    Attributes:
        function: its short name.
        seconds: the window.
        usd: the bill.
        files: files that one invocation stands for, on average.
    """

    function: str
    seconds: int
    usd: Decimal
    files: float


@lru_cache(maxsize=64)
def sizes_of(instances: int, counters: int, layout: Layout = IN_ONE_PIECE) -> Sizes:
    """Measure a fleet, once; the parameters and errors are those of `size_fleet`."""
    return size_fleet(instances, counters, layout)


@lru_cache(maxsize=64)
def article_sizes_of(instances: int, counters: int) -> ArticleSizes:
    """Measure a fleet in the article's layout, once."""
    return size_article(instances, counters)


def bill_of_article(work: Workload) -> Bill | None:
    """Return the bill of the article's layout; None if an item would be too large."""
    try:
        return article_bill(work, article_sizes_of(work.instances, work.counters))
    except DoesNotFit:
        return None


def grow_instances(work: Workload, choices: StackSettings, prices: Prices) -> list[Point]:
    """Return the bills of smaller and larger fleets, each with its days spread as they should be."""
    return [_point(replace(work, instances=each), choices, prices) for each in _scaled(work.instances)]


def grow_counters(work: Workload, choices: StackSettings, prices: Prices) -> list[Point]:
    """Return the bills of fleets with fewer and more counters, each with its days spread as they should be."""
    return [_point(replace(work, counters=each), choices, prices) for each in _scaled(work.counters)]


def _scaled(value: int) -> Sequence[int]:
    return list(dict.fromkeys(max(1, int(value * factor)) for factor in FACTORS))


def monthly_usd(instances: int, counters: int, prices: Prices) -> Decimal | None:
    """Return what a fleet that uploads every minute costs a month, by the defaults; None if it does not fit."""
    return _point(Workload(instances, counters, _MINUTE), DEFAULTS, prices).ours


def _point(work: Workload, choices: StackSettings, prices: Prices) -> Point:
    try:
        layout = recommend_layout(work.instances, work.counters, work.per_second)
        sizes = sizes_of(work.instances, work.counters, layout)
        ours = our_bill(work, sizes, spread(choices, layout)).total(prices)
    except DoesNotFit:
        ours = None
    article = bill_of_article(work)
    return Point(work.instances, work.counters, ours, None if article is None else article.total(prices))


def vary_windows(work: Workload, choices: StackSettings, prices: Prices) -> list[WindowEffect]:
    """Return what each function's window does, the others left as they are."""
    sizes = sizes_of(work.instances, work.counters, choices.layout)
    effects = []
    for function, windows in WINDOWS:
        chosen = getattr(choices.window, function)
        for seconds in sorted({*windows, chosen}):
            varied = replace(choices, window=replace(choices.window, **{function: seconds}))
            rhythm = rhythm_of(work, sizes, varied)
            files = {
                "processor": rhythm.files_per_call,
                "aggregator": rhythm.files_per_version,
                "publisher": rhythm.files_per_publication,
            }
            usd = our_bill(work, sizes, varied).total(prices)
            effects.append(WindowEffect(function, seconds, usd, files[function]))
    return effects
