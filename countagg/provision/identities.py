"""What a resource is found by: names that follow from the stack's, for each kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TopicId:
    """An SNS topic, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class QueueId:
    """An SQS queue, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class SubscriptionId:
    """The subscription of a queue to a topic, by both names."""

    topic: str
    queue: str


@dataclass(frozen=True, slots=True)
class TableId:
    """A DynamoDB table, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class LogGroupId:
    """A log group, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class RoleId:
    """An IAM role, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class FunctionId:
    """A Lambda function, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class QueueMappingId:
    """The event source mapping of a queue to a function: AWS picks its id, so it is found by the pair."""

    function: str
    queue: str


@dataclass(frozen=True, slots=True)
class StreamMappingId:
    """The event source mapping of a table's stream to a function.

    Found by function and table, whatever stream of the table it points to: a stream that was made anew has
    another ARN, and the mapping to the old one is silently dead (AWS-FACTS section 4).
    """

    function: str
    table: str


@dataclass(frozen=True, slots=True)
class BucketId:
    """A bucket, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class NotificationId:
    """Our entry in a bucket's notifications, by the bucket's name and the entry's id."""

    bucket: str
    entry: str


Identity = (
    TopicId
    | QueueId
    | SubscriptionId
    | TableId
    | LogGroupId
    | RoleId
    | FunctionId
    | QueueMappingId
    | StreamMappingId
    | BucketId
    | NotificationId
)
