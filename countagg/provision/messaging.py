"""Topics, queues and subscriptions of a stack."""

from __future__ import annotations

from typing import Final

from countagg.provision.blueprint import Blueprint
from countagg.provision.policies import canonical, our_statements
from countagg.provision.reconcile import Node
from countagg.provision.states import QueueState, SubscriptionState, TopicState

PROCESSOR_TIMEOUT: Final = 60
QUEUE_RETENTION: Final = 4 * 86_400
DEAD_LETTER_RETENTION: Final = 14 * 86_400
MAX_RECEIVES: Final = 5
OWN_ENCRYPTION: Final = "SSE-SQS"


def uploads_topic(blueprint: Blueprint) -> Node[TopicState]:
    """Return the topic that S3 publishes to."""
    return _topic(blueprint, "topic/uploads", blueprint.names.uploads, "topic-uploads")


def alerts_topic(blueprint: Blueprint) -> Node[TopicState]:
    """Return the topic that alarms and passed limits go to."""
    return _topic(blueprint, "topic/alerts", blueprint.names.alerts, "topic-alerts")


def _topic(blueprint: Blueprint, node: str, name: str, template: str) -> Node[TopicState]:
    statements = our_statements(blueprint.policy(template))
    state = TopicState(statements, blueprint.settings.kms_key or "", blueprint.tags)
    return blueprint.node(node, name, lambda _: state, needs=blueprint.key_needed)


def dead_letters_queue(blueprint: Blueprint) -> Node[QueueState]:
    """Return the queue for the failures of every hop."""
    state = QueueState(
        visibility_timeout=30,
        retention=DEAD_LETTER_RETENTION,
        redrive_policy="",
        statements=our_statements(blueprint.policy("queue-dead-letters")),
        encryption=blueprint.settings.kms_key or OWN_ENCRYPTION,
        tags=blueprint.tags,
    )
    return blueprint.node(
        "queue/dead-letters", blueprint.names.dead_letters, lambda _: state, needs=blueprint.key_needed
    )


def uploads_queue(blueprint: Blueprint) -> Node[QueueState]:
    """Return the queue that the processor reads."""
    redrive = {"deadLetterTargetArn": blueprint.dead_letters_arn, "maxReceiveCount": MAX_RECEIVES}
    state = QueueState(
        # Six times the function's time-out, as the Lambda guide asks for queues as event sources.
        visibility_timeout=6 * PROCESSOR_TIMEOUT,
        retention=QUEUE_RETENTION,
        redrive_policy=canonical(redrive),
        statements=our_statements(blueprint.policy("queue-uploads")),
        encryption=blueprint.settings.kms_key or OWN_ENCRYPTION,
        tags=blueprint.tags,
    )
    needs = ("queue/dead-letters", *blueprint.key_needed)
    return blueprint.node("queue/uploads", blueprint.names.uploads, lambda _: state, needs=needs)


def uploads_subscription(blueprint: Blueprint) -> Node[SubscriptionState]:
    """Return the subscription of the uploads queue to the uploads topic."""
    topic = queue = blueprint.names.uploads
    redrive = canonical({"deadLetterTargetArn": blueprint.dead_letters_arn})
    state = SubscriptionState(raw_delivery=True, redrive_policy=redrive)
    return blueprint.node(
        "subscription/uploads",
        f"{topic} -> {queue}",
        lambda _: state,
        parts=(blueprint.place.topic_arn(topic), "sqs", blueprint.place.queue_arn(queue)),
        needs=("topic/uploads", "queue/uploads", "queue/dead-letters"),
    )
