"""The cursor of a terminal: no signal leaves it hidden."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cli.running import process_environment

HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"
BEGIN = """
import resource, signal, sys, time
from countagg.cli.terminal.console import make_console
for number in (signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP):
    signal.signal(number, signal.SIG_DFL)  # as in a shell, whatever started the tests
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
console = make_console(sys.stdout, no_color=True)
console.show_cursor(False)
"""


@contextmanager
def process_on_terminal(code: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run code whose stdout is a terminal, in a process group of its own; yields the terminal's other end too."""
    master, terminal = pty.openpty()
    command = (sys.executable, "-c", f"{BEGIN}{code}")
    with subprocess.Popen(
        command, env=process_environment(TERM="xterm"), stdout=terminal, process_group=0
    ) as process:
        os.close(terminal)
        try:
            yield master, process
        finally:
            process.kill()
            os.close(master)


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGTERM])
def test_a_signal_that_ends_the_process_shows_the_cursor(number: signal.Signals) -> None:
    code = f"signal.raise_signal({number.value})\nsys.stdout.write('never')"
    with process_on_terminal(code) as (master, process):
        assert process.wait(30) == -number
        assert os.read(master, 1000) == HIDE + SHOW


def test_a_process_that_is_stopped_shows_the_cursor_until_it_goes_on() -> None:
    code = "signal.raise_signal(signal.SIGTSTP)\nsignal.raise_signal(signal.SIGTSTP)\nconsole.show_cursor()"
    with process_on_terminal(code) as (master, process):
        for _ in range(2):
            stop = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED)
            assert stop is not None
            assert stop.si_status == signal.SIGTSTP
            assert os.read(master, 1000) == HIDE + SHOW
            process.send_signal(signal.SIGCONT)
        assert process.wait(30) == 0
        assert os.read(master, 1000) == HIDE + SHOW


def test_signals_are_left_to_who_takes_them_and_are_the_systems_again_when_the_cursor_is_shown() -> None:
    code = """
console.show_cursor()
times = []
taken = lambda *_: times.append(1)
signal.signal(signal.SIGTERM, taken)
with console.status("busy"):
    signal.raise_signal(signal.SIGTERM)
print(len(times), signal.getsignal(signal.SIGTERM) is taken, signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL)
"""
    with process_on_terminal(code) as (master, process):
        assert process.wait(30) == 0
        assert os.read(master, 10_000).endswith(b"1 True True\r\n")
