"""The process of a command: what a short one leaves undone, because its end does it at once."""

from __future__ import annotations

import atexit
import gc
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from typing import Final, NoReturn

_SHORT: Final = 200_000
"""Objects. A query leaves 100,000 behind, a plan 150,000, half of them what was read about AWS's services."""
_USUAL: Final = gc.get_threshold()


def collect_late() -> None:
    """Look for unreachable objects only where a command makes many: the search is a tenth of a query's CPU."""
    gc.set_threshold(_SHORT)


def collect_as_usual() -> None:
    """Look for them as Python does, in a process that runs for days."""
    gc.set_threshold(*_USUAL)


def end_process(code: int) -> NoReturn:
    """End the process without taking apart what it made, which is a sixth of a query's CPU.

    What is buffered is written, what is registered for the end is done, and threads but daemons are waited for.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.exit(code)
    atexit._run_exitfuncs()  # noqa: SLF001 - what Python itself calls there
    os._exit(code)


def answer_in_time(answer: Callable[[], object], seconds: float) -> bytes | None:
    """Return what a function writes to standard output in a process of its own, which is forked off.

    That has no terminal, its errors reach nobody, and it ends when the time is over, with all that it started.

    Returns:
        None if it failed, or took longer.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _answer(answer, writing)
    os.close(writing)
    with FileIO(reading) as pipe:
        written = _read_in_time(pipe, seconds)
    if written is None:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return written if status == 0 else None


def _read_in_time(pipe: FileIO, seconds: float) -> bytes | None:
    end, written = time.monotonic() + seconds, b""
    while select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
        read = pipe.read(select.PIPE_BUF)
        if not read:
            return written
        written += read
    return None


def _answer(answer: Callable[[], object], writing: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream, target in enumerate((nothing, writing, nothing)):
            os.dup2(target, stream)
        answer()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)
