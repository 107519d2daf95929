"""The policies of a stack: templates of `policies/`, filled in with its names."""

from __future__ import annotations

from typing import Any

from countagg.provision.place import Place
from countagg.provision.policies import has_policy, load_policy
from countagg.provision.settings import StackSettings


def fill_policy(settings: StackSettings, place: Place, template: str) -> dict[str, Any]:
    """Return a policy filled in for a stack.

    Without TLS the statements that demand it are left out; on the embedded engine those of
    `policies/embedded-engine/` are added.
    """
    document = load_policy(template, _values(settings, place))
    if not place.tls:
        document["Statement"] = [
            statement for statement in document["Statement"] if "aws:SecureTransport" not in str(statement)
        ]
    if place.embedded and has_policy(f"embedded-engine/{template}"):
        document["Statement"] += load_policy(f"embedded-engine/{template}", {})["Statement"]
    return document


def _values(settings: StackSettings, place: Place) -> dict[str, str]:
    names = settings.names
    return {
        "Account": place.account,
        "Bucket": place.bucket_arn(settings.bucket),
        "Prefix": settings.prefix,
        "UploadsTopic": place.topic_arn(names.uploads),
        "UploadsQueue": place.queue_arn(names.uploads),
        "DeadLetters": place.queue_arn(names.dead_letters),
        "SnapshotsTable": place.table_arn(names.snapshots),
        "TotalsTable": place.table_arn(names.totals),
        "CountersTable": place.table_arn(names.counters),
        "ProcessorLogs": place.log_group_arn(names.log_group(names.processor)),
        "AggregatorLogs": place.log_group_arn(names.log_group(names.aggregator)),
        "PublisherLogs": place.log_group_arn(names.log_group(names.publisher)),
    }
