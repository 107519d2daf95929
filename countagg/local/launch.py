"""How a server gets started: a port, a process, a wait until it answers, a look at where it listens."""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from countagg.core.errors import EngineProblem
from countagg.core.polling import Polling
from countagg.local import processes
from countagg.local.gate import ALIVE_PATH, OWN_HOST
from countagg.local.state import EngineRecord, StateFolder

POLL_SECONDS: Final = 0.05
_LAST_LINES: Final = 15
_LOOK_AND_RETRY: Final = "look through `countagg local logs`, then start it again"


class PortLostError(Exception):
    """Somebody else took the port before the engine could."""


def answers(port: int, timeout_seconds: float) -> bool:
    """Tell whether an engine answers on a port. No proxy is asked, whatever the environment says."""
    connection = http.client.HTTPConnection(OWN_HOST, port, timeout=timeout_seconds)
    try:
        connection.request("GET", ALIVE_PATH)
        return connection.getresponse().status == HTTPStatus.NO_CONTENT
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port() -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((OWN_HOST, 0))
        return int(probe.getsockname()[1])


def check_port(port: int) -> None:
    """Refuse a port that somebody asked for and that cannot be had.

    Raises:
        EngineProblem: it is taken, or this user may not open it.
    """
    with socket.socket() as probe:
        # Connections that ended lately do not hold a port; the server sets the same option.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((OWN_HOST, port))
        except OSError as exc:
            if exc.errno == errno.EADDRINUSE:
                raise port_taken(port) from exc
            raise EngineProblem(
                f"port {port} cannot be opened: {exc.strerror}",
                where="--port",
                hint="leave --port off: a free port is chosen then",
            ) from exc


def port_taken(port: int) -> EngineProblem:
    """Return the error for a port that somebody else holds, with that somebody's name if it can be found."""
    holder = processes.holder_of_port(port)
    return EngineProblem(
        f"port {port} is taken by {holder}" if holder else f"port {port} is taken",
        where="--port",
        hint="leave --port off: a free port is chosen then",
    )


@contextmanager
def ctrl_c_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back, where it would be heard, until what is yielded is called or the block ends.

    A process that nobody has written down yet would stay behind.
    """
    heard, came = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or heard in (None, signal.SIG_IGN):
        yield lambda: None
        return
    signal.signal(signal.SIGINT, lambda number, _: came.append(number))

    def let_go() -> None:
        signal.signal(signal.SIGINT, heard)
        if came:
            came.clear()
            signal.raise_signal(signal.SIGINT)

    try:
        yield let_go
    finally:
        signal.signal(signal.SIGINT, heard)


def spawn(command: Sequence[str], environment: Mapping[str, str], folder: StateFolder) -> subprocess.Popen[bytes]:
    """Start the server in a session of its own, so that Ctrl-C and a closed terminal do not reach it.

    Raises:
        EngineProblem: it cannot be executed.
    """
    log = folder.open_log()
    try:
        return subprocess.Popen(  # noqa: S603 - our own interpreter with fixed arguments
            command,
            env=dict(environment),
            cwd=folder.data_path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as exc:
        raise EngineProblem(
            f"the embedded engine cannot be executed: {exc}",
            where=command[0],
            hint="check the limit on processes, or install countagg[local] again",
        ) from exc
    finally:
        os.close(log)


def await_ready(
    child: subprocess.Popen[bytes],
    record: EngineRecord,
    folder: StateFolder,
    polling: Polling,
    answer_seconds: float,
) -> None:
    """Wait until the server answers, and make sure that it answers to this machine only.

    Args:
        child: the server.
        record: of it.
        folder: where its log is.
        polling: how long it may take.
        answer_seconds: for a single answer.

    Raises:
        PortLostError: its port was taken by somebody else.
        EngineProblem: it ended, took too long, or listens on more than the loopback interface.
    """
    for _ in polling.looks(POLL_SECONDS):
        if answers(record.port, answer_seconds):
            break
        _check_alive(child, folder)
    else:
        raise EngineProblem(
            f"the embedded engine was not ready after {polling.timeout:g} s{log_excerpt(folder)}",
            hint=_LOOK_AND_RETRY,
        )
    _check_alive(child, folder)
    _check_sockets(record)


def log_excerpt(folder: StateFolder) -> str:
    """Return where the log is and its last lines, as the end of a message."""
    lines = folder.read_log(_LAST_LINES)
    if not lines:
        return f"; its log is empty: {folder.log_path}"
    return "\n".join([f"; the end of {folder.log_path}:", *(f"  {line}" for line in lines)])


def _check_alive(child: subprocess.Popen[bytes], folder: StateFolder) -> None:
    code = child.poll()
    if code is None:
        return
    # ministack's words for a port that answers, and the operating system's for one that cannot be bound.
    if any("already in use" in line for line in folder.read_log(_LAST_LINES)):
        raise PortLostError
    raise EngineProblem(
        f"the embedded engine ended with status {code} while it started{log_excerpt(folder)}", hint=_LOOK_AND_RETRY
    )


def _check_sockets(record: EngineRecord) -> None:
    process = processes.find(record.pid, record.created)
    sockets = [] if process is None else processes.listening(process)
    exposed = processes.beyond_this_machine(sockets)
    if exposed:
        raise EngineProblem(
            f"the embedded engine listened on {', '.join(exposed)}, where other machines may reach it,"
            " so it was stopped",
            hint="report this with the output of: pip show ministack",
        )
    if record.port not in {port for _, port in sockets}:
        raise PortLostError  # it was somebody else who answered
