"""Others in the account, another stack, and the same stack in another region: nobody touches anybody."""

from __future__ import annotations

import json

import pytest

from countagg.core.errors import NotOwned
from countagg.core.names import MAX_STACK_LENGTH
from countagg.provision.reconcile import Action
from tests.aws.by_hand import FUNCTIONS, change_alarm, change_function, change_queue
from tests.aws.inventory import inventory
from tests.aws.others import borrow, their_notifications
from tests.aws.world import BUCKET, PLACE, World, make_zip, touched

# Others


def test_setup_and_teardown_leave_others_as_they_were_byte_for_byte(world: World) -> None:
    before = borrow(world)
    nodes = world.nodes(create_bucket=False)
    world.set_up(nodes)
    during = inventory(world.clients)["buckets"][BUCKET]
    notifications = during.pop("notification_configuration")
    ours = notifications["TopicConfigurations"].pop()
    assert ours["Id"] == "countagg-uploads"
    theirs = their_notifications()
    assert json.dumps(notifications, sort_keys=True) == json.dumps(theirs, sort_keys=True)
    assert during.items() <= before["buckets"][BUCKET].items()

    world.set_up(nodes)
    assert world.mutating == []
    change_queue(world, "queue/uploads", VisibilityTimeout="17")
    world.set_up(nodes)
    world.tear_down(nodes)
    assert inventory(world.clients) == before


def test_what_of_others_has_one_of_our_names_is_left_alone_by_every_step(world: World) -> None:
    clients = world.clients
    topic = clients.sns.create_topic(Name="countagg-uploads")["TopicArn"]
    clients.sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="them@example.com")
    clients.sqs.create_queue(QueueName="countagg-dead-letters")
    clients.logs.create_log_group(logGroupName="/aws/lambda/countagg-publisher")
    before = inventory(clients)
    with pytest.raises(NotOwned) as caught:
        world.plan()
    assert caught.value.where == "logs/publisher"
    kept = [(change.resource, change.action, change.note) for change in world.tear_down()]
    assert kept == [
        ("queue/dead-letters", Action.KEEP, "not ours"),
        ("topic/uploads", Action.KEEP, "not ours"),
        ("logs/publisher", Action.KEEP, "not ours"),
    ]
    assert inventory(clients) == before


def test_statements_of_others_in_our_policies_stay(deployed: World) -> None:
    clients, arn = deployed.clients, PLACE.topic_arn("countagg-uploads")
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "sns:Subscribe",
        "Resource": arn,
    }
    clients.sns.set_topic_attributes(
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2008-10-17", "Id": "x", "Statement": [theirs]}),
    )
    assert touched(deployed.set_up()) == [("topic/uploads", Action.UPDATE, ("statements",))]
    policy = json.loads(clients.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "x")
    assert json.dumps(policy["Statement"][0]) == json.dumps(theirs)
    assert {each["Sid"] for each in policy["Statement"]} == {
        "Theirs",
        "CountaggBucketPublishes",
        "CountaggTlsOnly",
    }


# Another stack


@pytest.mark.parametrize("name", ["other", "countagg-processor", "countagg-uploads"])
def test_two_stacks_in_one_region_do_not_touch_each_other(world: World, name: str) -> None:
    nobody = borrow(world)
    ours = world.nodes(create_bucket=False)
    other = world.nodes(stack=name, create_bucket=False, prefix="others/", output_prefix="others-totals/")
    world.set_up(ours)
    alone = inventory(world.clients)
    world.set_up(other)
    for nodes in (ours, other):
        assert touched(world.set_up(nodes)) == []
        assert world.mutating == []

    change_function(world, "function/processor", MemorySize=1024)
    change_alarm(world, "alarm/uploads-age", Threshold=1)
    assert touched(world.set_up(other)) == []
    assert [each[0] for each in touched(world.set_up(ours))] == ["function/processor", "alarm/uploads-age"]

    world.tear_down(other)
    assert inventory(world.clients) == alone
    world.set_up(other)
    world.tear_down(ours)
    assert touched(world.plan(other)) == []
    world.tear_down(other)
    assert inventory(world.clients) == nobody


def test_a_stack_does_not_take_the_bucket_of_another(deployed: World) -> None:
    other = deployed.nodes(stack="other", create_bucket=True, prefix="others/")
    before = inventory(deployed.clients)
    with pytest.raises(NotOwned, match="bucket"):
        deployed.plan(other)
    changes = deployed.tear_down(other)
    assert [(change.resource, change.action) for change in changes] == [("bucket", Action.KEEP)]
    assert deployed.mutating == []
    assert inventory(deployed.clients) == before


# Another region


def test_a_stack_in_two_regions_is_two(world: World, elsewhere: World) -> None:
    nobody = (inventory(world.clients), inventory(elsewhere.clients))
    world.set_up()
    here = inventory(world.clients)

    created = touched(elsewhere.set_up())
    assert {action for _, action, _ in created} == {Action.CREATE}
    assert len(created) == sum(not node.unwanted for node in elsewhere.nodes())
    assert touched(world.set_up()) == []
    assert touched(elsewhere.set_up()) == []
    assert (world.mutating, elsewhere.mutating) == ([], [])

    # Drift here is none there, and what is global is mended here alone.
    there = inventory(elsewhere.clients)
    change_function(world, "function/processor", MemorySize=1024)
    role = f"countagg-publisher-{PLACE.region}"
    world.clients.iam.delete_role_policy(RoleName=role, PolicyName="countagg")
    assert touched(elsewhere.set_up()) == []
    assert [name for name, _, _ in touched(world.set_up())] == ["role/publisher", "function/processor"]
    assert inventory(elsewhere.clients) == there

    elsewhere.tear_down()
    assert inventory(world.clients) == here
    assert touched(world.plan()) == []
    world.tear_down()
    assert (inventory(world.clients), inventory(elsewhere.clients)) == nobody


def test_new_code_in_one_region_is_not_new_in_the_other(world: World, elsewhere: World) -> None:
    world.focus("logs", "queue/dead-letters", "role", "function").set_up()
    elsewhere.focus("logs", "queue/dead-letters", "role", "function").set_up()
    world.code = make_zip("new release")
    assert [name for name, _, _ in touched(world.set_up())] == list(FUNCTIONS)
    assert touched(elsewhere.plan()) == []


# Names


def test_a_stack_of_the_longest_name_is_set_up_and_torn_down(world: World) -> None:
    nobody = inventory(world.clients)
    nodes = world.nodes(stack="s" * MAX_STACK_LENGTH, bucket="b" * 63)
    world.set_up(nodes)
    assert touched(world.set_up(nodes)) == []
    assert world.mutating == []
    world.tear_down(nodes)
    assert inventory(world.clients) == nobody
