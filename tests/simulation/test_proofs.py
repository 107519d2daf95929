"""The simulation can fail: naive rules and mutants run in place of the real functions, and are found wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from itertools import chain, product

import pytest

from tests.simulation.faults import Fault
from tests.simulation.mutants import MUTANTS, Mutant, mutated
from tests.simulation.naive import NAIVE
from tests.simulation.plans import Chapter, Plan, make_plan
from tests.simulation.rules import REAL
from tests.simulation.run import run
from tests.simulation.test_every_call import ONE, OTHER, PLAN, STEPS

SEEDS = 150
SEEDS_OF_A_MUTANT = 400
AT_LEAST_WRONG = {
    "unconditional-add": 0.45,
    "fence-per-day": 0.15,
    "fence-per-instance": 0.06,
    "batch-token": 0.18,
    "no-sequencer": 0.01,
}


@pytest.mark.parametrize("name", sorted(NAIVE))
def test_a_naive_rule_is_wrong_as_often_as_stated(name: str) -> None:
    wrong = sum(bool(run(make_plan(seed), NAIVE[name]).wrong) for seed in range(SEEDS))
    assert wrong / SEEDS >= AT_LEAST_WRONG[name]


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_dies(mutant: Mutant) -> None:
    rules = mutated(mutant)
    assert any(
        run(plan, rules).wrong for plan in chain(map(make_plan, range(SEEDS_OF_A_MUTANT)), there_and_back())
    )


def there_and_back() -> Iterator[Plan]:
    """Yield plans in which totals return to what they were while a write is under way: rare among seeds."""
    steps = tuple(replace(STEPS[0], after=20.0 * number, file=(ONE, OTHER)[number % 2]) for number in range(3))
    for seed, place in product(range(30), range(1, 20)):
        script = frozenset({(Fault.LANDED_LATE, place)})
        yield replace(PLAN, seed=seed, script=script, chapters=(Chapter(0.0, steps, ()),))


def test_totals_that_return_to_what_they_were_are_right() -> None:
    assert all(run(plan).wrong == () for plan in there_and_back())


def test_a_mutant_leaves_the_real_functions_as_they_are() -> None:
    mutated(MUTANTS[0])
    assert import_module("tests.simulation.rules").REAL is REAL
    assert all(run(make_plan(seed)).wrong == () for seed in range(10))


def test_a_mutant_that_changes_nothing_is_noticed() -> None:
    with pytest.raises(AssertionError, match="0 times in"):
        mutated(Mutant("nothing", "core.ledger", "this text is nowhere", ""))
