"""The cursor of a terminal, which no signal may leave hidden: a shell does not show it again."""

from __future__ import annotations

import io
import os
import signal
import threading
from contextlib import suppress
from types import FrameType
from typing import Final, TextIO

_SHOW: Final = b"\x1b[?25h"
_HIDE: Final = b"\x1b[?25l"
_SIGNALS: Final = (signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP)
"""Ctrl-\\, `kill` and Ctrl-Z; Ctrl-C is an exception, which ends what hides the cursor."""


class HiddenCursor:
    """Shows the cursor when a signal ends or stops the process, and hides it again when that goes on.

    A signal that somebody else takes is left to them. Only the main thread can take signals; others leave them.

    Args:
        file: the terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._taken: list[signal.Signals] = []

    def begin(self) -> None:
        """Take the signals; to be called when the cursor is hidden, however often."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._let_it_act)
                self._taken.append(number)

    def end(self) -> None:
        """Leave the signals to the system again; to be called when the cursor is shown."""
        if threading.current_thread() is threading.main_thread():
            while self._taken:
                signal.signal(self._taken.pop(), signal.SIG_DFL)

    def _let_it_act(self, number: int, _frame: FrameType | None) -> None:
        self._send(_SHOW)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)
        # It went on: it had only been stopped.
        signal.signal(number, self._let_it_act)
        self._send(_HIDE)

    def _send(self, code: bytes) -> None:
        # Past the buffer, in which the signal may have come. A terminal that is gone has no cursor.
        with suppress(OSError, io.UnsupportedOperation):
            os.write(self._file.fileno(), code)
