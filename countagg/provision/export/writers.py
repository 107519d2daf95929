"""How fields of desired states become properties of CloudFormation: as they are, or in words of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from countagg.core.names import OWNER_TAG
from countagg.provision.differences import Tags
from countagg.provision.export.form import Properties, Write
from countagg.provision.functions import role_description
from countagg.provision.messaging import OWN_ENCRYPTION
from countagg.provision.states import (
    BucketState,
    FunctionState,
    MappingState,
    NotificationState,
    QueueState,
    RoleState,
    TableState,
)
from countagg.provision.table_schema import attribute_definitions, key_schema


def nested(path: str, value: Any) -> Properties:  # noqa: ANN401 - of any property
    """Return a value under a path of names with dots between them."""
    for name in reversed(path.split(".")):
        value = {name: value}
    written: Properties = value
    return written


def as_it_is(*paths: str) -> Write:
    """Write a value as it is, under each of the paths."""

    def write(value: Any, _state: Any) -> Properties:  # noqa: ANN401 - of any property
        plain = list(value) if isinstance(value, tuple) else value
        return {name: each for path in paths for name, each in nested(path, plain).items()}

    return write


def if_chosen(path: str, convert: Callable[[Any], Any] = lambda value: value) -> Write:
    """Write a value unless it is None or empty, which is what CloudFormation takes silence for."""

    def write(value: Any, _state: Any) -> Properties:  # noqa: ANN401 - of any property
        return {} if value in (None, "", (), {}) else nested(path, convert(value))

    return write


def tag_list(tags: Tags | None, _state: object) -> Properties:
    """Write tags as most resources have them; None is for what may have none."""
    return {} if tags is None else {"Tags": [{"Key": key, "Value": value} for key, value in tags.of.items()]}


def of_stream(path: str) -> Write:
    """Write a value for a mapping of a stream; a queue's has no such property."""

    def write(value: Any, state: MappingState) -> Properties:  # noqa: ANN401 - of any property
        return {} if state.starting_position is None else nested(path, value)

    return write


def of_json_logs(path: str) -> Write:
    """Write a value for a function that logs JSON; without a word it logs text, to the group of its name."""

    def write(value: Any, state: FunctionState) -> Properties:  # noqa: ANN401 - of any property
        return {} if state.log_format == "Text" else nested(f"LoggingConfig.{path}", value)

    return write


def queue_encryption(encryption: str, _state: QueueState) -> Properties:
    """Write the key that encrypts a queue, or that SQS does so with its own."""
    # A queue has one of the two: SQS refuses both at once.
    own = encryption == OWN_ENCRYPTION
    return {"SqsManagedSseEnabled": own} if not encryption.startswith("arn:") else {"KmsMasterKeyId": encryption}


def table_keys(_key: str, state: TableState) -> Properties:
    """Write the keys of a table, which are two properties for two fields."""
    return {
        "KeySchema": key_schema(state.partition_key, state.sort_key),
        "AttributeDefinitions": attribute_definitions(state),
    }


def bucket_encryption(encryption: str, _state: BucketState) -> Properties:
    """Write the default encryption of a bucket."""
    is_key = encryption.startswith("arn:")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": encryption} if is_key else {"SSEAlgorithm": encryption}
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": is_key}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


_LIFECYCLE: Final[Mapping[str, Callable[[Any], Properties]]] = {
    "ID": lambda name: {"Id": name},
    "Status": lambda status: {"Status": status},
    "Filter": lambda chosen: {"Prefix": chosen["Prefix"]},
    "NoncurrentVersionExpiration": lambda action: {"NoncurrentVersionExpiration": action},
    "Expiration": lambda action: {"ExpiredObjectDeleteMarker": action["ExpiredObjectDeleteMarker"]},
    "AbortIncompleteMultipartUpload": lambda action: {"AbortIncompleteMultipartUpload": action},
}
"""The parts of a lifecycle rule: S3 and CloudFormation have different words."""


def lifecycle(rules: str, _state: BucketState) -> Properties:
    """Write the lifecycle rules of a bucket, given as canonical text."""
    written = [
        {name: value for part in rule for name, value in _LIFECYCLE[part](rule[part]).items()}
        for rule in json.loads(rules)
    ]
    return {"LifecycleConfiguration": {"Rules": written}}


def notification(_value: object, state: NotificationState) -> Properties:
    """Write our entry in a bucket's notifications: all of its fields together."""
    # CloudFormation has an entry for each event, and no id (docs/aws-facts.md#cloudformation).
    rules = [{"Name": "prefix", "Value": state.prefix}]
    rules += [{"Name": "suffix", "Value": state.suffix}] if state.suffix else []
    entry = {"Topic": state.topic, "Filter": {"S3Key": {"Rules": rules}}}
    return nested(
        "NotificationConfiguration.TopicConfigurations", [{"Event": event, **entry} for event in state.events]
    )


def described_and_tagged(tags: Tags, state: RoleState) -> Properties:
    """Write the tags of a role, one of which tells what to say of it."""
    return {"Description": role_description(tags.of[OWNER_TAG]), **tag_list(tags, state)}


def subscribed(topic: str, protocol: str, endpoint: str) -> Properties:
    """Return the properties that a subscription is found by."""
    return {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}


def named(path: str) -> Callable[..., Properties]:
    """Return what writes the name that a resource is found by."""
    return lambda name: {path: name}
