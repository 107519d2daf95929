"""A self-test: steps that each show one thing of a stack, run one after the other. Pure.

A step that fails ends nothing but those that need it. What cleans up runs always, after Ctrl-C too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from countagg.core.errors import CountaggError, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.growth import sizes_of
from countagg.operate.cost.model import DEFAULTS, Workload
from countagg.operate.cost.prices import Meter, Prices
from countagg.provision.place import Place

MOST_CALLS: Final = 20_000
"""Calls of AWS's before the test gives up. Cleaning up is not counted: it has to end."""
MOST_UPLOADS: Final = 20
"""Files that the steps upload, or fewer."""

THROW_AWAY: Final = "countagg-selftest"
"""Name of the stack that is made for a test. One that a killed test left behind is found by it."""

Facts = Mapping[str, Any]
"""What was measured besides times, as JSON has it."""


class StepOutcome(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


class Unmet(Exception):
    """What a step shows does not hold.

    Args:
        expected: what should be.
        got: what is.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step that holds measured.

    Attributes:
        hops: seconds from its upload until each hop showed it, in the order of the data.
        facts: the rest.
    """

    hops: Mapping[str, float] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is shown.

    Attributes:
        name: one word, or two.
        shows: what holds if it passes.
        act: does it. It raises `Unmet`, or any error, where it does not hold.
        hint: what to do next where it does not hold.
        needs: names of the steps without which it makes no sense.
        cleans_up: whether it runs whatever happened, and something is left over if it fails.
    """

    name: str
    shows: str
    act: Callable[[], Finding]
    hint: str
    needs: tuple[str, ...] = ()
    cleans_up: bool = False


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step.

    Attributes:
        step: which.
        outcome: what became of it.
        seconds: how long it took.
        finding: what it measured.
        expected: what should have been; None for a step that passed.
        got: what was, or why it was skipped; None for a step that passed.
        hint: what to do next; None for a step that did not fail.
    """

    step: Step
    outcome: StepOutcome
    seconds: float = 0.0
    finding: Finding = field(default_factory=Finding)
    expected: str | None = None
    got: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What came of all steps, in their order."""

    results: tuple[StepResult, ...]

    @property
    def holds(self) -> bool:
        """Whether every step passed."""
        return all(each.outcome is StepOutcome.PASSED for each in self.results)

    @property
    def interrupted(self) -> bool:
        """Whether somebody ended it."""
        return any(each.outcome is StepOutcome.INTERRUPTED for each in self.results)

    @property
    def left_over(self) -> StepResult | None:
        """The clean-up that did not end well; None if nothing is left over."""
        failed = (each for each in self.results if each.step.cleans_up and each.outcome is not StepOutcome.PASSED)
        return next(failed, None)


def run(
    steps: Iterable[Step],
    clock: Callable[[], float],
    on_begin: Callable[[Step], None] = lambda _: None,
    on_end: Callable[[StepResult], None] = lambda _: None,
) -> SelfTest:
    """Run the steps.

    Args:
        steps: in their order.
        clock: seconds that only grow.
        on_begin: told before a step that is run.
        on_end: told what became of each.
    """
    results: list[StepResult] = []
    for step in steps:
        reason = _reason_to_skip(step, results)
        if reason is None:
            result = _carry_out(step, clock, on_begin)
        else:
            result = StepResult(step, StepOutcome.SKIPPED, got=reason)
        try:
            on_end(result)
        except KeyboardInterrupt:
            result = replace(result, outcome=StepOutcome.INTERRUPTED, got="Ctrl-C")
        results.append(result)
    return SelfTest(tuple(results))


def _reason_to_skip(step: Step, results: Iterable[StepResult]) -> str | None:
    if step.cleans_up:
        return None
    outcomes = {each.step.name: each.outcome for each in results}
    if StepOutcome.INTERRUPTED in outcomes.values():
        return "interrupted"
    lacking = [name for name in step.needs if outcomes.get(name) is not StepOutcome.PASSED]
    return f"it needs: {', '.join(lacking)}" if lacking else None


def _carry_out(step: Step, clock: Callable[[], float], on_begin: Callable[[Step], None]) -> StepResult:
    began = clock()

    def failed(got: str, expected: str = step.shows, hint: str | None = None) -> StepResult:
        took = clock() - began
        return StepResult(step, StepOutcome.FAILED, took, expected=expected, got=got, hint=hint or step.hint)

    try:
        on_begin(step)
        finding = step.act()
    except KeyboardInterrupt:
        return StepResult(step, StepOutcome.INTERRUPTED, clock() - began, expected=step.shows, got="Ctrl-C")
    except Unmet as unmet:
        return failed(unmet.got, unmet.expected)
    except CountaggError as error:
        return failed(str(error), hint=error.hint)
    except Exception as error:  # noqa: BLE001 - whatever fails, the clean-up has to come
        return failed(f"unexpected {type(error).__name__}: {shorten(str(error))}")
    return StepResult(step, StepOutcome.PASSED, clock() - began, finding)


def throw_away_bucket(place: Place) -> str:
    """Return the name of the bucket that comes and goes with the throw-away stack."""
    return f"{THROW_AWAY}-{place.account}-{place.region}"


def ceiling(prices: Prices) -> Decimal:
    """Return what a self-test costs at most, in USD.

    That is the model's bill for an hour with all uploads, and all calls at the price of the dearest.
    """
    hour = Workload(MOST_UPLOADS, counters=1, interval=3_600, days=1 / 24)
    bill = our_bill(hour, sizes_of(MOST_UPLOADS, 1, DEFAULTS.layout))
    return bill.total(prices) + MOST_CALLS * prices.of[Meter.S3_PUT].usd
