"""What bears the tag of a stack, whatever its name: the inventory that finds what names do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.names import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_resourcegroupstaggingapi.type_defs import TagFilterTypeDef


def tagged_arns(clients: Clients, stack: str) -> frozenset[str]:
    """Return the ARNs of all resources of this region that bear the stack's tag.

    Raises:
        AccessDenied: without `tag:GetResources`.
    """
    return _tagged(clients, (stack,)).get(stack, frozenset())


def tagged_by_stack(clients: Clients) -> dict[str, frozenset[str]]:
    """Return the same of all stacks of this region, by their names.

    Raises:
        AccessDenied: without `tag:GetResources`.
    """
    return _tagged(clients, ())


def _tagged(clients: Clients, stacks: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the ARNs by the value of the tag, which is one of these, or any if none is named.

    The Resource Groups Tagging API goes on listing what was deleted for a while, and knows neither IAM roles nor
    dashboards. Event source mappings are left out: they are found by their function, and go before it.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    tag: TagFilterTypeDef = {"Key": OWNER_TAG}
    if stacks:
        tag["Values"] = stacks
    with aws_errors("resources by tag"):
        pages = clients.tagging.get_paginator("get_resources").paginate(TagFilters=[tag])
        for each in (each for page in pages for each in page["ResourceTagMappingList"]):
            owner = next((tag["Value"] for tag in each["Tags"] if tag["Key"] == OWNER_TAG), None)
            if owner is not None and ":event-source-mapping:" not in each["ResourceARN"]:
                # A log group's ARN may end with the pattern for its streams.
                found[owner].add(each["ResourceARN"].removesuffix(":*"))
    return {stack: frozenset(arns) for stack, arns in found.items()}
