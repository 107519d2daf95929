"""The commands for the embedded engine, where none runs."""

from __future__ import annotations

import pytest

from countagg.cli.local.local_commands import shell_of
from countagg.local import LocalEngine, default_state_dir
from tests.cli.running import CommandLine, at_terminal


def test_status_without_an_engine_ends_with_1(countagg: CommandLine) -> None:
    ran = countagg("local", "status", "--output", "json")

    assert ran.code == 1
    assert ran.document == {
        "schema": 1,
        "state": "stopped",
        "endpoint_url": None,
        "pid": None,
        "started_at": None,
        "enforces_policies": None,
        "processes": 0,
        "memory_bytes": 0,
        "log": ran.document["log"],
    }
    assert ran.document["log"].startswith(str(default_state_dir()))


def test_status_for_people_leaves_out_what_there_is_not(countagg: CommandLine) -> None:
    ran = countagg("local", "status")

    assert ran.code == 1
    assert [line.split()[0] for line in ran.out.splitlines()] == ["ENGINE", "state", "processes", "memory", "log"]


@pytest.mark.parametrize(("form", "said"), [("table", "the engine is not running\n"), ("json", None)])
def test_stop_without_an_engine_has_nothing_to_do(form: str, said: str | None, countagg: CommandLine) -> None:
    ran = countagg("local", "stop", "--output", form)

    assert (ran.code, ran.err) == (0, "")
    if said:
        assert ran.out == said
    else:
        assert ran.document == {"schema": 1, "stopped": False}


def test_env_without_an_engine_writes_nothing_that_a_shell_would_run(countagg: CommandLine) -> None:
    ran = countagg("local", "env")

    assert (ran.code, ran.out) == (3, "")
    assert "countagg local start" in ran.err


@pytest.mark.parametrize(
    ("variables", "shell"),
    [({"SHELL": "/usr/bin/fish"}, "fish"), ({"SHELL": "/bin/zsh"}, "zsh"), ({"SHELL": ""}, "sh"), ({}, "sh")],
)
def test_lines_for_a_shell_are_those_of_the_users_own(variables: dict[str, str], shell: str) -> None:
    assert shell_of(variables) == shell


def test_logs_without_a_run_are_empty(countagg: CommandLine) -> None:
    assert countagg("local", "logs").code == 0
    assert countagg("local", "logs").out == ""


def test_a_terminal_is_asked_whether_the_engine_shall_be_started(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch, "no\nyes\n")
    try:
        declined = countagg("--local", "status")
        running = countagg("local", "status").code
        agreed = countagg("--local", "status")
        started = countagg("local", "status").code
        countagg("local", "stop")
        beforehand = countagg("--local", "upload-sample", "--yes")
        started_again = countagg("local", "status").code
        on_it = countagg("demo", "--keep")
    finally:
        LocalEngine().stop()

    assert (declined.code, running) == (8, 1)
    assert declined.err == (
        "The embedded engine is not running. Start it? Type 'yes' to go on: "
        "countagg: the answer was not 'yes'; nothing was touched\n  try: start it: `countagg local start`\n"
    )
    # The engine is there, and a stack is not.
    assert (agreed.code, started) == (5, 0)
    assert (beforehand.code, started_again) == (5, 0)
    told = "the embedded engine is not running: starting it, as `countagg local start` does\n"
    assert beforehand.err.startswith(told)
    # A demonstration would work on whatever stack stands there.
    assert (on_it.code, on_it.out) == (2, "")
    assert on_it.err.startswith("countagg: --keep: an embedded engine runs already")


@pytest.mark.parametrize("beforehand", [(), ("--yes",)])
def test_off_a_terminal_what_starts_the_engine_is_named(
    beforehand: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg("--local", "upload-sample", *beforehand)

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.endswith(
        "countagg: the embedded engine is not running\n  try: start it: countagg local start\n"
    )
