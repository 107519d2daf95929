"""Commands that go on until somebody ends them: by Ctrl-C, or by going away."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import typer
from rich.console import RenderableType
from rich.live import Live

from countagg.cli.app.groups import INTERRUPTED
from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import for_reader, to_the_second, write_json_line
from countagg.cli.terminal.streams import is_deserted
from countagg.core.printable import printable

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


class NewsWriter:
    """Writes what is new at each look below what was written, in the form that is asked for.

    Args:
        session: where to.
        header: names of the columns in CSV, after that of the time.
    """

    def __init__(self, session: Session, *header: str) -> None:
        self._session = session
        self._rows = csv.writer(session.stdout, lineterminator="\n")
        if session.options.output is OutputForm.CSV:
            self._rows.writerow(("TIME", *header))

    def write(
        self,
        at: datetime,
        document: Mapping[str, Any],
        rows: Iterable[Sequence[object]],
        lines: Iterable[Sequence[str]],
    ) -> None:
        """Write what is new at a look.

        Args:
            at: when it was, aware.
            document: in JSON.
            rows: of CSV.
            lines: the words of each line for people; empty ones are left out.
        """
        stdout, time = self._session.stdout, to_the_second(at)
        match self._session.options.output:
            case OutputForm.JSON:
                write_json_line(stdout, {"time": time, **document})
            case OutputForm.CSV:
                for row in rows:
                    shown = (for_reader(stdout, cell) if isinstance(cell, str) else cell for cell in row)
                    self._rows.writerow((time, *shown))
            case _:
                for words in lines:
                    stdout.write("  ".join(map(printable, filter(None, (time, *words)))) + "\n")


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
