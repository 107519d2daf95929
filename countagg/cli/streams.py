"""Standard streams whose reader may go away, as in `countagg query ... | head -1`, or whose disk may be full."""

from __future__ import annotations

import os
import select
from typing import Any, TextIO, cast

from countagg.core.errors import CountaggError


class _OutlivingReader:
    """Writes to a stream. Once nobody reads it any more, the rest is dropped, and the work goes on.

    It is no `io` class: those close, and so flush, what they hold when they are collected.

    A setup is not cut short because a pager was closed, and the exit code stays that of the work. Only what has no
    end of its own asks `is_deserted` and stops.

    A result that cannot be written for another reason, such as a full disk, is a failure; a remark is dropped.
    """

    def __init__(self, stream: TextIO, *, dispensable: bool) -> None:
        self._stream = stream
        self._dispensable = dispensable
        self.deserted = False

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
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
