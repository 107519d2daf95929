"""Topics, queues and subscriptions of a stack."""

from __future__ import annotations

from typing import Final

from countagg.provision.blueprint import Blueprint, Spec
from countagg.provision.identities import EmailId, QueueId, SubscriptionId, TopicId
from countagg.provision.policies import canonical, our_statements
from countagg.provision.states import EmailState, QueueState, SubscriptionState, TopicState

PROCESSOR_TIMEOUT: Final = 60
QUEUE_RETENTION: Final = 4 * 86_400
DEAD_LETTER_RETENTION: Final = 14 * 86_400
MAX_RECEIVES: Final = 5
OWN_ENCRYPTION: Final = "SSE-SQS"


def uploads_topic(blueprint: Blueprint) -> Spec[TopicState]:
    """Return the topic that S3 publishes to."""
    return _topic(blueprint, "topic/uploads", blueprint.names.uploads, "topic-uploads")


def alerts_topic(blueprint: Blueprint) -> Spec[TopicState]:
    """Return the topic that alarms and passed limits go to."""
    return _topic(blueprint, "topic/alerts", blueprint.names.alerts, "topic-alerts")


def _topic(blueprint: Blueprint, node: str, name: str, template: str) -> Spec[TopicState]:
    state = TopicState(our_statements(blueprint.policy(template)), blueprint.settings.kms_key, blueprint.tags)
    return Spec(node, TopicId(name), lambda _: state, needs=blueprint.key_needed)


def dead_letters_queue(blueprint: Blueprint) -> Spec[QueueState]:
    """Return the queue for the failures of every hop."""
    state = QueueState(
        visibility_timeout=30,
        retention=DEAD_LETTER_RETENTION,
        redrive_policy="",
        statements=our_statements(blueprint.policy("queue-dead-letters")),
        encryption=blueprint.settings.kms_key or OWN_ENCRYPTION,
        tags=blueprint.tags,
    )
    identity = QueueId(blueprint.names.dead_letters)
    return Spec("queue/dead-letters", identity, lambda _: state, needs=blueprint.key_needed)


def uploads_queue(blueprint: Blueprint) -> Spec[QueueState]:
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
    return Spec("queue/uploads", QueueId(blueprint.names.uploads), lambda _: state, needs=needs)


def uploads_subscription(blueprint: Blueprint) -> Spec[SubscriptionState]:
    """Return the subscription of the uploads queue to the uploads topic."""
    redrive = canonical({"deadLetterTargetArn": blueprint.dead_letters_arn})
    state = SubscriptionState(raw_delivery=True, redrive_policy=redrive)
    return Spec(
        "subscription/uploads",
        SubscriptionId(blueprint.names.uploads, blueprint.names.uploads),
        lambda _: state,
        needs=("topic/uploads", "queue/uploads", "queue/dead-letters"),
    )


def alarm_emails(blueprint: Blueprint) -> tuple[Spec[EmailState], ...]:
    """Return the subscription of the chosen address to the alerts, and the end of the one chosen before."""
    topic, settings = blueprint.names.alerts, blueprint.settings
    return tuple(
        Spec(
            f"email/{address}",
            EmailId(topic, address),
            lambda _: EmailState(),
            needs=("topic/alerts",),
            unwanted=address == settings.dropped_email,
        )
        for address in (settings.dropped_email, settings.alarm_email)
        if address
    )
