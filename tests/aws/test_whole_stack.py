"""The whole stack: made in order, silent when run twice, gone when torn down."""

from __future__ import annotations

from typing import Any

import pytest

from countagg.provision.reconcile import Action, Holds
from countagg.provision.settings import PerFunction, Retention
from tests.aws.by_hand import FUNCTIONS
from tests.aws.inventory import inventory
from tests.aws.others import choose_everything
from tests.aws.test_lifecycle import CREATED_BY
from tests.aws.world import World, touched

SILENT = "alarm/instances-silent"


def test_the_first_setup_creates_everything(world: World) -> None:
    changes = world.set_up()
    assert [(change.resource, change.action) for change in changes] == [
        (name, Action.CREATE) for name in CREATED_BY
    ]
    assert world.mutating == [call for calls in CREATED_BY.values() for call in calls]
    assert world.waited_for == []


def test_the_second_setup_makes_no_mutating_call(deployed: World) -> None:
    assert touched(deployed.set_up()) == []
    assert deployed.mutating == []
    assert deployed.waited_for == []


def test_the_second_setup_with_every_option_makes_no_mutating_call(world: World) -> None:
    choose_everything(world)
    chosen: Any = {
        "memory": PerFunction(processor=128, aggregator=10_240, publisher=128),
        "window": PerFunction(processor=5, aggregator=0, publisher=300),
        "retention": Retention(snapshots=1, totals=2, logs=3653),
        "prefix": "in/deep/",
        "output_prefix": "out/",
    }
    created = {name for name, action, _ in touched(world.set_up(world.nodes(**chosen))) if action is Action.CREATE}
    assert created == {*CREATED_BY, SILENT, "dashboard", "email/operator@example.com"}
    assert touched(world.set_up(world.nodes(**chosen))) == []
    assert world.mutating == []
    assert world.waited_for == []


def test_the_alarm_of_silent_instances_comes_and_goes_with_the_choice(world: World) -> None:
    world.set_up()
    chosen: Any = {"stale_alarm": "15m"}
    made = touched(world.set_up(world.nodes(**chosen)))
    assert [(name, action) for name, action, _ in made if action is Action.CREATE] == [(SILENT, Action.CREATE)]
    assert {name for name, action, _ in made if action is Action.UPDATE} == {"role/processor", *FUNCTIONS}
    calls = sorted(world.mutating)
    assert calls == [*["PutMetricAlarm", "PutRolePolicy"], *["UpdateFunctionConfiguration"] * 3]
    assert touched(world.set_up(world.nodes(**chosen))) == []
    assert world.mutating == []
    world.set_up()
    assert sorted(world.mutating) == ["DeleteAlarms", *calls[1:]]
    assert SILENT not in {node.id for node in world.nodes() if node.resource.read() is not None}
    # Whoever tears the stack down need not know of the choice.
    world.set_up(world.nodes(**chosen))
    world.tear_down()
    assert world.clients.cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_in_an_empty_account_there_is_nothing_to_read_and_nothing_to_delete(world: World) -> None:
    empty = inventory(world.clients)
    for node in world.nodes():
        assert node.resource.read() is None
        node.resource.delete()
        assert node.resource.read() is None
    assert inventory(world.clients) == empty


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ({Holds.DATA}, ["bucket", "table/counters", "table/totals", "table/snapshots"]),
        ({Holds.LOGS}, ["logs/publisher", "logs/aggregator", "logs/processor"]),
    ],
    ids=["data", "logs"],
)
def test_teardown_keeps_data_or_logs_on_demand_and_setup_takes_them_up_again(
    deployed: World, keep: set[Holds], kept: list[str]
) -> None:
    changes = deployed.tear_down(keep=frozenset(keep))
    assert [change.resource for change in changes if change.action is Action.KEEP] == kept
    assert {node.id for node in deployed.nodes() if node.resource.read()} == set(kept)
    created = {name for name, action, _ in touched(deployed.set_up()) if action is Action.CREATE}
    assert created == CREATED_BY.keys() - set(kept)
    assert touched(deployed.plan()) == []


# Protection


def test_what_a_teardown_would_lose_is_told(deployed: World) -> None:
    deployed.clients.dynamodb.put_item(
        TableName="countagg-counters", Item={"Counter": {"S": "A"}, "Date": {"S": "2026-11-20"}}
    )
    contents = {each.resource: each.contents for each in deployed.tear_down()}
    assert str(contents["table/counters"]).startswith("about 1 item, ")
    assert contents["table/snapshots"] == contents["logs/processor"] is None
