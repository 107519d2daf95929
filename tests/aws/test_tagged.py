"""What is found by tag, and by name where AWS picks the address."""

from __future__ import annotations

import pytest

from countagg.aws.addresses import queue_url, stream_arn
from countagg.aws.tagged import tagged_arns, tagged_by_stack
from countagg.core.errors import AccessDenied, AwsCallFailed
from countagg.core.names import OWNER_TAG
from countagg.provision.blueprint import Blueprint
from countagg.provision.settings import StackSettings
from countagg.provision.stack import stack_nodes
from tests.aws import by_hand
from tests.aws.others import choose_everything
from tests.aws.world import BUCKET, PLACE, World
from tests.provision.stacks import bind


def expected_arns(world: World) -> set[str]:
    nodes = stack_nodes(Blueprint(StackSettings("countagg", BUCKET, create_bucket=True), PLACE, world.code, bind))
    return {arn for node in nodes if (arn := PLACE.arn_of(node.id, node.name))}


def test_everything_that_bears_our_tag_is_found_by_the_arn_that_its_name_foretells(world: World) -> None:
    choose_everything(world).set_up()
    found = tagged_arns(world.clients, "countagg")
    # The API knows no roles; moto 5.2 does. Neither knows dashboards.
    roles = {PLACE.role_arn(name, "/ops/") for name in by_hand.ROLES.values()}
    unknown = (":role/", ":dashboard/")
    assert found - roles == {arn for arn in expected_arns(world) if not any(kind in arn for kind in unknown)}
    assert not any("event-source-mapping" in arn for arn in found)


def test_what_another_stack_or_nobody_owns_is_not_found(world: World) -> None:
    world.focus("topic", "queue").set_up()
    world.set_up(world.nodes(stack="other"))
    world.clients.sqs.create_queue(QueueName="countagg-theirs")
    world.clients.sqs.create_queue(QueueName="tagged", tags={OWNER_TAG: "countagg"})
    assert tagged_arns(world.clients, "countagg") == {
        *map(PLACE.topic_arn, by_hand.TOPICS.values()),
        *map(PLACE.queue_arn, by_hand.QUEUES.values()),
        PLACE.queue_arn("tagged"),
    }
    assert tagged_arns(world.clients, "nobody") == frozenset()
    assert tagged_by_stack(world.clients) == {
        stack: tagged_arns(world.clients, stack) for stack in ("countagg", "other")
    }


def test_all_pages_are_read(world: World) -> None:
    for number in range(120):
        world.clients.sqs.create_queue(QueueName=f"q{number}", tags={OWNER_TAG: "countagg"})
    assert len(tagged_arns(world.clients, "countagg")) == 120


def test_the_pattern_at_the_end_of_a_log_group_s_arn_is_left_out(world: World) -> None:
    def with_pattern(parsed: dict[str, list[dict[str, str]]], **_: object) -> None:
        for each in parsed["ResourceTagMappingList"]:
            each["ResourceARN"] += ":*"

    world.focus("logs").set_up()
    events, event = world.clients.tagging.meta.events, "after-call.resource-groups-tagging-api.GetResources"
    events.register(event, with_pattern)
    found = tagged_arns(world.clients, "countagg")
    events.unregister(event, with_pattern)
    assert found == set(map(PLACE.log_group_arn, by_hand.LOGS.values()))


def test_who_may_not_search_by_tag_is_told_which_permission_is_missing(world: World) -> None:
    said = "User: arn:aws:iam::1:user/u is not authorized to perform: tag:GetResources"
    world.answers("GetResources", "AccessDeniedException", said)
    with pytest.raises(AccessDenied, match="resources by tag: no permission for tag:GetResources on any resource"):
        tagged_arns(world.clients, "countagg")


def test_nothing_is_changed_by_a_search(world: World) -> None:
    tagged_arns(world.clients, "countagg")
    assert world.mutating == []


# Addresses


def test_a_queue_is_found_by_its_name(world: World) -> None:
    url = world.clients.sqs.create_queue(QueueName="q")["QueueUrl"]
    assert queue_url(world.clients, "q") == url
    with pytest.raises(AwsCallFailed, match="queue none"):
        queue_url(world.clients, "none")


def test_a_table_s_stream_is_found_by_the_table_s_name(world: World) -> None:
    world.focus("table/totals").set_up()
    told = world.clients.dynamodb.describe_table(TableName="countagg-totals")["Table"]["LatestStreamArn"]
    assert stream_arn(world.clients, "countagg-totals") == told
    with pytest.raises(AwsCallFailed, match="table none"):
        stream_arn(world.clients, "none")


def test_a_table_without_a_stream_has_none(world: World) -> None:
    world.clients.dynamodb.create_table(
        TableName="t",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert stream_arn(world.clients, "t") == ""
