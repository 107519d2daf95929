"""What is said beside totals of files that they do not include yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import counted, describe_age
from countagg.core.errors import AwsCallFailed

if TYPE_CHECKING:
    from countagg.operate.totals.query import TotalsOfDay
    from countagg.operate.totals.waiting_files import WaitingFiles

_USUAL: Final = timedelta(minutes=1)
"""What is on its way for longer may have been refused, or is stuck."""


def look_for_waiting(session: Session, totals: TotalsOfDay) -> WaitingFiles | None:
    """Look for them where somebody wants to know; None where nobody looks, or nobody may list the bucket.

    Where there are totals only somebody at a terminal does: a program that reads them often pays for no listing.
    """
    is_told = not session.options.quiet and (not totals.version or session.stderr.isatty())
    if not is_told and (totals.version or session.options.output is not OutputForm.JSON):
        return None
    from countagg.operate.totals.waiting_files import find_waiting_files

    try:
        return find_waiting_files(session.pipeline, totals.day)
    except AwsCallFailed:
        return None


def tell_waiting(session: Session, totals: TotalsOfDay, waiting: WaitingFiles | None) -> None:
    """Say on stderr that there are no totals yet, or that they lack files."""
    beginning = "" if totals.version else f"there are no totals for {totals.day} (UTC) yet"
    told = "" if waiting is None else _told(totals.day, waiting, session)
    if beginning or told:
        session.remark(": ".join(filter(None, (beginning, told))))


def _told(day: str, waiting: WaitingFiles, session: Session) -> str:
    if waiting.oldest is None:
        return ""
    files = f"{'' if waiting.is_all else 'at least '}{counted(waiting.count, 'file')} not included yet"
    age = session.now() - waiting.oldest
    if age <= _USUAL:
        return files
    since = describe_age(age.total_seconds())
    return f"{files}, the first for {since}; `countagg verify --date {day}` tells why"
