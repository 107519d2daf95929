from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countagg.core.errors import CountaggError, ImmutableField, NotOwned
from countagg.provision.differences import KNOWN_AFTER_SETUP, Tags
from countagg.provision.reconcile import Action, Change, Holds, Node, NodeOutputs, deploy, destroy
from tests.fakes.provisioning import (
    DRIFTING,
    Died,
    Fake,
    Plan,
    Thing,
    World,
    actions,
    bind,
    drifted,
    graphs,
    killed_at,
    set_up,
    silent,
    tear_down,
)

properties = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
FOREIGN = Thing(9, "green", tags=Tags({"owner": "them"}))


def node(name: str, *needs: str, world: World | None = None, **options: object) -> Node[Thing]:
    made = Plan(name, needs, 1).node(World() if world is None else world)
    return replace(made, **options)  # type: ignore[arg-type]  # fields of Node


# Outputs


def test_an_output_is_unknown_until_its_resource_exists() -> None:
    outputs = NodeOutputs()
    assert outputs.get("table", "arn") == KNOWN_AFTER_SETUP
    outputs.record("table", {"arn": "arn:1"})
    assert outputs.get("table", "arn") == "arn:1"
    assert outputs.get("table", "other") == KNOWN_AFTER_SETUP


@given(graphs())
@properties
def test_outputs_reach_the_nodes_that_need_them(graph: tuple[Plan, ...]) -> None:
    world = World()
    set_up(bind(graph, world))
    for plan in graph:
        assert world.things[plan.id].parents == tuple(f"{need}#1" for need in plan.needs)


# Deploy


@given(graphs())
@properties
def test_a_first_deploy_creates_everything(graph: tuple[Plan, ...]) -> None:
    world = World()
    changes = set_up(bind(graph, world))
    assert {change.action for change in changes} == {Action.CREATE}
    assert world.things.keys() == {plan.id for plan in graph}


@given(graphs())
@properties
def test_a_second_deploy_changes_nothing(graph: tuple[Plan, ...]) -> None:
    world = World()
    set_up(bind(graph, world))
    before = len(world.mutations)
    assert {change.action for change in set_up(bind(graph, world))} == {Action.KEEP}
    assert len(world.mutations) == before


@given(graphs())
@properties
def test_a_deploy_killed_at_any_mutation_is_finished_by_the_next(graph: tuple[Plan, ...]) -> None:
    whole = World()
    set_up(bind(graph, whole))
    assert len(whole.mutations) == 2 * len(graph)
    for mutation in range(len(whole.mutations)):
        world = World()
        assert killed_at(world, mutation, bind(graph, world))
        assert len(world.mutations) == mutation
        set_up(bind(graph, world))
        assert world.things == whole.things
        assert len(world.mutations) == len(whole.mutations)


@given(graphs())
@properties
def test_a_deploy_killed_again_and_again_gets_there(graph: tuple[Plan, ...]) -> None:
    whole, world = World(), World()
    set_up(bind(graph, whole))
    while killed_at(world, 1, bind(graph, world)):
        assert len(world.mutations) <= len(whole.mutations)
    assert world.things == whole.things


@st.composite
def shaken_worlds(draw: st.DrawFn) -> tuple[tuple[Plan, ...], World]:
    """A graph and a world where a deploy was killed, things were deleted and others changed by hand."""
    graph = draw(graphs())
    world = World(things={"foreign/1": FOREIGN})
    killed_at(world, draw(st.integers(0, 2 * len(graph))), bind(graph, world))
    for plan in graph:
        fate = draw(st.sampled_from((None, None, "deleted", *DRIFTING)))
        thing = world.things.get(plan.id)
        if thing is None or fate is None:
            continue
        if fate == "deleted":
            del world.things[plan.id]
        else:
            world.things[plan.id] = drifted(thing, fate)
    return graph, world


@given(shaken_worlds())
@properties
def test_a_plan_touches_nothing_and_is_what_deploy_then_does(shaken: tuple[tuple[Plan, ...], World]) -> None:
    graph, world = shaken
    things, mutations = dict(world.things), len(world.mutations)
    plan = set_up(bind(graph, world), dry_run=True)
    assert world.things == things
    assert len(world.mutations) == mutations
    assert actions(set_up(bind(graph, world))) == actions(plan)
    assert {change.action for change in set_up(bind(graph, world), dry_run=True)} == {Action.KEEP}


@given(graphs(), st.data())
@properties
def test_drift_of_one_field_is_named_and_mended_alone(graph: tuple[Plan, ...], data: st.DataObject) -> None:
    world = World()
    set_up(bind(graph, world))
    whole, before = dict(world.things), len(world.mutations)
    victim = data.draw(st.sampled_from([plan.id for plan in graph]))
    name = data.draw(st.sampled_from(["size", "colour", "parents"]))
    world.things[victim] = drifted(world.things[victim], name)
    changes = set_up(bind(graph, world))
    touched = [change for change in changes if change.action is not Action.KEEP]
    assert actions(touched) == [(victim, Action.UPDATE, (name,))]
    assert world.mutations[before:] == [victim]
    assert world.things == whole


def test_a_resource_is_announced_before_it_is_touched() -> None:
    world = World()
    nodes = [node("a", world=world), node("b", "a", world=world)]
    announced: list[tuple[str, Action, int]] = []

    def announce(name: str, action: Action) -> None:
        announced.append((name, action, len(world.mutations)))

    tuple(deploy(nodes, dry_run=False, announce=announce))
    world.things["b"] = drifted(world.things["b"], "size")
    tuple(deploy(nodes, dry_run=False, announce=announce))
    tuple(destroy(nodes, dry_run=False, announce=announce))
    assert announced == [
        ("a", Action.CREATE, 0),
        ("b", Action.CREATE, 2),
        ("b", Action.UPDATE, 4),
        ("b", Action.DELETE, 5),
        ("a", Action.DELETE, 6),
    ]


@pytest.mark.parametrize("run", [deploy, destroy])
def test_a_plan_announces_nothing(run: Callable[..., object]) -> None:
    world = World(things={"b": Thing(1, "red")})
    announced: list[str] = []
    changes = run([node("a", world=world), node("b", world=world)], dry_run=True, announce=announced.append)
    assert list(changes)  # type: ignore[call-overload]  # an iterator of changes
    assert announced == []


def test_a_deploy_goes_only_as_far_as_it_is_read() -> None:
    world = World()
    changes = deploy([node("a", world=world), node("b", world=world)], dry_run=False, announce=silent)
    first = next(changes)
    assert (first.resource, first.action, first.name) == ("a", Action.CREATE, "the a")
    assert world.things.keys() == {"a"}


def test_a_death_leaves_a_half_made_resource_that_the_next_run_updates() -> None:
    world = World()
    nodes = [node("a", world=world)]
    world.dies_at = 1
    with pytest.raises(Died):
        set_up(nodes)
    world.dies_at = None
    assert actions(set_up(nodes)) == [("a", Action.UPDATE, ("colour",))]


# Ownership


@given(graphs(), st.data())
@properties
def test_plan_then_apply_touches_nothing_if_something_is_not_ours(
    graph: tuple[Plan, ...], data: st.DataObject
) -> None:
    victim = data.draw(st.sampled_from([plan.id for plan in graph]))
    world = World(things={victim: FOREIGN})
    with pytest.raises(NotOwned) as caught:
        set_up(bind(graph, world), dry_run=True)
    assert caught.value.where == victim
    assert f"the {victim}" in caught.value.what
    assert caught.value.hint
    assert world == World(things={victim: FOREIGN})


def test_a_deploy_does_not_touch_what_is_not_ours() -> None:
    world = World(things={"b": FOREIGN})
    with pytest.raises(NotOwned):
        set_up([node("a", world=world), node("b", world=world)])
    assert world.things["b"] == FOREIGN


def test_an_immutable_difference_is_refused_and_names_both_values() -> None:
    world = World(things={"a": Thing(7, "red")})
    with pytest.raises(ImmutableField, match="size is 7, should be 1") as caught:
        set_up([node("a", world=world, immutable=frozenset({"size"}))])
    assert caught.value.where == "a the a"
    assert world.mutations == []


def test_other_fields_of_a_resource_with_immutable_ones_are_mended() -> None:
    world = World(things={"a": Thing(1, "red")})
    changes = set_up([node("a", world=world, immutable=frozenset({"size"}))])
    assert actions(changes) == [("a", Action.UPDATE, ("colour",))]


def test_a_borrowed_resource_must_exist() -> None:
    world = World()
    with pytest.raises(CountaggError, match="does not exist") as caught:
        set_up([node("a", world=world, borrowed="create it first")])
    assert not isinstance(caught.value, NotOwned)
    assert caught.value.hint == "create it first"
    assert world.mutations == []


def test_a_borrowed_resource_of_others_is_used_as_it_is() -> None:
    world = World(things={"a": FOREIGN})
    nodes = [node("a", world=world, borrowed="create it first"), node("b", "a", world=world)]
    changes = set_up(nodes)
    assert changes[0].action is Action.KEEP
    assert changes[0].note
    assert world.things["a"] == FOREIGN
    assert world.things["b"].parents == ("a#0",)


def test_a_resource_that_may_be_borrowed_but_is_ours_is_mended() -> None:
    world = World(things={"a": Thing(1, "red")})
    changes = set_up([node("a", world=world, borrowed="create it first")])
    assert actions(changes) == [("a", Action.UPDATE, ("colour",))]


# Destroy


@given(shaken_worlds())
@properties
def test_destroy_leaves_nothing_of_ours_and_all_of_others(shaken: tuple[tuple[Plan, ...], World]) -> None:
    graph, world = shaken
    tear_down(bind(graph, world))
    assert world.things == {"foreign/1": FOREIGN}
    assert tear_down(bind(graph, world)) == ()


@given(shaken_worlds(), st.data())
@properties
def test_destroy_keeps_what_bears_our_names_but_not_our_tag(
    shaken: tuple[tuple[Plan, ...], World], data: st.DataObject
) -> None:
    graph, world = shaken
    theirs = data.draw(st.sets(st.sampled_from([plan.id for plan in graph])))
    world.things.update(dict.fromkeys(theirs, FOREIGN))
    changes = tear_down(bind(graph, world))
    assert {change.resource for change in changes if change.action is Action.KEEP} == theirs
    assert world.things == dict.fromkeys([*theirs, "foreign/1"], FOREIGN)


@given(graphs())
@properties
def test_a_destroy_killed_at_any_mutation_is_finished_by_the_next(graph: tuple[Plan, ...]) -> None:
    for mutation in range(len(graph)):
        world = World()
        set_up(bind(graph, world))
        assert killed_at(world, mutation, bind(graph, world), destroying=True)
        assert len(world.things) == len(graph) - mutation
        tear_down(bind(graph, world))
        assert world.things == {}


@given(shaken_worlds())
@properties
def test_a_plan_of_destroy_touches_nothing_and_is_what_destroy_then_does(
    shaken: tuple[tuple[Plan, ...], World],
) -> None:
    graph, world = shaken
    things = dict(world.things)
    plan = tear_down(bind(graph, world), dry_run=True)
    assert world.things == things
    assert tear_down(bind(graph, world)) == plan
    assert {change.resource for change in plan} == things.keys() - {"foreign/1"}


@given(graphs())
@properties
def test_destroy_goes_backwards(graph: tuple[Plan, ...]) -> None:
    world = World()
    created = [change.resource for change in set_up(bind(graph, world))]
    deleted = [change.resource for change in tear_down(bind(graph, world))]
    assert deleted == created[::-1]


@given(graphs(), st.sets(st.sampled_from(Holds)))
@properties
def test_what_holds_data_or_logs_is_kept_on_demand(graph: tuple[Plan, ...], keep: set[Holds]) -> None:
    world = World()
    set_up(bind(graph, world))
    changes = tear_down(bind(graph, world), keep=frozenset(keep))
    expected = {plan.id for plan in graph if plan.holds in keep}
    assert world.things.keys() == expected
    notes = {change.resource: change.note for change in changes if change.action is Action.KEEP}
    assert notes == {plan.id: f"--keep-{plan.holds}" for plan in graph if plan.id in expected}


def test_a_resource_that_must_not_go_now_is_kept_with_the_reason() -> None:
    world = World(retained={"a": "it holds objects"})
    nodes = [node("a", world=world), node("b", world=world)]
    set_up(nodes)
    assert tear_down(nodes) == (
        Change("b", Action.DELETE, "the b", contents="1 eggs"),
        Change("a", Action.KEEP, "the a", note="it holds objects"),
    )
    assert world.things.keys() == {"a"}


def test_a_resource_that_vanishes_before_its_deletion_is_no_error() -> None:
    world = World()
    Fake(world, "a").delete()
    assert world.mutations == []


# What is not wanted any more


def test_what_is_not_wanted_any_more_is_deleted_by_a_deploy() -> None:
    world = World(things={"a": Thing(1, "blue")})
    nodes = [node("a", world=world, unwanted=True), node("b", world=world)]
    planned = set_up(nodes, dry_run=True)
    assert actions(planned)[0] == ("a", Action.DELETE, ())
    assert world.mutations == []
    assert set_up(nodes) == planned
    assert world.things.keys() == {"b"}
    assert [change.resource for change in set_up(nodes)] == ["b"]


def test_what_is_not_wanted_and_not_ours_stays() -> None:
    world = World(things={"a": FOREIGN})
    assert set_up([node("a", world=world, unwanted=True)]) == ()
    assert world.things == {"a": FOREIGN}


# What a change tells


def test_a_creation_tells_every_field() -> None:
    (change,) = set_up([node("a", world=World())])
    assert [field.name for field in change.fields] == ["size", "colour", "tags"]


def test_a_deletion_tells_what_goes_with_it() -> None:
    world = World()
    nodes = [node("a", world=world, holds=Holds.DATA)]
    set_up(nodes)
    assert tear_down(nodes) == (Change("a", Action.DELETE, "the a", holds=Holds.DATA, contents="1 eggs"),)


def test_an_output_that_can_be_foreseen_is_used_until_it_is_known() -> None:
    outputs = NodeOutputs()
    assert outputs.get("a", "id") == KNOWN_AFTER_SETUP
    assert outputs.get("a", "id", foreseen="a#1") == "a#1"
    outputs.record("a", {"id": "a#2"})
    assert outputs.get("a", "id", foreseen="a#1") == "a#2"
