"""What is remembered about the engine between two commands: a folder with a record, a lock, a log and the data.

    engine.json    which process, which port; exists from the start of the engine to its stop
    lock           held while somebody starts or stops the engine
    engine.log     output of the last run; `engine.log.1` is the run before
    data/          everything the engine and its functions write; removed with the engine

This module knows files, not processes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, field
from functools import partial
from pathlib import Path
from typing import Final

import platformdirs
from filelock import BaseFileLock, FileLock, Timeout

from countagg.core.errors import EngineProblem
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import Polling
from countagg.whole_file import write_whole

_SCHEMA: Final = 2
_PRIVATE_FOLDER: Final = 0o700
_PRIVATE_FILE: Final = 0o600
_TAIL_BYTES: Final = 64 * 1024
_LOCK_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What the owner of an engine signs with: another one each run, in the record and the engine's memory alone.

    Its id does not look like one of AWS's, so that it is never taken for an account's.
    """

    id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> AccessKey:
        """Return one that nobody can guess."""
        return cls(f"LOCAL{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))


@dataclass(frozen=True, slots=True)
class EngineRecord:
    """One run of the engine.

    Attributes:
        pid: process id of the server, which is also its session id.
        port: TCP port on 127.0.0.1.
        created: when the operating system says the process began, in seconds since 1970; tells a re-used pid.
        version: release of ministack.
        enforce_policies: whether IAM policies are enforced.
        started_at: UTC, ISO 8601.
        access_key: what its owner signs with.
    """

    pid: int
    port: int
    created: float
    version: str
    enforce_policies: bool
    started_at: str
    access_key: AccessKey

    @property
    def endpoint_url(self) -> str:
        """The address that AWS clients are pointed at."""
        return f"http://127.0.0.1:{self.port}"


def default_state_dir() -> Path:
    """Return the folder for the user's state: `$XDG_STATE_HOME/countagg/local`, or the platform's own place.

    Raises:
        EngineProblem: this user has no home folder.
    """
    try:
        path = platformdirs.user_state_path("countagg") / "local"
    except RuntimeError as exc:
        raise _homeless() from exc
    if not path.is_absolute():  # what releases of platformdirs before 4.9 return instead
        raise _homeless()
    return path


def _homeless() -> EngineProblem:
    # In a container, a user may have neither HOME nor an account.
    return EngineProblem(
        "this user has no home folder to keep the embedded engine's state in",
        hint="set HOME or XDG_STATE_HOME to a folder that is writable",
    )


class StateFolder:
    """The folder that holds an engine's record, lock, log and data.

    Its methods raise `EngineProblem`, naming the folder, when the file system refuses.

    Args:
        root: need not exist; nothing is created before `prepare`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log_path = root / "engine.log"
        self.previous_log_path = root / "engine.log.1"
        self.data_path = root / "data"
        self._record_path = root / "engine.json"
        self._lock_path = root / "lock"

    def prepare(self) -> None:
        """Create the folder, for its owner alone."""
        with self._explained():
            self.root.mkdir(parents=True, exist_ok=True)
            if self.root.stat().st_uid == os.geteuid():
                self.root.chmod(_PRIVATE_FOLDER)
            _check_own(self.root, self.root.stat())

    @contextmanager
    def locked(self, polling: Polling) -> Iterator[None]:
        """Hold the folder against other processes that start or stop the engine.

        Raises:
            EngineProblem: somebody else has held it until nobody waits any longer.
        """
        lock = FileLock(self._lock_path, mode=_PRIVATE_FILE, blocking=False)
        with self._explained():
            is_held = polling.until(partial(_try_lock, lock), _LOCK_POLL_SECONDS)
        if not is_held:
            raise EngineProblem(
                f"another command has been starting or stopping the engine for {polling.timeout:g} s",
                where=str(self.root),
                hint="wait for it, or end it",
            )
        try:
            yield
        finally:
            lock.release()

    def read(self) -> EngineRecord | None:
        """Return the record of the engine that was started last and not stopped since.

        Raises:
            EngineProblem: the record cannot be understood, or others may have written it.
        """
        with self._explained():
            try:
                text = self._read_own()
            except FileNotFoundError:
                return None
        try:
            return _parse_record(text)
        except (ValueError, KeyError, TypeError) as exc:
            raise EngineProblem(
                "the record of the running engine cannot be read",
                where=str(self._record_path),
                hint="end any `python ... -m countagg.local.server` that is left, then delete this file",
                detail=repr(exc),
            ) from exc

    def _read_own(self) -> bytes:
        """Return the record's bytes, which say whom to end and where data goes: from this user's own hand alone.

        Raises:
            EngineProblem: folder or file is another user's, or others may write it.
        """
        with open(self._record_path, "rb", opener=_no_link) as file:
            _check_own(self.root, self.root.stat())
            _check_own(self._record_path, os.fstat(file.fileno()))
            return file.read()

    def write(self, record: EngineRecord) -> None:
        """Store the record; a reader sees the old one or the new one, never a part."""
        text = json.dumps({"schema": _SCHEMA, **asdict(record)}, indent=2) + "\n"
        with self._explained():
            write_whole(self._record_path, text.encode(), private=True)

    def forget(self) -> None:
        """Remove the record and the data; the logs stay."""
        with self._explained():
            self._record_path.unlink(missing_ok=True)
            self._remove_data()

    def fresh_data(self) -> Path:
        """Return an empty data folder with the sub-folders that the engine is told of."""
        with self._explained():
            self._remove_data()
            for folder in ("", "home", "tmp", "s3", "state"):
                (self.data_path / folder).mkdir(mode=_PRIVATE_FOLDER)
        return self.data_path

    def rotate_log(self) -> None:
        """Make room for the log of a new run."""
        with self._explained():
            if self.log_path.exists():
                self.log_path.replace(self.previous_log_path)

    def open_log(self) -> int:
        """Return a file descriptor that appends to the log; the caller closes it."""
        with self._explained():
            return os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, _PRIVATE_FILE)

    def read_log(self, last: int | None = None) -> list[str]:
        """Return the lines of the log, or the last so many of them (out of its last 64 KiB)."""
        with self._explained():
            if not self.log_path.exists():
                return []
            with self.log_path.open("rb") as file:
                if last is None:
                    return file.read().decode(errors="replace").splitlines()
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        return lines[-last:] if last > 0 else []

    def _remove_data(self) -> None:
        if self.data_path.exists():
            shutil.rmtree(self.data_path)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise EngineProblem(
                f"the folder for the engine's state cannot be used: {exc.strerror or exc}",
                where=str(self.root),
                hint="make it writable, or set XDG_STATE_HOME to a folder that is",
                detail=str(exc),
            ) from exc


def _try_lock(lock: BaseFileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def _check_own(path: Path, owned: os.stat_result) -> None:
    """Refuse what another user may have written.

    Raises:
        EngineProblem: it is another user's, or others may write it.
    """
    if owned.st_uid != os.geteuid() or owned.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EngineProblem(
            "the state of the embedded engine is not trusted: another user may have written it",
            where=str(path),
            hint="run it as the user that started the engine, or set XDG_STATE_HOME to a folder of yours",
        )


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


def _parse_record(text: bytes) -> EngineRecord:
    fields = json.loads(text)
    if fields["schema"] != _SCHEMA:
        raise ValueError(f"schema {fields['schema']!r}")
    record = EngineRecord(
        pid=int(fields["pid"]),
        port=int(fields["port"]),
        created=float(fields["created"]),
        version=str(fields["version"]),
        enforce_policies=bool(fields["enforce_policies"]),
        started_at=str(fields["started_at"]),
        access_key=AccessKey(str(fields["access_key"]["id"]), str(fields["access_key"]["secret"])),
    )
    # Signals to process 0, 1 or below reach a whole group, the init process or everything.
    if record.pid <= 1:
        raise ValueError(f"pid {record.pid}")
    return record
