"""A day's report in the forms of the terminal: as JSON, and in short for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from countagg.cli.app.session import Session
from countagg.cli.dead_letters.letters_view import letter_document
from countagg.cli.health.status_view import status_document
from countagg.cli.instances.instances_view import roster_document
from countagg.cli.report.tiles import tiles_of
from countagg.cli.terminal.render import signed, write_table
from countagg.cli.terminal.result import write_result
from countagg.cli.totals.history_view import history_document
from countagg.cli.totals.query_view import day_document
from countagg.core.values import to_number
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.moves import Move
from countagg.operate.report.report import DayReport

_HEADER = ("WHAT", "HOW")
_MOVES = 3


def write_report(session: Session, report: DayReport) -> None:
    """Write a report in the form that is asked for."""
    rows = list(_rows(report))
    write_result(
        session,
        report_document(session, report),
        _HEADER,
        rows,
        lambda: write_table(session.result_console, _HEADER, rows),
    )


def report_document(session: Session, report: DayReport) -> dict[str, Any]:
    """Return a report as JSON has it: its parts as the commands have them that show each alone; null if denied."""
    history, roster, letters = report.history, report.roster, report.letters
    return {
        "stack": report.stack,
        "date": report.day,
        "counters": list(report.patterns),
        "read_at": report.at.isoformat(timespec="seconds"),
        "closed": None if isinstance(report.is_closed, NotAllowed) else report.is_closed,
        "not_allowed": report.not_allowed,
        "totals": None if report.totals is None else day_document(report.totals),
        "moves": None if report.moves is None else [_move_document(each) for each in report.moves],
        "history": None if isinstance(history, NotAllowed) else history_document(history),
        "instances": None if isinstance(roster, NotAllowed) else roster_document(roster),
        "refusals": None
        if isinstance(letters, NotAllowed)
        else [letter_document(each.letter, report.at) for each in report.refused],
        "health": status_document(session, report.hops),
    }


def _move_document(move: Move) -> dict[str, object]:
    return {
        "counter": move.counter,
        "before": None if move.before is None else to_number(move.before),
        "now": None if move.now is None else to_number(move.now),
        "difference": to_number(move.difference),
    }


def _rows(report: DayReport) -> Iterator[tuple[str, str]]:
    for tile in tiles_of(report):
        yield tile.name.lower(), f"{tile.value}: {tile.detail}"
    moves = report.moves or ()
    if moves:
        told = ", ".join(f"{each.counter} {signed(each.difference)}" for each in moves[:_MOVES])
        yield "moved most", told
