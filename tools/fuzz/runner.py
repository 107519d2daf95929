"""Runs targets for a time, counts executions, and makes what fails small."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings

from tools.fuzz.targets import Target

ROUND: Final = 200
"""Inputs between two looks at the clock."""


@dataclass(frozen=True)
class Failure:
    """An input that a target does not deal with.

    Attributes:
        target: the target's name.
        minimal: the smallest input found that fails in this way.
        error: what was raised.
    """

    target: str
    minimal: Any
    error: Exception

    def save(self, folder: Path) -> Path:
        """Write the input down as Python has it, under a name that follows from it."""
        text = f"# {self.target}: {self.error!r}\n{self.minimal!r}\n"
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(repr(self.minimal).encode(errors="backslashreplace")).hexdigest()[:12]
        path = folder / f"{self.target}-{digest}.txt"
        path.write_text(text, errors="backslashreplace")
        return path


@dataclass
class Result:
    """What came of a target: how many inputs it met, and the failure that ended it."""

    executions: int = 0
    failure: Failure | None = None


def fuzz(target: Target, seconds: float, first_seed: int, clock: Callable[[], float]) -> Result:
    """Feed a target until its time is over or something fails. Making that small takes time of its own.

    Args:
        target: what to feed.
        seconds: how long.
        first_seed: another one gives other inputs.
        clock: seconds that only go up.
    """
    result, end = Result(), clock() + seconds
    for number in _from(first_seed):
        run_round(target, number, result)
        if result.failure is not None or clock() >= end:
            return result
    raise AssertionError("there is always another seed")


def run_round(target: Target, number: int, result: Result, inputs: int = ROUND) -> None:
    """Feed a target a number of inputs; add to the result what came of it."""
    last: list[Any] = []

    def feed(value: Any) -> None:
        result.executions += 1
        last[:] = [value]
        target.check(value)

    chosen = settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    try:
        seed(number)(chosen(given(target.inputs)(feed)))()
    except Exception as error:  # noqa: BLE001 - whatever a target lets through is what is looked for
        # The last input that is tried is the smallest that fails.
        result.failure = Failure(target.name, last[0], error)


def named(targets: Sequence[Target], names: Sequence[str]) -> list[Target]:
    """Return the targets of these names; all of them if none is given."""
    return [target for target in targets if not names or target.name in names]


def _from(number: int) -> Iterator[int]:
    while True:
        yield number
        number += 1
