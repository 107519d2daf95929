"""The policies of a stack: templates of `policies/`, filled in with its names."""

from __future__ import annotations

from typing import Any

from countagg.provision.place import Place
from countagg.provision.policies import has_policy, load_policy
from countagg.provision.settings import StackSettings


def fill_policy(settings: StackSettings, place: Place, template: str) -> dict[str, Any]:
    """Return a policy filled in for a stack.

    Without TLS the statements that demand it are left out. Those of `policies/with-key/` are added where a key
    encrypts, those of `policies/with-stale-alarm/` where silent instances raise an alarm, those of
    `policies/embedded-engine/` on the embedded engine.
    """
    document = load_policy(template, _values(settings, place))
    if not place.tls:
        document["Statement"] = [
            statement for statement in document["Statement"] if "aws:SecureTransport" not in str(statement)
        ]
    for folder, applies in (
        ("with-key", bool(settings.kms_key)),
        ("with-stale-alarm", bool(settings.stale_alarm)),
        ("embedded-engine", place.embedded),
    ):
        if applies and has_policy(f"{folder}/{template}"):
            document["Statement"] += load_policy(f"{folder}/{template}", _values(settings, place))["Statement"]
    return document


def _values(settings: StackSettings, place: Place) -> dict[str, str]:
    names = settings.names
    return {
        "Account": place.account,
        "Region": place.region,
        "Key": settings.kms_key or "",
        "Bucket": place.bucket_arn(settings.bucket),
        "Prefix": settings.prefix,
        "OutputPrefix": settings.output_prefix,
        "UploadsTopic": place.topic_arn(names.uploads),
        "AlertsTopic": place.topic_arn(names.alerts),
        "Alarms": place.alarm_arn(f"{names.stack}-*"),
        "UploadsQueue": place.queue_arn(names.uploads),
        "DeadLetters": place.queue_arn(names.dead_letters),
        "SnapshotsTable": place.table_arn(names.snapshots),
        "TotalsTable": place.table_arn(names.totals),
        "CountersTable": place.table_arn(names.counters),
        "ProcessorLogs": place.log_group_arn(names.log_group(names.processor)),
        "AggregatorLogs": place.log_group_arn(names.log_group(names.aggregator)),
        "PublisherLogs": place.log_group_arn(names.log_group(names.publisher)),
    }
