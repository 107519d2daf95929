"""The fuzzer for a moment on every target, and the fuzzer itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tools.fuzz.runner import ROUND, Result, fuzz, named, run_round
from tools.fuzz.targets import TARGETS, Target

INPUTS = 60
"""A target; with the same seed in each run, so that nothing fails by chance. `make fuzz` looks further."""


def refuse_long(text: str) -> None:
    if len(text) > 3:
        raise RuntimeError("too long")


PLANTED = Target("planted", st.text("ab"), refuse_long)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_hostile_inputs_are_read_or_refused(target: Target) -> None:
    result = Result()
    run_round(target, 1, result, INPUTS)
    assert result.failure is None, f"{result.failure.error!r}: {result.failure.minimal!a}"
    assert result.executions >= INPUTS / 2


def test_a_failure_is_made_small_and_saved(tmp_path: Path) -> None:
    result = fuzz(PLANTED, 1e9, 0, itertools.count().__next__)
    assert result.failure is not None
    assert result.failure.minimal == "aaaa"
    path = result.failure.save(tmp_path / "new")
    assert path.read_text() == "# planted: RuntimeError('too long')\n'aaaa'\n"
    assert path.name.startswith("planted-")


def test_it_ends_when_the_time_is_over_and_counts_what_it_did() -> None:
    clock = itertools.count()
    result = fuzz(Target("fine", st.integers(), lambda _: None), 3, 0, lambda: next(clock))
    assert result.failure is None
    assert 2 * ROUND <= result.executions <= 3 * ROUND


def test_targets_are_chosen_by_name() -> None:
    assert [each.name for each in named(TARGETS, ["ledger-document"])] == ["ledger-document"]
    assert named(TARGETS, []) == list(TARGETS)
    assert len({each.name for each in TARGETS}) == len(TARGETS)
