"""The dashboard: made, left alone, mended and taken away; whose it is; where it may have no tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from countagg.core.errors import AccessDenied, AwsCallFailed, NotOwned
from countagg.core.names import OWNER_TAG
from countagg.provision.reconcile import Action
from tests.aws.by_hand import DASHBOARD, change_dashboard, tag, tags_of, untag
from tests.aws.inventory import inventory
from tests.aws.world import ELSEWHERE, OURS, PLACE, Calls, World, answer, make_clients, touched, updated
from tests.provision.dashboard_structure import problems

NODE = "dashboard"
NO_DASHBOARD: dict[str, Any] = {"dashboard": False}


@pytest.fixture
def chosen(world: World) -> World:
    """Give an account in which a dashboard is chosen, and nothing else is looked at."""
    return world.focus(NODE).choose(dashboard=True)


def body_of(world: World, name: str = DASHBOARD) -> Any:
    return json.loads(world.clients.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])


def names(world: World) -> list[str]:
    return [each["DashboardName"] for each in world.clients.cloudwatch.list_dashboards()["DashboardEntries"]]


# Made, left alone, taken away


def test_create_create_again_destroy_and_destroy_again(chosen: World) -> None:
    before = inventory(chosen.clients)
    assert touched(chosen.plan()) == touched(chosen.set_up()) == [(NODE, Action.CREATE, ())]
    assert chosen.mutating == ["PutDashboard"]
    assert (names(chosen), tags_of(chosen, NODE)) == ([DASHBOARD], OURS)
    assert problems(body_of(chosen)) == []

    assert touched(chosen.set_up()) == []
    assert chosen.mutating == []

    assert touched(chosen.tear_down()) == [(NODE, Action.DELETE, ())]
    assert chosen.mutating == ["DeleteDashboards"]
    assert inventory(chosen.clients) == before
    assert chosen.tear_down() == ()
    (node,) = chosen.nodes(NODE)
    node.resource.delete()
    assert node.resource.read() is None


def test_it_comes_and_goes_with_the_choice(chosen: World) -> None:
    without = chosen.nodes(**NO_DASHBOARD)
    assert touched(chosen.set_up(without)) == []
    assert names(chosen) == []
    chosen.set_up()
    assert touched(chosen.plan(without)) == touched(chosen.set_up(without)) == [(NODE, Action.DELETE, ())]
    assert names(chosen) == []
    assert touched(chosen.set_up(without)) == []
    # Whoever tears the stack down need not know of the choice.
    chosen.set_up()
    assert touched(chosen.tear_down(without)) == [(NODE, Action.DELETE, ())]


def test_other_choices_change_what_it_shows(chosen: World) -> None:
    chosen.set_up()
    other = chosen.nodes(stale_alarm="15m")
    assert touched(chosen.set_up(other)) == updated(NODE, "body")
    assert chosen.mutating == ["PutDashboard"]
    assert touched(chosen.set_up(other)) == []


# Drift


def test_white_space_and_order_of_members_are_no_drift(chosen: World) -> None:
    chosen.set_up()
    change_dashboard(chosen, lambda _: None)
    text = chosen.clients.cloudwatch.get_dashboard(DashboardName=DASHBOARD)["DashboardBody"]
    assert text.startswith("{\n")
    assert touched(chosen.set_up()) == []
    assert chosen.mutating == []


def test_the_order_of_widgets_is(chosen: World) -> None:
    chosen.set_up()
    change_dashboard(chosen, lambda body: body["widgets"].reverse())
    assert touched(chosen.set_up()) == updated(NODE, "body")
    assert touched(chosen.plan()) == []


# Whose it is


@pytest.mark.parametrize("theirs", ['{"widgets": []}', "[]"])
def test_one_of_others_of_that_name_stops_setup_and_survives_teardown(chosen: World, theirs: str) -> None:
    chosen.clients.cloudwatch.put_dashboard(DashboardName=DASHBOARD, DashboardBody=theirs)
    before = inventory(chosen.clients)
    with pytest.raises(NotOwned) as caught:
        chosen.plan()
    assert caught.value.where == NODE
    with pytest.raises(NotOwned):
        chosen.set_up()
    assert [change.note for change in chosen.tear_down()] == ["not ours"]
    # Who wants none is not bothered by it.
    assert touched(chosen.set_up(chosen.nodes(**NO_DASHBOARD))) == []
    assert inventory(chosen.clients) == before


def test_by_its_body_it_is_ours_without_a_tag_and_gets_one(chosen: World) -> None:
    chosen.set_up()
    untag(chosen, NODE)
    assert touched(chosen.set_up()) == updated(NODE, "tags")
    assert chosen.mutating == ["TagResource"]
    assert tags_of(chosen, NODE) == OURS


def test_the_tag_of_another_stack_says_more_than_the_body(chosen: World) -> None:
    chosen.set_up()
    tag(chosen, NODE, OWNER_TAG, "another")
    with pytest.raises(NotOwned):
        chosen.plan()
    assert [change.note for change in chosen.tear_down()] == ["not ours"]


def test_stacks_of_one_name_in_two_regions_have_one_each(chosen: World) -> None:
    chosen.set_up()
    there = World(make_clients(Calls(), ELSEWHERE.region), Calls(), ELSEWHERE).focus(NODE).choose(dashboard=True)
    there.set_up()
    (node,) = there.nodes(NODE)
    assert node.name == "countagg-us-west-2" != DASHBOARD
    there.tear_down()
    assert touched(chosen.plan()) == []


# Where it may have no tags


@contextmanager
def untaggable(world: World, code: str) -> Iterator[None]:
    """Let CloudWatch know no tags of dashboards."""
    events = world.clients.cloudwatch.meta.events

    def refuse(**_: object) -> None:
        raise answer(code, "no tags here")

    calls = [f"before-call.cloudwatch.{each}" for each in ("ListTagsForResource", "TagResource")]
    for call in calls:
        events.register(call, refuse)
    try:
        yield
    finally:
        for call in calls:
            events.unregister(call, refuse)


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceNotFoundException", "InvalidParameterValue"])
def test_where_dashboards_have_no_tags_all_else_is_the_same(chosen: World, code: str) -> None:
    with untaggable(chosen, code):
        chosen.set_up()
        assert chosen.mutating == ["PutDashboard"]
        assert touched(chosen.set_up(chosen.nodes(tags={"team": "fleet"}))) == []
        assert chosen.mutating == []
        change_dashboard(chosen, lambda body: body["widgets"].pop())
        assert touched(chosen.set_up()) == updated(NODE, "body")
        assert touched(chosen.tear_down()) == [(NODE, Action.DELETE, ())]
    assert names(chosen) == []


def test_a_denial_is_not_taken_for_a_region_without_tags(chosen: World) -> None:
    chosen.set_up()
    with untaggable(chosen, "AccessDenied"), pytest.raises(AccessDenied):
        chosen.plan()


def test_a_botocore_that_knows_no_tags_of_dashboards_is_asked_for_none(chosen: World) -> None:
    takes: Any = chosen.clients.cloudwatch.meta.service_model.operation_model("PutDashboard").input_shape
    members = dict(takes.members)
    del takes.members["Tags"]
    try:
        chosen.set_up()
        assert touched(chosen.set_up(chosen.nodes(tags={"team": "fleet"}))) == []
        assert {call for call, _ in chosen.calls.asked_for} == {"GetDashboard"}
        assert touched(chosen.tear_down()) == [(NODE, Action.DELETE, ())]
    finally:
        takes.members["Tags"] = members["Tags"]


# Who may not look


def test_who_may_not_look_at_a_dashboard_that_nobody_wants_is_told_so_and_goes_on(world: World) -> None:
    """A policy that was printed before there were dashboards; a region that was enabled a moment ago."""
    nodes = world.focus("topic/alerts", NODE).nodes()
    denial = "User: arn:aws:iam::123456789012:user/u is not authorized to perform: cloudwatch:GetDashboard"
    arn = PLACE.dashboard_arn(DASHBOARD)
    world.answers("GetDashboard", "AccessDenied", f"{denial} on resource: {arn}")
    told = [(change.resource, change.action, change.note) for change in world.set_up(nodes)]
    assert told == [
        ("topic/alerts", Action.CREATE, None),
        (
            NODE,
            Action.KEEP,
            f"whether it is there was not seen: no permission for cloudwatch:GetDashboard on {arn}",
        ),
    ]
    world.answers("GetDashboard", "AccessDenied", denial)
    with pytest.raises(AccessDenied):
        world.plan(world.nodes(dashboard=True))
    world.answers("GetDashboard", "AccessDenied", denial)
    with pytest.raises(AccessDenied):
        world.tear_down(world.nodes(NODE))


def test_a_body_that_cloudwatch_refuses_is_told_in_its_words(chosen: World) -> None:
    chosen.answers("PutDashboard", "InvalidParameterInput", "The dashboard body is invalid")
    with pytest.raises(AwsCallFailed, match="The dashboard body is invalid"):
        chosen.set_up()


def test_what_is_gone_when_it_is_deleted_is_deleted(chosen: World) -> None:
    chosen.set_up()
    (node,) = chosen.nodes(NODE)
    for code in ("ResourceNotFound", "DashboardNotFoundError"):
        chosen.answers("DeleteDashboards", code)
        node.resource.delete()
    chosen.answers("DeleteDashboards", "ConflictException", "being changed")
    with pytest.raises(AwsCallFailed, match="being changed"):
        node.resource.delete()
