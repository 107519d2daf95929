"""A plan as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from countagg.operate.stack.deployment import tally
from countagg.operate.stack.plan_fields import leaves
from countagg.provision.reconcile import Change, Holds

ROLES: Final = "role/"
"""How the ids of IAM roles begin."""


def plan_document(changes: Sequence[Change]) -> dict[str, Any]:
    """Return the changes, and how many there are of each action."""
    return {"changes": change_documents(changes), "summary": tally(changes)}


def change_documents(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the changes for JSON."""
    return [_document(change) for change in changes]


def _document(change: Change) -> dict[str, Any]:
    fields = [leaf for field in change.fields for leaf in leaves(field)]
    return {
        "resource": change.resource,
        "action": str(change.action),
        "name": change.name,
        "fields": [asdict(leaf) for leaf in fields],
        "note": change.note or "",
        "iam": change.resource.startswith(ROLES),
        "loses": str(change.holds) if isinstance(change.holds, Holds) else None,
        "contents": change.contents or "",
    }
