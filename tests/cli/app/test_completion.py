"""Completion, as the shells ask for it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Final

import pytest

from countagg import __version__
from countagg.cli.app.completion import PATIENCE_VARIABLE
from tests.cli.running import process_environment
from tests.cli.stub_endpoint import Reply, endpoint
from tests.forked import run_forked
from tests.hostile_folder import HostileFolder

FISH: Final = {"_COUNTAGG_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
ZSH: Final = {"_COUNTAGG_COMPLETE": "complete_zsh"}
# The last word is the one that is being typed.
CASES: Final = [
    ("", {"setup", "query", "dead-letters"}),
    ("tear", {"teardown"}),
    ("limits un", {"unset"}),
    ("query --by", {"--by-instance"}),
    ("query --date to", {"today"}),
    ("verify --date yes", {"yesterday"}),
    ("query --since ", {"30d", "today", "yesterday"}),
    ("query --sort ", {"name", "value"}),
    ("logs --since 1", {"10m", "1h", "1d", "1w"}),
    ("logs --function a", {"aggregator"}),
    ("logs --level e", {"error"}),
    ("permissions print --role re", {"reader"}),
    ("local env --shell fi", {"fish"}),
    ("--output e", {"env"}),
    ("--local query --output t", {"table", "text"}),
    ("outputs --output e", {"env"}),
]


def ask(variables: dict[str, str], words: str = "") -> str:
    """Return the answer of a process, as one that a shell starts."""
    environment = process_environment(_TYPER_COMPLETE_ARGS=f"countagg {words}", **variables)
    code, out, err = run_forked((), environment, Path.cwd())
    assert (code, err) == (0, "")
    return out


def bash(words: str, **variables: str) -> list[str]:
    typed = f"countagg {words}".split(" ")
    protocol = {"COMP_WORDS": " ".join(typed), "COMP_CWORD": str(len(typed) - 1)}
    return ask({"_COUNTAGG_COMPLETE": "complete_bash", **protocol, **variables}).split()


@pytest.mark.parametrize(("words", "offered"), CASES)
def test_every_shell_is_offered_the_values(words: str, offered: set[str]) -> None:
    incomplete = words.rpartition(" ")[2]
    found = bash(words)

    assert set(found) >= offered
    assert all(value.startswith(incomplete) for value in found)
    assert [line.partition("\t")[0] for line in ask(FISH, words).splitlines()] == found
    zsh = ask(ZSH, words)
    assert [value for value in found if f'"{value}"' not in zsh] == []


def test_the_last_days_are_offered_the_latest_first() -> None:
    before = datetime.now(UTC).date()
    offered = bash("query --date 2")
    after = datetime.now(UTC).date()

    assert offered[0] in {before.isoformat(), after.isoformat()}
    assert offered[-1] in {(day - timedelta(days=13)).isoformat() for day in (before, after)}
    assert offered == sorted(offered, reverse=True)


def test_only_the_forms_that_a_command_has_are_offered() -> None:
    assert bash("query --output ") == ["table", "json", "csv", "text", "prometheus"]
    assert bash("permissions print --output ") == ["table", "json"]


def test_a_version_that_is_on_the_line_already_is_not_printed() -> None:
    assert f"countagg {__version__}" not in ask(ZSH, "--version ")


@pytest.mark.parametrize("words", ["nonsense --x ", "query --nonsense ", "--output xml query "])
def test_a_line_that_is_wrong_is_no_error(words: str) -> None:
    bash(words)


@pytest.mark.parametrize("words", ["query --counter C", "limits set C", "limits unset ", "explain C"])
def test_counters_are_not_offered_where_no_engine_runs(words: str) -> None:
    assert bash(words, COUNTAGG_LOCAL="1") == []


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
        {"COUNTAGG_OUTPUT": "nonsense"},
        {PATIENCE_VARIABLE: "0"},
        {PATIENCE_VARIABLE: "soon"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
    ],
    ids=str,
)
def test_counters_that_cannot_be_read_are_no_error(variables: dict[str, str]) -> None:
    assert bash("query --counter C", **variables) == []


def connections_to(server: socket.socket) -> int:
    """Return how many have connected since."""
    count = 0
    while True:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return count
        connection.close()
        count += 1


def test_an_endpoint_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        silent.settimeout(0)
        assert bash(f"query --endpoint-url {endpoint} --counter C", **{PATIENCE_VARIABLE: "5"}) == []
        # Left alone, a client gives up after 10 seconds and asks again, four times.
        assert connections_to(silent) <= 1


def test_bash_fills_in_what_is_offered(tmp_path: Path) -> None:
    countagg = Path(sys.executable).with_name("countagg")
    shell = shutil.which("bash")
    assert shell
    script = """
eval "$(_COUNTAGG_COMPLETE=source_bash countagg)"
COMP_WORDS=(countagg query --date to) COMP_CWORD=3
_countagg_completion countagg
echo "${COMPREPLY[@]}"
"""
    environment = process_environment(PATH=f"{countagg.parent}:/usr/bin:/bin")

    ran = subprocess.run(
        (shell, "--norc", "-c", script), env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert (ran.stdout, ran.stderr) == ("today\n", "")


def test_a_file_in_the_working_directory_does_not_say_whom_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("countagg.toml").write_text('stack = "theirs"\n')
    Path("own.toml").write_text('stack = "ours"\n')
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> Reply:
        asked.append(request.path)
        return Reply(404, "application/json", "{}")

    with endpoint(answer) as url:
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1"}
        bash(f"query --endpoint-url {url} --counter C", **keys, **{PATIENCE_VARIABLE: "60"})
        assert asked
        assert all("/functions/countagg-" in path for path in asked)
        asked.clear()
        bash(f"query --endpoint-url {url} --config own.toml --counter C", **keys, **{PATIENCE_VARIABLE: "60"})
    assert asked
    assert all("/functions/ours-" in path for path in asked)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_every_shell_is_printed(shell: str) -> None:
    assert f"_COUNTAGG_COMPLETE=complete_{shell}" in ask({"_COUNTAGG_COMPLETE": f"source_{shell}"})


@pytest.mark.parametrize("local", ["0", "1"])
def test_nothing_that_lies_in_the_working_directory_runs_or_is_read(local: str, tmp_path: Path) -> None:
    folder = HostileFolder(tmp_path / "hostile", tmp_path / "marker")
    variables = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "COUNTAGG_LOCAL": local,
        "_COUNTAGG_COMPLETE": "complete_bash",
        "COMP_WORDS": "countagg query --counter C",
        "COMP_CWORD": "3",
    }

    ran = subprocess.run(
        (Path(sys.executable).with_name("countagg"),),
        env=variables,
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ran.stdout.strip(), ran.stderr, folder.ran()) == ("", "", [])
