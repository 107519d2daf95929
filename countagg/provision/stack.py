"""The stack on one page: every resource, in the order of creation; teardown goes backwards.

The log groups come first, so that they go last: a line that arrives late finds its group until all functions are
gone. The bucket and its notification come last: S3 checks the topic when the notification is put, events then find
everything in place, and a teardown that was killed still finds a function, whose environment names the bucket.

What others subscribed comes after that: nothing of the stack waits for what is not its own, and the functions
remember a subscription before it is made and until it is gone.
"""

from __future__ import annotations

from typing import Any

from countagg.provision import alarms, dashboard, deliveries, functions, messaging, storage
from countagg.provision.blueprint import Blueprint
from countagg.provision.reconcile import Node


def stack_nodes(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    """Return every resource of a stack; bucket and notification only if the bucket is known."""
    return (
        *functions.log_groups(blueprint),
        *storage.key(blueprint),
        messaging.uploads_topic(blueprint),
        messaging.alerts_topic(blueprint),
        messaging.dead_letters_queue(blueprint),
        *deliveries.ended(blueprint),
        messaging.uploads_queue(blueprint),
        messaging.uploads_subscription(blueprint),
        *storage.tables(blueprint),
        *functions.roles(blueprint),
        *functions.functions(blueprint),
        functions.processor_mapping(blueprint),
        functions.aggregator_mapping(blueprint),
        functions.publisher_mapping(blueprint),
        *alarms.alarms(blueprint),
        dashboard.dashboard(blueprint),
        *_bucket_and_notification(blueprint),
        *deliveries.wanted(blueprint),
    )


def _bucket_and_notification(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    if not blueprint.settings.bucket:
        return ()
    return storage.bucket(blueprint), storage.uploads_notification(blueprint)
