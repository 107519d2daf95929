"""What a stack keeps things in: its tables, its bucket, and the bucket's notification."""

from __future__ import annotations

from typing import Final

from countagg.core.names import BY_DATE_INDEX
from countagg.provision.blueprint import Blueprint
from countagg.provision.lifecycle import lifecycle_rules
from countagg.provision.notifications import check_overlaps
from countagg.provision.policies import our_statements
from countagg.provision.reconcile import Holds, Node, NodeOutputs
from countagg.provision.states import BucketState, IndexState, KeyState, NotificationState, TableState

EVENTS: Final = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
KEY_USERS: Final = ("s3.amazonaws.com", "sns.amazonaws.com", "cloudwatch.amazonaws.com")
"""Services that pass messages on through encrypted topics and queues (docs/aws-facts.md#sns)."""

PUBLIC_ACCESS_BLOCKS: Final = (
    "BlockPublicAcls",
    "IgnorePublicAcls",
    "BlockPublicPolicy",
    "RestrictPublicBuckets",
)
"""All ways by which a bucket that setup created is closed to the public."""

_IMAGES: Final = "NEW_AND_OLD_IMAGES"
_TABLE_KEYS: Final = frozenset({"partition_key", "sort_key"})


def key(blueprint: Blueprint) -> tuple[Node[KeyState], ...]:
    """Return the operator's KMS key, if there is one."""
    arn = blueprint.settings.kms_key
    return (blueprint.node("key", arn, lambda _: KeyState(), borrowed="create it first"),) if arn else ()


def tables(blueprint: Blueprint) -> tuple[Node[TableState], ...]:
    """Return snapshots, totals and counters."""
    names = blueprint.names
    by_date = IndexState(BY_DATE_INDEX, "Date")
    return (
        _table(blueprint, names.snapshots, ("Date", "Instance")),
        _table(blueprint, names.totals, ("Date", "")),
        _table(blueprint, names.counters, ("Counter", "Date"), by_date),
    )


def _table(blueprint: Blueprint, name: str, keys: tuple[str, str], *indexes: IndexState) -> Node[TableState]:
    partition_key, sort_key = keys
    state = TableState(
        partition_key=partition_key,
        sort_key=sort_key,
        indexes=indexes,
        billing_mode="PAY_PER_REQUEST",
        stream=_IMAGES,
        ttl_attribute="ExpiresAt",
        kms_key=blueprint.settings.kms_key or "",
        point_in_time_recovery=blueprint.settings.point_in_time_recovery,
        deletion_protection=blueprint.settings.deletion_protection,
        tags=blueprint.tags,
    )
    return blueprint.node(
        f"table/{name.removeprefix(blueprint.names.stack + '-')}",
        name,
        lambda _: state,
        needs=blueprint.key_needed,
        immutable=_TABLE_KEYS,
        holds=Holds.DATA,
    )


def bucket(blueprint: Blueprint) -> Node[BucketState]:
    """Return the bucket, ours or somebody else's."""
    settings = blueprint.settings
    state = BucketState(
        private=True,
        encryption=settings.kms_key or "AES256",
        versioning=settings.bucket_versioning,
        statements=our_statements(blueprint.policy("bucket")),
        lifecycle=lifecycle_rules(settings.retention.snapshots),
        tags=blueprint.tags,
    )
    return blueprint.node(
        "bucket",
        settings.bucket,
        lambda _: state,
        needs=("function/processor", *blueprint.key_needed),
        holds=Holds.DATA,
        borrowed=None if settings.create_bucket else "create it first, or have --create-bucket do so",
    )


def uploads_notification(blueprint: Blueprint) -> Node[NotificationState]:
    """Return our entry in the bucket's notifications."""
    bucket, entry = blueprint.settings.bucket, blueprint.names.uploads
    state = NotificationState(
        topic=blueprint.place.topic_arn(blueprint.names.uploads), events=EVENTS, prefix=blueprint.settings.prefix
    )

    def desired(outputs: NodeOutputs) -> NotificationState:
        check_overlaps(state, entry, outputs.get("bucket", "notifications", foreseen="{}"))
        return state

    return blueprint.node(
        "notification/uploads",
        f"{bucket}: {entry}",
        desired,
        parts=(bucket, entry),
        needs=("bucket", "topic/uploads", "subscription/uploads", "mapping/processor"),
    )
