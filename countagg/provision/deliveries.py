"""What subscriptions consist of: mappings and policies for functions, for all others ends of the alerts' topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final

from countagg.core.names import Names
from countagg.provision.blueprint import Blueprint
from countagg.provision.functions import STREAM_TRIES
from countagg.provision.place import Place
from countagg.provision.policies import OUR_SID, canonical
from countagg.provision.reconcile import Node, NodeOutputs
from countagg.provision.states import (
    EmailState,
    MappingState,
    QueueGrantState,
    RolePolicyState,
    SubscriptionState,
)
from countagg.provision.subscriptions import (
    Subscriber,
    SubscriptionKind,
    change_filter,
    queue_name,
)

CHANGES_BATCH: Final = 100
"""Changes of totals for one call of a function."""


def wanted(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    """Return what there is to be."""
    return made_of(blueprint, blueprint.settings.deliveries, unwanted=False)


def ended(blueprint: Blueprint) -> tuple[Node[Any], ...]:
    """Return the end of what was there before, dependents first."""
    return tuple(reversed(made_of(blueprint, sorted(blueprint.settings.dropped), unwanted=True)))


def made_of(blueprint: Blueprint, subscriptions: Iterable[Subscriber], *, unwanted: bool) -> tuple[Node[Any], ...]:
    """Return what these subscriptions consist of, in the order of creation.

    Args:
        blueprint: of the stack; what its other subscriptions need is not unwanted.
        subscriptions: which.
        unwanted: whether they shall go.
    """
    kept = {node.id for node in wanted(blueprint)} if unwanted else set()
    nodes: dict[str, Node[Any]] = {}
    for subscription in subscriptions:
        for node in _parts(blueprint, subscription, unwanted=unwanted):
            if node.id not in kept:
                # Functions of one role share its policy.
                nodes.setdefault(node.id, node)
    return tuple(nodes.values())


def _parts(blueprint: Blueprint, subscription: Subscriber, *, unwanted: bool) -> Iterator[Node[Any]]:
    match subscription.kind:
        case SubscriptionKind.FUNCTION:
            yield _role_policy(blueprint, subscription, unwanted=unwanted)
            yield _consumer(blueprint, subscription, unwanted=unwanted)
        case SubscriptionKind.EMAIL:
            yield blueprint.node(
                f"email/{subscription.endpoint}",
                subscription.endpoint,
                lambda _: EmailState(),
                parts=(blueprint.alerts_arn, subscription.protocol, subscription.endpoint),
                needs=("topic/alerts",),
                unwanted=unwanted,
            )
        case _:
            if subscription.is_settable_queue(blueprint.place.known):
                yield _queue_grant(blueprint, subscription, unwanted=unwanted)
            yield _alerts_subscription(blueprint, subscription, unwanted=unwanted)


def _role_policy(blueprint: Blueprint, subscription: Subscriber, *, unwanted: bool) -> Node[RolePolicyState]:
    state = RolePolicyState(canonical(blueprint.policy("consumer")))
    policy = consumer_policy_name(blueprint.names, blueprint.place)
    return blueprint.node(
        f"consumer-policy/{subscription.role_name}",
        f"{subscription.role_name}: {policy}",
        lambda _: state,
        parts=(subscription.role_name, policy),
        unwanted=unwanted,
    )


def consumer_policy_name(names: Names, place: Place) -> str:
    """Return the name of our policy in a role; roles are global to an account, so the region is part of it."""
    return f"countagg-{names.stack}-{place.region}"


def _consumer(blueprint: Blueprint, subscription: Subscriber, *, unwanted: bool) -> Node[MappingState]:
    """Return the mapping of the counters' stream to a function of somebody else's.

    It begins with what changes from now on: a function that acts on changes is not to act on those of yesterday.
    """

    def desired(outputs: NodeOutputs) -> MappingState:
        return MappingState(
            source=outputs.get("table/counters", "stream_arn"),
            enabled=True,
            batch_size=CHANGES_BATCH,
            window=0,
            tags=blueprint.mapping_tags,
            filters=(change_filter(subscription.counters),),
            bisect=True,
            tries=STREAM_TRIES,
            on_failure=blueprint.dead_letters_arn,
            starting_position="LATEST",
        )

    return blueprint.node(
        f"consumer/{subscription.endpoint}",
        f"{blueprint.names.counters} -> {subscription.endpoint}",
        desired,
        parts=(subscription.endpoint, blueprint.place.table_arn(blueprint.names.counters)),
        needs=() if unwanted else ("table/counters", f"consumer-policy/{subscription.role_name}"),
        unwanted=unwanted,
    )


def _queue_grant(blueprint: Blueprint, subscription: Subscriber, *, unwanted: bool) -> Node[QueueGrantState]:
    state = QueueGrantState(canonical(queue_statement(subscription.endpoint, blueprint.alerts_arn)))
    name = queue_name(subscription.endpoint)
    return blueprint.node(
        f"alert-queue-policy/{name}",
        f"{name}: {queue_sid(blueprint.alerts_arn)}",
        lambda _: state,
        parts=(name, queue_sid(blueprint.alerts_arn)),
        unwanted=unwanted,
    )


def queue_sid(topic_arn: str) -> str:
    """Return the id of our statement in the policy of a queue, which those of other stacks do not have."""
    return f"{OUR_SID}Alerts{sha256(topic_arn.encode()).hexdigest()[:12]}"


def queue_statement(queue_arn: str, topic_arn: str) -> dict[str, Any]:
    """Return the statement of a queue's policy by which the alerts' topic may send to it.

    Source: Amazon SNS developer guide, fanout to Amazon SQS queues.
    """
    return {
        "Sid": queue_sid(topic_arn),
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }


def _alerts_subscription(
    blueprint: Blueprint, subscription: Subscriber, *, unwanted: bool
) -> Node[SubscriptionState]:
    endpoint, protocol = subscription.endpoint, subscription.protocol
    state = alerts_delivery(blueprint.place, blueprint.names, protocol, endpoint)
    is_url = subscription.kind is SubscriptionKind.HTTPS
    kind, name = (protocol, endpoint.partition("//")[2]) if is_url else ("alert-queue", endpoint)
    needs = ["topic/alerts", "queue/dead-letters"]
    if subscription.is_settable_queue(blueprint.place.known):
        needs.append(f"alert-queue-policy/{queue_name(endpoint)}")
    return blueprint.node(
        f"{kind}/{name}",
        endpoint,
        lambda _: state,
        parts=(blueprint.alerts_arn, protocol, endpoint),
        needs=() if unwanted else tuple(needs),
        unwanted=unwanted,
    )


def alerts_delivery(place: Place, names: Names, protocol: str, endpoint: str) -> SubscriptionState:
    """Return how alerts are delivered.

    A queue gets the message alone. A URL gets it in SNS's envelope, whose signature tells the receiver whom it is
    from. What cannot be delivered goes to the dead letters, which must be the subscriber's own account's and
    region's (docs/aws-facts.md#sns).
    """
    is_queue = protocol == "sqs"
    has_dead_letters = not is_queue or endpoint == place.known.queue_arn(queue_name(endpoint))
    target = {"deadLetterTargetArn": place.queue_arn(names.dead_letters)}
    return SubscriptionState(raw_delivery=is_queue, redrive_policy=canonical(target) if has_dead_letters else "")
