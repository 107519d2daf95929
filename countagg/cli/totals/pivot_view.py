"""A history as a matrix: a row a day, a column a counter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from countagg.cli.terminal.columns import GAP
from countagg.cli.terminal.render import grouped, write_table
from countagg.core.printable import printable
from countagg.core.values import format_value, to_number
from countagg.operate.totals.history import History

if TYPE_CHECKING:
    from rich.console import Console

_DATE: Final = "DATE"
_VALUE: Final = "VALUE"
"""Above the column of a counter whose name is wider than the terminal, and stands alone above."""


def pivot_header(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns."""
    return (_DATE, *names)


def pivot_rows(history: History, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the rows of CSV; what a day does not have is empty."""
    return [
        (day.day, *(format_value(day.totals[name]) if name in day.totals else "" for name in names))
        for day in history.days
    ]


def pivot_document(history: History, names: Sequence[str]) -> dict[str, object]:
    """Return the matrix as JSON has it; what a day does not have is null."""
    return {
        "since": history.days[0].day,
        "until": history.days[-1].day,
        "counters": list(names),
        "days": [day.day for day in history.days],
        "matrix": [
            [to_number(day.totals[name]) if name in day.totals else None for name in names] for day in history.days
        ],
    }


def write_pivot(console: Console, history: History, names: Sequence[str]) -> None:
    """Write the matrix for people: below each other, in blocks of as many counters as fit beside each other."""
    from rich.cells import cell_len
    from rich.text import Text

    columns = {
        name: [grouped(to_number(day.totals[name])) if name in day.totals else "" for day in history.days]
        for name in names
    }
    days = [day.day for day in history.days]
    widths = {name: max(map(cell_len, (printable(name), *cells))) for name, cells in columns.items()}
    room = console.width - max(map(len, days))
    for number, block in enumerate(split_into_blocks(list(widths.values()), room)):
        if number:
            console.print()
        header = [printable(name) for name in names[block]]
        if sum(widths[name] for name in names[block]) + GAP > room and len(header) == 1:
            console.print(Text(header[0], style="bold"), soft_wrap=True)
            header = [_VALUE]
        rows = zip(days, *(columns[name] for name in names[block]), strict=True)
        write_table(console, pivot_header(header), rows, frozenset(header))


def split_into_blocks(widths: Sequence[int], room: int, gap: int = GAP) -> Iterator[slice]:
    """Yield which columns stand beside each other: as many as have room, at least one; of none, one empty block.

    Args:
        widths: of the columns.
        room: for them and the gap before each.
        gap: how wide it is.
    """
    begin, used = 0, 0
    for number, width in enumerate(widths):
        if number > begin and used + gap + width > room:
            yield slice(begin, number)
            begin, used = number, 0
        used += gap + width
    yield slice(begin, len(widths))
