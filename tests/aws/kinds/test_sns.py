from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from countagg.aws.kinds.sns import EmailSubscription, Subscription
from countagg.core.errors import AwsCallFailed
from countagg.core.names import Names
from countagg.provision.deliveries import alerts_delivery
from countagg.provision.differences import FieldChange, diff
from countagg.provision.reconcile import Action
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended
from tests.aws.others import THEIR_KEY
from tests.aws.world import PLACE, World, make_context, touched, updated

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
        "CountaggTlsOnly",
    ]


def test_the_subscription_is_raw_and_has_dead_letters(deployed: World) -> None:
    _, attributes = subscription(deployed)
    assert (attributes["Protocol"], attributes["Endpoint"]) == ("sqs", QUEUE)
    assert attributes["RawMessageDelivery"] == "true"
    assert json.loads(attributes["RedrivePolicy"]) == {
        "deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters")
    }


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


# E-mail, which moto confirms at once

ADDRESS = "operator@example.com"


class Listing:
    """A topic of ours with one subscription by e-mail, in a state that moto does not know."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.made: list[str] = []

    def get_paginator(self, _name: str) -> Listing:
        return self

    def paginate(self, **_: object) -> list[Any]:
        found = {"SubscriptionArn": self.arn, "Protocol": "email", "Endpoint": ADDRESS}
        return [{"Subscriptions": [{**found, "Protocol": "sms"}]}, {"Subscriptions": [found]}]

    def list_tags_for_resource(self, **_: object) -> Any:
        return {"Tags": [{"Key": "countagg:stack", "Value": "countagg"}]}

    def unsubscribe(self, **request: Any) -> None:
        self.made.append(request["SubscriptionArn"])


def email(fake: Any) -> EmailSubscription:
    return EmailSubscription(fake, PLACE.topic_arn("countagg-alerts"), "email", ADDRESS, make_context())


def test_an_address_that_was_not_confirmed_yet_is_there_and_is_left_to_sns() -> None:
    fake = Listing("PendingConfirmation")
    observed = email(fake).read()
    assert observed is not None
    assert observed.owned
    email(fake).delete()
    assert fake.made == []


def test_a_url_that_was_not_confirmed_yet_is_what_it_is_to_be_and_is_not_changed() -> None:
    fake = Listing("PendingConfirmation")
    pending = alerts_delivery(PLACE, Names("countagg"), "email", ADDRESS)
    topic = PLACE.topic_arn("countagg-alerts")
    url = Subscription(fake, topic, "email", ADDRESS, make_context(), pending)  # type: ignore[arg-type]  # a fake

    observed = url.read()

    assert observed is not None
    assert diff(observed.state, pending) == ()
    url.delete()
    assert fake.made == []


def test_an_address_that_its_owner_unsubscribed_is_not_there_though_sns_still_lists_it() -> None:
    fake = Listing("Deleted")
    assert email(fake).read() is None
    email(fake).delete()
    assert fake.made == []


def test_an_address_that_was_confirmed_is_unsubscribed() -> None:
    fake = Listing("arn:aws:sns:eu-central-1:123456789012:countagg-alerts:1")
    email(fake).delete()
    assert fake.made == [fake.arn]


def test_an_address_of_a_topic_that_is_gone_is_gone(world: World) -> None:
    (node,) = world.nodes(f"email/{ADDRESS}", alarm_email=ADDRESS)
    assert node.resource.read() is None
    node.resource.delete()
    assert world.mutating == []


def test_other_answers_to_the_question_for_subscriptions_rise(deployed: World) -> None:
    (node,) = deployed.nodes("subscription/uploads")
    deployed.answers("ListSubscriptionsByTopic", "InternalError", "later")
    with pytest.raises(AwsCallFailed, match="subscription/uploads: ListSubscriptionsByTopic failed: later"):
        node.resource.read()


def test_a_key_is_taken_off_a_topic_and_its_policy_stays(world: World) -> None:
    world.set_up(world.nodes("topic/uploads", kms_key=THEIR_KEY))
    before = policy(world)
    assert touched(world.set_up(world.nodes("topic/uploads"))) == updated("topic/uploads", "kms_key")
    found = world.clients.sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert found.get("KmsMasterKeyId", "") == ""
    assert policy(world) == before


def test_an_empty_filter_hides_nothing_and_is_no_drift(deployed: World) -> None:
    arn, _ = subscription(deployed)
    deployed.clients.sns.set_subscription_attributes(
        SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}"
    )
    assert touched(deployed.plan()) == []
