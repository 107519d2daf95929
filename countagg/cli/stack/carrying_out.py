"""How the commands that change a stack ask first, and tell what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from countagg.cli.app.session import Session
from countagg.cli.terminal.result import write_result

# What they do is imported when they do it, so that help and completion of their many options are quick.
if TYPE_CHECKING:
    from countagg.aws.waiting import Patience
    from countagg.cli.stack.setup_progress import Reporter
    from countagg.operate.stack.deployment import Deployment, Plan
    from countagg.provision.reconcile import Change

_LONG_PLAN = 20
"""Lines; a longer one may be shown in short."""


def prepare_deployment(session: Session) -> tuple[Deployment, Reporter]:
    """Return what plans and carries out, and what tells of it."""
    from countagg.operate.stack.deployment import Deployment

    patience, reporter = prepare_patience(session)
    return Deployment(session.clients, session.caller, patience), reporter


def prepare_patience(session: Session) -> tuple[Patience, Reporter]:
    """Return how waiting is done, and what tells of it."""
    from countagg.aws.waiting import Patience
    from countagg.cli.stack.setup_progress import Reporter

    reporter = Reporter(lambda: session.progress_console, quiet=session.options.quiet)
    return Patience(reporter.waiting, warn=reporter.warning), reporter


def ask(session: Session, planned: Plan, question: str, answer: str, *, yes: bool, whole: bool = True) -> None:
    """Show what is about to be done, on a terminal a long plan in short unless `whole`, and have it agreed to.

    What is kept of a run without a terminal is a log, which has every field.
    """
    in_short = session.stderr.isatty() and not whole and _is_long(planned)
    asked = session.can_ask and not yes
    if asked:
        session.speak_up()
    if asked or not session.options.quiet:
        show_plan(session, planned, whole=not in_short)
    details = partial(show_plan, session, planned, whole=True) if in_short else None
    session.confirm(question, answer, yes=yes, details=details)


def show_plan(session: Session, planned: Plan, *, whole: bool) -> None:
    """Show what is about to be done field by field, a long plan in short unless `whole`."""
    from countagg.cli.stack.plan_summary import summary_lines
    from countagg.cli.stack.plan_view import print_plan

    console = session.progress_console
    console.print("")
    if whole or not _is_long(planned):
        print_plan(console, planned.changes)
    else:
        for line in summary_lines(planned.changes):
            console.print(line)
    console.print("")


def _is_long(planned: Plan) -> bool:
    from countagg.cli.stack.plan_view import plan_lines

    return len(plan_lines(planned.changes)) > _LONG_PLAN


def write_changes(
    session: Session, changes: Sequence[Change], took: timedelta | None, more: Mapping[str, Any]
) -> None:
    """Write what was done, or would be, to stdout."""
    from countagg.cli.stack.plan_view import tally_line
    from countagg.operate.stack.plan_document import plan_document

    document = {
        "stack": session.options.stack,
        "account": session.caller.place.account,
        "region": session.caller.place.region,
        **plan_document(changes),
        **({} if took is None else {"seconds": round(took.total_seconds(), 1)}),
        **more,
    }
    rows = [(change.resource, str(change.action), change.name, change.note) for change in changes]
    told = tally_line(changes, done=True) + ("" if took is None else f" in {took.total_seconds():.0f} s")
    header = ("resource", "action", "name", "note")
    write_result(session, document, header, rows, lambda: session.result_console.print(told))
