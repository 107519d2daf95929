"""The command that shows how a stack is."""

from __future__ import annotations

import typer

from countagg.cli.options import OutputForm
from countagg.cli.registry import command
from countagg.cli.render import write_csv, write_json, write_table
from countagg.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command(app, "status", "Use")(status)


def status(session: Session) -> None:
    """Show every hop of the pipeline, in the order of the data; exit with 1 if one is not healthy.

    Example: countagg status --output json
    """
    from countagg.operate.status import status as look

    hops = look(session.pipeline)
    healthy = all(hop.healthy for hop in hops)
    header = ("HOP", "HEALTHY", "STATE", "DETAIL")
    rows = [(hop.name, "yes" if hop.healthy else "NO", hop.state, hop.detail) for hop in hops]
    if session.options.output is OutputForm.JSON:
        document = [
            {"hop": hop.name, "healthy": hop.healthy, "state": hop.state, "detail": hop.detail} for hop in hops
        ]
        write_json(session.stdout, {"stack": session.options.stack, "healthy": healthy, "hops": document})
    elif session.options.output is OutputForm.CSV:
        write_csv(session.stdout, header, rows)
    else:
        write_table(session.result_console, header, rows)
    if not healthy:
        ailing = [hop.name for hop in hops if not hop.healthy]
        # Setup mends everything but files that were refused.
        mended = ailing != ["queue/dead-letters"]
        hint = f"; `{session.invocation('plan')}` shows what setup would put back" if mended else ""
        session.remark(f"not healthy: {', '.join(ailing)}{hint}")
        raise typer.Exit(1)
