"""What is answered from memory is what moto would answer."""

from __future__ import annotations

from tests.aws.by_hand import queue_url
from tests.aws.inventory import inventory
from tests.aws.others import borrow
from tests.aws.world import PLACE, World
from tests.quick_moto import read_cache


def check_everything(world: World) -> None:
    inventory(world.clients)
    served = read_cache().served
    remembered = inventory(world.clients)
    assert read_cache().served > served
    with read_cache().off():
        assert inventory(world.clients) == remembered


def test_everything_of_a_stack_and_of_others_is_remembered_until_it_changes(world: World) -> None:
    borrow(world)
    check_everything(world)
    nodes = world.nodes(create_bucket=False)
    world.set_up(nodes)
    check_everything(world)
    one_of_each_kind = {node.id.partition("/")[0]: node for node in nodes}
    del one_of_each_kind["bucket"]  # it is theirs
    for node in reversed(one_of_each_kind.values()):
        node.resource.delete()
        check_everything(world)


def test_a_message_is_seen_in_its_queue(world: World) -> None:
    world.focus("topic", "queue", "subscription").set_up()
    url = queue_url(world, "countagg-uploads")
    for expected in ("0", "1", "2"):
        found = world.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert found["ApproximateNumberOfMessages"] == expected
        world.clients.sns.publish(TopicArn=PLACE.topic_arn("countagg-uploads"), Message="{}")


def test_another_account_is_empty(world: World) -> None:
    assert world.clients.sns.list_topics()["Topics"] == []
    world.clients.sns.create_topic(Name="one")
    assert len(world.clients.sns.list_topics()["Topics"]) == 1


def test_what_is_given_away_may_be_changed(world: World) -> None:
    world.clients.sns.list_topics()["Topics"].append({})
    assert world.clients.sns.list_topics()["Topics"] == []
