from __future__ import annotations

import json

import pytest

from countagg.provision.stack import PROCESSOR_TIMEOUT
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended, queue_url
from tests.aws.world import PLACE, World, touched

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
    assert [each["Sid"] for each in json.loads(found["Policy"])["Statement"]] == ["CountaggTopicSends"]
    assert "RedrivePolicy" not in attributes(deployed, "countagg-dead-letters")


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("VisibilityTimeout", "17", "visibility_timeout"),
        ("MessageRetentionPeriod", "600", "retention"),
        (
            "RedrivePolicy",
            json.dumps({"deadLetterTargetArn": PLACE.queue_arn("countagg-dead-letters"), "maxReceiveCount": "9"}),
            "redrive_policy",
        ),
        ("Policy", json.dumps({"Version": "2012-10-17", "Statement": []}), "statements"),
    ],
)
def test_attributes_that_were_changed_are_put_back(deployed: World, name: str, value: str, field: str) -> None:
    before = attributes(deployed)
    deployed.clients.sqs.set_queue_attributes(
        QueueUrl=queue_url(deployed, NAME),
        Attributes={name: value},  # type: ignore[dict-item]  # any attribute's name
    )
    assert_mended(deployed, "queue/uploads", (field,), ["SetQueueAttributes"])
    assert attributes(deployed) == before


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
    assert len(policy["Statement"]) == 2


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
