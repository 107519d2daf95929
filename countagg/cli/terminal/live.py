"""Commands that go on until somebody ends them: by Ctrl-C, or by going away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer
from rich.console import RenderableType
from rich.live import Live

from countagg.cli.app.groups import INTERRUPTED
from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import to_the_second
from countagg.cli.terminal.streams import is_deserted

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


def utc_now_text(session: Session) -> str:
    """Return the time of a look: UTC, ISO 8601, to the second."""
    return to_the_second(session.now())


def show_live(
    session: Session,
    looks: Iterator[T],
    draw: Callable[[T, int], RenderableType | None],
    append: Callable[[T], None],
) -> None:
    """Show one look after the other, until Ctrl-C or until nobody reads any more.

    Args:
        session: where to.
        looks: without an end.
        draw: returns what a terminal of so many lines shows of a look, in the place of what it showed; None to
            leave that as it is.
        append: writes what there is to say of a look below what was written, in all other cases.
    """
    console = session.result_console
    redraws = session.options.output is OutputForm.TABLE and console.is_terminal and not console.is_dumb_terminal
    with until_interrupted(session):
        if redraws:
            _redraw(session, looks, draw)
        else:
            for look in while_read(session, looks):
                append(look)


def _redraw(session: Session, looks: Iterator[T], draw: Callable[[T, int], RenderableType | None]) -> None:
    with Live(console=session.result_console, auto_refresh=False) as live:
        for look in while_read(session, looks):
            drawn = draw(look, session.result_console.height)
            if drawn is not None:
                live.update(drawn, refresh=True)
