"""What has moved between two plans of the same stack. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.provision.differences import KNOWN_AFTER_SETUP, FieldChange
from countagg.provision.reconcile import Action

_FEW: Final = 3
"""Fields that are named of a resource."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """What is to be done to a resource.

    Attributes:
        resource: id of its node.
        action: what.
        name: what AWS calls it.
        fields: that differ, taken apart, as JSON has them.
    """

    resource: str
    action: Action
    name: str
    fields: tuple[FieldChange, ...] = ()


def find_moved(planned: Sequence[PlannedStep], due: Sequence[PlannedStep]) -> Iterator[tuple[str, str]]:
    """Yield each resource that is neither as it was nor as the plan would leave it, and how it moved, in words.

    Args:
        planned: what was to be done.
        due: what would have to be done now to get to the same.
    """
    before, now = ({step.resource: step for step in steps} for steps in (planned, due))
    for resource in dict.fromkeys((*now, *before)):
        if told := _movement(before.get(resource), now.get(resource)):
            yield resource, told


def _movement(planned: PlannedStep | None, due: PlannedStep | None) -> str | None:
    if planned is None:
        return "it is no part of the plan"
    if due is None:
        # What the plan would delete is not mentioned once it is gone.
        return None if planned.action is Action.DELETE else "it is no part of the stack any more"
    if (due.action is Action.KEEP and planned.action is not Action.DELETE) or _agree(planned, due):
        return None
    if due.action is Action.CREATE and planned.action in (Action.KEEP, Action.UPDATE):
        return "it was there when the plan was made, and is gone"
    return f"it has changed since the plan was made{_named(planned, due)}"


def _agree(planned: PlannedStep, due: PlannedStep) -> bool:
    return (
        (planned.action, planned.name) == (due.action, due.name)
        and len(planned.fields) == len(due.fields)
        and all(map(_is_same, planned.fields, due.fields))
    )


def _is_same(planned: FieldChange, due: FieldChange) -> bool:
    """Tell whether a field is to become what was planned; what only a setup makes known may be anything."""
    return (planned.name, planned.current) == (due.name, due.current) and planned.desired in (
        due.desired,
        KNOWN_AFTER_SETUP,
    )


def _named(planned: PlannedStep, due: PlannedStep) -> str:
    """Return the fields that differ otherwise than planned, in brackets: a few."""
    if due.action is not Action.UPDATE:
        return ""
    names = [each.name for each in due.fields if not any(_is_same(other, each) for other in planned.fields)]
    return f": {', '.join(names[:_FEW])}{', ...' if len(names) > _FEW else ''}" if names else ""
