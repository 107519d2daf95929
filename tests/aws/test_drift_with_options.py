"""Drift of a stack with every option; tags, those chosen and those chosen no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from countagg.aws.session import Clients
from countagg.core.names import OWNER_TAG
from countagg.provision.differences import FieldChange
from countagg.provision.reconcile import Action
from tests.aws import drift_functions, drift_messaging, drift_storage
from tests.aws.by_hand import TAG_CALLS, TAGGED_BY_CHOICE, tag, tags_of, untag
from tests.aws.drift import Drift, check_drifts, rounds
from tests.aws.others import ADDRESS, choose_everything
from tests.aws.world import Calls, World, account, touched, updated
from tests.provision.stacks import email

pytestmark = pytest.mark.exhaustive

DRIFTS: list[Drift] = [
    *drift_messaging.WITH_OPTIONS,
    *drift_storage.WITH_OPTIONS,
    *drift_functions.WITH_OPTIONS,
]
TAG = "team"
SILENT = "alarm/instances-silent"
ONE_OF_EACH = tuple({name.partition("/")[0]: name for name in reversed(TAGGED_BY_CHOICE)}.values())


@pytest.fixture(scope="module")
def shared(recorded: tuple[Clients, Calls]) -> Iterator[World]:
    """Give a stack with every option that all tests of this file share: each of them leaves it as it was."""
    clients, calls = recorded
    calls.reset()
    with account():
        world = choose_everything(World(clients, calls))
        world.set_up()
        yield world


@pytest.mark.parametrize("drifts", rounds(DRIFTS))
def test_fields_that_were_changed_are_put_back_and_no_others(shared: World, drifts: list[Drift]) -> None:
    check_drifts(shared, drifts)


def test_an_address_that_was_unsubscribed_is_subscribed_again(shared: World) -> None:
    sns = shared.clients.sns
    (found,) = (each for each in sns.list_subscriptions()["Subscriptions"] if each["Protocol"] == "email")
    sns.unsubscribe(SubscriptionArn=found["SubscriptionArn"])
    expected = [(f"email/{ADDRESS}", Action.CREATE, ())]
    assert touched(shared.plan()) == touched(shared.set_up()) == expected
    assert shared.mutating == ["Subscribe"]
    assert touched(shared.set_up()) == []


# Tags


def test_every_kind_that_bears_tags_is_here() -> None:
    assert {name.partition("/")[0] for name in ONE_OF_EACH} == TAG_CALLS.keys()


def mended(world: World, change: FieldChange) -> None:
    """Check that one tag of each kind is put back by a call each."""
    expected = [touch for name in ONE_OF_EACH for touch in updated(name, "tags")]
    assert sorted(touched(world.plan())) == sorted(expected)
    changes = [each for each in world.set_up() if each.action is not Action.KEEP]
    assert {each.resource: each.fields for each in changes} == dict.fromkeys(ONE_OF_EACH, (change,))
    assert sorted(world.mutating) == sorted(TAG_CALLS[name.partition("/")[0]][0] for name in ONE_OF_EACH)


def test_tags_that_were_changed_are_put_back_and_those_of_others_stay(shared: World) -> None:
    for name in ONE_OF_EACH:
        tag(shared, name, TAG, "theirs")
        tag(shared, name, "cost-centre", "17")
    mended(shared, FieldChange("tags", {TAG: "theirs"}, {TAG: "fleet"}))
    for name in ONE_OF_EACH:
        assert tags_of(shared, name) == {OWNER_TAG: "countagg", TAG: "fleet", "cost-centre": "17"}
    assert touched(shared.set_up()) == []
    assert shared.mutating == []


def test_tags_that_were_removed_are_put_back(shared: World) -> None:
    for name in ONE_OF_EACH:
        untag(shared, name, TAG)
    mended(shared, FieldChange("tags", {TAG: None}, {TAG: "fleet"}))
    assert touched(shared.set_up()) == []


def test_a_tag_that_is_chosen_no_more_is_removed_and_those_of_others_stay(shared: World) -> None:
    for name in ONE_OF_EACH:
        tag(shared, name, "cost-centre", "17")
    nodes = shared.nodes(*ONE_OF_EACH, tags={}, dropped_tags=frozenset({TAG}))
    changes = shared.set_up(nodes)
    assert {each.resource for each in changes} == set(ONE_OF_EACH)
    assert all(each.fields[-1] == FieldChange("tags", {TAG: "fleet"}, {TAG: None}) for each in changes)
    assert {TAG_CALLS[name.partition("/")[0]][1] for name in ONE_OF_EACH} <= set(shared.mutating)
    for name in ONE_OF_EACH:
        assert tags_of(shared, name) == {OWNER_TAG: "countagg", "cost-centre": "17"}
    assert touched(shared.set_up(nodes)) == []
    assert shared.mutating == []
    shared.set_up()
    assert touched(shared.plan()) == []


def test_other_tags_take_one_call_to_set_and_one_to_remove(shared: World) -> None:
    nodes = shared.nodes("queue/uploads", tags={"squad": "a"}, dropped_tags=frozenset({TAG}))
    assert touched(shared.set_up(nodes)) == updated("queue/uploads", "tags")
    assert shared.mutating == ["TagQueue", "UntagQueue"]
    found = tags_of(shared, "queue/uploads")
    assert (found[OWNER_TAG], found["squad"], TAG in found) == ("countagg", "a", False)
    nodes = shared.nodes("queue/uploads", dropped_tags=frozenset({"squad"}))
    shared.set_up(nodes)
    assert touched(shared.plan()) == []


# Choices taken back and made anew


def test_every_option_taken_back_is_an_update_in_place(shared: World) -> None:
    plain: Any = {
        "kms_key": None,
        "permissions_boundary": None,
        "alarm_email": None,
        "stale_alarm": None,
        "dashboard": False,
        "dropped": frozenset({email(ADDRESS)}),
        "tags": {},
        "dropped_tags": frozenset({TAG}),
        "point_in_time_recovery": False,
        "deletion_protection": False,
        "bucket_versioning": False,
    }
    before = {node.id for node in shared.nodes()}
    changes = touched(shared.plan(shared.nodes(**plain)))
    assert touched(shared.set_up(shared.nodes(**plain))) == changes
    assert [name for name, action, _ in changes if action is Action.DELETE] == [
        f"email/{ADDRESS}",
        SILENT,
        "dashboard",
    ]
    by_name = {name: set(names) for name, action, names in changes if action is Action.UPDATE}
    assert by_name.keys() == before - {
        "key",
        f"email/{ADDRESS}",
        SILENT,
        "dashboard",
        "subscription/uploads",
        "notification/uploads",
    }
    assert by_name["topic/uploads"] == {"kms_key", "tags"}
    assert by_name["queue/uploads"] == {"encryption", "tags"}
    assert by_name["table/totals"] == {"kms_key", "point_in_time_recovery", "deletion_protection", "tags"}
    assert by_name["role/publisher"] == {"permissions_boundary", "policies", "tags"}
    assert by_name["function/publisher"] == {"environment", "tags"}
    assert by_name["bucket"] == {"encryption", "versioning", "tags"}
    assert touched(shared.set_up(shared.nodes(**plain))) == []
    assert shared.mutating == []
    shared.set_up()
    assert touched(shared.set_up()) == []


def test_another_address_takes_the_place_of_the_one_before(shared: World) -> None:
    nodes = shared.nodes(alarm_email="second@example.com", dropped=frozenset({email(ADDRESS)}))
    expected = [(f"email/{ADDRESS}", Action.DELETE, ()), ("email/second@example.com", Action.CREATE, ())]
    assert [each for each in touched(shared.set_up(nodes)) if each[0].startswith("email/")] == expected
    left = shared.clients.sns.list_subscriptions()["Subscriptions"]
    assert [each["Endpoint"] for each in left if each["Protocol"] == "email"] == ["second@example.com"]
    shared.set_up(shared.nodes(dropped=frozenset({email("second@example.com")})))
    assert touched(shared.plan()) == []
