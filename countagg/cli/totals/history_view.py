"""A history in all forms: rows of days, and on a terminal a chart below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.chart import NARROWEST, Line, draw_chart
from countagg.cli.terminal.render import grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.cli.totals.pivot_view import pivot_document, pivot_header, pivot_rows, split_into_blocks, write_pivot
from countagg.core.printable import printable
from countagg.core.values import format_value, to_number
from countagg.operate.totals.history import History

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "red")
_HEADER: Final = ("DATE", "COUNTER", "VALUE")


def write_history(session: Session, history: History) -> None:
    """Write a history in the form that is asked for, a row a day and counter."""
    rows = [(day.day, name, value) for day in history.days for name, value in day.totals.items()]

    def write_text() -> None:
        shown = [(day, name, grouped(to_number(value))) for day, name, value in rows]
        write_table(session.result_console, _HEADER, shown, frozenset({"VALUE"}), titles=2)
        _write_chart(session, history)

    exact = ((day, name, format_value(value)) for day, name, value in rows)
    write_result(session, history_document(history), _HEADER, exact, write_text)


def write_matrix(session: Session, history: History, names: Sequence[str]) -> None:
    """Write a history in the form that is asked for, a row a day and a column a counter.

    Args:
        session: where to.
        history: what is shown.
        names: of the counters, in the order of the columns.
    """

    def write_text() -> None:
        write_pivot(session.result_console, history, names)
        _write_chart(session, history)

    document, rows = pivot_document(history, names), pivot_rows(history, names)
    write_result(session, document, pivot_header(names), rows, write_text)


def history_document(history: History) -> dict[str, object]:
    """Return a history as JSON has it."""
    return {
        "since": history.days[0].day,
        "until": history.days[-1].day,
        "history": [
            {
                "date": day.day,
                "version": day.version,
                "totals": {name: to_number(value) for name, value in day.totals.items()},
            }
            for day in history.days
        ],
    }


def _write_chart(session: Session, history: History) -> None:
    """Write a chart of many days, if there is somebody to look at it."""
    console = session.result_console
    if not console.is_terminal:
        return
    shown = history.names[: len(_COLOURS)]
    lines = [
        Line([(index, float(to_number(value))) for index, value in history.series(name)], colour)
        for name, colour in zip(shown, _COLOURS, strict=False)
    ]
    if len({index for line in lines for index, _ in line.points}) <= 1:
        return
    if not console.encoding.startswith("utf"):
        session.remark(f"no chart: it cannot be written in {console.encoding}", style="dim")
        return
    if console.width < NARROWEST:
        session.remark(f"no chart: it takes {NARROWEST} columns", style="dim")
        return
    from rich.text import Text

    chart = draw_chart(lines, [day.day for day in history.days], console.width)
    console.print(Text.from_ansi(f"\n{chart}"), soft_wrap=True)
    _write_legend(console, shown)
    if len(history.names) > len(shown):
        session.remark(
            f"the chart shows {len(shown)} of {len(history.names)} counters; see --counter and --top", style="dim"
        )


def _write_legend(console: Console, names: Sequence[str]) -> None:
    """Write which line is whose; no name is parted from its colour."""
    from rich.text import Text

    entries = [
        Text.assemble(("━━ ", colour), printable(name)) for name, colour in zip(names, _COLOURS, strict=False)
    ]
    apart = "   "
    room = console.width + len(apart)
    for block in split_into_blocks([entry.cell_len for entry in entries], room, len(apart)):
        console.print(Text(apart).join(entries[block]), soft_wrap=True)
