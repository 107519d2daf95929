"""Answers of AWS that go away by themselves, besides those of `not_yet`, and when each is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countagg.aws import waiting
from countagg.aws.waiting import Transient
from tests.aws.by_hand import (
    FUNCTIONS,
    ROLES,
    change_function,
    change_mapping,
    tag,
)
from tests.aws.world import World


def create(name: str) -> Callable[[World], Callable[[], object]]:
    """Delete the resource, and set the stack up."""

    def prepare(world: World) -> Callable[[], object]:
        (node,) = world.nodes(name)
        node.resource.delete()
        return world.set_up

    return prepare


def after(spoil: Callable[[World], object]) -> Callable[[World], Callable[[], object]]:
    """Change something by hand, and set the stack up."""

    def prepare(world: World) -> Callable[[], object]:
        spoil(world)
        return world.set_up

    return prepare


def delete(name: str) -> Callable[[World], Callable[[], object]]:
    """Tear one resource down."""
    return lambda world: lambda: world.tear_down(world.nodes(name))


def new_memory(world: World) -> None:
    change_function(world, "function/processor", MemorySize=1024)


def new_tag(world: World) -> None:
    tag(world, "function/processor", "team", "theirs")


def new_code(world: World) -> object:
    return world.clients.lambda_.update_function_code(
        FunctionName=FUNCTIONS["function/processor"], ZipFile=b"PK\x05\x06" + bytes(18)
    )


def new_batch_size(world: World) -> None:
    change_mapping(world, "mapping/processor", BatchSize=1)


def new_policy(world: World) -> object:
    return world.clients.iam.delete_role_policy(RoleName=ROLES["role/processor"], PolicyName="countagg")


def no_index(world: World) -> object:
    return world.clients.dynamodb.update_table(
        TableName="countagg-counters", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "ByDate"}}]
    )


INVALID = "InvalidParameterValueException"
CASES: dict[str, tuple[str, Any, str, str, tuple[Transient, ...]]] = {
    "role without its policy": (
        "CreateFunction",
        create("function/processor"),
        INVALID,
        "The provided execution role does not have permissions to call SendMessage on SQS",
        waiting.ROLE_NOT_READY,
    ),
    "configuration, role that cannot be assumed": (
        "UpdateFunctionConfiguration",
        after(new_memory),
        INVALID,
        "The role defined for the function cannot be assumed by Lambda.",
        waiting.ROLE_NOT_READY,
    ),
    "stream that cannot be read": (
        "CreateEventSourceMapping",
        create("mapping/aggregator"),
        INVALID,
        "Cannot access stream arn:x. Please ensure the role can perform the GetRecords, GetShardIterator, ...",
        waiting.STREAM_NOT_READABLE,
    ),
    "queue that cannot be read": (
        "CreateEventSourceMapping",
        create("mapping/processor"),
        INVALID,
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        waiting.QUEUE_NOT_READABLE,
    ),
    "queue that cannot be read, in newer words": (
        "CreateEventSourceMapping",
        create("mapping/processor"),
        INVALID,
        "The function execution role does not have permissions to call ReceiveMessage on SQS",
        waiting.QUEUE_NOT_READABLE,
    ),
    "code of a busy function": (
        "UpdateFunctionCode",
        after(new_code),
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:x",
        waiting.FUNCTION_BUSY,
    ),
    "tags of a busy function": (
        "TagResource",
        after(new_tag),
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:x",
        waiting.FUNCTION_BUSY,
    ),
    "new settings of a mapping whose role was mended just now": (
        "UpdateEventSourceMapping",
        after(new_batch_size),
        INVALID,
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        waiting.QUEUE_NOT_READABLE,
    ),
    "too many tables being created": (
        "CreateTable",
        create("table/counters"),
        "LimitExceededException",
        "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously",
        waiting.TABLE_BUSY,
    ),
    "update of a busy table": (
        "UpdateTable",
        after(no_index),
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being updated",
        waiting.TABLE_BUSY,
    ),
    "deletion of one of too many tables": (
        "DeleteTable",
        delete("table/counters"),
        "LimitExceededException",
        "Subscriber limit exceeded: Only 500 tables can be created, updated, or deleted simultaneously",
        waiting.TABLE_BUSY,
    ),
    "queue deleted recently, by its short code": (
        "CreateQueue",
        create("queue/uploads"),
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        waiting.QUEUE_DELETED_RECENTLY,
    ),
    "deletion of a role that IAM still sees with a policy": (
        "DeleteRole",
        delete("role/processor"),
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        waiting.ROLE_NOT_EMPTY,
    ),
}

KINDS = {
    "EventSourceMapping": "mapping",
    "Function": "function",
    "TagResource": "function",
    "Table": "table",
    "Notification": "bucket",
    "Queue": "queue",
    "Role": "role",
}
"""Which kind an operation is about, by a part of its name; the first that fits counts."""
