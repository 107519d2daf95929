"""What the functions ask of the SDK that the runtime brings: an older one would drop it without a word.

Parameters are not validated (`clients.CONFIG`), so one that the SDK does not know is not sent, and a member of an
answer that it does not know is not handed over. Either would take a condition away, or its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import boto3

from countagg.core.errors import CountaggError

if TYPE_CHECKING:
    from botocore.model import ServiceModel

_OWNER: Final = "ExpectedBucketOwner"
PARAMETERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "s3": {
        "GetObject": (_OWNER, "VersionId"),
        "ListObjectVersions": (_OWNER,),
        "PutObject": (_OWNER, "IfMatch", "IfNoneMatch"),
    },
    "dynamodb": {
        "BatchExecuteStatement": ("Statements",),
        "PutItem": ("ReturnValuesOnConditionCheckFailure",),
        "TransactGetItems": ("TransactItems",),
        "TransactWriteItems": ("TransactItems",),
    },
}
"""Service -> operation -> parameters that came later than the operation; all of an operation that came late."""
ANSWERS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "dynamodb": {
        "ConditionalCheckFailedException": ("Item",),
        "TransactionCanceledException": ("CancellationReasons",),
    },
}
"""Service -> error -> the members that are read."""


class SdkTooOld(CountaggError):
    """The runtime's SDK does not know what the functions rely on."""


def require_known(client: Any) -> None:  # noqa: ANN401 - a client of any service
    """Check a client, by its model and without a call.

    Raises:
        SdkTooOld: something is missing in it.
    """
    model: ServiceModel = client.meta.service_model
    if missing := [*_missing(model)]:
        raise SdkTooOld(
            f"boto3 {boto3.__version__} does not know {', '.join(missing)}",
            where=f"client of {model.service_name}",
            hint="use a runtime with a newer boto3, or put one into the functions' zip",
        )


def _missing(model: ServiceModel) -> Iterator[str]:
    service = model.service_name
    for operation, parameters in PARAMETERS.get(service, {}).items():
        there = operation in model.operation_names
        shape: Any = model.operation_model(operation).input_shape if there else None
        yield from (f"{each} of {operation}" for each in parameters if not there or each not in shape.members)
    for error, members in ANSWERS.get(service, {}).items():
        there = error in model.shape_names
        shape = model.shape_for(error) if there else None
        yield from (f"{each} of {error}" for each in members if not there or each not in shape.members)
