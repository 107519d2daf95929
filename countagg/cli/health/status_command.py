"""The command that shows how a stack is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from countagg.aws.health import Health
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.health.status_view import is_healthy, show_status, write_hops
from countagg.operate.health.status import HopHealth, Inspector
from countagg.operate.health.status_watch import watch_hops
from countagg.provision.bundle import build_bundle

_DEAD_LETTERS: Final = "queue/dead-letters"
_ALARMS: Final = "alarms"


@command("status")
def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", help="Keep looking, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 10.0,
) -> None:
    """Show every hop of the pipeline, in the order of the data; exit with 1 if one is not healthy.

    Calls, errors and lag are those of the last hour. What the principal may not read is named, and no error.

    Example: countagg status --output json
    """
    inspector = _inspector(session)
    if watch:
        show_status(session, lambda moments: watch_hops(inspector.look, moments), interval)
        return
    with session.busy("looking at every hop"):
        hops = inspector.look()
    write_hops(session, hops)
    _remark(session, hops)
    if not is_healthy(hops):
        raise typer.Exit(1)


def _inspector(session: Session) -> Inspector:
    pipeline = session.pipeline
    return Inspector(pipeline, Health(session.clients, pipeline.settings), build_bundle().sha256, session.now)


def _remark(session: Session, hops: Sequence[HopHealth]) -> None:
    """Tell what is wrong, and what to do about it."""
    ailing = [hop for hop in hops if hop.healthy is False]
    if ailing:
        told = "".join(f"; {hint}" for hint in _hints(ailing))
        session.remark(f"not healthy: {', '.join(hop.name for hop in ailing)}{told}")
    old = [hop.name for hop in hops if hop.facts.get("code_current") is False]
    if old:
        session.remark(f"code of another version: {', '.join(old)}; `countagg setup` deploys this version")
    denied = list(dict.fromkeys(action for hop in hops for action in hop.not_allowed))
    if denied:
        session.remark(f"some hops could not be checked; missing permissions: {', '.join(denied)}")


def _hints(ailing: Sequence[HopHealth]) -> list[str]:
    names = {hop.name for hop in ailing}
    missing = any(hop.facts.get("missing") for hop in ailing)
    raised = any(hop.facts.get("in_alarm") for hop in ailing)
    hints = []
    if names - {_DEAD_LETTERS, _ALARMS} or missing:
        hints.append("`countagg plan` shows what setup would put back")
    if _DEAD_LETTERS in names:
        hints.append("`countagg dead-letters list` shows what failed")
    if raised:
        hints.append("`countagg logs --since 1h --level warning` may say why")
    return hints
