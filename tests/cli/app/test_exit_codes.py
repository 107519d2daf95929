"""What a run ends with, and what it says when it fails."""

from __future__ import annotations

import http.server
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import boto3
import pytest
import typer

from countagg.cli.app.registry import add_declared, command, explain
from countagg.cli.app.session import Session
from countagg.cli.main import make_app
from countagg.core.errors import CountaggError, TimedOut
from tests.cli.account import ACCOUNT, BUCKET
from tests.cli.running import PROGRAM, UNTOUCHED, CommandLine, at_terminal, process_environment
from tests.cli.stub_endpoint import Reply, endpoint, refusing

CONNECTING: Final = (
    ("setup", "--bucket", BUCKET, "--yes"),
    ("plan", "--bucket", BUCKET),
    ("upload-sample",),
    ("query", "--date", "today"),
    ("query", "--since", "2d"),
    ("report",),
    ("status",),
    ("status", "--watch"),
    ("serve", "--port", "0"),
    ("explain", "COUNTER1"),
    ("logs",),
    ("cost", "--measured"),
    ("loadtest", "--yes"),
    ("selftest", "--yes"),
    ("teardown", "--yes"),
)
READING: Final = (
    ("upload-sample",),
    ("query", "--date", "today"),
    ("query", "--since", "2d"),
    ("status",),
    ("serve", "--port", "0"),
    ("outputs",),
    ("outputs", "--output", "toml"),
    ("cost", "--measured"),
    ("loadtest", "--yes"),
)


def names_of(commands: tuple[tuple[str, ...], ...]) -> list[str]:
    return [arguments[0] for arguments in commands]


def nothing_was_touched() -> bool:
    """Tell whether the account holds nothing but its bucket, and that as it was."""
    notifications = boto3.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    return (
        not boto3.client("sns").list_topics()["Topics"]
        and not boto3.client("dynamodb").list_tables()["TableNames"]
        and not boto3.client("iam").list_roles()["Roles"]
        and "TopicConfigurations" not in notifications
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("stauts",), "stauts"),
        (("setup", "--buckett", "b"), "--buckett"),
        (("--stak", "s", "status"), "--stak"),
        (("repair", "--date"), "--date"),
        (("query", "--date", "today", "--output", "xml"), "xml"),
        (("upload-sample", "--instances", "0"), "--instances"),
        (("local", "strat"), "strat"),
        (("status", "surplus"), "surplus"),
    ],
)
def test_a_command_line_that_is_wrong_is_explained_on_stderr(
    arguments: tuple[str, ...], complaint: str, countagg: CommandLine
) -> None:
    ran = countagg(*arguments)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("arguments", [(), ("local",)])
def test_without_a_command_the_help_is_shown_and_nothing_was_done(
    arguments: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg(*arguments)

    assert ran.code == 2
    assert "Usage: countagg" in ran.out + ran.err


@pytest.mark.parametrize("option", ["--counters", "--seed"])
def test_what_describes_a_fleet_needs_a_fleet(option: str, countagg: CommandLine) -> None:
    ran = countagg("upload-sample", option, "5")

    assert (ran.code, ran.out) == (2, "")
    assert "  try: give --instances too\n" in ran.err


@pytest.mark.parametrize("arguments", CONNECTING, ids=names_of(CONNECTING))
def test_without_a_region_every_command_asks_for_one(
    arguments: tuple[str, ...], countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")

    ran = countagg(*arguments)

    assert (ran.code, ran.out) == (3, "")
    hint = "give --region, or set AWS_REGION; without an AWS account: `countagg demo`"
    assert f"no region is set\n  try: {hint}\n" in ran.err


@pytest.mark.parametrize("arguments", CONNECTING, ids=names_of(CONNECTING))
def test_without_credentials_every_command_says_how_to_sign_in(
    arguments: tuple[str, ...], countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    ran = countagg(*arguments)

    assert (ran.code, ran.out) == (3, "")
    assert "nable to locate credentials" in ran.err
    assert "  try: sign in with " in ran.err


@pytest.mark.parametrize("arguments", READING, ids=names_of(READING))
@pytest.mark.usefixtures("account")
def test_a_stack_that_does_not_exist_is_named_with_its_region(
    arguments: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg(*arguments, "--stack", "ghost", "--region", "eu-west-1")

    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("countagg: there is no stack 'ghost' in eu-west-1\n  try: check --stack")


@pytest.mark.parametrize("stack", ["Ghost", "g", "g-", "1g", "g" * 33])
@pytest.mark.usefixtures("account")
def test_a_stack_name_that_cannot_be_is_refused(stack: str, countagg: CommandLine) -> None:
    ran = countagg("status", "--stack", stack)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --stack: {stack!r} cannot be the name of a stack\n  try: use 2 to 32")


@pytest.mark.usefixtures("account")
def test_setup_off_a_terminal_wants_yes(countagg: CommandLine) -> None:
    ran = countagg("setup", "--bucket", BUCKET)

    assert (ran.code, ran.out) == (2, "")
    assert re.search(r"^\+ create  topic/uploads +countagg-uploads$", ran.err, re.MULTILINE)
    assert "countagg: --yes: there is no terminal to ask on\n  try: give --yes" in ran.err
    assert nothing_was_touched()


@pytest.mark.parametrize("typed", ["no\n", "", "y\n", "YES\n"])
@pytest.mark.usefixtures("account")
def test_any_answer_but_yes_declines_a_setup(
    typed: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch, typed)

    ran = countagg("setup", "--bucket", BUCKET)

    assert (ran.code, ran.out) == (8, "")
    assert "Change the stack countagg? Type 'yes' to go on, or 'd' for details: " in ran.err
    assert ran.err.endswith(f"countagg: the answer was not 'yes'{UNTOUCHED}")
    assert nothing_was_touched()


@pytest.mark.parametrize("arguments", [("setup", "--bucket", BUCKET), ("teardown",)], ids=["setup", "teardown"])
@pytest.mark.usefixtures("account")
def test_another_account_than_expected_is_refused_untouched(
    arguments: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg(*arguments, "--yes", "--expect-account", "999999999999")

    assert (ran.code, ran.out) == (3, "")
    assert f"account    {ACCOUNT}\n" in ran.err
    assert f"countagg: --expect-account: this is account {ACCOUNT}, not 999999999999\n" in ran.err
    assert nothing_was_touched()


@pytest.mark.usefixtures("account")
def test_a_plan_with_pending_changes_ends_with_6_only_when_asked(countagg: CommandLine) -> None:
    asked = countagg("plan", "--bucket", BUCKET, "--detailed-exitcode")
    plain = countagg("plan", "--bucket", BUCKET)

    assert (asked.code, plain.code) == (6, 0)
    assert asked.out == plain.out
    assert asked.out.endswith("\nplan: 34 to create, 0 to update, 1 to keep, 0 to delete\n")
    assert nothing_was_touched()


class Denying(http.server.BaseHTTPRequestHandler):
    """Answers every call as AWS does where a permission is missing."""

    def do_GET(self) -> None:
        body = b'{"Message": "User: u is not authorized to perform: lambda:GetFunction on resource: r"}'
        self.send_response(403)
        self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.send_header("x-amzn-RequestId", "request-1234")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Log nothing."""


@pytest.fixture(scope="module")
def denying_endpoint() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Denying) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_error_says_where_what_and_what_next(denying_endpoint: str, countagg: CommandLine) -> None:
    ran = countagg("query", "--date", "today", "--endpoint-url", denying_endpoint)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "countagg: settings of the stack: no permission for lambda:GetFunction on r\n"
        "  try: ask for that permission; `countagg --endpoint-url "
        f"{denying_endpoint} doctor` names all that are missing\n"
    )


@pytest.mark.parametrize(
    ("arguments", "variable", "setting"),
    [
        (("--verbose", "status"), None, ""),
        (("-v", "status"), None, ""),
        (("status", "--verbose"), None, ""),
        (("status", "-qv"), None, ""),
        (("status",), "1", ""),
        (("status",), "true", ""),
        (("status",), None, "verbose = true"),
    ],
)
def test_the_request_id_is_told_to_whom_asks_for_more(
    arguments: tuple[str, ...],
    variable: str | None,
    setting: str,
    *,
    denying_endpoint: str,
    countagg: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv("COUNTAGG_VERBOSE", variable)
    Path("countagg.toml").write_text(setting)

    ran = countagg("--endpoint-url", denying_endpoint, *arguments)

    assert ran.code == 1
    assert "Traceback" not in ran.err
    assert ran.err.endswith("  detail: GetFunctionConfiguration, AccessDeniedException, request id request-1234\n")


def test_a_variable_against_more_is_heard(
    denying_endpoint: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_VERBOSE", "0")
    Path("countagg.toml").write_text("verbose = true")

    assert "request id" not in countagg("status", "--endpoint-url", denying_endpoint).err


def test_quiet_does_not_silence_errors(countagg: CommandLine) -> None:
    assert countagg("--quiet", "query", "--date", "never").err.startswith(
        "countagg: --date: 'never' is not a date\n"
    )


def test_the_lines_of_an_error_stay_lines_and_harmless() -> None:
    error = CountaggError("first\nsecond \x1b[31m", where="place", hint="now\u202e", detail="deep")

    assert explain(error, verbose=False) == "countagg: place: first\nsecond \\x1b[31m\n  try: now\\u202e\n"
    assert explain(error, verbose=True).endswith("  try: now\\u202e\n  detail: deep\n")
    assert explain(CountaggError("alone"), verbose=True) == "countagg: alone\n"
    assert explain(CountaggError("is bad", where="a\ncountagg: b"), verbose=False) == (
        "countagg: a\\ncountagg: b: is bad\n"
    )


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (TimedOut("too late", where="totals"), 9, "countagg: totals: too late\n"),
        (
            KeyboardInterrupt(),
            130,
            "\ncountagg: interrupted\n  try: the same command again; what was done stays done\n",
        ),
        (typer.Exit(7), 7, ""),
    ],
)
def test_what_a_command_raises_becomes_its_exit_code(
    raised: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def probe(session: Session) -> None:
        """Fail."""
        session.remark("begun")
        raise raised

    app = make_app()
    command("probe")(probe)
    add_declared(app, "probe", "Tests", "")
    with pytest.raises(SystemExit) as end:
        typer.main.get_command(app)(["probe"], prog_name="countagg")

    assert end.value.code == code
    assert capsys.readouterr() == ("", f"begun\n{said}")


def test_ctrl_c_ends_a_waiting_command_without_a_traceback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(300)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        child = subprocess.Popen(
            (*PROGRAM, "status", "--endpoint-url", address),
            env=process_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=300)

    assert (child.returncode, out) == (130, "")
    assert re.search(r"^countagg: interrupted$", err, re.MULTILINE)
    assert "Traceback" not in err


def test_a_command_that_began_with_ctrl_c_ignored_goes_on_ignoring_it() -> None:
    # As POSIX has it for what a script runs in its background.
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    started: queue.Queue[subprocess.Popen[str]] = queue.Queue()
    interrupted = []

    def interrupt_and_refuse(request: http.server.BaseHTTPRequestHandler) -> Reply:
        child = started.get(timeout=300)
        child.send_signal(signal.SIGINT)
        interrupted.append(child.pid)
        started.put(child)
        return refusing(400, "ValidationException", "no")(request)

    with endpoint(interrupt_and_refuse) as address:
        arguments = ("status", "--endpoint-url", address, "--region", "us-east-1")
        child = subprocess.Popen(
            (sys.executable, "-c", ignoring, *PROGRAM, *arguments),
            env=process_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.put(child)
        _, err = child.communicate(timeout=300)

    assert interrupted
    assert child.returncode == 1
    assert "interrupted" not in err
