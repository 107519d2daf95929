"""The command that tells where a total comes from, and where a file goes."""

from __future__ import annotations

from typing import Annotated

import typer

from countagg.cli.app import completion
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DIFFERENT, day_option
from countagg.cli.integrity.explain_view import write_counter, write_file
from countagg.cli.integrity.verify_command import observe
from countagg.cli.logs.logs_command import log_reader
from countagg.cli.terminal.progress import stepwise
from countagg.core.days import DAYS_SAID, resolve_day
from countagg.core.errors import UsageError
from countagg.operate.integrity.explain import explain_counter, file_key
from countagg.operate.integrity.file_lineage import follow_file
from countagg.operate.integrity.file_log import FileLog


@command("explain")
def explain(
    session: Session,
    what: Annotated[
        str,
        typer.Argument(
            metavar="COUNTER|FILE",
            help="A counter; or a file, as s3://BUCKET/KEY or as its key, with the prefix or without.",
            show_default=False,
            autocompletion=completion.counters,
        ),
    ],
    date: Annotated[str | None, day_option("--date", f"Of a counter: {DAYS_SAID}.", default="today")] = None,
) -> None:
    """Show the files that a total is the sum of, or what became of a file and which totals it feeds.

    Of a file also the lines of the logs that mention it, from a minute before its upload to 15 minutes after it.

    Example: countagg explain COUNTER1 --date yesterday
    """
    key = file_key(what, session.pipeline.settings)
    if key is None:
        _explain_counter(session, what, date or "today")
    elif date is not None:
        raise UsageError("the day of a file stands in its key", where="--date", hint="leave it out")
    else:
        _explain_file(session, key)


def _explain_counter(session: Session, counter: str, date: str) -> None:
    day = resolve_day(date, session.now())
    with stepwise(session) as tell:
        lineage = explain_counter(observe(session, day, tell), counter)
    write_counter(session, lineage)
    if lineage.expired:
        session.remark(f"the snapshots of {day} are past their retention; the files stand in for them")
    if lineage.adds_up is False:
        session.remark(f"the files do not give the total; `countagg verify --date {day}` tells what is wrong")
        raise typer.Exit(DIFFERENT)


def _explain_file(session: Session, key: str) -> None:
    now = session.now()
    with session.busy("reading every hop and the logs"):
        log = FileLog(log_reader(session, set()), session.pipeline.names, now)
        lineage = follow_file(session.pipeline, log, key, now)
    write_file(session, lineage)
    if lineage.expired:
        session.remark("the snapshot is past its retention; the file stands in for it")
