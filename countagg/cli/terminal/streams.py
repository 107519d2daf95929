"""Standard streams as a process may be given them: closed, full, without a reader, with few characters."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from countagg.core.errors import CountaggError
from countagg.core.printable import printable
from countagg.redaction import SENT

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_ESCAPED: Final = "backslashreplace"


class _PatientFile(io.FileIO):
    """Writes to a descriptor that does not block, as Node.js leaves its pipes: it waits where that has no room.

    Only for those: Ctrl-C may interrupt it, unlike `FileIO`, between a write and what says how much was written,
    which then is written again.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        # FileIO says None where the descriptor would have blocked.
        while (written := cast("int | None", super().write(data))) is None:
            poll = select.poll()
            poll.register(self.fileno(), select.POLLOUT)
            poll.poll()
        return written


def open_standard_streams() -> None:
    """Make `sys.stdin`, `sys.stdout` and `sys.stderr` streams that a command can work with.

    One that is closed is empty, or loses what is written: a file or a connection that took its number would get it
    instead. A character that the encoding lacks is written as an escape.
    """
    for descriptor in (0, 1, 2):
        _open_if_closed(descriptor)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    cast("io.TextIOWrapper", sys.stdin).reconfigure(errors="replace")
    sys.stdout = outlive_reader(_writer(1, sys.stdout))
    sys.stderr = outlive_reader(_writer(2, sys.stderr), dispensable=True)


def _open_if_closed(descriptor: int) -> None:
    try:
        os.fstat(descriptor)
    except OSError:
        # The lowest number that is free: those below it are open by now. Our children have it too.
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - takes no keyword


def _writer(descriptor: int, given: TextIO | None) -> TextIO:
    """Return a text stream on a descriptor, buffered and encoded as Python has made the given one.

    Where Python shall buffer nothing (PYTHONUNBUFFERED, as in most container images) lines are written at once.
    """
    at_once = bool(getattr(given, "line_buffering", False) or getattr(given, "write_through", False))
    file = io.FileIO if os.get_blocking(descriptor) else _PatientFile
    return io.TextIOWrapper(
        io.BufferedWriter(file(descriptor, "wb", closefd=False)),
        encoding=given.encoding if given else "utf-8",
        errors=_ESCAPED,
        line_buffering=at_once,
    )


def encodable(text: str, encoding: str | None) -> str:
    """Return the text with every character that an encoding lacks written as an escape.

    Args:
        text: any.
        encoding: of a stream; None of one that holds text as it is.
    """
    return text.encode(encoding, _ESCAPED).decode(encoding) if encoding else text


class _OutlivingReader:
    """Writes to a stream. Once nobody reads it any more, the rest is dropped, and the work goes on.

    It is no `io` class: those close, and so flush, what they hold when they are collected.

    A setup is not cut short because a pager was closed, and the exit code stays that of the work. Only what has no
    end of its own asks `is_deserted` and stops.

    It is the one way out of a command: what a service repeats of the secrets in a request goes no further.

    A result that cannot be written for another reason, such as a full disk, is a failure; a remark is dropped.
    """

    def __init__(self, stream: TextIO, *, dispensable: bool) -> None:
        self._stream = stream
        self._dispensable = dispensable
        self.deserted = False

    def write(self, text: str) -> int:
        try:
            self._stream.write(SENT.hide(text))
        except OSError as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        # What is still buffered has nowhere to go either, not even at the end of the process.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if isinstance(error, BrokenPipeError) or self._dispensable:
            self.deserted = True
        else:
            raise CountaggError(
                f"it cannot be written: {error.strerror}",
                where="stdout",
                hint="see where it is redirected to",
            ) from error

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a stream has
        return getattr(self._stream, name)


def outlive_reader(stream: TextIO, *, dispensable: bool = False) -> TextIO:
    """Return the stream, made to outlive its reader.

    Args:
        stream: one of the standard streams.
        dispensable: what cannot be written may be lost; otherwise writing raises a CountaggError.
    """
    if isinstance(stream, _OutlivingReader):
        return stream
    return cast("TextIO", _OutlivingReader(stream, dispensable=dispensable))


def is_deserted(stream: TextIO) -> bool:
    """Tell whether the reader of a pipe is gone, or the terminal. A file has none to lose."""
    if getattr(stream, "deserted", False):
        return True
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return False
    poll = select.poll()
    # Errors and hang-ups are told without being asked for.
    poll.register(descriptor, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def printable_lines(text: str) -> str:
    """Return a text as a terminal may show it, its lines kept; what was sent in secret is hidden.

    Before lines are broken, which would part a secret.
    """
    return "\n".join(map(printable, SENT.hide(text).split("\n")))
