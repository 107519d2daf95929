"""Bars: how high, where, and what is said of them."""

from __future__ import annotations

import re
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.cli.report.bars import LARGE, SMALL, Frame, describe_values, draw_bars
from countagg.core.values import SCALE

VALUES: Final = st.lists(st.none() | st.integers(-(10**33), 10**33), min_size=1, max_size=92)


def bars_of(values: list[int | None], frame: Frame) -> list[dict[str, float]]:
    """Return the places of the bars, the line of 0 left out."""
    drawn = draw_bars([f"day {at}" for at in range(len(values))], values, frame)
    rects = re.findall(r'<rect x="(.+?)" y="(.+?)" width="(.+?)" height="(.+?)" class="(?:bar|last)"', drawn)
    return [dict(zip(("x", "y", "width", "height"), map(float, each), strict=True)) for each in rects]


@given(VALUES, st.sampled_from([SMALL, LARGE]))
def test_every_bar_is_inside_and_only_days_that_have_the_counter_have_one(
    values: list[int | None], frame: Frame
) -> None:
    bars = bars_of(values, frame)

    assert len(bars) == sum(each is not None for each in values)
    assert all(each["x"] >= 0 and each["x"] + each["width"] <= frame.width + 0.2 for each in bars)
    assert all(each["y"] >= -0.1 and each["y"] + each["height"] <= frame.height + 0.2 for each in bars)
    assert all(each["height"] >= 1 for each in bars)


def test_heights_are_in_proportion_and_what_is_negative_hangs() -> None:
    up, down, nothing = bars_of([3 * SCALE, -SCALE, 0], Frame(30, 40))

    assert (up["y"], up["height"]) == (0, 30)
    assert (down["y"], down["height"]) == (30, 10)
    assert (nothing["y"], nothing["height"]) == (29, 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([None, None], "no totals"),
        ([None, 5 * SCALE], "5 on one day"),
        ([5 * SCALE, 5 * SCALE], "always 5"),
        ([-SCALE, None, 1_234 * SCALE + 1], "from -1 to 1,234.000000001"),
    ],
)
def test_the_range_is_told_to_who_does_not_see_it(values: list[int | None], said: str) -> None:
    assert describe_values(values) == said
    assert f'aria-label="{len(values)} days: {said}"' in draw_bars(["d"] * len(values), values, SMALL)


def test_only_a_large_picture_names_each_day() -> None:
    assert "<title>2026-11-20: 1,234</title>" in draw_bars(["2026-11-20"], [1_234 * SCALE], LARGE)
    assert "<title>" not in draw_bars(["2026-11-20"], [1_234 * SCALE], SMALL)
