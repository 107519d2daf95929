"""Results on stdout, everything else on stderr, and readers that go away."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TextIO

import pytest

from countagg.cli.terminal.streams import is_deserted, outlive_reader
from countagg.local.state import StateFolder, default_state_dir
from tests.cli.account import BUCKET, TALLY, write_day
from tests.cli.running import PROGRAM, CommandLine, process_environment

DAY: Final = "2026-07-01"
COMMANDS: Final = (
    ("plan",),
    ("setup",),
    ("upload-sample",),
    ("query", "--date", DAY),
    ("query", "--date", "2020-01-01"),
    ("query", "--date", DAY, "--counter", "nobody"),
    ("status",),
    ("explain", "COUNTER1", "--date", DAY),
    ("teardown", "--stack", "ghost"),
)
# Every command, and every form of some. Where nothing is found, a table has nothing to say.
RUNS: Final = (
    *((command, "table") for command in COMMANDS if {"2020-01-01", "nobody"}.isdisjoint(command)),
    *((command, "json") for command in COMMANDS[1:5]),
    *((command, "csv") for command in (COMMANDS[1], *COMMANDS[3:5])),
)


@pytest.fixture(scope="module")
def day(stack: None) -> None:  # noqa: ARG001 - it must be there
    write_day(DAY, {"i-deadbeef": {"COUNTER1": "1"}})


def without_duration(text: str) -> str:
    return re.sub(r'"seconds": [\d.]+| in \d+ s$', "", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("arguments", "form"), RUNS)
@pytest.mark.usefixtures("day")
def test_quiet_leaves_the_result_and_nothing_else(
    arguments: tuple[str, ...], form: str, countagg: CommandLine
) -> None:
    quiet = countagg(*arguments, "--output", form, "--quiet")
    usual = countagg(*arguments, "--output", form)

    assert (quiet.code, usual.code) == (0, 0)
    assert quiet.err == ""
    assert without_duration(quiet.out) == without_duration(usual.out) != ""
    if form == "json":
        assert usual.document["schema"] == 1
    elif form == "csv" and arguments[0] != "upload-sample":
        assert "," in usual.out.splitlines()[0]


@pytest.mark.usefixtures("stack")
def test_who_acts_where_is_told_before_anything_changes(countagg: CommandLine) -> None:
    told = countagg("setup").err.splitlines()

    assert [line.split()[0] for line in told[:5]] == ["account", "region", "principal", "endpoint", "stack"]


@pytest.mark.usefixtures("account")
def test_progress_of_a_setup_and_a_teardown_goes_to_stderr(countagg: CommandLine) -> None:
    # The stack of the other tests has the usual prefix.
    place = ("--prefix", "in/", "--output-prefix", "out/", "--stack", "other", "--region", "us-east-1")
    made = countagg("setup", "--bucket", BUCKET, "--yes", *place)
    removed = countagg("teardown", "--yes", "--stack", "other", "--region", "us-east-1")

    assert made.out.startswith("34 created, 0 updated, 1 kept, 0 deleted in ")
    assert "\ncreate  table/totals\n" in made.err
    assert "\ncreate  " not in made.out
    assert made.err.endswith(
        "next: countagg --stack other --region us-east-1 upload-sample --wait\n"
        "then: countagg --stack other --region us-east-1 query --date today\n"
    )
    assert TALLY.fullmatch(removed.out.splitlines()[-1])
    assert removed.out.splitlines()[-1].startswith("0 created, 0 updated, 1 kept, 34 deleted in ")
    assert "\ndelete  " not in removed.out
    assert "\ndelete  table/totals\n" in removed.err


@pytest.fixture
def long_log() -> Path:
    """Write a log of the engine that no pipe holds at once; `local logs` prints it without an engine."""
    path = StateFolder(default_state_dir()).log_path
    path.parent.mkdir(parents=True)
    path.write_text("line of a log\n" * 4_000)
    return path


def run_without_reader(*arguments: str, close_stderr: bool = False) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose stdout nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        return subprocess.run(
            (*PROGRAM, *arguments),
            env=process_environment(),
            stdout=write_end,
            stderr=write_end if close_stderr else subprocess.PIPE,
            check=False,
            timeout=300,
        )
    finally:
        os.close(write_end)


@pytest.mark.usefixtures("long_log")
def test_a_reader_that_goes_away_ends_a_command_quietly() -> None:
    ran = run_without_reader("local", "logs", "--lines", "4000")

    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_short_result_that_nobody_reads_is_dropped_quietly(long_log: Path) -> None:
    long_log.write_text("one line\n")

    ran = run_without_reader("local", "logs")

    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.parametrize("close_stderr", [False, True])
def test_the_exit_code_stays_the_commands_own(*, close_stderr: bool) -> None:
    ran = run_without_reader("local", "status", close_stderr=close_stderr)

    assert ran.returncode == 1
    assert not ran.stderr


def test_an_error_that_nobody_reads_keeps_its_exit_code() -> None:
    assert run_without_reader("query", "--date", "never", close_stderr=True).returncode == 2


@pytest.mark.usefixtures("long_log")
def test_a_reader_of_the_first_line_gets_it() -> None:
    with subprocess.Popen(
        (*PROGRAM, "local", "logs", "--lines", "4000"),
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        line = child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()

    assert (line, err, child.returncode) == (b"line of a log\n", b"", 0)


FULL: Final = Path("/dev/full")
needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="there is no device without room here")


def run_on_full_disk(*arguments: str, stream: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a stream that takes nothing, as a file on a full disk."""
    with FULL.open("w") as full:
        return subprocess.run(
            (*PROGRAM, *arguments),
            env=process_environment(PYTHONUNBUFFERED=""),
            text=True,
            check=False,
            timeout=300,
            stdout=full if stream == "stdout" else subprocess.PIPE,
            stderr=full if stream == "stderr" else subprocess.PIPE,
        )


@needs_full_device
@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("--help",), ("local", "--help"), ("local", "logs"), ("cost", "--region", "us-east-1")],
    ids=" ".join,
)
def test_a_result_that_finds_no_room_is_a_failure_that_says_so(arguments: tuple[str, ...], long_log: Path) -> None:
    assert long_log.exists()

    ran = run_on_full_disk(*arguments, stream="stdout")

    assert ran.returncode == 1
    assert ran.stderr == (
        "countagg: stdout: it cannot be written: No space left on device\n  try: see where it is redirected to\n"
    )


@needs_full_device
def test_remarks_that_find_no_room_stop_nothing(long_log: Path) -> None:
    long_log.write_text("one line\n")

    assert run_on_full_disk("local", "logs", stream="stderr").stdout == "one line\n"
    assert run_on_full_disk("query", "--date", "never", stream="stderr").returncode == 2


PREPARED: Final = (
    "import sys\n"
    "from countagg.cli.terminal.render import write_csv, write_json, write_table\n"
    "from countagg.cli.terminal.streams import open_standard_streams\n"
    "open_standard_streams()\n"
)


def run_redirected(redirections: str, *words: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a program whose streams a shell has changed."""
    return subprocess.run(
        ("/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *words),
        env=process_environment(**variables),
        capture_output=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("closed", "arguments", "told"),
    [
        ("<&-", ("local", "logs"), (0, b"one line\n", b"")),
        (">&-", ("local", "logs"), (0, b"", b"")),
        (">&-", ("--version",), (0, b"", b"")),
        ("2>&-", ("local", "logs"), (0, b"one line\n", b"")),
        ("2>&-", ("limits",), (2, b"", b"")),
        ("<&- >&- 2>&-", ("query", "--date", "never"), (2, b"", b"")),
    ],
)
def test_a_closed_stream_loses_what_would_be_written_and_nothing_else(
    closed: str, arguments: tuple[str, ...], told: tuple[int, bytes, bytes], long_log: Path
) -> None:
    long_log.write_text("one line\n")

    ran = run_redirected(closed, *PROGRAM, *arguments)

    assert (ran.returncode, ran.stdout, ran.stderr) == told


def test_what_would_be_written_reaches_no_file_that_is_opened_later(tmp_path: Path) -> None:
    write = (
        f"file = open({str(tmp_path / 'zip')!r}, 'wb', buffering=0)\n"
        "file.write(b'content')\n"
        "print('remark', file=sys.stderr, flush=True)\n"
        "print('result', flush=True)\n"
        "import subprocess\n"
        "subprocess.run(('sh', '-c', 'echo of a child; echo remark >&2; cat'), check=True)\n"
    )

    ran = run_redirected("<&- >&- 2>&-", sys.executable, "-c", PREPARED + write)

    assert ran.returncode == 0
    assert (tmp_path / "zip").read_bytes() == b"content"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_is_told_comes_before_what_is_told_later_whatever_python_buffers(unbuffered: str) -> None:
    code = (
        "import os, sys; from countagg.cli.terminal.streams import open_standard_streams; open_standard_streams();"
        "sys.stderr.write('remark\\n'); os.write(1, b'|'); sys.stdout.write('result\\n'); os.write(1, b'|')"
    )
    environment = process_environment(PYTHONUNBUFFERED=unbuffered)
    ran = subprocess.run(
        (sys.executable, "-c", code), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, check=True
    )

    assert ran.stdout == (b"remark\n|result\n|" if unbuffered else b"remark\n||result\n")


def test_a_closed_stdin_is_empty_and_no_terminal() -> None:
    ran = run_redirected(
        "<&-", sys.executable, "-c", f"{PREPARED}print(sys.stdin.isatty(), repr(sys.stdin.read()))"
    )

    assert ran.stdout == b"False ''\n"


NAMES: Final = "größe-数-😀,\udcff"


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "utf-8"},
    ],
    ids=str,
)
def test_what_an_encoding_lacks_is_escaped(variables: dict[str, str]) -> None:
    write = (
        "from countagg.cli.app.options import Options, OutputForm\n"
        "from countagg.cli.app.preferences import Preferences\n"
        "from countagg.cli.app.session import Session\n"
        "options = Options('s', None, None, None, False, OutputForm.TABLE, False, False, False)\n"
        "session = Session(options, Preferences({}))\n"
        f"name = {NAMES!a}\n"
        "write_json(sys.stdout, {'name': name})\n"
        "sys.stdout.write('---\\n')\n"
        "write_csv(sys.stdout, ('name', 'value'), [(name, 1), (name, 2)])\n"
        "sys.stdout.write('---\\n')\n"
        "write_table(session.result_console, ('NAME', 'VALUE'), [(name, '1'), ('a', '2')])\n"
        "session.remark(name)\n"
        "sys.stdout.flush()\n"
    )
    ran = run_redirected("", sys.executable, "-c", PREPARED + write, **variables)

    encoding = variables.get("PYTHONIOENCODING", "ascii").partition(":")[0]
    shown = NAMES.encode(encoding, "backslashreplace").decode(encoding)
    document, rows, table = ran.stdout.decode(encoding).split("---\n")
    assert (ran.returncode, ran.stderr.decode(encoding)) == (0, f"{shown}\n")
    assert json.loads(document) == {"schema": 1, "name": NAMES}
    assert rows.splitlines() == ["name,value", f'"{shown}",1', f'"{shown}",2']
    header, first, second = table.splitlines()
    assert first == f"{shown}  1"
    assert header.split() == ["NAME", "VALUE"]
    assert second.split() == ["a", "2"]


@pytest.mark.parametrize("encoding", ["ascii:strict", "utf-8:strict"])
def test_an_error_shows_what_its_encoding_lacks_as_an_escape(encoding: str) -> None:
    config = b"gr\xc3\xb6\xff.toml"
    ran = run_redirected("", *PROGRAM, "status", "--config", os.fsdecode(config), PYTHONIOENCODING=encoding)

    shown = rb"gr\xf6\udcff.toml" if encoding.startswith("ascii") else b"gr\xc3\xb6\\udcff.toml"
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"countagg: " + shown + b": ")


def test_a_program_that_reads_slowly_from_a_pipe_that_does_not_block_gets_everything() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    write = "sys.stdout.write('x' * 1_000_000)\nsys.stdout.flush()"
    with subprocess.Popen(
        (sys.executable, "-c", PREPARED + write), env=process_environment(), stdout=write_end
    ) as child:
        os.close(write_end)
        with os.fdopen(read_end, "rb") as reader:
            read = reader.read()

    assert (child.returncode, len(read)) == (0, 1_000_000)


INTERRUPTED: Final = """
returns = int(sys.argv[1])

def interrupt(frame, event, _):
    global returns
    if not frame.f_code.co_filename.endswith("streams.py"):
        return None
    returns -= event == "return"
    if not returns:
        sys.settrace(None)
        raise KeyboardInterrupt
    return interrupt

sys.settrace(interrupt)
try:
    sys.stdout.write("line\\n")
    sys.stdout.flush()
except KeyboardInterrupt:
    pass
"""


@pytest.mark.parametrize("returns", [1, 2])
def test_what_an_interrupt_finds_written_is_not_written_again(returns: int) -> None:
    ran = subprocess.run(
        (sys.executable, "-c", PREPARED + INTERRUPTED, str(returns)),
        env=process_environment(),
        capture_output=True,
        check=True,
    )

    assert ran.stdout == b"line\n"


@contextmanager
def pipe() -> Iterator[tuple[TextIO, int]]:
    """Give the end that is written to, and the other one."""
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as stream:
        yield stream, read_end


def test_a_pipe_is_deserted_when_its_reader_is_gone() -> None:
    with pipe() as (stream, read_end):
        assert not is_deserted(stream)
        assert not is_deserted(outlive_reader(stream))
        os.close(read_end)
        assert is_deserted(stream)
        assert is_deserted(outlive_reader(stream))


def test_a_pipe_that_was_written_to_without_a_reader_stays_deserted() -> None:
    with pipe() as (stream, read_end):
        os.close(read_end)
        outliving = outlive_reader(stream)
        outliving.write("nobody reads this")
        outliving.flush()

        # What is written goes nowhere by now, and nowhere has no reader to lose.
        assert not is_deserted(stream)
        assert is_deserted(outliving)


def test_a_terminal_is_deserted_when_it_hangs_up() -> None:
    master, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        assert not is_deserted(stream)
        os.close(master)
        assert is_deserted(stream)


def test_a_file_and_what_is_held_in_memory_are_never_deserted(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        assert not is_deserted(stream)
    assert not is_deserted(io.StringIO())
    assert not is_deserted(stream)
