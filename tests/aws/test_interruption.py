"""Killed at every single call that changes something: the next run finishes what was begun.

To be killed after a call and before the next one leaves the same account: it is tried once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

import pytest

from countagg.aws.kinds.context import Forced
from tests.aws.by_hand import ALARMS
from tests.aws.inventory import inventory
from tests.aws.others import borrow, choose_everything
from tests.aws.test_lifecycle import CREATED_BY, DELETED_BY, DELETIONS, MUTATIONS
from tests.aws.world import World, touched

pytestmark = pytest.mark.exhaustive


def die_at_every_call(world: World, run: Callable[[], object]) -> int:
    """Die before the second call of each run, so that each gets one call further; return how many it took."""
    runs, died = 0, [True]
    while died:
        with world.dying(before=1) as died:
            run()
        runs += 1
        assert runs < 200
    return runs


def test_a_setup_and_a_teardown_that_die_at_every_call_get_there_and_touch_no_others(world: World) -> None:
    before = borrow(world)
    nodes = world.nodes(create_bucket=False)
    # The bucket is there and stays, with the settings that it has.
    created = MUTATIONS - len(CREATED_BY["bucket"])
    assert die_at_every_call(world, lambda: world.set_up(nodes)) == created
    assert touched(world.set_up(nodes)) == []
    assert world.mutating == []
    assert die_at_every_call(world, lambda: world.tear_down(nodes)) == DELETIONS - len(DELETED_BY["bucket"])
    assert inventory(world.clients) == before


def test_setups_and_teardowns_with_every_option_that_die_at_every_call_get_there(world: World) -> None:
    choose_everything(world)
    before, forced = inventory(world.clients), Forced(protected=True)
    world.set_up()
    mutations = len(world.mutating)
    world.tear_down(world.nodes(forced=forced))
    deletions = len(world.mutating)
    # A subscription by e-mail, the protection of three tables, the alarm about silent instances, the dashboard.
    assert (mutations > MUTATIONS, deletions) == (True, DELETIONS + 1 + 3 + 1 + 1)
    assert inventory(world.clients) == before

    assert die_at_every_call(world, world.set_up) == mutations
    assert touched(world.set_up()) == []
    assert world.mutating == []
    assert die_at_every_call(world, lambda: world.tear_down(world.nodes(forced=forced))) == deletions
    assert inventory(world.clients) == before


MADE = tuple(chain.from_iterable([name] * len(calls) for name, calls in CREATED_BY.items()))
"""What each call of a setup makes."""
ANOTHER_ALARM = set(ALARMS) - {"alarm/dead-letters"}


@pytest.mark.parametrize("call", [call for call, name in enumerate(MADE) if name not in ANOTHER_ALARM])
def test_a_teardown_after_a_setup_that_was_killed_leaves_nothing(world: World, call: int) -> None:
    nobody = inventory(world.clients)
    with world.dying(after=call) as died:
        world.set_up()
    assert died
    world.tear_down()
    assert inventory(world.clients) == nobody
