"""The demonstration runs as it stands in README, and cleans up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded.world import CommandLine
from tests.hostile_folder import HostileFolder
from tests.provision.stacks import IDS
from tests.readme import assert_shown, transcript_of

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


def test_the_demonstration_shows_the_main_job_and_cleans_up(command_line: CommandLine, tmp_path: Path) -> None:
    # Engine, functions and zip come from what is installed, whatever lies in the working directory.
    folder = HostileFolder(tmp_path / "hostile", tmp_path / "marker")
    environment = command_line.environment()
    del environment["PYTHONPATH"]
    done = subprocess.run(
        [Path(sys.executable).with_name("countagg"), "--config", os.devnull, "demo"],
        cwd=folder.path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, folder.ran()) == (0, []), done.stderr
    command, *shown = transcript_of("make demo")
    assert command == "make demo"
    assert_shown(shown, done.stdout)
    assert "191,122" in done.stdout
    assert f"{len(IDS)} created, 0 updated, 0 kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, {len(IDS)} kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, 0 kept, {len(IDS)} deleted" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("stopped http://127.0.0.1:")
