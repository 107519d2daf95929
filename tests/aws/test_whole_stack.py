"""The whole stack: silent when run twice, finished when killed, gone when torn down, and no others harmed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from countagg.core.errors import NotOwned
from countagg.core.names import OWNER_TAG
from countagg.provision.reconcile import Action, Holds
from tests.aws.test_lifecycle import CREATED_BY
from tests.aws.world import BUCKET, PLACE, REGION, World, inventory, touched

MUTATIONS = sum(len(calls) for calls in CREATED_BY.values())
DELETIONS = 25
POINTS = [("before", 0), *(("after", call) for call in range(0, MUTATIONS, 3)), ("after", MUTATIONS - 1)]
"""Some of the points where a process can die; the tests that die again and again pass through all of them.

What stands before a call is what stood after the one before.
"""


def borrow(world: World) -> dict[str, Any]:
    """Make a bucket of others, with notifications, a policy and a table of their own; return what there is."""
    clients = world.clients
    clients.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    clients.s3.put_object(Bucket=BUCKET, Key="counters/2026-11-20/values_i-1", Body=b"A 1\n")
    clients.s3.put_bucket_policy(
        Bucket=BUCKET,
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "Theirs",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:DeleteBucket",
                        "Resource": PLACE.bucket_arn(BUCKET),
                    }
                ],
            }
        ),
    )
    topic = clients.sns.create_topic(Name="theirs")["TopicArn"]
    queue = clients.sqs.create_queue(QueueName="theirs")["QueueUrl"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=PLACE.queue_arn("theirs"))
    clients.sqs.tag_queue(QueueUrl=queue, Tags={OWNER_TAG: "another"})
    events: Any = {
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}},
    }
    notifications: Any = {
        "TopicConfigurations": [{"Id": "theirs", "TopicArn": topic, **events}],
        "QueueConfigurations": [{"Id": "q", "QueueArn": PLACE.queue_arn("theirs"), **events}],
    }
    clients.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=notifications)
    clients.dynamodb.create_table(
        TableName="theirs",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    clients.logs.create_log_group(logGroupName="/aws/lambda/countagg-processor-2")
    clients.iam.create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    return inventory(clients)


def test_the_first_setup_creates_everything(world: World) -> None:
    changes = world.set_up()
    assert [(change.resource, change.action) for change in changes] == [
        (name, Action.CREATE) for name in CREATED_BY
    ]
    assert world.mutating == [call for calls in CREATED_BY.values() for call in calls]
    assert world.waited_for == []


def test_the_second_setup_makes_no_mutating_call(deployed: World) -> None:
    assert touched(deployed.set_up()) == []
    assert deployed.mutating == []


def test_a_plan_makes_no_mutating_call_and_is_what_setup_then_does(world: World) -> None:
    plan = world.plan()
    changes = world.set_up()
    assert [(each.resource, each.action) for each in plan] == [(each.resource, each.action) for each in changes]


def test_in_an_empty_account_there_is_nothing_to_read_and_nothing_to_delete(world: World) -> None:
    empty = inventory(world.clients)
    for node in world.nodes():
        assert node.resource.read() is None
        node.resource.delete()
        assert node.resource.read() is None
    assert inventory(world.clients) == empty


@pytest.mark.parametrize(("way", "call"), POINTS)
def test_setup_and_teardown_killed_at_any_call_are_finished_by_the_next(world: World, call: int, way: str) -> None:
    nobody = inventory(world.clients)
    with world.dying(**{way: call}) as died:
        world.set_up()
    assert died
    world.set_up()
    assert len(world.mutating) == MUTATIONS - call - (way == "after")
    assert touched(world.plan()) == []

    with world.dying(**{way: call}) as died:
        world.tear_down()
    assert bool(died) == (call < DELETIONS)
    world.tear_down()
    assert len(world.mutating) == max(0, DELETIONS - call - (way == "after"))
    assert inventory(world.clients) == nobody


@pytest.mark.parametrize("call", range(0, MUTATIONS, 6))
def test_teardown_of_a_half_made_stack_leaves_nothing(world: World, call: int) -> None:
    nobody = inventory(world.clients)
    with world.dying(after=call) as died:
        world.set_up()
    assert died
    world.tear_down()
    assert inventory(world.clients) == nobody
    assert world.tear_down() == ()
    assert world.mutating == []


@pytest.mark.parametrize("way", ["before", "after"])
def test_setup_and_teardown_that_die_at_every_single_call_get_there(world: World, way: str) -> None:
    nobody = inventory(world.clients)
    # Before the second call of a round, or after the first: every round gets one call further.
    point = {"before": 1} if way == "before" else {"after": 0}
    for run, calls in ((world.set_up, MUTATIONS), (world.tear_down, DELETIONS)):
        rounds, died = 0, [True]
        while died:
            with world.dying(**point) as died:
                run()
            rounds += 1
        assert rounds == calls + (way == "after")
        if run == world.set_up:
            assert touched(world.plan()) == []
    assert inventory(world.clients) == nobody


# Others


def test_setup_and_teardown_leave_others_as_they_were_byte_for_byte(world: World) -> None:
    before = borrow(world)
    nodes = world.nodes(create_bucket=False)
    world.set_up(nodes)
    during = inventory(world.clients)
    notifications = json.loads(during["buckets"][BUCKET])[0]
    assert [entry["Id"] for entry in notifications["TopicConfigurations"]] == ["theirs", "countagg-uploads"]
    assert [entry["Id"] for entry in notifications["QueueConfigurations"]] == ["q"]
    world.set_up(nodes)
    assert world.mutating == []
    world.tear_down(nodes)
    assert inventory(world.clients) == before


@pytest.mark.parametrize("call", range(0, DELETIONS - 1, 4))
def test_teardown_killed_at_any_call_keeps_what_is_not_ours(world: World, call: int) -> None:
    before = borrow(world)
    nodes = world.nodes(create_bucket=False)
    world.set_up(nodes)
    with world.dying(after=call) as died:
        world.tear_down(nodes)
    assert died
    world.tear_down(nodes)
    assert inventory(world.clients) == before


def test_statements_of_others_in_our_policies_stay(deployed: World) -> None:
    clients = deployed.clients
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": "sns:Subscribe",
        "Resource": PLACE.topic_arn("countagg-uploads"),
    }
    arn = PLACE.topic_arn("countagg-uploads")
    clients.sns.set_topic_attributes(
        TopicArn=arn,
        AttributeName="Policy",
        AttributeValue=json.dumps({"Version": "2008-10-17", "Id": "x", "Statement": [theirs]}),
    )
    assert touched(deployed.set_up()) == [("topic/uploads", Action.UPDATE, ("statements",))]
    policy = json.loads(clients.sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "x")
    assert json.dumps(policy["Statement"][0]) == json.dumps(theirs)
    assert [each["Sid"] for each in policy["Statement"]] == ["Theirs", "CountaggBucketPublishes"]


def test_two_stacks_do_not_touch_each_other(deployed: World) -> None:
    other = deployed.nodes(stack="other", create_bucket=False, prefix="others/")
    nobody_else = inventory(deployed.clients)
    deployed.set_up(other)
    assert touched(deployed.plan()) == []
    assert touched(deployed.plan(other)) == []
    deployed.tear_down(other)
    assert inventory(deployed.clients) == nobody_else
    assert touched(deployed.plan()) == []


def test_a_stack_does_not_take_the_bucket_of_another(deployed: World) -> None:
    other = deployed.nodes(stack="other", create_bucket=True, prefix="others/")
    with pytest.raises(NotOwned, match="bucket"):
        deployed.plan(other)
    changes = deployed.tear_down(other)
    assert [(change.resource, change.action) for change in changes] == [("bucket", Action.KEEP)]
    assert deployed.mutating == []


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ({Holds.DATA}, ["bucket", "table/counters", "table/totals", "table/snapshots"]),
        ({Holds.LOGS}, ["logs/publisher", "logs/aggregator", "logs/processor"]),
    ],
    ids=["data", "logs"],
)
def test_teardown_keeps_data_or_logs_on_demand_and_setup_takes_them_up_again(
    deployed: World, keep: set[Holds], kept: list[str]
) -> None:
    changes = deployed.tear_down(keep=frozenset(keep))
    assert [change.resource for change in changes if change.action is Action.KEEP] == kept
    assert {node.id for node in deployed.nodes() if node.resource.read()} == set(kept)
    created = {name for name, action, _ in touched(deployed.set_up()) if action is Action.CREATE}
    assert created == CREATED_BY.keys() - set(kept)
    assert touched(deployed.plan()) == []
