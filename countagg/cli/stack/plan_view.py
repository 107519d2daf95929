"""A plan, for people and as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final, TextIO

from countagg.core.printable import printable
from countagg.operate.stack.deployment import tally
from countagg.operate.stack.plan_document import ROLES
from countagg.operate.stack.plan_fields import is_widget, leaves
from countagg.provision.differences import FieldChange
from countagg.provision.reconcile import Action, Change

if TYPE_CHECKING:
    from rich.console import Console

_SIGNS: Final = {Action.CREATE: "+", Action.UPDATE: "~", Action.KEEP: "=", Action.DELETE: "-"}
_WOULD: Final = {action: str(action) for action in Action}
_DONE: Final = {Action.CREATE: "created", Action.UPDATE: "updated", Action.KEEP: "kept", Action.DELETE: "deleted"}
_STYLES: Final = {"+": "green", "~": "yellow", "-": "red"}
_HANGING: Final = 2
_BELOW_RESOURCE: Final = 10
"""Columns that a line that is too long is indented by, below a field and below a resource."""
_STAYS: Final = "Stays as it is"


def print_plan(console: Console, changes: Sequence[Change]) -> None:
    """Print a plan with its closing line."""
    *shown, closing = _whole_plan(changes)
    _print_lines(console, shown)
    console.print(closing)


def write_plan(file: TextIO, changes: Sequence[Change]) -> None:
    """Write the same to what is no terminal, without rich, whose import takes 0.03 s of CPU."""
    file.writelines(f"{line}\n" for line in _whole_plan(changes))


def _whole_plan(changes: Sequence[Change]) -> list[str]:
    closing = f"plan: {tally_line(changes, done=False)}"
    if any(change.action is not Action.KEEP or change.note for change in changes):
        return [*plan_lines(changes), "", closing]
    return [closing]


def print_receipt(console: Console, changes: Sequence[Change], *, told: bool) -> None:
    """Print what was done to each resource, and a blank line; nothing where there is nothing to tell.

    Args:
        console: where to.
        changes: that were made.
        told: whether each step stands above already, so that what stays is all that is left to tell.
    """
    if lines := receipt_lines(changes, told=told):
        _print_lines(console, [*lines, ""])


def _print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print lines; on a terminal, one that is too long goes on below itself, indented."""
    for line in lines:
        style = _STYLES.get(line[:1], "bold" if line[:1].isalpha() else "")
        for part in _folded(line, console.width) if console.is_terminal else [line]:
            console.print(part, style=style, soft_wrap=True)


def _folded(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + _HANGING if line.startswith(" ") else _BELOW_RESOURCE)
    # A name or an ARN that has no room on a line is left to the terminal to break: it can be copied as it is.
    return wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False) or [""]


def plan_lines(changes: Sequence[Change]) -> list[str]:
    """Return what would be done as lines, in sections; what is simply kept is left out."""
    lines: list[str] = []
    for heading, section in _sections(changes):
        lines += _section_lines(heading, section, _WOULD, lines)
    return lines


def receipt_lines(changes: Sequence[Change], *, told: bool) -> list[str]:
    """Return what was done as lines, unless it is told already, and below what was kept and why."""
    done = [] if told else [change for change in changes if change.action is not Action.KEEP]
    lines = _section_lines("", done, _DONE, ())
    return lines + _section_lines(_STAYS, _kept_with_reason(changes), _DONE, lines)


def _sections(changes: Sequence[Change]) -> Iterator[tuple[str, list[Change]]]:
    touched = [change for change in changes if change.action is not Action.KEEP]
    losing = [change for change in touched if change.holds]
    iam = [change for change in touched if change.resource.startswith(ROLES)]
    yield "", [change for change in touched if change not in losing and change not in iam]
    yield "IAM: who may do what", iam
    yield "Deletes what cannot be brought back", losing
    yield _STAYS, _kept_with_reason(changes)


def _kept_with_reason(changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.action is Action.KEEP and change.note]


def _section_lines(
    heading: str, section: Sequence[Change], words: Mapping[Action, str], above: Sequence[str]
) -> list[str]:
    if not section:
        return []
    width = max(len(change.resource) for change in section)
    lines = [printable(line) for change in section for line in _change_lines(change, words, width)]
    return [*([""] if above else []), *([heading] if heading else []), *lines]


def _change_lines(change: Change, words: Mapping[Action, str], width: int) -> Iterator[str]:
    remarks = [text for text in (change.contents, change.note) if text]
    remark = f"  ({'; '.join(remarks)})" if remarks else ""
    yield f"{_SIGNS[change.action]} {words[change.action]:<7} {change.resource:<{width}}  {change.name}{remark}"
    for field in change.fields:
        for leaf in leaves(field):
            yield f"      {_leaf_text(leaf, created=change.action is Action.CREATE)}"


def _leaf_text(leaf: FieldChange, *, created: bool) -> str:
    desired = _shown(leaf.desired)
    return f"{leaf.name}: {desired}" if created else f"{leaf.name}: {_shown(leaf.current)} => {desired}"


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None or value in ("", []):
        return "(none)"
    if value == {}:
        return "(empty)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return str(value)


def _mapping(value: Mapping[str, Any]) -> str:
    if is_widget(value):
        return f"widget of the type {value['type']}"
    return _statement(value) if "Effect" in value else _entries(value)


def _entries(value: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_shown(each)}" for name, each in value.items())


def _statement(value: Mapping[str, Any]) -> str:
    """Return a policy's statement as a sentence."""
    parts = [f"{value['Effect']} {_shown(value.get('Action'))}"]
    if "Principal" in value:
        parts.append(f"to {_shown(value['Principal'])}")
    if "Resource" in value:
        parts.append(f"on {_shown(value['Resource'])}")
    if "Condition" in value:
        parts.append(f"if {_shown(value['Condition'])}")
    return " ".join(parts)


def tally_line(changes: Sequence[Change], *, done: bool) -> str:
    """Return the closing line: how many resources were treated how, or would be."""
    counts = tally(changes)
    return ", ".join(f"{counts[action]} {_DONE[action] if done else f'to {action}'}" for action in Action)
