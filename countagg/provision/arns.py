"""The ARN of a resource, as far as it follows from its name."""

from __future__ import annotations

from countagg.provision.identities import (
    AlarmId,
    BucketId,
    FunctionId,
    Identity,
    LogGroupId,
    QueueId,
    RoleId,
    TableId,
    TopicId,
)
from countagg.provision.place import Place


def arn_of(identity: Identity, place: Place) -> str | None:  # noqa: PLR0911 - one line a kind
    """Return the ARN; None for a kind that has none, or one that AWS picks. Roles are taken to have no path."""
    match identity:
        case TopicId(name=name):
            return place.topic_arn(name)
        case QueueId(name=name):
            return place.queue_arn(name)
        case TableId(name=name):
            return place.table_arn(name)
        case LogGroupId(name=name):
            return place.log_group_arn(name)
        case RoleId(name=name):
            return place.role_arn(name)
        case FunctionId(name=name):
            return place.function_arn(name)
        case AlarmId(name=name):
            return place.alarm_arn(name)
        case BucketId(name=name):
            return place.bucket_arn(name)
        case _:
            return None
