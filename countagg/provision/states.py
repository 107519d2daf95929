"""Desired states: one frozen dataclass a kind. A field holds what AWS would answer, normalised.

Policies are canonical JSON text (`policies.canonical`), so that equal meaning is equal text. `kms_key` is an ARN,
or empty for the service's own key. A field that may be None need not be chosen: it stays as it is then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from countagg.core.lazy_dataclass import dataclass
from countagg.provision.code import Code
from countagg.provision.differences import Tags


@dataclass(frozen=True, slots=True)
class TopicState:
    """An SNS topic. `statements` are ours only; the policy keeps those of others."""

    statements: str
    kms_key: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class QueueState:
    """An SQS queue; times in seconds. `statements` are ours only.

    `encryption` is `SSE-SQS`, a key's ARN, or `none`.
    """

    visibility_timeout: int
    retention: int
    redrive_policy: str
    statements: str
    encryption: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class SubscriptionState:
    """The subscription of a queue or a URL to a topic. A filter that somebody added would hide messages."""

    raw_delivery: bool
    redrive_policy: str
    filter_policy: str = ""


@dataclass(frozen=True, slots=True)
class EmailState:
    """The subscription of an address to a topic: it is there or not."""


@dataclass(frozen=True, slots=True)
class QueueGrantState:
    """The statement in the policy of somebody else's queue that lets the alerts' topic send to it."""

    statement: str


@dataclass(frozen=True, slots=True)
class RolePolicyState:
    """An inline policy of ours in somebody else's role."""

    policy: str


@dataclass(frozen=True, slots=True)
class IndexState:
    """A global secondary index with all attributes."""

    name: str
    partition_key: str


@dataclass(frozen=True, slots=True)
class TableState:
    """A DynamoDB table. All key attributes are strings. `stream` is a view type, or empty."""

    partition_key: str
    sort_key: str
    indexes: tuple[IndexState, ...]
    billing_mode: str
    stream: str
    ttl_attribute: str
    kms_key: str
    point_in_time_recovery: bool | None
    deletion_protection: bool | None
    tags: Tags


@dataclass(frozen=True, slots=True)
class LogGroupState:
    """A log group; retention in days."""

    retention: int
    tags: Tags


@dataclass(frozen=True, slots=True)
class RoleState:
    """An IAM role with inline policies, by name; `attached` are ARNs of managed ones."""

    path: str
    trust: str
    permissions_boundary: str
    policies: Mapping[str, str]
    attached: tuple[str, ...]
    tags: Tags


@dataclass(frozen=True, slots=True)
class FunctionState:
    """A Lambda function; memory in MB, timeout in seconds. `failure` is why it cannot run, empty if it can.

    An architecture that was not chosen may be another one where a region does not offer it. `role_created` tells
    when its role was made; `spare_role` is one that it may have for the moment in which its grant is renewed.
    """

    role: str
    handler: str
    runtime: str
    architecture: str
    memory: int
    timeout: int
    environment: Mapping[str, str]
    log_group: str
    log_format: str
    log_level: str
    system_log_level: str
    code: Code
    failure: str
    tags: Tags
    architecture_chosen: bool = field(default=False, compare=False)
    role_created: str = field(default="", compare=False)
    spare_role: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class MappingState:
    """An event source mapping; window and record age in seconds.

    -1 tries are tries until the record expires, and so is an age of -1. `filters` are the patterns as canonical
    JSON text, `on_failure` an ARN or empty, `parallel` the batches of one shard at a time. `tags` are None where
    mappings may have none, `max_concurrency` where nothing but the account bounds the invocations at a time.
    """

    source: str
    enabled: bool
    batch_size: int
    window: int
    tags: Tags | None
    partial_answers: bool = False
    filters: tuple[str, ...] = ()
    bisect: bool = False
    tries: int = -1
    record_age: int = -1
    parallel: int = 1
    on_failure: str = ""
    max_concurrency: int | None = None
    starting_position: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A CloudWatch alarm on one metric; period in seconds. `actions` are ARNs, for alarm and recovery alike."""

    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    threshold: float
    period: int
    periods: int
    comparison: str
    missing_data: str
    enabled: bool
    actions: tuple[str, ...]
    tags: Tags


@dataclass(frozen=True, slots=True)
class DashboardState:
    """A CloudWatch dashboard. `body` is its JSON as `policies.compact` writes it.

    `tags` are None where AWS tells of none: ownership is in the body (`dashboard.is_of`).
    """

    body: str
    tags: Tags | None


@dataclass(frozen=True, slots=True)
class KeyState:
    """A KMS key of the operator's: it is there and can be used."""


@dataclass(frozen=True, slots=True)
class BucketState:
    """A bucket that we created. `encryption` is `AES256`, a key's ARN, or `none`.

    `statements` and `lifecycle` are the statements of its policy, and the rules, that are ours.
    """

    private: bool
    encryption: str
    versioning: bool | None
    statements: str
    lifecycle: str
    tags: Tags


@dataclass(frozen=True, slots=True)
class NotificationState:
    """Our entry in a bucket's notifications. A suffix that somebody added would hide files from us."""

    topic: str
    events: tuple[str, ...]
    prefix: str
    suffix: str = ""
