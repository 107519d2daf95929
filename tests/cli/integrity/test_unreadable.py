"""Folders that a command may not enter, that are gone, or that cannot be written: another user's, or none."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import PROGRAM, CommandLine, as_the_modes_say, process_environment

STOPPED = "state      stopped"


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that nobody may enter."""
    folder = tmp_path / "closed"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        as_the_modes_say(*PROGRAM, *words),
        env=process_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def skipped(path: Path | str) -> str:
    return f"{path} is skipped: it cannot be read: Permission denied\n"


def test_settings_in_a_folder_that_may_not_be_entered_are_skipped_with_a_remark(closed: Path) -> None:
    ran = run("local", "status", XDG_CONFIG_HOME=str(closed))
    quiet = run("local", "status", "--quiet", XDG_CONFIG_HOME=str(closed))

    assert (ran.returncode, ran.stderr) == (1, skipped(closed / "countagg" / "config.toml"))
    assert STOPPED in ran.stdout
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (1, ran.stdout, "")


def test_a_settings_file_that_may_not_be_read_is_skipped_with_a_remark() -> None:
    Path("countagg.toml").write_text("unknown = 1\n")
    Path("countagg.toml").chmod(0)

    ran = run("local", "status")

    assert (ran.returncode, ran.stderr) == (1, skipped("countagg.toml"))


def test_a_home_that_may_not_be_entered_is_told_by_the_command_that_needs_it(closed: Path) -> None:
    ran = run("local", "start", XDG_CONFIG_HOME="", XDG_STATE_HOME="", HOME=str(closed))

    assert ran.returncode == 3
    assert ran.stderr.startswith(skipped(closed / ".config" / "countagg" / "config.toml"))
    assert "the folder for the engine's state cannot be used: Permission denied" in ran.stderr


def test_a_working_directory_that_may_not_be_entered_stops_nothing(closed: Path) -> None:
    enter = "import os, sys; os.chdir(sys.argv[1]); os.chmod('.', 0); os.execv(sys.argv[2], sys.argv[2:])"
    closed.chmod(0o700)
    ran = subprocess.run(
        (sys.executable, "-c", enter, str(closed), *as_the_modes_say(*PROGRAM, "local", "status")),
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (ran.returncode, ran.stderr) == (1, skipped("countagg.toml"))


def test_a_working_directory_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    ran = subprocess.run(
        ("/bin/sh", "-c", 'cd gone && rmdir ../gone && exec "$@"', "sh", *PROGRAM, "local", "status"),
        env=process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert (ran.returncode, ran.stderr) == (1, "")
    assert STOPPED in ran.stdout


@pytest.mark.parametrize("name", ["special.toml", "closed/special.toml"])
def test_a_settings_file_that_is_named_must_be_readable(name: str, closed: Path) -> None:
    special = closed.parent / "special.toml"
    special.write_text("")
    special.chmod(0)

    ran = run("local", "status", "--config", name)

    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.search(f"{name}('|:) (is not readable|cannot be read: Permission denied)", ran.stderr)


def test_a_picture_cannot_be_written_where_nobody_may_enter(closed: Path) -> None:
    ran = run("query", "--since", "2d", "--save", str(closed / "folder" / "a.svg"))

    assert ran.returncode == 2
    assert ran.stderr.startswith(
        f"countagg: {closed / 'folder' / 'a.svg'}: it cannot be written: Permission denied\n"
    )


def test_a_home_that_does_not_exist_stops_nothing(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")

    ran = countagg("local", "status")

    assert (ran.code, ran.err) == (1, "")
    assert "/nonexistent/.local/state/countagg/local/engine.log" in ran.out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without an account")
def test_a_user_without_a_home_or_an_account_has_no_settings_and_no_place_for_an_engine() -> None:
    become = (
        "import os, platformdirs, pwd\n"
        "from countagg.cli.app.preferences import user_file\n"
        "from countagg.core.errors import EngineProblem\n"
        "from countagg.local.state import default_state_dir\n"
        "user_file()\n"
        "for name in ('HOME', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME'):\n"
        "    os.environ.pop(name, None)\n"
        "os.setuid(54_321)\n"
        "print(user_file())\n"
        "try:\n"
        "    print(default_state_dir())\n"
        "except EngineProblem as problem:\n"
        "    print(problem)\n"
    )
    ran = subprocess.run(
        (sys.executable, "-c", become), env=process_environment(), capture_output=True, text=True, check=False
    )

    assert ran.stdout == "None\nthis user has no home folder to keep the embedded engine's state in\n"
