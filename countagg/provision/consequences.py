"""What a change of settings means for the data of a deployed stack, as far as the changed fields do not say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from countagg.provision.choices import Remembered
from countagg.provision.dashboard import DASHBOARD_NODE
from countagg.provision.differences import FieldChange
from countagg.provision.settings import DASHBOARD_PRICE, StackSettings


def consequences(before: Remembered, after: StackSettings) -> Mapping[str, str]:
    """Return what to expect of a change.

    Args:
        before: what the deployed stack remembers.
        after: the settings that it is given.

    Returns:
        Id of the resource by whose change it comes about -> a sentence without its end.
    """
    notes = {}
    if before.prefix and before.prefix != after.prefix:
        notes["notification/uploads"] = (
            f"files below {before.prefix} go on counting for their days as they are, whatever happens to them, "
            f"until the instance uploads below {after.prefix}, or `countagg repair` withdraws it"
        )
    if before.output_prefix and before.output_prefix != after.output_prefix:
        notes["function/publisher"] = (
            f"what is published below {before.output_prefix} stays as it is now; days that change from now on are "
            f"published below {after.output_prefix}"
        )
    return notes


def cost_of(resource: str) -> str | None:
    """Return what a resource costs that is created though nothing passes through it; None of most."""
    return f"it costs {DASHBOARD_PRICE}" if resource == DASHBOARD_NODE else None


def consequence_of(resource: str, fields: Iterable[FieldChange]) -> str | None:
    """Return what to expect of a change of these fields: a sentence without its end; None if they say it all.

    Args:
        resource: id of the resource.
        fields: those that change on one that exists.
    """
    if resource == "bucket" and any(field.name == "versioning" and field.desired for field in fields):
        return (
            "for up to 15 minutes S3 may answer 404 for files that are uploaded from now on; they are tried "
            "again, and nothing is lost"
        )
    return None
