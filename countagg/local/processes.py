"""Processes: is the engine's still there, what does it use, where does it listen, end it.

The only module that imports psutil. A zombie counts as gone everywhere.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from countagg.core.errors import EngineProblem
from countagg.core.polling import Polling

try:
    import psutil
except (
    ModuleNotFoundError
):  # the extra `local` is not installed; LocalEngine says so before it calls anything here
    psutil = None  # type: ignore[assignment]


# psutil computes the time from the boot time, which moves a little when the clock is corrected.
_CREATED_TOLERANCE_SECONDS: Final = 2.0
_POLITE_SECONDS: Final = 1.0
_KILL_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02


def created(pid: int) -> float:
    """Return when a process of ours began, in seconds since 1970."""
    return psutil.Process(pid).create_time()


def find(pid: int, created: float, command: Sequence[str] | None = None) -> psutil.Process | None:
    """Return the process, or None if it is gone or the pid belongs to another process by now.

    Args:
        pid: its id.
        created: when it began, in seconds since 1970.
        command: that it was started with, but for the interpreter, whose name systems change; None for any.
    """
    try:
        process = psutil.Process(pid)
        if (
            abs(process.create_time() - created) > _CREATED_TOLERANCE_SECONDS
            or process.uids().effective != os.geteuid()
            or (command is not None and process.cmdline()[1:] != [*command[1:]])
        ):
            return None
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def usage(process: psutil.Process) -> tuple[int, int]:
    """Return the resident memory in bytes, and the number, of a process and all that it started.

    Pages that they share count for each of them.
    """
    total = count = 0
    for member in (process, *_descendants(process)):
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
        count += 1
    return total, count


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Return address and port of every TCP socket on which the process takes connections."""
    return [
        (connection.laddr.ip, connection.laddr.port)
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


def beyond_this_machine(sockets: Iterable[tuple[str, int]]) -> list[str]:
    """Return those sockets, as `ADDRESS:PORT`, that other machines may be able to reach."""
    return [f"{address}:{port}" for address, port in sockets if not ipaddress.ip_address(address).is_loopback]


def holder_of_port(port: int) -> str | None:
    """Return what listens on a port, such as `process 4711 (nginx)`; None if that cannot be found out."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            local = connection.laddr
            if connection.status == psutil.CONN_LISTEN and connection.pid and local and local.port == port:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:  # some systems show only root who holds a port
        return None
    return None


def stop(process: psutil.Process, timeout_seconds: float) -> None:
    """End the engine's server and the workers of its functions: politely, then not.

    Raises:
        EngineProblem: something could not be ended.
    """
    workers = _descendants(process)
    _terminate([process])
    polite_seconds = min(_POLITE_SECONDS, timeout_seconds)
    if _await_end([process], polite_seconds):
        # A server waits for the calls that its functions are busy with. Without them it ends.
        _terminate(_descendants(process))
        _await_end([process], timeout_seconds - polite_seconds)
        workers += [worker for worker in _descendants(process) if worker not in workers]
        _kill([process])
    end(workers)


def end(processes: Sequence[psutil.Process]) -> None:
    """Ask processes to end, and kill those that have not done so a second later.

    Raises:
        EngineProblem: one of them is still there.
    """
    _terminate(processes)
    _kill(_await_end(processes, _POLITE_SECONDS))


def left_behind(session: int, data: Path) -> list[psutil.Process]:
    """Return workers that outlived a server: a busy one notices only when its call ends.

    Args:
        session: process id of the server, which was the leader of their session.
        data: the engine's data folder, where their scripts lie.
    """
    return [
        process
        for process in psutil.process_iter()
        if _session_of(process.pid) == session and _runs_from(process, data)
    ]


def _session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def _runs_from(process: psutil.Process, data: Path) -> bool:
    try:
        return any(argument.startswith(f"{data}{os.sep}") for argument in process.cmdline())
    except psutil.Error:
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _terminate(processes: Iterable[psutil.Process]) -> None:
    for process in processes:
        with _gone_is_fine():
            process.terminate()


def _kill(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with _gone_is_fine():
            process.kill()
    alive = _await_end(processes, _KILL_SECONDS)
    if alive:
        raise EngineProblem(
            f"process {alive[0].pid} does not end, even when killed",
            hint="stop again; it may wait for a disk that does not answer",
        )


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as exc:
        raise EngineProblem(
            f"process {exc.pid} may not be ended by this user", hint="stop as the user that started the engine"
        ) from exc


def _await_end(processes: Iterable[psutil.Process], timeout_seconds: float) -> list[psutil.Process]:
    """Wait for processes to end, and return those that have not.

    psutil's own wait takes a zombie that is not our child for alive; in a container whose first process collects
    no orphans, every engine ends as one.
    """
    alive = list(processes)
    for _ in Polling(timeout_seconds).looks(_POLL_SECONDS):
        alive = [process for process in alive if not _has_ended(process)]
        if not alive:
            break
    return alive


def _has_ended(process: psutil.Process) -> bool:
    try:
        process.wait(0)  # collects it if it is our child
    except psutil.TimeoutExpired:
        with _gone_is_fine():
            return process.status() == psutil.STATUS_ZOMBIE
    return True
