"""Desired states: one frozen dataclass a kind. A field holds what AWS would answer, normalised.

Policies are canonical JSON text (`policies.canonical`), so that equal meaning is equal text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from countagg.provision.reconcile import Tags


@dataclass(frozen=True, slots=True)
class TopicState:
    """An SNS topic. `statements` are ours only; the policy keeps those of others."""

    statements: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class QueueState:
    """An SQS queue; times in seconds. `statements` are ours only."""

    visibility_timeout: int
    retention: int
    redrive_policy: str
    statements: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """The subscription of a queue to a topic."""

    raw_delivery: bool
    redrive_policy: str


@dataclass(frozen=True, slots=True)
class IndexState:
    """A global secondary index with all attributes."""

    name: str
    partition_key: str


@dataclass(frozen=True, slots=True)
class TableState:
    """A DynamoDB table, on demand. All key attributes are strings. `stream` is a view type, or empty."""

    partition_key: str
    sort_key: str
    indexes: tuple[IndexState, ...]
    stream: str
    ttl_attribute: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class LogGroupState:
    """A log group; retention in days."""

    retention: int
    tags: Tags


@dataclass(frozen=True, slots=True)
class RoleState:
    """An IAM role with inline policies, by name."""

    trust: str
    policies: Mapping[str, str]
    tags: Tags


@dataclass(frozen=True, slots=True)
class Code:
    """A zip: base64 of its SHA-256, as Lambda tells it, and the bytes, which AWS does not give back."""

    sha256: str
    content: bytes = field(compare=False, repr=False, default=b"")


@dataclass(frozen=True, slots=True)
class FunctionState:
    """A Lambda function; memory in MB, timeout in seconds."""

    role: str
    handler: str
    runtime: str
    architecture: str
    memory: int
    timeout: int
    environment: Mapping[str, str]
    log_group: str
    log_format: str
    code: Code
    tags: Tags


@dataclass(frozen=True, slots=True)
class MappingState:
    """An event source mapping; window in seconds. -1 tries are tries until the record expires.

    `filters` are the patterns as canonical JSON text, `on_failure` an ARN or empty.
    """

    source: str
    enabled: bool
    batch_size: int
    window: int
    partial_answers: bool = False
    filters: tuple[str, ...] = ()
    bisect: bool = False
    tries: int = -1
    on_failure: str = ""
    starting_position: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class BucketState:
    """A bucket that we created. `statements` are ours only."""

    private: bool
    encrypted: bool
    statements: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class NotificationState:
    """Our entry in a bucket's notifications. A suffix that somebody added would hide files from us."""

    topic: str
    events: tuple[str, ...]
    prefix: str
    suffix: str = ""
