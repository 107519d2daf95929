"""The command that tells whether countagg can work here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from countagg.cli.app.choice_options import POLICY_CHOICES, complete_settings, taking_choices
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.progress import stepwise
from countagg.cli.terminal.render import write_table
from countagg.cli.terminal.result import write_result
from countagg.core.errors import ConnectionProblem, UsageError
from countagg.local import LocalEngine
from countagg.operate.doctor.checks import Check
from countagg.operate.doctor.doctor import CONNECTION_CHECKS, Examination, examine
from countagg.provision.choices import Remembered
from countagg.provision.permissions import COMMANDS_OF, Audience
from countagg.provision.settings import StackSettings


@command("doctor")
@taking_choices("bucket", "create_bucket", "prefix", "output_prefix")
def doctor(
    session: Session,
    *,
    role: Annotated[
        Audience | None,
        typer.Option(help="Check the permissions of this role only; of all but `instance` otherwise."),
    ] = None,
    flags: Mapping[str, Any],
) -> None:
    """Check whether countagg can work here: credentials, permissions, quotas, names, bucket, versions.

    Nothing is changed. It works before setup and after. A problem comes with what to do about it; exit with 1 if
    there is one, with 3 if it is region, endpoint or credentials.

    Example: countagg doctor --bucket my-counters
    """
    if role is Audience.INSTANCE:
        raise UsageError("an instance runs no commands", where="--role", hint="choose another role")
    found = _examine(session, role, flags)
    checks = [replace(check, fix=session.in_place(check.fix)) for check in found]
    _write(session, checks)
    wrong = [check for check in checks if check.is_problem]
    if wrong:
        session.remark(f"{len(wrong)} of {len(checks)} checks found a problem")
        raise typer.Exit(_exit_code(wrong))


def _examine(session: Session, role: Audience | None, flags: Mapping[str, Any]) -> Sequence[Check]:
    def choose(remembered: Remembered) -> StackSettings:
        return complete_settings(session, flags, remembered, POLICY_CHOICES)

    roles = [role] if role else list(COMMANDS_OF)
    with stepwise(session) as tell:
        examination = Examination(
            stack=session.options.stack,
            connect=lambda: session.clients,
            choose=choose,
            commands=list(dict.fromkeys(name for each in roles for name in COMMANDS_OF[each])),
            engine_version=_engine_version if session.options.local else None,
            now=session.now,
            on_step=lambda done, total: tell("permissions", done, total),
        )
        return list(examine(examination))


def _engine_version() -> str:
    return LocalEngine().require_running().version


def _exit_code(wrong: Sequence[Check]) -> int:
    return ConnectionProblem.exit_code if any(check.name in CONNECTION_CHECKS for check in wrong) else 1


def _write(session: Session, checks: Sequence[Check]) -> None:
    header = ("check", "state", "detail", "fix")
    rows = [(each.name, str(each.state), each.detail, each.fix) for each in checks]
    documents = [dict(zip(header, (*row, fix or None), strict=True)) for *row, fix in rows]
    document = {
        "stack": session.options.stack,
        "ok": not any(check.is_problem for check in checks),
        "checks": documents,
    }
    # A problem and its way out stand together.
    shown = [(name, state, f"{detail}; {fix}" if fix else detail) for name, state, detail, fix in rows]
    console = session.result_console
    write_result(
        session, document, header, rows, lambda: write_table(console, ("CHECK", "STATE", "DETAIL"), shown)
    )
