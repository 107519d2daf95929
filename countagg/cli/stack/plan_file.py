"""Saved plans: `plan --save` writes one, `setup --plan` carries it out."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from countagg import __version__
from countagg.cli.app.choice_options import read_choices
from countagg.cli.app.session import Session
from countagg.core.errors import UsageError
from countagg.core.printable import printable
from countagg.provision.settings import CHOICES

if TYPE_CHECKING:
    from countagg.operate.stack.deployment import Deployment, Plan

_LARGEST: Final = 10_000_000
"""Bytes; a plan of a new stack has a hundredth of them."""


def save_plan(session: Session, planned: Plan, flags: Mapping[str, Any], path: Path) -> None:
    """Write a plan to a file that nobody else may read, whole or not at all.

    Args:
        session: of the command.
        planned: the plan.
        flags: choices on the command line, by name.
        path: of the file.

    Raises:
        UsageError: it cannot be written.
    """
    from countagg.operate.stack.saved_plan import MadeWith, saved_document

    chosen = read_choices(session, flags).said
    beneath = read_choices(session, {}).said
    made_with = MadeWith(__version__, str(planned.zip), _said(chosen), _said(beneath))
    session.save(path, saved_document(planned, session.caller.place, made_with).encode(), private=True)
    session.remark(
        f"`countagg setup --plan {shlex.quote(printable(str(path)))}` carries it out, as long as nothing moves"
    )


def _said(choices: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in choices.items() if value not in (None, {})}


def plan_again(session: Session, deployment: Deployment, path: Path, flags: Mapping[str, Any]) -> Plan:
    """Return the plan that a file holds, made anew, if nothing has moved since it was saved.

    Args:
        session: of the command.
        deployment: that plans.
        path: of the file.
        flags: choices on the command line, by name: there must be none.

    Raises:
        UsageError: a choice stands beside it, the file is no saved plan, or it is of another stack.
        ConnectionProblem: it is of another account or region.
        PlanOutdated: something has moved.
    """
    from countagg.operate.stack.saved_plan import read_saved

    if beside := [CHOICES[name].option for name, value in flags.items() if value not in (None, [])]:
        raise UsageError(
            "a saved plan has its choices already",
            where=f"--plan, {', '.join(beside)}",
            hint=f"leave {' and '.join(beside)} out, or plan anew with it",
        )
    saved = read_saved(_read(path), str(path), __version__)
    saved.require_place(session.options.stack, session.caller.place)
    preferences = session.preferences
    saved.require_choices(preferences.value, lambda name: preferences.origin(CHOICES[name].option))
    planned = deployment.plan(saved.chosen)
    saved.require_zip(str(planned.zip))
    saved.require_unmoved(planned.changes)
    return planned


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"it cannot be read: {error.strerror}", where=str(path), hint="check --plan") from error
    if len(content) > _LARGEST:
        raise UsageError("it is too large for a saved plan", where=str(path), hint="check --plan")
    return content
