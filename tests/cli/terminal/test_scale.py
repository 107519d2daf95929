"""Log scales: where they are needed, and what they tell."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.cli.terminal.scale import LogScale, find_log_scale
from tests.cli.terminal.test_chart import VALUES

LINES = st.lists(VALUES, min_size=1, max_size=6)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [[]],
        [[0.0, 0.0], [0.0]],
        [[1.0, 1e9]],  # alone, it flattens nobody
        [[1.0], [49.0]],
        [[1.0], [-49.0]],
        [[1e9], [0.0, 0.0]],  # what is always 0 is well told at the axis
    ],
)
def test_where_no_line_flattens_another_there_is_none(lines: list[list[float]]) -> None:
    assert find_log_scale(lines) is None


@pytest.mark.parametrize(
    ("lines", "smallest", "low", "high", "ticks"),
    [
        ([[300.0, 20.0], [2e4]], 10.0, 10.0, 2e4, [10, 100, 1e3, 1e4]),
        ([[3.0, 0.0], [2e6]], 1.0, 0.0, 2e6, [0, 1, 100, 1e4, 1e6]),
        ([[-30.0, 20.0], [2e3]], 10.0, -30.0, 2e3, [-10, 0, 10, 100, 1e3]),
        ([[-30.0], [-2e3]], 10.0, -2e3, 0.0, [-1e3, -100, -10, 0]),
        ([[1e-9], [1.0]], 1e-9, 1e-9, 1.0, [1e-9, 1e-7, 1e-5, 1e-3, 1e-1]),
        # Twelve decades are not enough for the lower line.
        ([[1.0, 3.0], [1e23]], 1.0, 1.0, 1e23, [1, 1e4, 1e8, 1e12, 1e16, 1e20]),
        # What is twelve decades smaller than the largest stands next to 0.
        ([[1e-9, 1e3], [1e6]], 1e-6, 0.0, 1e6, [0, 1e-6, 1e-3, 1, 1e3, 1e6]),
    ],
)
def test_it_reaches_from_the_smallest_to_the_largest(
    lines: list[list[float]], smallest: float, low: float, high: float, ticks: list[float]
) -> None:
    scale = find_log_scale(lines)

    assert scale is not None
    assert (scale.smallest, scale.low, scale.high) == pytest.approx((smallest, low, high))
    assert scale.ticks == pytest.approx(ticks)


@given(st.lists(LINES, min_size=1, max_size=5))
def test_any_values_have_a_place_on_it_in_their_order(lines: list[list[float]]) -> None:
    scale = find_log_scale(lines)
    if scale is None:
        return
    every = sorted({value for line in lines for value in line} | {scale.low, scale.high})
    places = [scale.position(value) for value in every]

    assert all(scale.low <= value <= scale.high for value in every)
    assert scale.low < scale.high
    assert all(map(math.isfinite, places))
    assert places == sorted(places)
    assert 1 <= len(scale.ticks) <= 8
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    assert scale.ticks == sorted(set(scale.ticks))


def test_decades_are_as_high_as_each_other() -> None:
    scale = LogScale(1.0, 0.0, 1e9)

    places = [scale.position(10.0**exponent) for exponent in range(10)]

    assert all(0.95 < after - before < 1.0001 for before, after in pairwise(places))
    assert scale.position(0.0) == 0
    assert scale.position(1.0) == pytest.approx(1.04, abs=0.01)
    assert scale.position(-1e6) == -scale.position(1e6)
