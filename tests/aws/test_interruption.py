"""Killed before and after every single call that changes something: the next run finishes what was begun."""

from __future__ import annotations

from typing import Any

import pytest

from countagg.aws.kinds.binding import Forced
from tests.aws.inventory import inventory
from tests.aws.others import borrow, choose_everything
from tests.aws.test_lifecycle import DELETIONS, MUTATIONS
from tests.aws.world import World, touched

pytestmark = pytest.mark.exhaustive

WAYS = ("before", "after")


@pytest.mark.parametrize("call", range(MUTATIONS))
def test_a_setup_that_was_killed_is_finished_by_the_next(world: World, call: int) -> None:
    with world.dying(before=call) as died:
        world.set_up()
    assert died
    # The next one begins with the very call that was not made, and is killed after it.
    with world.dying(after=0) as died:
        world.set_up()
    assert died
    world.set_up()
    assert len(world.mutating) == MUTATIONS - call - 1
    assert touched(world.set_up()) == []
    assert world.mutating == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("call", range(MUTATIONS))
def test_a_teardown_after_a_setup_that_was_killed_leaves_nothing(world: World, way: str, call: int) -> None:
    nobody = inventory(world.clients)
    with world.dying(**{way: call}) as died:
        world.set_up()
    assert died
    world.tear_down()
    assert inventory(world.clients) == nobody


@pytest.mark.parametrize("call", range(DELETIONS - 1))
def test_a_teardown_that_was_killed_is_finished_by_the_next_and_touches_no_others(world: World, call: int) -> None:
    before = borrow(world)
    nodes = world.nodes(create_bucket=False)
    world.set_up(nodes)
    with world.dying(before=call) as died:
        world.tear_down(nodes)
    assert died
    with world.dying(after=0) as died:
        world.tear_down(nodes)
    assert died
    world.tear_down(nodes)
    # The bucket stays, which saves its deletion.
    assert len(world.mutating) == DELETIONS - 1 - call - 1
    assert inventory(world.clients) == before


def die_at_every_call(world: World, run: Any, way: str) -> int:
    """Die before the second call of each run, or after its first: each gets one call further; return the runs."""
    point = {"before": 1} if way == "before" else {"after": 0}
    runs, died = 0, [True]
    while died:
        with world.dying(**point) as died:
            run()
        runs += 1
        assert runs < 200
    # What dies after a call needs one more run to see that nothing is left to do.
    return runs - (way == "after")


@pytest.mark.parametrize("way", WAYS)
def test_setups_and_teardowns_with_every_option_that_die_at_every_call_get_there(world: World, way: str) -> None:
    choose_everything(world)
    before, forced = inventory(world.clients), Forced(protected=True)
    world.set_up()
    mutations = len(world.mutating)
    world.tear_down(world.nodes(forced=forced))
    deletions = len(world.mutating)
    # A subscription by e-mail, and the protection of three tables.
    assert (mutations > MUTATIONS, deletions) == (True, DELETIONS + 1 + 3)
    assert inventory(world.clients) == before

    assert die_at_every_call(world, world.set_up, way) == mutations
    assert touched(world.set_up()) == []
    assert world.mutating == []
    assert die_at_every_call(world, lambda: world.tear_down(world.nodes(forced=forced)), way) == deletions
    assert inventory(world.clients) == before
