"""The state on disk: written whole beside the old one, then put in its place, so that a kill leaves one of them.

`countagg/upload` in the XDG state directory holds a file for each bucket, prefix and instance.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import platformdirs
from filelock import FileLock, Timeout

from countagg.core.errors import CountaggError, UsageError
from countagg.operate.upload.day_sums import Baseline, SentContent, UploadState

SCHEMA: Final = 1
_PRIVATE: Final = 0o600
_NAME_ANOTHER: Final = "name another file by --state"
_BEGIN_ANEW: Final = (
    "put back a copy, or move it away: what a source counted before today, counts then from now on"
)
_OTHER_SCHEMA: Final = f"use the countagg that wrote it, or {_NAME_ANOTHER}"


def default_state_path(where: str, instance: str) -> Path:
    """Return where the state of an instance's uploads is kept, unless --state says otherwise.

    Args:
        where: bucket and prefix.
        instance: the instance id.

    Raises:
        UsageError: the user has no home.
    """
    digest = hashlib.sha256(f"{where}\n{instance}".encode()).hexdigest()[:12]
    try:
        return platformdirs.user_state_path("countagg") / "upload" / f"{instance}-{digest}.json"
    except RuntimeError as error:
        raise UsageError(
            "this user has no home to keep the state in", where="--state", hint="give --state"
        ) from error


class StateFile:
    """The state of one instance's uploads.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = path.with_name(f"{path.name}.new")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process off for as long as the block takes.

        Raises:
            CountaggError: another one is at work, the folder cannot be written, or no file stands there: a pipe or
                a device may have no end.
        """
        with self._errors("cannot be used"):
            if self.path.exists() and not self.path.is_file():
                raise CountaggError("it is no regular file", where=str(self.path), hint=_NAME_ANOTHER)
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.path.with_name(f"{self.path.name}.lock"), mode=_PRIVATE, blocking=False)
            try:
                lock.acquire()
            except Timeout as error:
                raise CountaggError(
                    "another upload is at work with this state",
                    where=str(self.path),
                    hint=f"let it end, or {_NAME_ANOTHER}",
                ) from error
        try:
            yield
        finally:
            lock.release()

    def load(self) -> UploadState:
        """Read the state; an empty one if there is none yet.

        Raises:
            CountaggError: it cannot be read, or is of another schema; it stays as it is.
        """
        with self._errors("cannot be read"):
            try:
                content = self.path.read_bytes()
            except FileNotFoundError:
                return UploadState()
        try:
            document = json.loads(content)
            schema = document["schema"]
            if schema == SCHEMA:
                return _from_document(document)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._unusable("is damaged", _BEGIN_ANEW) from error
        raise self._unusable(f"is of schema {schema!r}, and this countagg knows {SCHEMA}", _OTHER_SCHEMA)

    def save(self, state: UploadState) -> None:
        """Put a state into the place of the last, so that after a crash either of them is there.

        Raises:
            CountaggError: it cannot be written; the last one stays.
        """
        content = json.dumps(_to_document(state), separators=(",", ":")).encode()
        with self._errors("cannot be written"):
            self._write(content)
            self._put_in_place()

    def _write(self, content: bytes) -> None:
        file = os.open(self._beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        try:
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
        except BaseException:
            # What fills the disk keeps others from writing too.
            self._beside.unlink()
            raise

    def _put_in_place(self) -> None:
        self._beside.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CountaggError(
                f"the state {what}: {error.strerror}", where=str(self.path), hint=_NAME_ANOTHER
            ) from error

    def _unusable(self, what: str, hint: str) -> CountaggError:
        return CountaggError(f"the state {what}; it is left as it is", where=str(self.path), hint=hint)


def _to_document(state: UploadState) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(state)}


def _from_document(document: Mapping[str, Any]) -> UploadState:
    return UploadState(
        values=document["values"],
        read_at=None if document["read_at"] is None else float(document["read_at"]),
        sources={
            source: Baseline(str(each["selection"]), _values(each["counters"]))
            for source, each in document["sources"].items()
        },
        days={day: _values(counters) for day, counters in document["days"].items()},
        sent={day: SentContent(str(each["where"]), str(each["digest"])) for day, each in document["sent"].items()},
    )


def _values(counters: Mapping[str, Any]) -> dict[str, int]:
    for value in counters.values():
        # In Python true is a number.
        if type(value) is not int:
            raise TypeError(value)
    return dict(counters)
