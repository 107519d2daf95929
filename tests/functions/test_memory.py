"""The memory of the functions: with the largest batches that there can be, less than they have by default."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.functions.memory import CASES, MADE

MEGABYTES = 150
"""The interpreter and the SDK take some 60 of them."""


def run(case: str, batch: bytes | None) -> subprocess.CompletedProcess[bytes]:
    """Run a process that makes a batch, or one that hands it to the function."""
    environment = {**os.environ, **({} if batch is None else {MADE: "1"})}
    return subprocess.run(
        [sys.executable, "-m", "tests.functions.memory", case],
        cwd=Path(__file__).parents[2],
        env=environment,
        input=batch,
        capture_output=True,
        check=True,
    )


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", CASES)
def test_the_largest_batch_takes_no_more_than_this(case: str) -> None:
    handled = run(case, run(case, None).stdout)
    assert b"batch done" in handled.stdout
    peak = float(handled.stderr.split()[-1])
    assert peak < MEGABYTES
