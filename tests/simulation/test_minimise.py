"""A failing plan becomes small and stays wrong."""

from __future__ import annotations

import pytest

from tools.simulation.minimise import fewest, minimise
from tools.simulation.naive import NAIVE
from tools.simulation.plans import Plan, make_plan
from tools.simulation.run import run

pytestmark = pytest.mark.exhaustive

ADD = NAIVE["unconditional-add"]


def size(plan: Plan) -> int:
    return sum(len(chapter.steps) + len(chapter.disturbances) for chapter in plan.chapters)


def test_as_few_items_stay_as_can_be() -> None:
    assert fewest(range(20), lambda kept: {3, 17} <= set(kept)) == [3, 17]
    assert fewest([1, 2], lambda _: True) == []
    assert fewest([1, 2], lambda kept: len(kept) == 2) == [1, 2]


def test_a_wrong_plan_becomes_small_and_stays_wrong() -> None:
    plans = (plan for plan in map(make_plan, range(100)) if 4 < size(plan) < 10)
    plan = next(plan for plan in plans if run(plan, ADD).wrong)
    small = minimise(plan, ADD)
    assert run(small, ADD).wrong
    assert not run(small).wrong
    assert 1 <= size(small) <= 2
    assert len(small.script or ()) <= 2


def test_a_right_plan_is_not_made_small() -> None:
    with pytest.raises(ValueError, match="is not wrong"):
        minimise(make_plan(0))
