"""Seeds of the real functions: none may be wrong. Each test has a hundred, so that workers share them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from countagg.functions.silence import INSTANCES_SILENT
from tools.simulation.__main__ import simulate
from tools.simulation.faults import Fault
from tools.simulation.plans import make_plan
from tools.simulation.run import run

pytestmark = pytest.mark.exhaustive

GROUPS = 5
A_GROUP = 100
BEYOND_ANY_TABLE = 1_000_000
"""Seeds of other tests, so that they do not lean on those above."""


@pytest.mark.parametrize("first", range(0, GROUPS * A_GROUP, A_GROUP))
def test_no_seed_is_wrong(first: int) -> None:
    tally = simulate(range(first, first + A_GROUP), "real")
    assert tally.wrong == {}
    assert tally.runs == A_GROUP


@pytest.mark.parametrize("seed", [2432, 2729, 7852, 16769])
def test_a_removal_after_the_day_was_closed_withdraws_nothing(seed: int) -> None:
    """Nor is it forgotten that it came too late when a file that is refused takes its place within the hour."""
    assert simulate(range(seed, seed + 1), "real").wrong == {}


def test_every_kind_of_fault_strikes() -> None:
    struck: Counter[Fault] = Counter()
    for seed in range(BEYOND_ANY_TABLE, BEYOND_ANY_TABLE + 2_000):
        struck += run(make_plan(seed)).faults
        if set(struck) == set(Fault):
            return
    pytest.fail(f"never struck: {set(Fault) - set(struck)}")


def test_whoever_looks_for_silent_instances_does_the_files_no_harm() -> None:
    """Its calls fail and its invocations die as all others do."""
    silent = 0
    for seed in range(BEYOND_ANY_TABLE, BEYOND_ANY_TABLE + 60):
        ran = run(replace(make_plan(seed), stale_alarm="3m"))
        assert ran.wrong == ()
        silent += ran.metrics[INSTANCES_SILENT]
    assert silent


def test_a_seed_is_one_run() -> None:
    """Also in another process, where strings have other hashes."""
    seen = {_account(str(hash_seed)) for hash_seed in (1, 2)}
    assert len(seen) == 1
    assert len(seen.pop().splitlines()) > 20


def _account(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tools.simulation", "--seed", "7", "--trace"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_script_repeats_what_chance_did() -> None:
    plan = make_plan(3)
    by_chance = run(plan, traced=True)
    assert by_chance.struck
    assert run(replace(plan, script=frozenset(by_chance.struck), rates={}), traced=True) == by_chance
