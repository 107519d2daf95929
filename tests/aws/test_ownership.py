"""A resource of one of our names is ours if it bears our tag; every other is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from countagg.core.errors import NotOwned
from countagg.core.names import OWNER_TAG
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.reconcile import Action
from tests.aws.by_hand import ALARMS, MAPPINGS, PARTS, TAG_CALLS, TAGGED, tag, tags_of, untag
from tests.aws.world import BUCKET, OURS, PLACE, World, touched, updated

BOUND = {
    "topic/uploads": ["subscription/uploads"],
    "function/processor": ["mapping/processor"],
    "function/aggregator": ["mapping/aggregator"],
    "function/publisher": ["mapping/publisher"],
}
"""What bears no tag of its own and is owned with another resource."""

OWNED = [name for name in TAGGED if name not in {*MAPPINGS, *ALARMS} or name == "alarm/dead-letters"]
"""What is ours by its own tag, one alarm for all; a mapping is ours if its function is: AWS picks its name."""

every_owned = pytest.mark.parametrize("name", OWNED)


def test_every_resource_bears_our_tag(deployed: World) -> None:
    assert {name: tags_of(deployed, name) for name in TAGGED} == dict.fromkeys(TAGGED, OURS)


@pytest.fixture
def focused(world: World, name: str) -> World:
    """Give the parts of a stack that the resource belongs to."""
    kind = name.partition("/")[0]
    if kind == "function":
        world.focus(name, *BOUND[name], "queue", "role", "table/snapshots", "table/totals").set_up()
    else:
        world.focus(*PARTS[kind]).set_up()
    return world


@every_owned
@pytest.mark.parametrize("whose", ["nobody", "another"])
def test_what_is_not_ours_stops_setup_and_survives_teardown(focused: World, name: str, whose: str) -> None:
    if whose == "nobody":
        untag(focused, name)
    else:
        tag(focused, name, OWNER_TAG, "another")

    with pytest.raises(NotOwned) as caught:
        focused.plan()
    assert caught.value.where == name
    (node,) = focused.nodes(name)
    with pytest.raises(NotOwned):
        focused.set_up([node])
    assert focused.mutating == []

    kept = [change.resource for change in focused.tear_down() if change.action is Action.KEEP]
    assert sorted(kept) == sorted([name, *BOUND.get(name, [])])
    assert all(node.resource.read() is not None for node in focused.nodes(*kept))


@every_owned
def test_a_missing_tag_is_added_and_those_of_others_stay(focused: World, name: str) -> None:
    tag(focused, name, "cost-centre", "17")
    assert touched(focused.plan()) == []
    (node,) = focused.nodes(name)
    observed = node.resource.read()
    assert observed is not None
    desired = replace(observed.state, tags=Tags({**OURS, "extra": "1"}))
    wanting = replace(node, desired=lambda _: desired)

    (change,) = focused.set_up([wanting])
    assert change.fields == (FieldChange("tags", {"extra": None}, {"extra": "1"}),)
    assert focused.mutating == [TAG_CALLS[name.partition("/")[0]][0]]
    assert tags_of(focused, name) == {**OURS, "extra": "1", "cost-centre": "17"}


def test_a_bucket_that_exists_is_not_taken_by_create_bucket(world: World) -> None:
    world.clients.s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": PLACE.region},  # type: ignore[typeddict-item]  # any region
    )
    with pytest.raises(NotOwned):
        world.plan()


def test_what_bears_no_tag_is_bound_to_what_does(world: World) -> None:
    nodes = world.nodes(alarm_email="a@example.com")
    untagged = {node.id for node in nodes if not node.unwanted} - set(TAGGED)
    assert untagged == {"subscription/uploads", "email/a@example.com", "notification/uploads"}


def test_subscriptions_to_a_topic_that_is_not_ours_are_not_ours(world: World) -> None:
    world.focus("topic", "email").choose(alarm_email="a@example.com").set_up()
    tag(world, "topic/alerts", OWNER_TAG, "another")
    (node,) = world.nodes("email/a@example.com")
    with pytest.raises(NotOwned):
        world.set_up([node])
    kept = [change.resource for change in world.tear_down() if change.action is Action.KEEP]
    assert kept == ["email/a@example.com", "topic/alerts"]
    assert node.resource.read() is not None


@pytest.mark.parametrize("owner", [None, "another"])
def test_a_mapping_is_ours_if_its_function_is_whatever_its_own_tag_says(world: World, owner: str | None) -> None:
    world.focus("queue", "role/processor", "function/processor", "mapping/processor").set_up()
    if owner is None:
        untag(world, "mapping/processor")
    else:
        tag(world, "mapping/processor", OWNER_TAG, owner)
    assert touched(world.set_up()) == updated("mapping/processor", "tags")
    assert tags_of(world, "mapping/processor") == OURS
