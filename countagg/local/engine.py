"""The manager of the embedded engine: start, stop, status.

One state folder has at most one engine. Each start is a fresh account: the data of a run end with it.

    STOPPED --start--> RUNNING --stop--> STOPPED
    RUNNING --(killed, reboot)--> DEAD --start--> RUNNING, or --stop--> STOPPED
    RUNNING --(hangs)--> UNRESPONSIVE --stop--> STOPPED
"""

from __future__ import annotations

import enum
import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from countagg.core.errors import EngineProblem, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import FOREVER, Polling
from countagg.interpreter import isolated
from countagg.local import launch, processes
from countagg.local.environment import engine_environment
from countagg.local.state import AccessKey, EngineRecord, StateFolder, default_state_dir

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import psutil

_HIGHEST_PORT: Final = 65535
_PORT_ATTEMPTS: Final = 5
_LOCK_SECONDS: Final = 60.0
_INSTALL_HINT: Final = "pip install 'countagg[local]'"


class EngineState(enum.Enum):
    """How the engine is.

    DEAD: it was started and not stopped, but its process is gone.
    UNRESPONSIVE: its process is there, but does not answer; also true of an engine that is just starting.
    """

    RUNNING = "running"
    STOPPED = "stopped"
    DEAD = "dead"
    UNRESPONSIVE = "unresponsive"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What is known about the engine.

    Attributes:
        state: how it is.
        record: the run it is about; None when stopped.
        memory_bytes: resident memory of the server and its functions' workers; 0 if there is no process.
        processes: how many processes that are.
        log_path: the log of the last run; may not exist.
        state_dir: the folder of it all; may not exist.
    """

    state: EngineState
    record: EngineRecord | None
    memory_bytes: int
    processes: int
    log_path: Path
    state_dir: Path


def _is_importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@dataclass(frozen=True, slots=True)
class Host:
    """What the manager takes from the machine it runs on; tests bring their own.

    Attributes:
        command: starts the server.
        environ: the user's environment.
        is_importable: tells whether a module is installed.
        polling: by which clock to wait, and how.
        answer_seconds: how long the server may take for one answer.
    """

    command: tuple[str, ...] = isolated("countagg.local.server")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    is_importable: Callable[[str], bool] = _is_importable
    polling: Polling = FOREVER
    answer_seconds: float = 5.0


class LocalEngine:
    """The embedded engine of one state folder.

    Args:
        state_dir: where its state is kept; `default_state_dir()` if left out.
        host: the machine.
    """

    def __init__(self, state_dir: Path | None = None, *, host: Host | None = None) -> None:
        # The engine gets its paths from here, and runs in another working directory.
        root = default_state_dir() if state_dir is None else state_dir.absolute()
        self._folder = StateFolder(root)
        self._host = Host() if host is None else host

    @property
    def log_path(self) -> Path:
        """The log of the last run; may not exist."""
        return self._folder.log_path

    def read_log(self, last: int | None = None) -> list[str]:
        """Return the lines of the last run's log, or only the last so many; none if there was no run."""
        return self._folder.read_log(last)

    def start(
        self,
        *,
        port: int | None = None,
        enforce_policies: bool | None = None,
        timeout_seconds: float = 30,
    ) -> EngineRecord:
        """Start the engine, or find it running.

        Args:
            port: where it shall listen on 127.0.0.1; a free port if left out.
            enforce_policies: whether IAM policies are enforced; if left out, yes in a new engine, and no matter
                in one that runs.
            timeout_seconds: until it must be ready.

        Raises:
            UsageError: that is no port.
            EngineProblem: it does not start, or runs with other settings than those asked for.
        """
        self._require("ministack", "boto3", "psutil")
        if port is not None and not 0 < port <= _HIGHEST_PORT:
            raise UsageError(f"{port} is not a port", where="--port", hint=f"use 1 to {_HIGHEST_PORT}")
        self._folder.prepare()
        polling = replace(self._host.polling, timeout=timeout_seconds)
        with self._locked():
            record = self._folder.read()
            if record is not None and self._find(record) is not None:
                _check_same_settings(record, port, enforce_policies=enforce_policies)
                self._await_running(record, polling)
                return record
            self._clean_up(record)
            return self._launch(port, polling, enforce_policies=enforce_policies is not False)

    def stop(self, *, timeout_seconds: float = 10) -> EngineRecord | None:
        """Stop the engine and remove its data; the log stays.

        Args:
            timeout_seconds: after which it is killed.

        Returns:
            The engine that was stopped; None if nothing was running.

        Raises:
            EngineProblem: it cannot be stopped, or its data cannot be removed.
        """
        if self._folder.read() is None:
            return None
        self._require("psutil")
        with self._locked():
            record = self._folder.read()
            process = None if record is None else self._find(record)
            if process is not None:
                processes.stop(process, timeout_seconds)
            self._clean_up(record)
            return None if process is None else record

    def status(self) -> EngineStatus:
        """Look at the engine; changes nothing.

        Raises:
            EngineProblem: the record cannot be read.
        """
        record, process, state = self._look()
        memory, count = (0, 0) if process is None else processes.usage(process)
        return EngineStatus(state, record, memory, count, self._folder.log_path, self._folder.root)

    def require_running(self) -> EngineRecord:
        """Return the running engine.

        Raises:
            EngineProblem: it does not run; says why and what to do.
        """
        record, _, state = self._look()
        if record is None:
            raise EngineProblem("the embedded engine is not running", hint="start it: countagg local start")
        if state is EngineState.DEAD:
            raise EngineProblem(
                f"the embedded engine of {record.started_at} (process {record.pid}) died, and its data with it"
                f"{launch.log_excerpt(self._folder)}",
                hint="start a new one: countagg local start",
            )
        if state is EngineState.UNRESPONSIVE:
            raise self._unresponsive(record)
        return record

    def _look(self) -> tuple[EngineRecord | None, psutil.Process | None, EngineState]:
        record = self._folder.read()
        if record is None:
            return None, None, EngineState.STOPPED
        self._require("psutil")
        process = self._find(record)
        if process is None:
            return record, None, EngineState.DEAD
        responsive = launch.answers(record.port, self._host.answer_seconds)
        return record, process, EngineState.RUNNING if responsive else EngineState.UNRESPONSIVE

    def _launch(self, port: int | None, polling: Polling, *, enforce_policies: bool) -> EngineRecord:
        if port is not None:
            launch.check_port(port)
        self._folder.rotate_log()
        for _ in range(_PORT_ATTEMPTS):
            number = launch.free_port() if port is None else port
            try:
                return self._launch_on(number, polling, enforce_policies=enforce_policies)
            except launch.PortLostError as exc:
                if port is not None:
                    raise launch.port_taken(port) from exc
        raise EngineProblem(
            f"{_PORT_ATTEMPTS} free ports in a row were taken before the engine could open them",
            hint="start it again, or give a --port",
        )

    def _launch_on(self, port: int, polling: Polling, *, enforce_policies: bool) -> EngineRecord:
        data = self._folder.fresh_data()
        access_key = AccessKey.new()
        environment = engine_environment(
            data, port=port, access_key=access_key, enforce_policies=enforce_policies, inherited=self._host.environ
        )
        with launch.ctrl_c_held() as let_go:
            child = launch.spawn(self._host.command, environment, self._folder)
            record = EngineRecord(
                pid=child.pid,
                port=port,
                created=processes.created(child.pid),
                version=metadata.version("ministack"),
                enforce_policies=enforce_policies,
                started_at=datetime.now(UTC).isoformat(timespec="seconds"),
                access_key=access_key,
            )
            try:
                # Before the wait, so that an engine is found even if this process is killed meanwhile.
                self._folder.write(record)
                let_go()
                launch.await_ready(child, record, self._folder, polling, self._host.answer_seconds)
            except BaseException:  # Ctrl-C too must not leave an engine behind
                self._abandon(record)
                child.wait()
                raise
        # The engine outlives this process: tell Popen not to warn of that.
        child.returncode = 0
        return record

    def _find(self, record: EngineRecord) -> psutil.Process | None:
        return processes.find(record.pid, record.created, self._host.command)

    def _abandon(self, record: EngineRecord) -> None:
        process = self._find(record)
        if process is not None:
            processes.stop(process, timeout_seconds=1)
        self._clean_up(record)

    def _clean_up(self, record: EngineRecord | None) -> None:
        if record is not None:
            processes.end(processes.left_behind(record.pid, self._folder.data_path))
        self._folder.forget()

    def _await_running(self, record: EngineRecord, polling: Polling) -> None:
        if not polling.until(lambda: launch.answers(record.port, self._host.answer_seconds), launch.POLL_SECONDS):
            raise self._unresponsive(record)

    def _unresponsive(self, record: EngineRecord) -> EngineProblem:
        return EngineProblem(
            f"the embedded engine (process {record.pid}) does not answer on {record.endpoint_url}"
            f"{launch.log_excerpt(self._folder)}",
            hint="if it has not just been started: countagg local stop, then countagg local start",
        )

    def _locked(self) -> AbstractContextManager[None]:
        return self._folder.locked(replace(self._host.polling, timeout=_LOCK_SECONDS))

    def _require(self, *modules: str) -> None:
        missing = [module for module in modules if not self._host.is_importable(module)]
        if missing:
            raise EngineProblem(
                f"the embedded engine needs packages that are not installed: {', '.join(missing)}",
                hint=_INSTALL_HINT,
            )


def _check_same_settings(record: EngineRecord, port: int | None, *, enforce_policies: bool | None) -> None:
    differences = []
    if port not in (None, record.port):
        differences.append(f"on port {record.port}, not {port}")
    if enforce_policies not in (None, record.enforce_policies):
        differences.append(f"{'with' if record.enforce_policies else 'without'} enforced policies")
    if differences:
        raise EngineProblem(
            f"the embedded engine is running already, {' and '.join(differences)}",
            hint="stop it first, which removes its data: countagg local stop",
        )
