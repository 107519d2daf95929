"""What bears a stack's tag, whatever its name: the inventory that finds what names do not."""

from __future__ import annotations

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.names import OWNER_TAG


def tagged_arns(clients: Clients, stack: str) -> frozenset[str]:
    """Return the ARNs of all resources of this region that bear the stack's tag.

    The Resource Groups Tagging API goes on listing what was deleted for a while, and knows no IAM roles. Event
    source mappings are left out: they are found by their function, and go before it.

    Raises:
        AccessDenied: without `tag:GetResources`.
    """
    with aws_errors("resources by tag"):
        pages = clients.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": OWNER_TAG, "Values": [stack]}]
        )
        arns = {each["ResourceARN"] for page in pages for each in page["ResourceTagMappingList"]}
    # A log group's ARN may end with the pattern for its streams.
    return frozenset(arn.removesuffix(":*") for arn in arns if ":event-source-mapping:" not in arn)
