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

    @property
    def name(self) -> str:
        """Topic and queue."""
        return f"{self.topic} -> {self.queue}"


@dataclass(frozen=True, slots=True)
class EmailId:
    """The subscription of an e-mail address to a topic."""

    topic: str
    address: str

    @property
    def name(self) -> str:
        """The address."""
        return self.address


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

    @property
    def name(self) -> str:
        """Queue and function."""
        return f"{self.queue} -> {self.function}"


@dataclass(frozen=True, slots=True)
class StreamMappingId:
    """The event source mapping of a table's stream to a function.

    Found by function and table, whatever stream of the table it points to: a stream that was made anew has
    another ARN, and the mapping to the old one is silently dead (docs/aws-facts.md#event-source-mappings).
    """

    function: str
    table: str

    @property
    def name(self) -> str:
        """Table and function."""
        return f"{self.table} -> {self.function}"


@dataclass(frozen=True, slots=True)
class AlarmId:
    """A CloudWatch alarm, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class KeyId:
    """A KMS key, by ARN, and the services that must be allowed to use it."""

    name: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BucketId:
    """A bucket, by name."""

    name: str


@dataclass(frozen=True, slots=True)
class NotificationId:
    """Our entry in a bucket's notifications, by the bucket's name and the entry's id."""

    bucket: str
    entry: str

    @property
    def name(self) -> str:
        """Bucket and entry."""
        return f"{self.bucket}: {self.entry}"


Identity = (
    TopicId
    | QueueId
    | SubscriptionId
    | EmailId
    | TableId
    | LogGroupId
    | RoleId
    | FunctionId
    | QueueMappingId
    | StreamMappingId
    | AlarmId
    | KeyId
    | BucketId
    | NotificationId
)
