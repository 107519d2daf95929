"""Commands that go on until somebody ends them: by Ctrl-C, or by going away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer

from countagg.cli.registry import INTERRUPTED
from countagg.cli.session import Session
from countagg.cli.streams import is_deserted

T = TypeVar("T")


@contextmanager
def until_interrupted(session: Session) -> Iterator[None]:
    """Take Ctrl-C for what it is here: the usual end."""
    try:
        yield
    except KeyboardInterrupt as end:
        if session.progress_console.is_terminal:
            # The cursor stands behind the terminal's ^C.
            session.remark("")
        raise typer.Exit(INTERRUPTED) from end


def while_read(session: Session, looks: Iterator[T]) -> Iterator[T]:
    """Yield from a source without an end, for as long as somebody reads what is written."""
    for look in looks:
        yield look
        session.stdout.flush()
        if is_deserted(session.stdout):
            return
