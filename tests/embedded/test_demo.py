"""The demonstration runs as it stands in README, and cleans up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.embedded.world import CommandLine
from tests.provision.stacks import IDS
from tests.readme import assert_shown, transcript_of

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


def test_the_demonstration_shows_the_main_job_and_cleans_up(command_line: CommandLine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "countagg", "demo"],
        env=command_line.environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    command, *shown = transcript_of("make demo")
    assert command == "make demo"
    assert_shown(shown, done.stdout)
    assert "191,122" in done.stdout
    assert f"{len(IDS)} created, 0 updated, 0 kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, {len(IDS)} kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, 0 kept, {len(IDS)} deleted" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("stopped http://127.0.0.1:")
