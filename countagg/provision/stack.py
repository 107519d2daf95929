"""The stack on one page: every resource, in the order of creation; teardown goes backwards.

The log groups come first, so that they go last: a line that arrives late finds its group until all functions are
gone. The bucket and its notification come last: S3 checks the topic when the notification is put, events then find
everything in place, and a teardown that was killed still finds a function, whose environment names the bucket.
"""

from __future__ import annotations

from typing import Any

from countagg.provision import alarm_specs, function_specs, messaging_specs, storage_specs
from countagg.provision.blueprint import Blueprint
from countagg.provision.reconcile import Node


def stack_nodes(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    """Return every resource of a stack; bucket and notification only if the bucket is known."""
    return (
        *function_specs.log_groups(blueprint),
        *storage_specs.key(blueprint),
        messaging_specs.uploads_topic(blueprint),
        messaging_specs.alerts_topic(blueprint),
        *messaging_specs.alarm_emails(blueprint),
        messaging_specs.dead_letters_queue(blueprint),
        messaging_specs.uploads_queue(blueprint),
        messaging_specs.uploads_subscription(blueprint),
        *storage_specs.tables(blueprint),
        *function_specs.roles(blueprint),
        *function_specs.functions(blueprint),
        function_specs.processor_mapping(blueprint),
        function_specs.aggregator_mapping(blueprint),
        function_specs.publisher_mapping(blueprint),
        *alarm_specs.alarms(blueprint),
        *_bucket_and_notification(blueprint),
    )


def _bucket_and_notification(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    if not blueprint.settings.bucket:
        return ()
    return storage_specs.bucket(blueprint), storage_specs.uploads_notification(blueprint)
