"""Progress bars, on stderr: what grows or changes stands last in a line, so that nothing jumps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column
from rich.text import Text

from countagg.cli.app.session import Session
from countagg.cli.terminal.console import is_redrawn

_BAR: Final = 20
_LARGE: Final = 10_000


class _Label(TextColumn):
    """What a bar is about, on one line: it gives way where a line has too little room, and nothing else does."""

    def __init__(self) -> None:
        super().__init__("{task.description}", markup=False, table_column=Column(no_wrap=False))

    def render(self, task: Task) -> Text:
        """Return the label, cut where the line ends."""
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


def bar_columns(total: int = _LARGE) -> tuple[ProgressColumn, ...]:
    """Return bar, counts, time and label.

    Args:
        total: to which they count; larger numbers move what stands behind them.
    """
    counts = len(f"{total}/{total}")
    return (
        BarColumn(bar_width=_BAR, table_column=Column(no_wrap=True)),
        MofNCompleteColumn(table_column=Column(min_width=counts, justify="right", no_wrap=True)),
        TimeElapsedColumn(table_column=Column(no_wrap=True)),
        _Label(),
    )


def progress_bar(session: Session) -> Progress:
    """Return bars with counts and time; they show nothing off a terminal, on a dumb one, or with --quiet."""
    return Progress(
        *bar_columns(),
        console=session.progress_console,
        disable=session.options.quiet or not is_redrawn(session.progress_console),
    )


@contextmanager
def stepwise(session: Session) -> Iterator[Callable[[str, int, int], None]]:
    """Show steps that are known only when they begin.

    Yields:
        What is to be told about a step: its name, how much of it is done, and out of how much.
    """
    bars: dict[str, TaskID] = {}
    with progress_bar(session) as progress:

        def tell(what: str, done: int, total: int) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done, total=total)

        yield tell
