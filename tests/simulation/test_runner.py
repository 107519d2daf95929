"""The runner: what it prints, and its exit code."""

from __future__ import annotations

import pytest

from tools.simulation.__main__ import main

pytestmark = pytest.mark.exhaustive


def test_right_seeds_end_with_exit_code_0_and_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "60", "--start", "40", "--jobs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["0", "wrong"]
    assert "60  runs" in " ".join(lines)
    assert any(line.endswith("batch bisected") for line in lines)


def test_wrong_seeds_end_with_exit_code_1_and_the_first_of_them_made_small(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seeds", "5", "--start", "8", "--jobs", "1", "--rules", "unconditional-add"]) == 1
    out = capsys.readouterr().out
    assert "made small:" in out
    assert "WRONG" in out
    assert " upload " in out


def test_one_seed_is_told_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "7", "--trace"]) == 0
    first = capsys.readouterr().out
    assert first.endswith("seed 7: right\n")
    assert main(["--seed", "7", "--trace"]) == 0
    assert capsys.readouterr().out == first
    assert main(["--seed", "7"]) == 0
    assert capsys.readouterr().out == "seed 7: right\n"


def test_one_wrong_seed_ends_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "0", "--rules", "unconditional-add"]) == 1
    assert capsys.readouterr().out.startswith("seed 0, made small:\n")
