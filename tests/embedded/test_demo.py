"""The demonstration runs as it stands in README, and cleans up unless it is asked not to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from countagg.cli.local.demo_command import STEPS
from tests.embedded.world import CommandLine
from tests.hostile_folder import HostileFolder
from tests.provision.stacks import IDS
from tests.readme import assert_shown, transcript_of

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]
PROGRAM = Path(sys.executable).with_name("countagg")


def demonstrate(folder: Path, environment: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "--config", os.devnull, "demo", *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def environment(command_line: CommandLine, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which no other engine runs."""
    found = {**command_line.environment(), "XDG_STATE_HOME": str(tmp_path / "state")}
    del found["PYTHONPATH"]
    return found


def test_the_demonstration_shows_the_main_job_and_cleans_up(environment: dict[str, str], tmp_path: Path) -> None:
    # Engine, functions and zip come from what is installed, whatever lies in the working directory.
    folder = HostileFolder(tmp_path / "hostile", tmp_path / "marker")

    done = demonstrate(folder.path, environment)

    assert (done.returncode, done.stderr, folder.ran()) == (0, "", [])
    command, *shown = transcript_of("make demo")
    assert command == "make demo"
    assert_shown(shown, done.stdout)
    assert "191,122" in done.stdout
    assert f"{len(IDS)} created, 0 updated, 0 kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, {len(IDS)} kept, 0 deleted" in done.stdout
    assert f"0 created, 0 updated, 0 kept, {len(IDS)} deleted" in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 80
    assert not (tmp_path / "state").exists()


def test_what_is_kept_can_be_looked_at(environment: dict[str, str], tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        command = [str(PROGRAM), "--config", os.devnull, *arguments]
        return subprocess.check_output(command, env=environment, cwd=tmp_path, text=True)

    done = demonstrate(tmp_path, environment, "--keep")
    try:
        assert (done.returncode, done.stderr) == (0, "")
        assert "191,122" in run("--local", "query")
    finally:
        stopped = run("local", "stop")
    assert stopped.startswith("stopped http://127.0.0.1:")


def test_what_is_interrupted_says_what_is_left(environment: dict[str, str], tmp_path: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "--config", os.devnull, "demo"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line == f"$ countagg {STEPS[1].arguments}\n":
                break
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=300)

    assert child.returncode == 130
    assert err == "the engine of the demonstration is stopped, and nothing is left of it\n"
