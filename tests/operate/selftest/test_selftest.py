"""The runner of a self-test: what goes on after a failure, and what does not."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from decimal import Decimal

import pytest

from countagg.core.errors import CountaggError
from countagg.operate.cost.prices import Prices, read_prices
from countagg.operate.selftest.selftest import (
    MOST_CALLS,
    Finding,
    SelfTest,
    Step,
    StepOutcome,
    StepResult,
    Unmet,
    ceiling,
    run,
)


def passing() -> Finding:
    return Finding({"ledger": 1.5}, {"files": 2})


def raising(error: BaseException) -> Callable[[], Finding]:
    def act() -> Finding:
        raise error

    return act


def step(name: str, act: Callable[[], Finding] = passing, *needs: str, cleans_up: bool = False) -> Step:
    return Step(name, f"{name} works", act, "look", needs, cleans_up)


def run_all(*steps: Step) -> SelfTest:
    ticks = itertools.count()
    return run(steps, lambda: float(next(ticks)))


def outcomes(found: SelfTest) -> dict[str, str]:
    return {each.step.name: str(each.outcome) for each in found.results}


def test_what_every_step_measures_is_kept() -> None:
    found = run_all(step("one"), step("two", passing, "one"))

    assert (found.holds, found.interrupted, found.left_over) == (True, False, None)
    assert [each.finding for each in found.results] == [passing(), passing()]
    assert [each.seconds for each in found.results] == [1.0, 1.0]


def test_a_failed_step_stops_what_needs_it_and_nothing_else() -> None:
    found = run_all(
        step("upload", raising(Unmet("3", "2"))),
        step("limit", passing, "upload"),
        step("alert", passing, "limit"),
        step("setup again"),
        step("teardown", cleans_up=True),
    )

    assert outcomes(found) == {
        "upload": "failed",
        "limit": "skipped",
        "alert": "skipped",
        "setup again": "passed",
        "teardown": "passed",
    }
    assert (found.holds, found.left_over) == (False, None)
    assert [each.got for each in found.results[1:3]] == ["it needs: upload", "it needs: limit"]


@pytest.mark.parametrize(
    ("error", "expected", "got", "hint"),
    [
        (Unmet("3", "2"), "3", "2", "look"),
        (CountaggError("no", where="table t", hint="ask"), "a works", "table t: no", "ask"),
        (CountaggError("no"), "a works", "no", "look"),
        (KeyError("Item"), "a works", "unexpected KeyError: \"'Item'\"", "look"),
    ],
)
def test_a_failure_is_told_with_what_was_expected_what_came_and_what_next(
    error: Exception, expected: str, got: str, hint: str
) -> None:
    (result,) = run_all(step("a", raising(error))).results

    assert (result.outcome, result.seconds) == (StepOutcome.FAILED, 1.0)
    assert (result.expected, result.got, result.hint) == (expected, got, hint)


def test_ctrl_c_ends_the_steps_and_cleans_up() -> None:
    found = run_all(step("one", raising(KeyboardInterrupt())), step("two"), step("teardown", cleans_up=True))

    assert outcomes(found) == {"one": "interrupted", "two": "skipped", "teardown": "passed"}
    assert (found.holds, found.interrupted, found.left_over) == (False, True, None)


@pytest.mark.parametrize("moment", ["begin", "end"])
def test_ctrl_c_between_two_steps_cleans_up_too(moment: str) -> None:
    def interrupt(told: Step | StepResult) -> None:
        if (told if isinstance(told, Step) else told.step).name == "one":
            raise KeyboardInterrupt

    steps = (step("one"), step("two"), step("teardown", cleans_up=True))
    found = run(steps, lambda: 0.0, **{f"on_{moment}": interrupt})

    assert outcomes(found) == {"one": "interrupted", "two": "skipped", "teardown": "passed"}


@pytest.mark.parametrize("error", [KeyboardInterrupt(), Unmet("nothing", "a queue"), CountaggError("denied")])
def test_a_clean_up_that_does_not_end_well_leaves_something_over(error: BaseException) -> None:
    found = run_all(step("one"), step("teardown", raising(error), cleans_up=True))

    assert found.left_over is found.results[1]


def test_the_ceiling_holds_every_call_at_the_price_of_the_dearest() -> None:
    prices: Prices = read_prices("us-east-1")

    assert MOST_CALLS * Decimal("0.000005") < ceiling(prices) < Decimal("0.5")
