"""What the sections of the page have in common: moments, counts, what is left out, what may not be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from countagg.cli.app.options import DEFAULT_STACK
from countagg.cli.report.elements import Html, element
from countagg.cli.terminal.render import counted, grouped, to_the_second
from countagg.core.values import to_number
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.moves import Move
from countagg.operate.report.report import DayReport

_T = TypeVar("_T")
_ABSENT: Final = "\u2013"


def section(name: str, title: str, *children: str) -> Html:
    """Return a section of the page, with its heading."""
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, *children, id=name, aria_labelledby=f"{name}-title")


def sentence(text: str) -> Html:
    """Return a sentence that stands alone."""
    return element("p", text, class_="remark")


def denied(part: NotAllowed) -> Html:
    """Return what stands in place of what the principal may not read."""
    return element("p", part.text, class_="denied")


def moment(at: datetime) -> Html:
    """Return a time in UTC."""
    return element("time", f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", datetime=to_the_second(at))


def first_of(found: Sequence[_T], most: int, what: str, how: str) -> tuple[Sequence[_T], list[Html]]:
    """Return as many as a table has room for, and what is said of the others.

    Args:
        found: all of them, in their order.
        most: rows of a table.
        what: one of them is.
        how: all of them can be seen.
    """
    left = len(found) - most
    if left <= 0:
        return found, []
    return found[:most], [sentence(f"{counted(left, what)} not shown here: {how}.")]


def total(value: int | None) -> str:
    """Return a total, in units of 10^-9, as `query` shows it; what a day does not have is a dash."""
    return _ABSENT if value is None else grouped(to_number(value))


def count_moves(moves: Sequence[Move]) -> str:
    """Return how many counters changed, came and went."""
    new, gone = sum(each.before is None for each in moves), sum(each.now is None for each in moves)
    others = "".join(f", {count:,} {what}" for count, what in ((new, "new"), (gone, "gone")) if count)
    return f"{len(moves) - new - gone:,} changed{others}"


def command(report: DayReport, words: str) -> str:
    """Return a command on the report's stack; who reads the page has an account and a region of his own."""
    return f"countagg{'' if report.stack == DEFAULT_STACK else f' --stack {report.stack}'} {words}"
