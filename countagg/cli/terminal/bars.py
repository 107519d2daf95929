"""The columns of all progress bars: what grows or changes stands last, so that nothing jumps."""

from __future__ import annotations

from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

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
