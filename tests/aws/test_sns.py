from __future__ import annotations

import json
from dataclasses import replace

import pytest

from countagg.provision.reconcile import Action, FieldChange
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended
from tests.aws.world import PLACE, World, touched

PARTS = by_hand.PARTS["topic"]

TOPIC = PLACE.topic_arn("countagg-uploads")
QUEUE = PLACE.queue_arn("countagg-uploads")


def subscription(world: World) -> tuple[str, dict[str, str]]:
    (found,) = world.clients.sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    arn = found["SubscriptionArn"]
    return arn, world.clients.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]


def policy(world: World) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(
        world.clients.sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"]
    )
    return found


def test_a_new_topic_keeps_the_owner_s_statement_and_gets_ours(deployed: World) -> None:
    assert [each.get("Sid") for each in policy(deployed)["Statement"]] == [
        "__default_statement_ID",
        "CountaggBucketPublishes",
    ]


@pytest.mark.parametrize("change", ["removed", "widened", "added"])
def test_statements_of_ours_that_were_changed_are_put_back(deployed: World, change: str) -> None:
    before = policy(deployed)
    changed = json.loads(json.dumps(before))
    match change:
        case "removed":
            changed["Statement"].pop()
        case "widened":
            del changed["Statement"][-1]["Condition"]
        case _:
            changed["Statement"].append({**changed["Statement"][-1], "Sid": "CountaggMore"})
    deployed.clients.sns.set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(changed)
    )
    assert_mended(deployed, "topic/uploads", ("statements",), ["SetTopicAttributes"])
    assert policy(deployed) == before


def test_the_subscription_is_raw_and_has_dead_letters(deployed: World) -> None:
    _, attributes = subscription(deployed)
    assert (attributes["Protocol"], attributes["Endpoint"]) == ("sqs", QUEUE)
    assert attributes["RawMessageDelivery"] == "true"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters")
    }


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("RawMessageDelivery", "false", "raw_delivery"),
        ("RedrivePolicy", json.dumps({"deadLetterTargetArn": QUEUE}), "redrive_policy"),
    ],
)
def test_attributes_of_the_subscription_are_put_back(deployed: World, name: str, value: str, field: str) -> None:
    arn, before = subscription(deployed)
    deployed.clients.sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
    assert_mended(deployed, "subscription/uploads", (field,), ["SetSubscriptionAttributes"])
    assert subscription(deployed) == (arn, before)


def test_both_attributes_of_the_subscription_are_put_back_though_killed_between(deployed: World) -> None:
    arn, before = subscription(deployed)
    for name, value in {"RawMessageDelivery": "false", "RedrivePolicy": "{}"}.items():
        deployed.clients.sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName=name, AttributeValue=value
        )
    with deployed.dying(after=0) as died:
        deployed.set_up()
    assert died
    assert_mended(deployed, "subscription/uploads", ("redrive_policy",), ["SetSubscriptionAttributes"])
    assert subscription(deployed) == (arn, before)


def test_subscriptions_of_others_to_our_topic_are_not_ours(deployed: World) -> None:
    for protocol, endpoint in (("email", "a@example.com"), ("sqs", PLACE.queue_arn("theirs"))):
        deployed.clients.sns.subscribe(TopicArn=TOPIC, Protocol=protocol, Endpoint=endpoint)
    assert touched(deployed.set_up()) == []
    (node,) = deployed.nodes("subscription/uploads")
    deployed.tear_down([node])
    left = deployed.clients.sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert {each["Protocol"] for each in left} == {"email", "sqs"}
    assert QUEUE not in {each["Endpoint"] for each in left}


def test_a_topic_that_was_deleted_comes_back_with_its_subscription(deployed: World) -> None:
    deployed.clients.sns.delete_topic(TopicArn=TOPIC)
    assert touched(deployed.set_up()) == [
        ("topic/uploads", Action.CREATE, ()),
        ("subscription/uploads", Action.CREATE, ()),
    ]
    assert touched(deployed.plan()) == []


def test_a_subscription_that_vanishes_between_plan_and_update_is_made_anew(deployed: World) -> None:
    (node,) = deployed.nodes("subscription/uploads")
    observed = node.resource.read()
    assert observed is not None
    node.resource.delete()
    node.resource.update(observed.state, [FieldChange("raw_delivery", current=False, desired=True)])
    assert node.resource.read() == replace(observed)
