"""What services do with the stack's KMS key in the name of who calls them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from countagg.provision.place import Place
from countagg.provision.policies import allow
from countagg.provision.settings import StackSettings
from countagg.provision.targets import Calls

_BY_KEY: Final[Mapping[str, frozenset[str]]] = {
    "dynamodb": frozenset(
        {
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        }
    ),
    "s3": frozenset({"kms:Decrypt", "kms:GenerateDataKey"}),
    "sqs": frozenset({"kms:Decrypt", "kms:GenerateDataKey"}),
}
"""What a service does with the stack's key in the name of who asks it for data."""
_DATA: Final = frozenset(
    {
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    }
)
_ENCRYPTING: Final = "dynamodb:CreateTable"
"""Who may do this tells DynamoDB to use a key, then or by a later update, which takes a grant."""


def through_services(grants: Calls, settings: StackSettings, place: Place) -> list[dict[str, Any]]:
    """Return statements of what services need of the stack's key in the principal's name; none without a key."""
    if not settings.kms_key:
        return []
    needed: dict[str, set[str]] = defaultdict(set)
    for action in frozenset[str]().union(*grants.values()):
        service = action.partition(":")[0]
        if action in _DATA:
            needed[service] |= _BY_KEY[service]
        elif action == _ENCRYPTING:
            needed[service] |= _BY_KEY[service] | {"kms:CreateGrant"}
    by_actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for service in sorted(needed):
        by_actions[tuple(sorted(needed[service]))].append(f"{service}.{place.region}.*")
    return [
        allow(actions, (settings.kms_key,), {"StringLike": {"kms:ViaService": services}})
        for actions, services in by_actions.items()
    ]
