"""Changes by hand to topics, queues and subscriptions."""

from __future__ import annotations

import json
from typing import Any

from tests.aws.by_hand import change_queue, change_topic
from tests.aws.drift import Drift
from tests.aws.others import THEIR_KEY
from tests.aws.world import PLACE, World

TOPIC = PLACE.topic_arn("countagg-uploads")
NOBODY = json.dumps({"Version": "2012-10-17", "Statement": []})
REDRIVE = {"deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters"), "maxReceiveCount": "9"}


def topic_policy(world: World) -> Any:
    attributes = world.clients.sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    return json.loads(attributes["Policy"])


def without_statement(world: World) -> None:
    policy = topic_policy(world)
    policy["Statement"].pop()
    change_topic(world, "topic/uploads", "Policy", json.dumps(policy))


def with_wider_statement(world: World) -> None:
    policy = topic_policy(world)
    del policy["Statement"][-1]["Condition"]
    change_topic(world, "topic/uploads", "Policy", json.dumps(policy))


def with_more_statements(world: World) -> None:
    policy = topic_policy(world)
    policy["Statement"].append({**policy["Statement"][-1], "Sid": "CountaggMore"})
    change_topic(world, "topic/uploads", "Policy", json.dumps(policy))


def change_subscription(world: World, name: str, value: str) -> None:
    (found,) = world.clients.sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    world.clients.sns.set_subscription_attributes(
        SubscriptionArn=found["SubscriptionArn"], AttributeName=name, AttributeValue=value
    )


PUT_TOPIC = ("SetTopicAttributes",)
PUT_QUEUE = ("SetQueueAttributes",)
PUT_SUBSCRIPTION = ("SetSubscriptionAttributes",)

PLAIN = (
    Drift("topic/uploads", "statements", without_statement, PUT_TOPIC, "removed"),
    Drift("topic/uploads", "statements", with_wider_statement, PUT_TOPIC, "widened"),
    Drift("topic/uploads", "statements", with_more_statements, PUT_TOPIC, "added"),
    Drift("topic/alerts", "statements", lambda w: change_topic(w, "topic/alerts", "Policy", NOBODY), PUT_TOPIC),
    Drift(
        "topic/uploads",
        "kms_key",
        lambda w: change_topic(w, "topic/uploads", "KmsMasterKeyId", THEIR_KEY),
        PUT_TOPIC,
    ),
    Drift(
        "queue/uploads",
        "visibility_timeout",
        lambda w: change_queue(w, "queue/uploads", VisibilityTimeout="17"),
        PUT_QUEUE,
    ),
    Drift(
        "queue/uploads",
        "retention",
        lambda w: change_queue(w, "queue/uploads", MessageRetentionPeriod="600"),
        PUT_QUEUE,
    ),
    Drift(
        "queue/dead-letters",
        "retention",
        lambda w: change_queue(w, "queue/dead-letters", MessageRetentionPeriod="600"),
        PUT_QUEUE,
    ),
    Drift(
        "queue/uploads",
        "redrive_policy",
        lambda w: change_queue(w, "queue/uploads", RedrivePolicy=json.dumps(REDRIVE)),
        PUT_QUEUE,
    ),
    Drift("queue/uploads", "statements", lambda w: change_queue(w, "queue/uploads", Policy=NOBODY), PUT_QUEUE),
    Drift(
        "queue/uploads",
        "encryption",
        lambda w: change_queue(w, "queue/uploads", SqsManagedSseEnabled="false"),
        PUT_QUEUE,
        "switched off",
    ),
    Drift(
        "queue/uploads",
        "encryption",
        lambda w: change_queue(w, "queue/uploads", KmsMasterKeyId=THEIR_KEY, SqsManagedSseEnabled="false"),
        PUT_QUEUE,
        "with another's key",
    ),
    Drift(
        "subscription/uploads",
        "raw_delivery",
        lambda w: change_subscription(w, "RawMessageDelivery", "false"),
        PUT_SUBSCRIPTION,
    ),
    Drift(
        "subscription/uploads",
        "redrive_policy",
        lambda w: change_subscription(
            w, "RedrivePolicy", json.dumps({"deadLetterTargetArn": PLACE.queue_arn("countagg-uploads")})
        ),
        PUT_SUBSCRIPTION,
        "to another queue",
    ),
    Drift(
        "subscription/uploads",
        "redrive_policy",
        lambda w: change_subscription(w, "RedrivePolicy", "{}"),
        PUT_SUBSCRIPTION,
        "emptied",
    ),
    Drift(
        "subscription/uploads",
        "filter_policy",
        lambda w: change_subscription(w, "FilterPolicy", '{"colour": ["red"]}'),
        PUT_SUBSCRIPTION,
    ),
)

WITH_OPTIONS = (
    Drift(
        "topic/alerts",
        "kms_key",
        lambda w: change_topic(w, "topic/alerts", "KmsMasterKeyId", ""),
        PUT_TOPIC,
        "taken off",
    ),
    Drift(
        "topic/uploads",
        "kms_key",
        lambda w: change_topic(w, "topic/uploads", "KmsMasterKeyId", THEIR_KEY),
        PUT_TOPIC,
        "another's",
    ),
    Drift(
        "queue/uploads",
        "encryption",
        lambda w: change_queue(w, "queue/uploads", KmsMasterKeyId="", SqsManagedSseEnabled="true"),
        PUT_QUEUE,
        "by SQS",
    ),
    Drift(
        "queue/dead-letters",
        "encryption",
        lambda w: change_queue(w, "queue/dead-letters", KmsMasterKeyId=""),
        PUT_QUEUE,
        "none",
    ),
)
