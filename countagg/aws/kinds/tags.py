"""Tags in the form of those services that take a list of keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from countagg.provision.differences import FieldChange


def tag_list(tags: Mapping[str, str]) -> list[Any]:
    """Return tags as a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: list[Any]) -> dict[str, str]:
    """Return a list of keys and values as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def put_tags(client: Any, change: FieldChange, **resource: str) -> None:  # noqa: ANN401 - of several services
    """Set and remove tags by TagResource and UntagResource.

    Args:
        client: of the service.
        change: of the field `tags`.
        resource: the ARN, by the name that the service has for it.
    """
    if change.tags_to_set:
        client.tag_resource(**resource, Tags=tag_list(change.tags_to_set))
    if change.tags_to_drop:
        client.untag_resource(**resource, TagKeys=change.tags_to_drop)
