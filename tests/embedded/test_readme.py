"""README's commands do what README says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.embedded.world import CommandLine

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

README = (Path(__file__).parents[2] / "README.md").read_text()
BLOCKS: list[list[str]] = [
    block.strip().splitlines() for block in re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
]


def block_that_begins(with_text: str) -> list[str]:
    [found] = [block for block in BLOCKS if block[0].startswith(with_text)]
    return found


def test_the_commands_by_hand_lead_to_the_totals_that_readme_shows(tmp_path: Path) -> None:
    countagg = CommandLine(tmp_path, local=False)
    activate, *commands = block_that_begins(". .venv/bin/activate")
    assert activate == ". .venv/bin/activate"

    printed = {}
    try:
        for command in commands:
            program, *arguments = shlex.split(command)
            assert program == "countagg"
            printed[command] = countagg(*arguments).out
    finally:
        countagg("local", "stop")

    shown = block_that_begins("COUNTER     VALUE")
    assert [line.rstrip() for line in printed["countagg --local query --date today"].splitlines()] == shown
