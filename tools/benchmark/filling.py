"""Sizes on the average of a day's first round, while the ledger grows from nothing to all instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from statistics import fmean
from typing import Final

from countagg.operate.cost.fleet_sizes import ArticleSizes, Sizes, size_article, size_fleet

_STEPS: Final = 10


def size_filling(ids: Sequence[str], counters: int) -> Sizes:
    """Measure the first round of a fleet."""
    return Sizes(*_averages([size_fleet(len(part), counters, ids=part) for part in _growing(ids)]))


def size_article_filling(ids: Sequence[str], counters: int) -> ArticleSizes:
    """Measure it in the article's layout."""
    return ArticleSizes(*_averages([size_article(len(part), counters, ids=part) for part in _growing(ids)]))


def _growing(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[: max(1, round(len(ids) * (step + 0.5) / _STEPS))] for step in range(_STEPS)]


def _averages(sizes: Sequence[Sizes] | Sequence[ArticleSizes]) -> list[float]:
    return [fmean(values) for values in zip(*map(astuple, sizes), strict=True)]
