"""Instances in all forms: once, or again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.live import NewsWriter, most_that_fits, show_live
from countagg.cli.terminal.render import (
    counted,
    describe_age,
    grouped,
    make_table,
    to_the_second,
    write_table,
)
from countagg.cli.terminal.result import write_result
from countagg.operate.instances.roster import InstanceState, Roster

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType

_HEADER: Final = ("INSTANCE", "STATE", "UPLOADED", "COUNTERS", "BYTES", "REFUSED", "LANE")
_NUMERIC: Final = frozenset({"COUNTERS", "BYTES", "REFUSED", "LANE"})
_COLUMNS: Final = (
    *("INSTANCE", "DATE", "STATE", "UPLOADED_AT", "AGE_SECONDS"),
    *("COUNTERS", "BYTES", "REFUSED", "LANE"),
)
"""Of CSV."""
_MARKS: Final = {"STATE": {"SILENT": "bold red", "withdrawn": "dim"}}


def write_roster(session: Session, roster: Roster) -> None:
    """Write the instances in the form that is asked for."""
    write_result(
        session,
        roster_document(roster),
        _COLUMNS,
        (_cells(roster, each) for each in roster.instances),
        lambda: write_table(session.result_console, *_table(roster, roster.instances), _NUMERIC, _MARKS),
    )


def roster_document(roster: Roster) -> dict[str, Any]:
    """Return the instances as JSON has them."""
    return {
        "date": roster.day,
        "lanes": roster.lanes,
        "stale_seconds": None if roster.stale is None else int(roster.stale.total_seconds()),
        "silent": roster.silent,
        "instances": [
            {
                "instance": each.instance,
                "date": each.date,
                "uploaded_at": each.uploaded_at and each.uploaded_at.isoformat(timespec="seconds"),
                "age_seconds": _age(roster, each),
                "withdrawn": each.is_withdrawn,
                "silent": each.is_silent,
                "counters": each.counters,
                "bytes": each.bytes,
                "refused": each.refused,
                "lane": each.lane,
            }
            for each in roster.instances
        ],
    }


def _age(roster: Roster, state: InstanceState) -> int | None:
    age = state.age_seconds(roster.at)
    return None if age is None else int(age)


def _cells(roster: Roster, state: InstanceState) -> tuple[object, ...]:
    """Return the row of CSV; what is not known is empty."""
    uploaded_at = "" if state.uploaded_at is None else state.uploaded_at.isoformat(timespec="seconds")
    numbers = (_age(roster, state), state.counters, state.bytes, state.refused, state.lane)
    age, *others = ("" if each is None else each for each in numbers)
    return (state.instance, state.date, state_word(state), uploaded_at, age, *others)


def state_word(state: InstanceState) -> str:
    """Return the state of an instance in a word."""
    if state.is_silent:
        return "SILENT"
    if state.is_withdrawn:
        return "withdrawn"
    return "refused" if state.uploaded_at is None and state.refused else "ok"


def _table(roster: Roster, states: Iterable[InstanceState]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Return the table for people: lanes only where there are several, refusals only where they are known."""
    left_out = set()
    if roster.lanes == 1:
        left_out.add("LANE")
    if all(each.refused is None for each in roster.instances):
        left_out.add("REFUSED")
    rows = [dict(zip(_HEADER, _words(roster, each), strict=True)) for each in states]
    header = tuple(name for name in _HEADER if name not in left_out)
    return header, [[row[name] for name in header] for row in rows]


def _words(roster: Roster, state: InstanceState) -> tuple[str, ...]:
    age = state.age_seconds(roster.at)
    numbers = (state.counters, state.bytes, state.refused, state.lane)
    return (
        state.instance,
        state_word(state),
        "never" if age is None else f"{describe_age(age)} ago",
        *("" if each is None else grouped(each) for each in numbers),
    )


def show_rosters(session: Session, follow: Callable[[Iterable[None]], Iterator[Roster]], interval: float) -> None:
    """Show the instances as they are, until Ctrl-C or until nobody reads it any more.

    The parameters are those of `show_live`.
    Where it is not redrawn those are written that uploaded, or whose state changed; in JSON all, with their names.
    """
    writer = NewsWriter(session, *_COLUMNS)
    said: dict[str, tuple[object, ...]] = {}

    def append(roster: Roster) -> None:
        nonlocal said
        before, said = said, {each.instance: (each.uploaded_at, state_word(each)) for each in roster.instances}
        changed = [each for each in roster.instances if said[each.instance] != before.get(each.instance)]
        if changed:
            document = {**roster_document(roster), "changed": [each.instance for each in changed]}
            rows = [_cells(roster, each) for each in changed]
            writer.write(roster.at, document, rows, [_words(roster, each)[:3] for each in changed])

    show_live(session, follow, interval, draw_roster, append)


def draw_roster(roster: Roster, console: Console) -> RenderableType:
    """Return what a terminal shows: as many instances as fit, those that are silent first."""
    from rich.console import Group
    from rich.text import Text

    ordered = sorted(roster.instances, key=lambda each: (not each.is_silent, each.instance))
    told = f"{roster.day}: {counted(len(ordered), 'instance')}"
    if roster.stale is not None:
        told += f", {len(roster.silent)} silent"

    def draw(number: int) -> Group:
        left_out = _left_out(ordered[number:], is_asked=roster.stale is not None)
        return Group(
            make_table(*_table(roster, ordered[:number]), _NUMERIC, _MARKS, console.width),
            Text(f"{told}; {to_the_second(roster.at)}", style="dim"),
            Text(f"{left_out}Ctrl-C ends", style="dim"),
        )

    return most_that_fits(console, len(ordered), draw)


def _left_out(states: Sequence[InstanceState], *, is_asked: bool) -> str:
    """Return what is said of the instances that have no room; whether they are silent, if that is asked."""
    if not states:
        return ""
    silent = sum(each.is_silent for each in states)
    how = f", {silent:,} silent" if silent else ", none silent" if is_asked else ""
    return f"{counted(len(states), 'more instance')} not shown{how}; without --watch all are; "
