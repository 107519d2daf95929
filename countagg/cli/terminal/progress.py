"""Progress bars, on stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, TaskID

from countagg.cli.app.session import Session
from countagg.cli.terminal.bars import bar_columns


def progress_bar(session: Session) -> Progress:
    """Return bars with counts and time; they show nothing off a terminal, or with --quiet."""
    return Progress(
        *bar_columns(),
        console=session.progress_console,
        disable=session.options.quiet or not session.progress_console.is_terminal,
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
