"""Changes of a stack as lines for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from countagg.cli.render import printable
from countagg.operate.deployment import tally
from countagg.provision.reconcile import Action, Change
from countagg.provision.states import Code

_SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.KEEP: "=", Action.DELETE: "-"}
_WIDEST: Final = 60


def describe_changes(changes: Sequence[Change]) -> list[str]:
    """Return a line for each change, and one for each field that differs; what is simply kept is left out."""
    lines = []
    for change in changes:
        if change.action is Action.KEEP and not change.note:
            continue
        note = f"  ({change.note})" if change.note else ""
        lines.append(f"{_SIGNS[change.action]} {change.action:<7} {change.resource}{note}")
        lines += [
            f"    {field.name}: {_shown(field.current)} => {_shown(field.desired)}" for field in change.fields
        ]
    return lines


def _shown(value: object) -> str:
    if isinstance(value, Code):
        return value.sha256
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_shown(item)}" for name, item in value.items()) or "(none)"
    text = printable(str(value))
    if len(text) > _WIDEST:
        return f"{text[:_WIDEST]}..."
    return text or "(none)"


_DONE: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.KEEP: "kept", Action.DELETE: "deleted"}


def tally_line(changes: Sequence[Change], *, done: bool) -> str:
    """Return the closing line: how many resources were treated how, or would be."""
    counts = tally(changes)
    return ", ".join(f"{counts[action]} {_DONE[action] if done else f'to {action}'}" for action in Action)
