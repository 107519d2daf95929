"""Answers of AWS that go away by themselves, and when each is given."""

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


def recovery(world: World) -> object:
    return world.choose(point_in_time_recovery=True)


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


def new_retention(world: World) -> object:
    return world.clients.logs.put_retention_policy(
        logGroupName="/aws/lambda/countagg-processor", retentionInDays=1
    )


INVALID = "InvalidParameterValueException"
CASES: dict[str, tuple[str, Any, str, str, tuple[Transient, ...]]] = {
    "role that cannot be assumed": (
        "CreateFunction",
        create("function/processor"),
        INVALID,
        "The role defined for the function cannot be assumed by Lambda.",
        waiting.ROLE_NOT_READY,
    ),
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
    "configuration of a busy function": (
        "UpdateFunctionConfiguration",
        after(new_memory),
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: arn:x",
        waiting.FUNCTION_BUSY,
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
    "update of a busy mapping": (
        "UpdateEventSourceMapping",
        after(new_batch_size),
        "ResourceInUseException",
        "Cannot update the event source mapping because it is in use.",
        waiting.MAPPING_BUSY,
    ),
    "deletion of a busy mapping": (
        "DeleteEventSourceMapping",
        delete("mapping/processor"),
        "ResourceInUseException",
        "Cannot delete the event source mapping because it is in use.",
        waiting.MAPPING_BUSY,
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
    "backups of a new table": (
        "UpdateContinuousBackups",
        after(recovery),
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: countagg-snapshots. Please retry later",
        waiting.BACKUPS_NOT_READY,
    ),
    "deletion of a busy table": (
        "DeleteTable",
        delete("table/counters"),
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being created",
        waiting.TABLE_BUSY,
    ),
    "topic that S3 may not publish to yet": (
        "PutBucketNotificationConfiguration",
        create("notification/uploads"),
        "InvalidArgument",
        "Unable to validate the following destination configurations",
        waiting.DESTINATION_NOT_VALID,
    ),
    "queue deleted recently": (
        "CreateQueue",
        create("queue/uploads"),
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        waiting.QUEUE_DELETED_RECENTLY,
    ),
    "queue deleted recently, by its short code": (
        "CreateQueue",
        create("queue/uploads"),
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        waiting.QUEUE_DELETED_RECENTLY,
    ),
    "log group being made by others": (
        "CreateLogGroup",
        create("logs/processor"),
        "OperationAbortedException",
        "A conflicting operation is currently in progress against this resource.",
        waiting.LOGS_BUSY,
    ),
    "retention being set by others": (
        "PutRetentionPolicy",
        after(new_retention),
        "OperationAbortedException",
        "A conflicting operation is currently in progress against this resource.",
        waiting.LOGS_BUSY,
    ),
    "deletion of a role that IAM still sees with a policy": (
        "DeleteRole",
        delete("role/processor"),
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        waiting.ROLE_NOT_EMPTY,
    ),
    "role being changed by others": (
        "PutRolePolicy",
        after(new_policy),
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously.",
        waiting.ROLE_BUSY,
    ),
}

KINDS = {
    "EventSourceMapping": "mapping",
    "Function": "function",
    "TagResource": "function",
    "Table": "table",
    "Backups": "table",
    "Notification": "bucket",
    "Queue": "queue",
    "Log": "logs",
    "Retention": "logs",
    "Role": "role",
}
"""Which kind an operation is about, by a part of its name; the first that fits counts."""
