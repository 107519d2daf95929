"""How the days of a fleet should be spread, and what that makes of sizes and bills."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.partitions import INSTANCES_PER_LANE, UPLOADS_PER_LANE, Layout
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.fleet_sizes import DoesNotFit, size_fleet, size_ledger
from countagg.operate.cost.growth import sizes_of
from countagg.operate.cost.item_sizes import MAX_ITEM_BYTES
from countagg.operate.cost.model import DEFAULTS, Workload, spread
from countagg.operate.cost.prices import Meter, read_prices
from countagg.operate.cost.spreading import recommend_layout
from countagg.operate.cost.write_units import rhythm_of, write_units_per_file

WORK: Final = Workload(1_000, 100, 60.0)


@pytest.mark.parametrize(
    ("instances", "counters", "per_second", "layout"),
    [
        (1, 1, 0.01, Layout(1, 1)),
        (INSTANCES_PER_LANE, 100, UPLOADS_PER_LANE, Layout(1, 1)),
        (INSTANCES_PER_LANE + 1, 100, 1, Layout(2, 1)),
        (100, 100, UPLOADS_PER_LANE + 0.5, Layout(2, 1)),
        (100_000, 100, 1_667, Layout(20, 1)),
        # A snapshot of 1,000 counters takes 7 write units.
        (1_000, 1_000, 200, Layout(2, 1)),
        (100, 40_000, 1, Layout(1, 2)),
        (12_000, 40_000, 1, Layout(3, 3)),
    ],
)
def test_lanes_follow_instances_and_uploads_and_shards_the_counters(
    instances: int, counters: int, per_second: float, layout: Layout
) -> None:
    assert recommend_layout(instances, counters, per_second) == layout


@pytest.mark.parametrize(
    ("instances", "counters", "per_second"),
    [(600_000, 1, 1), (1, 1, 80_000), (1_000, 10_000, 5_000), (1, 300_000, 1), (200_000, 100, 1)],
)
def test_a_fleet_that_no_layout_takes_belongs_into_several_stacks(
    instances: int, counters: int, per_second: float
) -> None:
    with pytest.raises(DoesNotFit):
        recommend_layout(instances, counters, per_second)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 20_000), st.integers(1, 20_000), st.floats(0.1, 20))
def test_what_is_recommended_fits_with_room_to_spare(instances: int, counters: int, per_second: float) -> None:
    layout = recommend_layout(instances, counters, per_second)

    sizes = size_fleet(instances, counters, layout)

    assert sizes.ledger < 0.6 * MAX_ITEM_BYTES
    assert sizes.snapshot / layout.shards < 0.6 * MAX_ITEM_BYTES
    assert instances <= layout.lanes * INSTANCES_PER_LANE


def test_a_ledger_of_a_partition_has_its_share_of_both() -> None:
    whole, lane, shard = (size_fleet(1_000, 1_000, layout) for layout in (Layout(), Layout(4, 1), Layout(1, 4)))

    assert lane.ledger == pytest.approx(size_ledger(250, 1_000), rel=0.05)
    assert shard.ledger == pytest.approx(size_ledger(1_000, 250), rel=0.05)
    assert max(lane.ledger, shard.ledger) < whole.ledger
    assert (lane.file, lane.packed) == (whole.file, whole.packed)


def test_parts_of_a_snapshot_are_written_at_twice_the_price() -> None:
    whole, parts = size_fleet(10, 1_000), size_fleet(10, 1_000, Layout(1, 2))

    assert parts.snapshot_units == pytest.approx(2 * whole.snapshot_units, rel=0.2)
    assert size_fleet(10, 1_000, Layout(5, 1)).snapshot_units == whole.snapshot_units


def test_every_lane_that_a_batch_meets_has_its_ledger_written() -> None:
    layout, few, many = Layout(4, 2), replace(WORK, interval=100_000.0), replace(WORK, interval=1.0)
    sizes, choices = sizes_of(1_000, 100, layout), spread(DEFAULTS, layout)

    assert rhythm_of(few, sizes, choices).ledgers_per_version == pytest.approx(2, rel=0.05)
    busy = rhythm_of(many, sizes, choices)
    assert busy.ledgers_per_version == pytest.approx(8)
    alone = replace(busy, ledgers_per_version=1.0)
    added = write_units_per_file(sizes, busy, 100) - write_units_per_file(sizes, alone, 100)
    assert added == pytest.approx(7 * sizes.ledger_units / busy.files_per_version)


def test_a_bill_of_several_lanes_counts_what_the_publisher_reads() -> None:
    layout = Layout(4, 1)
    choices = spread(DEFAULTS, layout)
    one, four = our_bill(WORK, sizes_of(1_000, 100)), our_bill(WORK, sizes_of(1_000, 100, layout), choices)

    def quantity(bill: object, hop: str, meter: Meter) -> float:
        lines = bill.lines  # type: ignore[attr-defined]  # of a bill
        return float(sum(line.quantity for line in lines if (line.hop, line.meter) == (hop, meter)))

    assert quantity(four, "publisher", Meter.DYNAMODB_READ) > 2 * quantity(one, "publisher", Meter.DYNAMODB_READ)
    assert quantity(four, "publisher", Meter.S3_GET) == quantity(one, "publisher", Meter.S3_GET)
    prices = read_prices("us-east-1")
    assert one.total(prices) < four.total(prices)
