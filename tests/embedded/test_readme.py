"""README's commands do what README says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from countagg.core.limits import Alert
from countagg.core.values import SCALE
from tests.embedded.world import CommandLine, DeployedStack, wait_until
from tests.provision.stacks import IDS
from tests.readme import BLOCKS, README

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, \d+ s ago")
ACCOUNT = re.compile(r"\b\d{12}\b")


def block_that_begins(with_text: str) -> list[str]:
    blocks = [block.text.strip().splitlines() for block in BLOCKS if not block.language]
    [found] = [lines for lines in blocks if lines[0].startswith(with_text)]
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


@pytest.mark.usefixtures("engine")
def test_the_five_commands_on_aws_set_up_show_and_remove_a_stack(command_line: CommandLine) -> None:
    commands = block_that_begins("countagg plan --bucket my-counters --create-bucket")
    printed = {}
    for command in commands:
        ours = ACCOUNT.sub("000000000000", command).replace("my-counters", "counters-five")
        program, name, *arguments = shlex.split(ours)
        assert program == "countagg"
        # Nobody is there to be asked.
        agreed = ["--yes"] if name in {"setup", "teardown"} else []
        emptied = ["--delete-objects"] if name == "teardown" else []
        printed[name] = command_line(name, *arguments, *agreed, *emptied, "--stack", "five").out

    assert list(printed) == ["plan", "setup", "upload-sample", "query", "teardown"]
    assert f"plan: {len(IDS)} to create, 0 to update, 0 to keep, 0 to delete" in printed["plan"]
    assert f"{len(IDS)} created" in printed["setup"]
    shown = block_that_begins("COUNTER     VALUE")
    assert [line.rstrip() for line in printed["query"].splitlines()] == shown
    assert f"{len(IDS)} deleted" in printed["teardown"]


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
