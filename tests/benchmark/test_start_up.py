"""The CPU time of commands: what is counted, and what is told of it."""

from __future__ import annotations

import os
import sys

import pytest

from tools.benchmark.start_up import Measured, cpu_seconds, programs, report

_BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint(1)"


def python(code: str) -> Measured:
    return Measured("program", (sys.executable, "-c", code))


def test_cpu_of_a_program_and_of_what_it_runs_is_counted_and_waiting_is_not() -> None:
    busy = f"import subprocess, sys\nsubprocess.run((sys.executable, '-c', {_BUSY!r}))"

    assert cpu_seconds(python(_BUSY), os.environ) >= 0.2
    assert cpu_seconds(python(busy), os.environ) >= 0.2
    assert cpu_seconds(python("import time\ntime.sleep(1.5)\nprint(1)"), os.environ) < 1.5


@pytest.mark.parametrize("code", ["print(1)\nraise SystemExit(3)", "pass"])
def test_a_program_that_fails_or_says_nothing_is_not_measured(code: str) -> None:
    with pytest.raises(RuntimeError, match="program ended with"):
        cpu_seconds(python(code), os.environ)


def test_a_report_has_each_program_beside_the_first() -> None:
    assert report({"aws": 0.5, "countagg query": 0.4}).splitlines()[2:] == [
        "| `aws` | 0.500 s | 1.00 |",
        "| `countagg query` | 0.400 s | 0.80 |",
    ]


def test_the_aws_command_line_is_what_the_others_stand_beside() -> None:
    first, *others = programs("aws", "2026-11-29")

    assert first.command[1:3] == ("dynamodb", "get-item")
    assert {"countagg query", "countagg status --output json", "TAB on a counter's name"} <= {
        each.name for each in others
    }
