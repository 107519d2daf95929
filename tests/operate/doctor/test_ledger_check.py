"""Whether ledgers have room left, as doctor judges."""

from __future__ import annotations

from typing import Final

import pytest

from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import INSTANCES_PER_LANE, MORE_PARTITIONS, Layout
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.operate.cost.item_sizes import KB
from countagg.operate.cost.spreading import describe_lack
from countagg.operate.doctor.checks import State
from countagg.operate.doctor.ledger_check import judge_ledgers

DAY: Final = "2026-11-20"


def day_of(sizes: list[int], layout: Layout) -> StoredDay:
    return StoredDay(tuple(StoredLedger(1, "then", bytes(size)) for size in sizes), layout)


def with_instances(count: int) -> StoredDay:
    ledger = Ledger({}, {}, {f"i-{number}": "S" for number in range(count)})
    return StoredDay((StoredLedger(), StoredLedger(1, "then", encode_ledger(ledger))), Layout(2, 1))


def test_small_ledgers_are_well() -> None:
    found = judge_ledgers({DAY: day_of([150 * KB], Layout()), "2026-11-19": StoredDay()})

    assert (found.state, found.detail) == (State.OK, "the largest takes 150 of 400 KB")


@pytest.mark.parametrize("layout", [Layout(), Layout(2, 1)])
def test_a_ledger_that_takes_more_than_half_an_item_asks_for_more_partitions(layout: Layout) -> None:
    rest = [1] * (layout.lanes - 1)

    assert judge_ledgers({DAY: day_of([*rest, 200 * KB], layout)}).state is State.OK
    found = judge_ledgers({DAY: day_of([*rest, 200 * KB + 1], layout)})

    assert (found.state, found.fix) == (State.PROBLEM, MORE_PARTITIONS)
    assert found.detail == f"the ledger of {layout.partitions(DAY)[-1]} takes 200 of 400 KB"


def test_ledgers_that_together_are_too_large_for_a_transaction_ask_for_fewer_partitions() -> None:
    layout = Layout(16, 1)

    assert judge_ledgers({DAY: day_of([128 * KB] * 16, layout)}).state is State.OK
    found = judge_ledgers({DAY: day_of([128 * KB] * 15 + [128 * KB + 1], layout)})

    assert found.state is State.PROBLEM
    assert found.detail == f"the ledgers of {DAY} take 2,048 of 4,096 KB that are read at once"
    assert "several stacks" in found.fix


def test_a_lane_of_too_many_instances_asks_for_more_lanes() -> None:
    assert judge_ledgers({DAY: with_instances(INSTANCES_PER_LANE)}).state is State.OK
    found = judge_ledgers({DAY: with_instances(INSTANCES_PER_LANE + 1)})

    assert (found.state, found.fix) == (State.PROBLEM, MORE_PARTITIONS)
    assert found.detail == f"a lane of {DAY} has 5,001 instances, more than 5,000"


@pytest.mark.parametrize("wanted", [Layout(3, 1), Layout(1, 3), Layout(3, 3)])
def test_what_a_day_lacks_for_a_fleet_is_told(wanted: Layout) -> None:
    told = describe_lack(Layout(2, 2), wanted)

    assert f"--lanes {wanted.lanes} and --counter-shards {wanted.shards}; " in told
    assert "the day has 2 and 2" in told


def test_a_day_that_is_spread_over_enough_lacks_nothing() -> None:
    assert describe_lack(Layout(2, 2), Layout(2, 1)) == describe_lack(Layout(2, 2), Layout(2, 2)) == ""
