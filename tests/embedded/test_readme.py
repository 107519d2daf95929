"""README's commands do what README says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from countagg.core.limits import Alert
from countagg.core.values import SCALE
from tests.embedded.world import CommandLine, DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

README = (Path(__file__).parents[2] / "README.md").read_text()
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")
BLOCKS: list[list[str]] = [
    block.strip().splitlines()
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    if not language
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


@pytest.mark.usefixtures("without_limits")
def test_the_commands_for_limits_lead_to_the_alert_that_readme_shows(stack: DeployedStack) -> None:
    *commands, last = block_that_begins("countagg limits set")
    for command in commands:
        stack.run(*shlex.split(command)[1:])
    listed: list[str] = []

    def told() -> bool:
        listed[:] = [line.rstrip() for line in stack.run(*shlex.split(last)[1:]).out.splitlines()]
        return TIME.search(listed[1]) is not None

    wait_until("the alert", told)
    shown = block_that_begins("COUNTER     LIMIT")
    assert [TIME.sub("TIME", line) for line in listed] == [TIME.sub("TIME", line) for line in shown]
    [message] = [line for line in README.splitlines() if line.startswith('{"schema": 1, "kind"')]
    alert = Alert("2026-11-20", "COUNTER1", 100_000 * SCALE, 191_122 * SCALE, 5)
    assert message == alert.to_message(stack.name)
    assert f"`{alert.subject()}`" in README
