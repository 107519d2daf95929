"""The command that shows the instances of a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from countagg.cli.app import completion
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import AnyDateOption
from countagg.cli.instances.instances_view import show_rosters, write_roster
from countagg.core.days import resolve_day
from countagg.core.errors import AccessDenied, UsageError
from countagg.core.printable import printable
from countagg.data.queues import DeadLetterQueue
from countagg.operate.instances.refusals import Refusals
from countagg.operate.instances.roster import Roster, RosterReader
from countagg.operate.moments import parse_period

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline

_NAMED: Final = 10


@command("instances")
def instances(
    session: Session,
    date: AnyDateOption = None,
    stale: Annotated[
        str | None,
        typer.Option(
            metavar="AGE",
            help="Who uploaded nothing for so long, such as 10m, is silent.",
            autocompletion=completion.one_of("10m", "15m", "1h"),
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 10.0,
) -> None:
    """Show each instance's last upload and what it holds; with --stale, exit with 1 if one is silent.

    REFUSED counts what the dead letters say of files that came later; whoever may not read them is told so.

    Example: countagg instances --stale 10m
    """
    if date is not None and stale is not None:
        hint = "silent is who says nothing now, whatever the day: leave --date out"
        raise UsageError("they exclude each other", where="--date, --stale", hint=hint)
    silent_after = None if stale is None else parse_period(stale, "--stale")
    pipeline = session.pipeline
    reader = RosterReader(pipeline, None if watch else _refusals(session, pipeline))

    def look() -> Roster:
        now = session.now()
        if silent_after is not None:
            return reader.look_for_silent(now, silent_after)
        # At midnight, `today` is another day.
        return reader.look(resolve_day(date or "today", now), now)

    if watch:
        show_rosters(session, lambda moments: (look() for _ in moments), interval)
        return
    with session.busy("looking at the instances"):
        roster = look()
    write_roster(session, roster)
    if not roster.instances:
        session.remark(f"no instance has uploaded a file for {roster.day} (UTC)")
    if roster.silent:
        _tell_silent(session, roster.silent, str(stale))
        raise typer.Exit(1)


def _refusals(session: Session, pipeline: Pipeline) -> Refusals | None:
    queue = DeadLetterQueue(session.clients, pipeline.settings.dead_letters_url)
    try:
        with session.busy("looking at the dead letters"):
            return Refusals.read(queue, pipeline.settings.prefix)
    except AccessDenied as denied:
        session.remark(
            f"refused files are not counted; missing permission: {denied.action or 'sqs:ReceiveMessage'}"
        )
        return None


def _tell_silent(session: Session, silent: list[str], stale: str) -> None:
    more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
    session.remark(f"silent for {stale}: {printable(', '.join(silent[:_NAMED]))}{more}")
