"""The functions' logs as people and programs see them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest
from rich.text import Text

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.logs.logs_command import render_line
from countagg.operate.logs.log_lines import read_line
from tests.cli.account import BUCKET
from tests.cli.app.test_options import DEFAULTS
from tests.cli.log_server import PAGE, LogServer, serve_logs
from tests.cli.running import PROGRAM, CommandLine, Ran, Terminal, process_environment
from tests.operate.log_events import event

STREAM: Final = "2026/11/20/[$LATEST]1"
WRITTEN: Final[tuple[tuple[str, int, str | dict[str, Any]], ...]] = (
    ("processor", 9, "INIT_START Runtime Version: python:3.13.v1\n"),
    ("processor", 8, "START RequestId: 8f Version: $LATEST\n"),
    (
        "processor",
        7,
        {
            "level": "WARNING",
            "location": "_refuse:146",
            "message": "file refused",
            "timestamp": "2026-11-20T21:18:18.234+00:00",
            "service": "countagg-processor",
            "key": "counters/2026-11-20/values_i-\x1b[31m",
            "reason": "'B' is not COUNTER VALUE",
        },
    ),
    ("aggregator", 6, {"level": "INFO", "location": "report:36", "message": "batch done", "LinksAdded": 4}),
    ("publisher", 5, {"level": "ERROR", "message": "failed", "exception": "Traceback:\n  f\nKeyError: 'a\u202e'"}),
    ("aggregator", 4, {"_aws": {}, "service": "countagg-aggregator", "LinksAdded": [4.0]}),
    ("processor", 3, "REPORT RequestId: 8f\tDuration: 3.01 ms\tBilled Duration: 4 ms\n"),
    ("publisher", 60 * 60, {"level": "INFO", "message": "long ago"}),
)
"""Function, seconds ago, and the event."""


def text_of(message: str | dict[str, Any]) -> str:
    return message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)


@pytest.mark.parametrize("options", [(), ("--follow",)])
@pytest.mark.usefixtures("account")
def test_logs_that_outlive_their_stack_are_shown_and_others_named(
    options: tuple[str, ...], countagg: CommandLine
) -> None:
    absent = countagg("logs", *options)
    assert countagg("setup", "--bucket", BUCKET, "--yes").code == 0
    for function in ("processor", "aggregator", "publisher"):
        boto3.client("logs").delete_log_group(logGroupName=f"/aws/lambda/countagg-{function}")
    without = countagg("logs", *options)
    boto3.client("logs").create_log_group(logGroupName="/aws/lambda/countagg-processor")
    boto3.client("lambda").delete_function(FunctionName="countagg-processor")

    assert (absent.code, absent.out) == (5, "")
    assert "countagg: there is no stack 'countagg' in us-east-1\n" in absent.err
    assert (without.code, without.out) == (1, "")
    assert (
        "countagg: logs of the stack 'countagg': there is none to be shown\n  try: `countagg setup`" in without.err
    )
    if not options:
        left = countagg("logs")
        assert left.code == 0
        assert left.err.splitlines()[:-1] == [
            "there is no log of countagg-aggregator",
            "there is no log of countagg-publisher",
        ]


@dataclass(frozen=True)
class Written:
    """What the functions have written, and when."""

    now: datetime

    def at(self, ago: int) -> datetime:
        return self.now - timedelta(seconds=ago)

    def time_of(self, ago: int) -> str:
        return f"{self.at(ago):%Y-%m-%dT%H:%M:%S}.000Z"

    def timestamp(self, ago: int) -> int:
        return int(self.at(ago).timestamp() * 1000)


@pytest.fixture(scope="module")
def written(stack: None) -> Written:  # noqa: ARG001 - it must be there
    """Let the functions have written."""
    # Not when the module is imported: a long test run later it would be past the ten minutes that are shown.
    written = Written(datetime.now(UTC).replace(microsecond=0))
    logs = boto3.client("logs")
    for function in ("processor", "aggregator", "publisher"):
        group = f"/aws/lambda/countagg-{function}"
        logs.create_log_stream(logGroupName=group, logStreamName=STREAM)
        told: list[Any] = [
            {"timestamp": written.timestamp(ago), "message": text_of(message)}
            for who, ago, message in sorted(WRITTEN, key=lambda each: -each[1])
            if who == function
        ]
        logs.put_log_events(logGroupName=group, logStreamName=STREAM, logEvents=told)
    return written


def test_the_three_logs_are_one_stream_of_readable_lines(countagg: CommandLine, written: Written) -> None:
    ran = countagg("logs")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        (
            f"{written.time_of(7)} processor  WARNING  file refused key=counters/2026-11-20/values_i-\\x1b[31m "
            "reason=\"'B' is not COUNTER VALUE\""
        ),
        f"{written.time_of(6)} aggregator INFO     batch done LinksAdded=4",
        f"{written.time_of(5)} publisher  ERROR    failed",
        "    Traceback:",
        "      f",
        "    KeyError: 'a\\u202e'",
    ]


def test_verbose_unfolds_the_platforms_lines_metrics_and_places(countagg: CommandLine, written: Written) -> None:
    out = countagg("logs", "--verbose").out

    assert [line.split()[1] for line in out.splitlines() if not line.startswith("    ")] == [
        "processor",
        "processor",
        "processor",
        "aggregator",
        "publisher",
        "aggregator",
        "processor",
    ]
    assert f"{written.time_of(9)} processor  INFO     INIT_START Runtime Version: python:3.13.v1\n" in out
    assert f"{written.time_of(4)} aggregator INFO     metrics LinksAdded=4.0\n" in out
    assert f"{written.time_of(3)} processor  INFO     REPORT RequestId: 8f Duration: 3.01 ms" in out
    assert "batch done location=report:36 LinksAdded=4" in out


def test_json_gives_the_events_as_they_are_one_a_line(countagg: CommandLine, written: Written) -> None:
    ran = countagg("logs", "--output", "json")

    documents = [json.loads(line) for line in ran.out.splitlines()]
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    assert [list(document) for document in documents] == [
        ["schema", "time", "function", "stream", "id", "timestamp", "ingested", "message"]
    ] * 3
    assert {document["schema"] for document in documents} == {1}
    assert [document["message"] for document in documents] == [text_of(WRITTEN[index][2]) for index in (2, 3, 4)]
    assert [document["function"] for document in documents] == [f"countagg-{WRITTEN[i][0]}" for i in (2, 3, 4)]
    assert documents[0]["time"] == written.time_of(7)
    assert documents[0]["timestamp"] == written.timestamp(7)
    assert documents[0]["stream"] == STREAM
    assert documents[0]["id"]
    assert len(countagg("logs", "--output", "json", "-v").out.splitlines()) == 7


def functions_of(ran: Ran) -> list[str]:
    return [line.split()[1] for line in ran.out.splitlines() if not line.startswith("    ")]


@pytest.mark.parametrize(
    ("options", "functions"),
    [
        (("--function", "aggregator"), ["aggregator"]),
        (("--function", "countagg-publisher", "--function", "processor"), ["processor", "publisher"]),
        (("--level", "warning"), ["processor", "publisher"]),
        (("--level", "ERROR"), ["publisher"]),
        (("--filter", "LinksAdded=4"), ["aggregator"]),
        (("--filter", '"LinksAdded": 4'), ["aggregator"]),
        (("--filter", "KeyError"), ["publisher"]),
        (("--since", "2h", "--until", "30m"), ["publisher"]),
        (("--since", "{6}"), ["aggregator", "publisher"]),
        (("--since", "1h", "--until", "{6}"), ["processor", "aggregator"]),
    ],
)
def test_lines_are_chosen_by_function_level_text_and_time(
    options: tuple[str, ...], functions: list[str], countagg: CommandLine, written: Written
) -> None:
    ran = countagg("logs", *(written.time_of(6) if option == "{6}" else option for option in options))

    assert ran.code == 0
    assert functions_of(ran) == functions


@pytest.mark.usefixtures("written")
def test_no_lines_are_no_error(countagg: CommandLine) -> None:
    ran = countagg("logs", "--filter", "nowhere", "--since", "2026-11-20T10:00")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "no such lines since 2026-11-20T10:00:00.000Z\n"
    assert countagg("logs", "--filter", "nowhere", "--quiet").err == ""


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--since", "soon"), "countagg: --since: 'soon' is not a time\n  try: give an age such as 10m"),
        (("--until", "later"), "countagg: --until: 'later' is not a time\n"),
        (("--since", "1h", "--until", "2h"), "countagg: --since, --until: the end is before the beginning\n"),
        (("--follow", "--until", "1m"), "countagg: --follow, --until: they exclude each other\n"),
        (("--function", "uploader"), "countagg: --function: the pipeline has no function 'uploader'\n  try: use"),
        (("--output", "csv"), "countagg: --output: logs has no form csv\n  try: use table, text, json\n"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_call(
    options: tuple[str, ...], complaint: str, countagg: CommandLine
) -> None:
    ran = countagg("logs", *options, "--endpoint-url", "http://127.0.0.1:1")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(complaint)


# On a terminal


def shown(line: Text, *, no_color: bool = False) -> str:
    terminal = Terminal()
    session = Session(replace(DEFAULTS, no_color=no_color), Preferences({}), stdout=terminal)
    session.result_console.print(line, soft_wrap=True)
    return terminal.getvalue()


def rendered(message: dict[str, Any], function: str = "processor") -> Text:
    return render_line(read_line(event(message)), function, verbose=False)


def test_functions_and_levels_have_colours_of_their_own() -> None:
    functions = {shown(rendered({"message": "m"}, name)) for name in ("processor", "aggregator", "publisher")}
    levels = {shown(rendered({"level": level, "message": "m"})) for level in ("INFO", "WARNING", "ERROR")}

    def codes(texts: set[str]) -> set[tuple[str, ...]]:
        return {tuple(re.findall(r"\x1b\[([0-9;]+)m", text)) for text in texts}

    assert len(codes(functions)) == 3
    assert len(codes(levels)) == 3


@pytest.mark.parametrize("columns", ["80", "200"])
@pytest.mark.parametrize("no_color", [False, True])
def test_a_line_is_never_broken_and_without_colour_plain(
    columns: str, *, no_color: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    line = rendered({"level": "ERROR", "message": "word " * 60, "key": "[red]:smile:"})

    text = shown(line, no_color=no_color)

    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain.count("\n") == 1
    assert plain.rstrip().endswith("key=[red]:smile:")
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]m", text)) is not no_color


# Following, as a process of its own


@pytest.fixture
def server() -> Iterator[LogServer]:
    with serve_logs() as server:
        yield server


@contextmanager
def following(server: LogServer, *options: str, follow: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Follow the logs of the server, or just read them."""
    asked = ("logs", "--since", "1h", "--endpoint-url", server.url, *(["--follow"] if follow else []))
    child = subprocess.Popen(
        (*PROGRAM, *asked, *options),
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def read_lines(child: subprocess.Popen[str], count: int) -> list[str]:
    assert child.stdout is not None
    return [child.stdout.readline().rstrip().partition("Z ")[2] for _ in range(count)]


def interrupt(child: subprocess.Popen[str]) -> tuple[str, str]:
    child.send_signal(signal.SIGINT)
    return child.communicate(timeout=300)


def test_following_shows_what_comes_at_once_and_nothing_twice(server: LogServer) -> None:
    server.write("first")
    with following(server) as child:
        assert read_lines(child, 1) == ["processor  INFO     first"]
        server.wait_for_look()
        server.write("second")
        server.write("third", "aggregator")
        assert sorted(read_lines(child, 2)) == ["aggregator INFO     third", "processor  INFO     second"]
        server.wait_for_look()

        out, err = interrupt(child)

    assert (child.returncode, out, err) == (130, "", "")


def test_following_survives_that_there_are_too_many_requests(server: LogServer) -> None:
    server.write("first")
    with following(server) as child:
        read_lines(child, 1)
        server.throttled = 2
        server.write("second")
        assert read_lines(child, 1) == ["processor  INFO     second"]
        interrupt(child)

    assert child.returncode == 130


@pytest.mark.parametrize("writes_on", [False, True])
def test_following_ends_quietly_when_nobody_reads_any_more(server: LogServer, *, writes_on: bool) -> None:
    server.write("first")
    with following(server, "--output", "json") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert json.loads(child.stdout.readline())["message"] == "first"
        child.stdout.close()
        if writes_on:
            server.write("second")
        err = child.stderr.read()
        child.wait(300)

    assert (child.returncode, err) == (0, "")


def test_reading_ends_when_nobody_reads_any_more(server: LogServer) -> None:
    for number in range(20 * PAGE):
        server.write(f"line {number}")
    with following(server, follow=False) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline().rstrip().endswith("line 0")
        child.stdout.close()
        err = child.stderr.read()
        child.wait(300)

    assert (child.returncode, err) == (0, "")
    assert server.looks["/aws/lambda/countagg-processor"] < 10
