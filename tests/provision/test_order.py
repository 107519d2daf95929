from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countagg.core.errors import CountaggError
from countagg.provision.order import in_order
from countagg.provision.reconcile import Node
from tests.fakes.provisioning import Plan, Thing, World, bind, graphs

properties = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def node(name: str, *needs: str) -> Node[Thing]:
    return Plan(name, needs, 1).node(World())


@given(graphs())
@properties
def test_each_node_comes_after_what_it_needs(graph: tuple[Plan, ...]) -> None:
    order = [each.id for each in in_order(bind(graph, World()))]
    assert sorted(order) == sorted(plan.id for plan in graph)
    for plan in graph:
        assert all(order.index(need) < order.index(plan.id) for need in plan.needs)


@given(st.permutations([f"kind/{index}" for index in range(6)]))
@properties
def test_nodes_that_need_nothing_keep_their_order(names: list[str]) -> None:
    assert [each.id for each in in_order([node(name) for name in names])] == names


def test_a_valid_order_is_kept() -> None:
    nodes = [node("a"), node("b", "a"), node("c"), node("d", "b"), node("e")]
    assert [each.id for each in in_order(nodes)] == ["a", "b", "c", "d", "e"]


def test_a_node_waits_only_for_what_it_needs() -> None:
    nodes = [node("late", "z"), node("a"), node("z"), node("b")]
    assert [each.id for each in in_order(nodes)] == ["a", "z", "late", "b"]


def test_a_circle_is_named() -> None:
    with pytest.raises(CountaggError, match=r"circle: .*") as caught:
        in_order([node("a", "c"), node("b", "a"), node("c", "b"), node("d")])
    named = str(caught.value).partition(": ")[2].split(" -> ")
    assert named[0] == named[-1]
    assert set(named) == {"a", "b", "c"}
