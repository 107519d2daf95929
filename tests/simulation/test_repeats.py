"""Repeated uploads end at the processor; whatever filter stands, and whichever countagg runs beside this one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from countagg.core.partitions import Layout
from tests.simulation.test_every_call import DAY, LAYOUTS, ONE, OTHER, PLAN
from tools.simulation.files import File
from tools.simulation.older import upgraded
from tools.simulation.plans import Chapter, Step, make_plan
from tools.simulation.rules import REAL
from tools.simulation.run import run
from tools.simulation.world import World

pytestmark = pytest.mark.exhaustive

REPEATS = 100
SEEDS = 60


def work_of(world: World, written: Counter[str]) -> Counter[str]:
    """Return how often the second and the third function ran, and how much they wrote."""
    return written + Counter({hop: world.functions[hop].invocations for hop in ("aggregator", "publisher")})


@LAYOUTS
def test_repeated_uploads_cost_the_second_and_the_third_function_nothing(layout: Layout) -> None:
    spellings = (ONE, File(ONE.content + b"\n", ONE.counters))
    first = Chapter(0.0, (Step(0.0, f"{DAY}i-0", ONE), Step(0.0, f"{DAY}i-1", OTHER)), ())
    repeats = Chapter(
        0.0, tuple(Step(7.0 * number, f"{DAY}i-0", spellings[number % 2]) for number in range(REPEATS)), ()
    )
    world = World(replace(PLAN, chapters=(first, repeats), layouts=(layout,)), REAL, traced=False)
    written: Counter[str] = Counter()
    world.totals.watchers.append(lambda _key, _item: written.update(["totals"]))
    world.counters.watchers.append(lambda _name, _day, _item: written.update(["counters"]))
    world.run_chapter(0)
    before = work_of(world, written)
    assert set(before) == {"aggregator", "publisher", "totals", "counters"}

    world.run_chapter(1)

    assert world.metrics.counted["FilesApplied"] == REPEATS + 2
    assert work_of(world, written) == before


def test_without_the_filter_nothing_is_wrong_either() -> None:
    rules = replace(REAL, sees_repeats=True)
    skipped: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = run(make_plan(seed), rules)
        assert result.wrong == (), seed
        skipped += result.metrics
    assert skipped["LinksSkipped"] > 0


def test_a_stack_is_updated_while_it_works() -> None:
    """Functions of an older countagg run beside those of this one, over what both have stored."""
    rebuilt: Counter[str] = Counter()
    for seed in range(SEEDS):
        result = run(make_plan(seed), upgraded(seed))
        assert result.wrong == (), seed
        rebuilt += result.metrics
    assert rebuilt["DaysRebuilt"] > 0
