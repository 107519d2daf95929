"""Totals as they change: redrawn in place on a terminal, lines that follow each other elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.live import NewsWriter, most_that_fits, show_live
from countagg.cli.terminal.render import counted, grouped, make_table, show_moment, signed
from countagg.cli.totals.query_view import day_document
from countagg.core.values import format_value, to_number
from countagg.core.versions import changes_of
from countagg.operate.totals.watching import Look

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType

_HEADER: Final = ("COUNTER", "VALUE", "CHANGE")
_NUMERIC: Final = frozenset({"VALUE", "CHANGE"})


def show_looks(session: Session, follow: Callable[[Iterable[None]], Iterator[Look]], interval: float) -> None:
    """Show what changes, until Ctrl-C or until nobody reads it any more.

    The parameters are those of `show_live`.
    """
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

    show_live(session, follow, interval, draw_look, append)


def draw_look(look: Look, console: Console) -> RenderableType | None:
    """Return what a terminal shows of a look, if it is news: as many counters as fit, those that changed first."""
    from rich.console import Group
    from rich.text import Text

    if not look.is_news:
        return None
    totals = look.found.totals
    changed = [(name, _shown(totals.get(name)), signed(change)) for name, change in look.changes.items()]
    unchanged = [(name, _shown(value), "") for name, value in totals.items() if name not in look.changes]
    rows = changed + unchanged

    def draw(number: int) -> Group:
        left_out = _left_out(len(rows) - number, max(0, len(changed) - number), is_first=look.is_first)
        return Group(
            make_table(_HEADER, rows[:number], _NUMERIC, width=console.width),
            Text(_state(look), style="dim"),
            Text(f"{left_out}Ctrl-C ends", style="dim"),
        )

    return most_that_fits(console, len(rows), draw)


def _shown(value: int | None) -> str:
    return "" if value is None else grouped(to_number(value))


def _state(look: Look) -> str:
    totals = look.found
    if not totals.updated_at:
        return _nothing(look)
    return f"{totals.day}, version {changes_of(totals.version)}, updated {show_moment(totals.updated_at)}"


def _left_out(number: int, changed: int, *, is_first: bool) -> str:
    """Return what is said of the counters that have no room."""
    if not number:
        return ""
    how = "" if is_first else f", {changed:,} changed" if changed else ": unchanged"
    return f"{counted(number, 'more counter')} not shown{how}; see --counter and --top; "


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
