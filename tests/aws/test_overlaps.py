"""Notifications of others that S3 would refuse beside ours: found in the plan, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from countagg.core.errors import CountaggError
from countagg.provision.reconcile import Action
from tests.aws import by_hand
from tests.aws.inventory import inventory
from tests.aws.others import create_theirs
from tests.aws.world import BUCKET, PLACE, World, touched

PARTS = by_hand.PARTS["notification"]

CREATED, PUT = "s3:ObjectCreated:*", "s3:ObjectCreated:Put"
OVERLAPS: dict[str, tuple[list[str], dict[str, str]]] = {
    "no filter": ([CREATED], {}),
    "one event of all": ([PUT], {}),
    "the same prefix": ([CREATED], {"prefix": "counters/"}),
    "a prefix inside ours": ([PUT], {"prefix": "counters/2026"}),
    "a prefix around ours": (["s3:ObjectRemoved:Delete"], {"prefix": "count"}),
    "any suffix": ([CREATED], {"suffix": ".txt"}),
    "prefix and suffix": (["s3:ObjectTagging:*", PUT], {"prefix": "counters/", "suffix": ".txt"}),
}
NEIGHBOURS: dict[str, tuple[list[str], dict[str, str]]] = {
    "another prefix": ([CREATED], {"prefix": "photos/"}),
    "other events": (["s3:ObjectTagging:*", "s3:ObjectRestore:*"], {}),
}
KINDS = {
    "TopicConfigurations": {"TopicArn": PLACE.topic_arn("theirs")},
    "QueueConfigurations": {"QueueArn": PLACE.queue_arn("theirs")},
    "LambdaFunctionConfigurations": {"LambdaFunctionArn": PLACE.function_arn("theirs")},
}


def put_theirs(world: World, kind: str, case: tuple[list[str], dict[str, str]]) -> None:
    events, filters = case
    world.clients.sns.create_topic(Name="theirs")
    world.clients.sqs.create_queue(QueueName="theirs")
    rules = [{"Name": name, "Value": value} for name, value in filters.items()]
    found: Any = {"Id": "of-theirs", "Events": events, **KINDS[kind]}
    if rules:
        found["Filter"] = {"Key": {"FilterRules": rules}}
    document: Any = {kind: [found]}
    world.clients.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=document)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", OVERLAPS)
def test_an_overlap_is_found_in_the_plan_and_nothing_was_touched(world: World, kind: str, case: str) -> None:
    create_theirs(world)
    put_theirs(world, kind, OVERLAPS[case])
    before = inventory(world.clients)
    with pytest.raises(CountaggError, match="entry 'of-theirs'") as caught:
        world.plan(world.nodes(create_bucket=False))
    assert ":theirs (" in caught.value.what
    assert caught.value.where == "notification/uploads"
    takes_every_key = not OVERLAPS[case][1].get("prefix")
    assert ("--prefix" in caught.value.hint) is not takes_every_key
    assert inventory(world.clients) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", NEIGHBOURS)
def test_an_entry_that_does_not_overlap_stands_beside_ours(world: World, kind: str, case: str) -> None:
    create_theirs(world)
    put_theirs(world, kind, NEIGHBOURS[case])
    before = inventory(world.clients)
    nodes = world.focus(*PARTS).nodes(create_bucket=False)
    world.set_up(nodes)
    assert touched(world.set_up(nodes)) == []
    world.tear_down(nodes)
    assert inventory(world.clients) == before


def test_an_overlap_in_a_bucket_of_ours_is_found_too_and_does_not_stop_teardown(deployed: World) -> None:
    (node,) = deployed.nodes("notification/uploads")
    node.resource.delete()
    put_theirs(deployed, "QueueConfigurations", OVERLAPS["no filter"])
    with pytest.raises(CountaggError, match="'of-theirs'"):
        deployed.plan()
    changes = {change.resource: change for change in deployed.tear_down()}
    assert changes["bucket"].action is Action.KEEP
    assert str(changes["bucket"].note).startswith("it notifies others")
    assert {change.action for name, change in changes.items() if name != "bucket"} == {Action.DELETE}
