"""Totals as they change: redrawn in place on a terminal, lines that follow each other elsewhere."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.text import Text

from countagg.cli.live import until_interrupted, while_read
from countagg.cli.options import OutputForm
from countagg.cli.query_views import day_document
from countagg.cli.render import for_reader, grouped, make_table, printable, signed, write_json_line
from countagg.cli.session import Session
from countagg.core.values import format_value, to_number
from countagg.operate.watching import Look

_HEADER: Final = ("COUNTER", "VALUE", "CHANGE")
_NUMERIC: Final = frozenset({"VALUE", "CHANGE"})
_LINES_AROUND: Final = 4
"""Lines of a terminal that the table's header, the two lines of text and the cursor take."""


def show_looks(session: Session, looks: Iterator[Look]) -> None:
    """Show what changes, until Ctrl-C or until nobody reads it any more."""
    console = session.result_console
    redraws = session.options.output is OutputForm.TABLE and console.is_terminal and not console.is_dumb_terminal
    with until_interrupted(session):
        if redraws:
            _redraw(session, looks)
        else:
            _append(session, looks)


def _redraw(session: Session, looks: Iterator[Look]) -> None:
    with Live(console=session.result_console, auto_refresh=False) as live:
        for look in while_read(session, looks):
            if look.is_news:
                live.update(draw_look(look, session.result_console.height), refresh=True)


def draw_look(look: Look, height: int) -> Group:
    """Return what a terminal of that height shows of a look: as many counters as fit."""
    found = look.found
    rows = [
        (name, grouped(to_number(value)), signed(look.changes[name]) if name in look.changes else "")
        for name, value in found.totals.items()
    ]
    rows += [(name, "", signed(change)) for name, change in look.changes.items() if name not in found.totals]
    fitting = rows[: max(1, height - _LINES_AROUND)]
    told = f"{found.day}, version {found.version}, updated {found.updated_at}" if found.version else _nothing(look)
    left_out = f"and {len(rows) - len(fitting)} more; " if len(rows) > len(fitting) else ""
    return Group(
        make_table(_HEADER, fitting, _NUMERIC),
        Text(told, style="dim"),
        Text(f"{left_out}Ctrl-C ends", style="dim"),
    )


def _nothing(look: Look) -> str:
    return f"there are no totals for {look.found.day} (UTC) yet"


def _append(session: Session, looks: Iterator[Look]) -> None:
    form = session.options.output
    writer = csv.writer(session.stdout, lineterminator="\n")
    if form is OutputForm.CSV:
        writer.writerow(("TIME", "DATE", *_HEADER))
    for look in while_read(session, looks):
        if not look.is_news:
            continue
        now = f"{session.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if form is OutputForm.JSON:
            changes = {name: to_number(value) for name, value in look.changes.items()}
            write_json_line(session.stdout, {"time": now, **day_document(look.found), "changes": changes})
        elif form is OutputForm.CSV:
            for name, *numbers in news_of(look):
                shown = for_reader(session.stdout, name)
                writer.writerow((now, look.found.day, shown, *map(_exact, numbers)))
        elif not look.found.version:
            session.remark(_nothing(look))
        else:
            for name, value, change in news_of(look):
                words = (now, printable(name), grouped(to_number(value)), _in_brackets(change))
                session.stdout.write("  ".join(filter(None, words)) + "\n")


def news_of(look: Look) -> list[tuple[str, int, int | None]]:
    """Return what is new at a look: counters with their values and by how much these changed.

    At the first look these are all counters, without a change. A counter that is gone has the value 0.
    """
    totals = look.found.totals
    if look.is_first:
        return [(name, value, None) for name, value in totals.items()]
    return [(name, totals.get(name, 0), change) for name, change in look.changes.items()]


def _exact(value: int | None) -> str:
    return "" if value is None else format_value(value)


def _in_brackets(change: int | None) -> str:
    return "" if change is None else f"({signed(change)})"
