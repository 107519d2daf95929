"""The command that tells all there is of a day, and makes a page of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from countagg.aws.health import Health
from countagg.cli.app import completion
from countagg.cli.app.options import DOCUMENT_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import AnyDateOption
from countagg.cli.app.target_file import check_target
from countagg.cli.report.page import render_page
from countagg.cli.report.report_view import write_report
from countagg.core.days import resolve_day
from countagg.core.printable import printable
from countagg.data.queues import DeadLetterQueue
from countagg.operate.health.status import Inspector
from countagg.operate.report.reading import ReportReader
from countagg.provision.bundle import build_bundle

_MOST_DAYS: Final = 92
"""A quarter; more bars would have no room."""


@command("report", forms=DOCUMENT_FORMS)
def report(
    session: Session,
    date: AnyDateOption = None,
    save: Annotated[Path | None, typer.Option(help="Write a page too, as .html.")] = None,
    counter: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this counter, or those like 'http_*'; may be repeated.", autocompletion=completion.counters
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=2, max=_MOST_DAYS, help="Days of history, the day included.")] = 14,
    rows: Annotated[int, typer.Option(min=1, help="At most so many in a table of the page.")] = 100,
) -> None:
    """Tell all there is of a day: totals, what moved most, history, instances, refusals, health.

    The page is one file that needs no network and runs no script. Without a day it is today's. What the principal
    may not read is named, and no error.

    Example: countagg report --date yesterday --save report.html
    """
    if save is not None:
        check_target(save, "page", (".html",))
    now = session.now()
    day = resolve_day(date or "today", now)
    with session.busy(f"reading {day}"):
        found = _reader(session, tuple(counter or ())).read(day, days, now)
    if save is not None:
        session.save(save, render_page(found, rows).encode())
    write_report(session, found)
    if found.not_allowed:
        denied = printable(", ".join(found.not_allowed))
        session.remark(f"not all could be read; missing permissions: {denied}")


def _reader(session: Session, patterns: tuple[str, ...]) -> ReportReader:
    pipeline = session.pipeline
    inspector = Inspector(pipeline, Health(session.clients, pipeline.settings), build_bundle().sha256, session.now)
    return ReportReader(
        pipeline, DeadLetterQueue(session.clients, pipeline.settings.dead_letters_url), inspector, patterns
    )
