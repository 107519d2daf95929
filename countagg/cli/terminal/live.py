"""Commands that go on until somebody ends them: by Ctrl-C, or by going away."""

from __future__ import annotations

import csv
import signal
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

import typer

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.start import INTERRUPTED
from countagg.cli.terminal.render import for_reader, to_the_second
from countagg.cli.terminal.result import write_document_line
from countagg.cli.terminal.streams import is_deserted
from countagg.core.polling import FOREVER, Polling
from countagg.core.printable import printable

# Imported where something is drawn.
if TYPE_CHECKING:
    from rich.console import Console, ConsoleDimensions, RenderableType
    from rich.live_render import LiveRender

T = TypeVar("T")
Draw: TypeAlias = "Callable[[T, Console], RenderableType | None]"
"""Returns what a terminal shows of a look, within its size, which it asks for; None to leave it as it is."""
_RESIZE_SECONDS: Final = 0.2
"""After which a terminal of another size is drawn anew."""


@contextmanager
def until_interrupted(session: Session) -> Iterator[None]:
    """Take Ctrl-C for what it is here: the usual end."""
    try:
        yield
    except KeyboardInterrupt as end:
        if session.stderr.isatty():
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
                write_document_line(self._session, {"time": time, **document})
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
    follow: Callable[[Iterable[None]], Iterator[T]],
    interval: float,
    draw: Draw[T],
    append: Callable[[T], None],
    polling: Polling = FOREVER,
) -> None:
    """Show one look after the other, until Ctrl-C or until nobody reads any more.

    Args:
        session: where to.
        follow: yields a look after each moment that it is given.
        interval: seconds between two moments.
        draw: what a terminal shows of a look, in the place of what it showed; called again when its size changed.
        append: writes what there is to say of a look below what was written, in all other cases.
        polling: how to wait.
    """
    from countagg.cli.terminal.console import is_redrawn

    with until_interrupted(session):
        if session.options.output is OutputForm.TABLE and is_redrawn(session.result_console):
            painter = Painter(session.result_console, draw, polling)
            with painter.ready(), _when_going_on(painter.begin_anew):
                for look in while_read(session, follow(replace(polling, sleep=painter.pause).looks(interval))):
                    painter.show(look)
        else:
            for look in while_read(session, follow(polling.looks(interval))):
                append(look)


@contextmanager
def _when_going_on(act: Callable[[], None]) -> Iterator[None]:
    """Act when the process goes on after Ctrl-Z: where it stopped, the shell has written since."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCONT, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)


def _blank_frame() -> LiveRender:
    from rich.live_render import LiveRender

    return LiveRender("", vertical_overflow="crop")


class Painter(Generic[T]):
    """Draws in the place of what it drew before.

    Args:
        console: a terminal.
        draw: as of `show_live`.
        polling: how to wait.
    """

    def __init__(self, console: Console, draw: Draw[T], polling: Polling) -> None:
        self._console = console
        self._draw = draw
        self._polling = polling
        self._frame = _blank_frame()
        self._size: ConsoleDimensions | None = console.size
        self._shown: T | None = None

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Hide the cursor for as long as the block takes, and leave it below what was drawn."""
        self._console.show_cursor(show=False)
        try:
            yield
        finally:
            self._console.line()
            self._console.show_cursor(show=True)

    def show(self, look: T) -> None:
        """Draw a look."""
        is_blank = self._fit()
        drawn = self._draw(look, self._console)
        if drawn is not None:
            self._shown = look
        elif is_blank and self._shown is not None:
            drawn = self._draw(self._shown, self._console)
        if drawn is not None:
            self._paint(drawn)

    def begin_anew(self) -> None:
        """Have the next look, or the rest of a pause, draw at the top of a cleared terminal."""
        self._size = None

    def pause(self, seconds: float) -> None:
        """Wait, and meanwhile draw again whenever the terminal has another size, or is to be drawn anew."""
        clock = self._polling.clock
        end = clock() + seconds
        while (left := end - clock()) > 0:
            self._polling.sleep(min(_RESIZE_SECONDS, left))
            if self._fit() and self._shown is not None:
                self.show(self._shown)

    def _fit(self) -> bool:
        """Begin at the top where the size has changed: who knows how the terminal broke the lines anew."""
        if self._console.size == self._size:
            return False
        self._size = self._console.size
        self._frame = _blank_frame()
        self._console.clear()
        return True

    def _paint(self, drawn: RenderableType) -> None:
        with self._console:
            self._console.control(self._frame.position_cursor())
            self._frame.set_renderable(drawn)
            self._console.print(self._frame)


def most_that_fits(console: Console, count: int, draw: Callable[[int], RenderableType]) -> RenderableType:
    """Return what `draw` makes of as many rows as the console is high enough for, out of `count`."""

    def lines(number: int) -> int:
        return len(console.render_lines(draw(number), pad=False))

    rows = range(1, min(count, console.height) + 1)
    return draw(bisect_right(rows, console.height, key=lines))
