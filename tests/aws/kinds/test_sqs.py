from __future__ import annotations

import json
from typing import Any

import pytest

from countagg.provision.messaging import PROCESSOR_TIMEOUT
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended, queue_url
from tests.aws.others import THEIR_KEY
from tests.aws.world import PLACE, World, touched, updated

PARTS = by_hand.PARTS["queue"]

NAME = "countagg-uploads"


def attributes(world: World, name: str = NAME) -> dict[str, str]:
    answer = world.clients.sqs.get_queue_attributes(QueueUrl=queue_url(world, name), AttributeNames=["All"])
    watched = ("VisibilityTimeout", "MessageRetentionPeriod", "RedrivePolicy", "Policy")
    return {str(key): value for key, value in answer["Attributes"].items() if key in watched}


def test_the_queue_has_what_the_stack_says(deployed: World) -> None:
    found = attributes(deployed)
    assert int(found["VisibilityTimeout"]) == 6 * PROCESSOR_TIMEOUT
    assert found["MessageRetentionPeriod"] == str(4 * 86_400)
    assert json.loads(found["RedrivePolicy"]) == {
        "deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters"),
        "maxReceiveCount": 5,
    }
    sids = [each["Sid"] for each in json.loads(found["Policy"])["Statement"]]
    assert sids == ["CountaggTlsOnly", "CountaggTopicSends"]
    assert "RedrivePolicy" not in attributes(deployed, "countagg-dead-letters")


def test_a_redrive_policy_in_other_words_is_no_drift(deployed: World) -> None:
    text = json.dumps({"maxReceiveCount": "5", "deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters")})
    deployed.clients.sqs.set_queue_attributes(
        QueueUrl=queue_url(deployed, NAME), Attributes={"RedrivePolicy": text}
    )
    assert touched(deployed.plan()) == []


def test_statements_of_others_stay_byte_for_byte(deployed: World) -> None:
    theirs = {"Sid": "T", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sqs:*", "Resource": "*"}
    deployed.clients.sqs.set_queue_attributes(
        QueueUrl=queue_url(deployed, NAME),
        Attributes={"Policy": json.dumps({"Version": "2008-10-17", "Id": "x", "Statement": [theirs]})},
    )
    assert_mended(deployed, "queue/uploads", ("statements",), ["SetQueueAttributes"])
    policy = json.loads(attributes(deployed)["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "x")
    assert json.dumps(policy["Statement"][0]) == json.dumps(theirs)
    assert len(policy["Statement"]) == 3


def test_several_attributes_take_one_call(deployed: World) -> None:
    deployed.clients.sqs.set_queue_attributes(
        QueueUrl=queue_url(deployed, NAME), Attributes={"VisibilityTimeout": "1", "MessageRetentionPeriod": "600"}
    )
    assert_mended(deployed, "queue/uploads", ("visibility_timeout", "retention"), ["SetQueueAttributes"])


def test_a_queue_whose_url_still_answers_though_it_is_gone_is_absent(deployed: World) -> None:
    code = "AWS.SimpleQueueService.NonExistentQueue"
    (node,) = deployed.nodes("queue/uploads")
    deployed.answers("GetQueueAttributes", code)
    assert node.resource.read() is None
    deployed.answers("DeleteQueue", code)
    node.resource.delete()


@pytest.mark.parametrize("key", [None, THEIR_KEY])
def test_a_queue_is_encrypted_in_one_of_two_ways_because_sqs_refuses_both_at_once(
    world: World, key: str | None
) -> None:
    world.set_up(world.nodes("queue/dead-letters", kms_key=None if key else THEIR_KEY))
    changes = touched(world.set_up(world.nodes("queue/dead-letters", kms_key=key)))
    assert changes == updated("queue/dead-letters", "encryption")
    (request,) = world.sent("SetQueueAttributes")
    encryption = {"KmsMasterKeyId": key or "", "SqsManagedSseEnabled": "false" if key else "true"}
    assert encryption.items() <= request["Attributes"].items()


@pytest.mark.parametrize("key", [None, THEIR_KEY])
def test_a_new_queue_is_encrypted_from_the_first_call_on(world: World, key: str | None) -> None:
    nodes = world.nodes("queue/dead-letters", kms_key=key)
    world.set_up(nodes)
    assert world.mutating == ["CreateQueue"]
    assert touched(world.set_up(nodes)) == []
    answer = world.clients.sqs.get_queue_attributes(
        QueueUrl=queue_url(world, "countagg-dead-letters"), AttributeNames=["All"]
    )
    found: Any = answer["Attributes"]
    assert (found.get("KmsMasterKeyId"), found["SqsManagedSseEnabled"]) == (key, "false" if key else "true")
