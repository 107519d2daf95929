"""The sections on totals: what moved most, all of them, and their history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from countagg.cli.report.bars import LARGE, SMALL, describe_values, draw_bars
from countagg.cli.report.elements import Html, element, name_of, table
from countagg.cli.report.parts import command, count_moves, denied, first_of, section, sentence, total
from countagg.cli.terminal.render import counted, signed
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.moves import Move
from countagg.operate.report.report import DayReport
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay

_MOVES: Final = 10
_CHARTS: Final = 6
_RUNS: Final = 5
"""Of days without totals, that are named."""
_NO_DECIMALS: Final = 100
"""Percent from which on decimals say nothing."""
_BEYOND: Final = 10_000
"""Percent from which on the number says nothing."""


def moves_section(report: DayReport) -> Html:
    """Return the counters that moved most against the day before."""
    return section("moves", "What moved most", *_moves(report))


def _moves(report: DayReport) -> Iterator[Html]:
    if isinstance(report.history, NotAllowed):
        yield denied(report.history)
    elif not report.history.days[-1].version:
        yield sentence(f"There are no totals of {report.day}.")
    elif report.before is None or report.moves is None:
        yield sentence("There are no totals of the day before to compare with.")
    else:
        yield sentence(_tell_moves(report.moves, report.history))
        if report.moves:
            # On a phone, what stands first is seen first.
            header = ("Counter", "Change", "Difference", report.day, report.before.day)
            rows = map(_move_row, report.moves[:_MOVES])
            yield table(
                f"Totals of {report.day} beside those of the day before", header, rows, range(1, len(header))
            )


def _tell_moves(moves: Sequence[Move], history: History) -> str:
    day_before, day = history.days[-2:]
    same = len(day_before.totals.keys() | day.totals.keys()) - len(moves)
    told = f"{count_moves(moves)}{f', {same:,} the same' if same else ''} against {day_before.day}."
    return f"{told} Those {_MOVES} moved farthest for their size." if len(moves) > _MOVES else told


def _move_row(move: Move) -> tuple[str, ...]:
    kind = "down" if move.difference < 0 else "up"
    return (
        move.counter,
        element("span", _tell_change(move), class_=kind),
        signed(move.difference),
        total(move.now),
        total(move.before),
    )


def _tell_change(move: Move) -> str:
    if move.now is None:
        return "gone"
    if move.percent is None:
        return "new" if move.before is None else "from 0"
    if abs(move.percent) > _BEYOND:
        return f"> {_BEYOND:,} %" if move.percent > 0 else f"< -{_BEYOND:,} %"
    decimals = 0 if abs(move.percent) >= _NO_DECIMALS else 1
    return f"{float(move.percent):+,.{decimals}f} %"


def totals_section(report: DayReport, most: int) -> Html:
    """Return the totals, the largest first, at most so many."""
    return section("totals", "Totals", *_totals(report, most))


def _totals(report: DayReport, most: int) -> Iterator[Html]:
    if isinstance(report.history, NotAllowed):
        yield denied(report.history)
        return
    day = report.history.days[-1]
    if not day.version:
        yield sentence(
            f"There are no totals of {day.day} (UTC): no file was uploaded for it, or they have expired."
        )
    elif not day.totals:
        what = "There is no such counter" if report.patterns else "Nothing is counted"
        yield sentence(f"{what} on this day.")
    else:
        how = f"{command(report, 'query')} --date {day.day} shows all"
        shown, left = first_of(list(day.totals.items()), most, "smaller counter", how)
        days = [each.day for each in report.history.days]
        rows = (
            (name, total(value), draw_bars(days, _values(report.history, name), SMALL)) for name, value in shown
        )
        label = "The largest totals" if left else "All totals"
        header = ("Counter", "Total", f"{len(days)} days")
        yield table(f"{label} of {day.day}", header, rows, {1})
        yield from left


def history_section(report: DayReport) -> Html:
    """Return the largest counters day by day."""
    return section("history", "History", *_history(report))


def _history(report: DayReport) -> Iterator[Html]:
    history = report.history
    if isinstance(history, NotAllowed):
        yield denied(history)
        return
    all_names = history.names
    names = all_names[:_CHARTS]
    first, last = history.days[0].day, history.days[-1].day
    if not names:
        yield sentence(f"There are no totals from {first} to {last}.")
        return
    which = (
        "all counters" if len(all_names) <= _CHARTS else f"the {_CHARTS} largest of {len(all_names):,} counters"
    )
    yield sentence(f"From {first} to {last}, {which}; each on a scale of its own that has 0 on it.")
    if lacking := _days_without_totals(history):
        yield sentence(lacking)
    yield element("div", *(_chart(history, name) for name in names), class_="charts")
    header = ("Day", *map(name_of, names))
    rows = ((day.day, *(total(day.totals.get(name)) for name in names)) for day in reversed(history.days))
    numbers = table(f"Totals from {first} to {last}", header, rows, range(1, len(header)))
    yield element("details", element("summary", "The same as numbers"), numbers)


def _days_without_totals(history: History) -> str:
    count = sum(not day.version for day in history.days)
    if not count:
        return ""
    runs = [[day.day for day in days] for has_totals, days in groupby(history.days, _has_totals) if not has_totals]
    told = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    more = " and others before" if len(told) > _RUNS else ""
    return f"{counted(count, 'day')} without totals: {', '.join(told[-_RUNS:])}{more}."


def _has_totals(day: TotalsOfDay) -> bool:
    return day.version > 0


def _chart(history: History, name: str) -> Html:
    days, values = [day.day for day in history.days], _values(history, name)
    return element(
        "figure",
        element("figcaption", element("span", name_of(name), class_="name"), element("b", total(values[-1]))),
        draw_bars(days, values, LARGE),
        element("p", *_axis(days), class_="axis"),
        element("p", describe_values(values), class_="range"),
    )


def _axis(days: Sequence[str]) -> Iterable[Html]:
    return (element("span", days[0]), element("span", days[-1]))


def _values(history: History, name: str) -> list[int | None]:
    return [day.totals.get(name) for day in history.days]
