"""Fleets through the real handlers: exact totals, and effort in proportion to what is uploaded."""

from __future__ import annotations

import pytest

from countagg.core.partitions import Layout
from tools.scale.fleet import recommended_layout, run_minute


@pytest.mark.parametrize("layout", [Layout(), Layout(3, 1), Layout(1, 3), Layout(2, 2)], ids=str)
def test_totals_are_exact_however_days_are_spread(layout: Layout) -> None:
    assert run_minute(240, 10, layout).exact


def test_four_times_the_instances_over_four_times_the_lanes_store_four_times_as_much() -> None:
    small, large = run_minute(600, 20, Layout(1, 1)), run_minute(2_400, 20, Layout(4, 1))
    assert small.exact
    assert large.exact
    assert large.stored / large.uploaded == pytest.approx(small.stored / small.uploaded, rel=0.1)


def test_a_lane_has_at_most_five_thousand_instances() -> None:
    assert [recommended_layout(count).lanes for count in (1, 5_000, 5_001, 100_000)] == [1, 1, 2, 20]
