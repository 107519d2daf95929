"""Commands for the embedded engine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from countagg.cli.app import completion
from countagg.cli.app.options import DOCUMENT_FORMS, PEOPLE_FORMS, OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import describe_moment, for_reader, write_table
from countagg.cli.terminal.result import write_document, write_sentence
from countagg.local import EngineState, EngineStatus, LocalEngine, client_environment, export_lines

_MEGABYTE = 1024 * 1024


@command("local start", DOCUMENT_FORMS)
def start(
    session: Session,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; by default any free one.")] = None,
    no_policies: Annotated[
        bool, typer.Option("--no-policies", help="Allow every call, whatever the policies say.")
    ] = False,
) -> None:
    """Start the embedded engine on 127.0.0.1, unless it runs already.

    Example: countagg local start
    """
    LocalEngine().start(port=port, enforce_policies=False if no_policies else None)
    _write_status(session, LocalEngine().status())
    session.remark("next: countagg --local setup --bucket counters-demo --create-bucket", style="dim")


@command("local stop", DOCUMENT_FORMS)
def stop(session: Session) -> None:
    """Stop the embedded engine, with all that it holds.

    Example: countagg local stop
    """
    record = LocalEngine().stop()
    text = "the engine is not running" if record is None else f"stopped {record.endpoint_url}"
    write_sentence(session, {"stopped": record is not None}, text)


@command("local status", DOCUMENT_FORMS)
def status(session: Session) -> None:
    """Show whether the embedded engine runs; exit with 1 if it does not.

    Example: countagg local status
    """
    running = LocalEngine().status()
    _write_status(session, running)
    if running.state is not EngineState.RUNNING:
        raise typer.Exit(1)


def _write_status(session: Session, status: EngineStatus) -> None:
    record = status.record
    document = {
        "state": status.state.value,
        "endpoint_url": record.endpoint_url if record else None,
        "pid": record.pid if record else None,
        "started_at": record.started_at if record else None,
        "enforces_policies": record.enforce_policies if record else None,
        "processes": status.processes,
        "memory_bytes": status.memory_bytes,
        "log": str(status.log_path),
    }
    if session.options.output is OutputForm.JSON:
        write_document(session, document)
        return
    shown = document | {"memory_bytes": f"{status.memory_bytes / _MEGABYTE:.0f} MB"}
    if record:
        shown["started_at"] = describe_moment(record.started_at, session.now())
        shown["enforces_policies"] = "yes" if record.enforce_policies else "no"
    rows = [
        (name.removesuffix("_bytes").replace("_", " "), str(value))
        for name, value in shown.items()
        if value is not None
    ]
    write_table(session.result_console, ("ENGINE", ""), rows)


@command("local env", DOCUMENT_FORMS)
def env(
    session: Session,
    shell: Annotated[
        str | None,
        typer.Option(
            help="sh (bash, zsh) or fish; by default yours.",
            autocompletion=completion.one_of("sh", "bash", "zsh", "fish"),
        ),
    ] = None,
) -> None:
    """Print the lines that point a shell, and with it `aws`, at the embedded engine.

    Example: eval "$(countagg local env)"
    """
    record = LocalEngine().require_running()
    if session.options.output is OutputForm.JSON:
        write_document(session, {"environment": client_environment(record)})
        return
    for line in export_lines(record, shell or shell_of(session.environ)):
        session.stdout.write(line + os.linesep)


def shell_of(variables: Mapping[str, str]) -> str:
    """Return the name of the user's shell; a variable that is empty says as little as none."""
    return Path(variables.get("SHELL") or "sh").name


@command("local logs", PEOPLE_FORMS)
def logs(
    session: Session,
    lines: Annotated[int, typer.Option(min=1, help="Number of lines from the end.")] = 100,
) -> None:
    """Print the engine's own log.

    Example: countagg local logs --lines 20
    """
    for line in LocalEngine().read_log(lines):
        session.stdout.write(for_reader(session.stdout, line.rstrip("\n")) + "\n")
