"""What comes after setup: the files that a bucket has already, and the commands that one types next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from countagg.cli.app.session import Session
from countagg.cli.terminal.render import counted
from countagg.core.days import resolve_day
from countagg.core.errors import AccessDenied, Declined
from countagg.core.names import Names

if TYPE_CHECKING:
    from countagg.provision.reconcile import Change


def tell_next(session: Session, changes: Sequence[Change], *, take_up: bool) -> None:
    """Take up today's files if that is wanted, and say how to go on.

    Args:
        session: of the command.
        changes: that setup made.
        take_up: whether the operator asked for it beforehand; otherwise somebody on a terminal is asked.
    """
    created = {change.name for change in changes if change.action == "create"}
    begins = Names(session.options.stack).snapshots in created
    looks = take_up or (begins and session.pipeline.settings.bucket not in created)
    files = _files_of_today(session) if looks else 0
    if files:
        _offer(session, files, take_up=take_up)
    elif take_up:
        session.remark("the bucket has no files of today to take up")
    ahead = ["upload-sample --wait"] if begins and not files else []
    for word, line in zip(("next", "then"), [*ahead, "query --date today"], strict=False):
        session.remark(f"{word}: {session.invocation(line)}", style="dim")


def _files_of_today(session: Session) -> int:
    try:
        return sum(1 for _ in session.pipeline.list_objects(resolve_day("today", session.now())))
    except AccessDenied as error:
        session.remark(f"not looked for files that the bucket has already: {error.what}")
        return 0


def _offer(session: Session, files: int, *, take_up: bool) -> None:
    from countagg.cli.integrity.repair_command import repair_day

    session.remark(f"the bucket has {counted(files, 'file')} of today already")
    if take_up or _is_agreed(session):
        repair_day(session, resolve_day("today", session.now()))
    else:
        session.remark("`countagg repair --date today` has them counted, `--since` those of other days too")


def _is_agreed(session: Session) -> bool:
    """Ask on a terminal what is no condition of anything."""
    if not session.can_ask:
        return False
    try:
        session.confirm("Have them counted?", "yes", yes=False)
    except Declined:
        return False
    return True
