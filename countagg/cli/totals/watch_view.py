"""Totals as they change: redrawn in place on a terminal, lines that follow each other elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rich.console import Group
from rich.text import Text

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.live import NewsWriter, show_live
from countagg.cli.terminal.render import grouped, make_table, show_moment, signed
from countagg.cli.totals.query_view import day_document
from countagg.core.values import format_value, to_number
from countagg.core.versions import changes_of
from countagg.operate.totals.watching import Look

_HEADER: Final = ("COUNTER", "VALUE", "CHANGE")
_NUMERIC: Final = frozenset({"VALUE", "CHANGE"})
_LINES_AROUND: Final = 4
"""Lines of a terminal that the table's header, the two lines of text and the cursor take."""


def show_looks(session: Session, looks: Iterator[Look]) -> None:
    """Show what changes, until Ctrl-C or until nobody reads it any more."""
    writer = NewsWriter(session, "DATE", *_HEADER)

    def append(look: Look) -> None:
        if not look.is_news:
            return
        changes = {name: to_number(value) for name, value in look.changes.items()}
        news = news_of(look)
        rows = [(look.found.day, name, *map(_exact, numbers)) for name, *numbers in news]
        lines = [(name, grouped(to_number(value)), _in_brackets(change)) for name, value, change in news]
        writer.write(session.now(), {**day_document(look.found), "changes": changes}, rows, lines)
        if session.options.output is OutputForm.TABLE and not look.found.version:
            session.remark(_nothing(look))

    show_live(session, looks, lambda look, height: draw_look(look, height) if look.is_news else None, append)


def draw_look(look: Look, height: int) -> Group:
    """Return what a terminal of that height shows of a look: as many counters as fit."""
    totals = look.found
    rows = [
        (name, grouped(to_number(value)), signed(look.changes[name]) if name in look.changes else "")
        for name, value in totals.totals.items()
    ]
    rows += [(name, "", signed(change)) for name, change in look.changes.items() if name not in totals.totals]
    fitting = rows[: max(1, height - _LINES_AROUND)]
    told = _nothing(look)
    if totals.updated_at:
        told = f"{totals.day}, version {changes_of(totals.version)}, updated {show_moment(totals.updated_at)}"
    left_out = f"and {len(rows) - len(fitting)} more; " if len(rows) > len(fitting) else ""
    return Group(
        make_table(_HEADER, fitting, _NUMERIC),
        Text(told, style="dim"),
        Text(f"{left_out}Ctrl-C ends", style="dim"),
    )


def _nothing(look: Look) -> str:
    return f"there are no totals for {look.found.day} (UTC) yet"


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
