from __future__ import annotations

from typing import Any, Literal

import pytest

from countagg.aws.dynamodb import Table
from countagg.core.errors import CountaggError, ImmutableField
from countagg.core.names import BY_DATE_INDEX
from countagg.provision.identities import TableId
from tests.aws import by_hand
from tests.aws.by_hand import assert_mended
from tests.aws.world import PLACE, World, answer, touched

PARTS = by_hand.PARTS["table"]

NAME = "countagg-snapshots"
COUNTERS = "countagg-counters"


def described(world: World, name: str) -> Any:
    return world.clients.dynamodb.describe_table(TableName=name)["Table"]


def create(world: World, name: str, keys: dict[str, Literal["HASH", "RANGE"]]) -> None:
    world.clients.dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "countagg:stack", "Value": "countagg"}],
    )


def test_the_tables_are_as_designed(deployed: World) -> None:
    table = described(deployed, NAME)
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["Date", "Instance"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    (index,) = described(deployed, COUNTERS)["GlobalSecondaryIndexes"]
    assert index["IndexName"] == BY_DATE_INDEX
    assert index["KeySchema"] == [{"AttributeName": "Date", "KeyType": "HASH"}]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    expiry = deployed.clients.dynamodb.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ExpiresAt"}


def test_expiry_that_was_switched_off_is_switched_on(deployed: World) -> None:
    deployed.clients.dynamodb.update_time_to_live(
        TableName=NAME, TimeToLiveSpecification={"Enabled": False, "AttributeName": "ExpiresAt"}
    )
    assert_mended(deployed, "table/snapshots", ("ttl_attribute",), ["UpdateTimeToLive"])


def test_an_index_that_was_deleted_comes_back(deployed: World) -> None:
    deployed.clients.dynamodb.update_table(
        TableName=COUNTERS, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": BY_DATE_INDEX}}]
    )
    assert_mended(deployed, "table/counters", ("indexes",), ["UpdateTable"])
    (index,) = described(deployed, COUNTERS)["GlobalSecondaryIndexes"]
    assert (index["IndexName"], index["Projection"]) == (BY_DATE_INDEX, {"ProjectionType": "ALL"})


def test_an_index_of_others_is_no_drift(deployed: World) -> None:
    deployed.clients.dynamodb.update_table(
        TableName=COUNTERS,
        AttributeDefinitions=[{"AttributeName": "Other", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "Theirs",
                    "KeySchema": [{"AttributeName": "Other", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    assert touched(deployed.set_up()) == []
    assert deployed.mutating == []


def test_a_table_with_other_keys_is_refused(world: World) -> None:
    create(world, NAME, {"Instance": "HASH", "Date": "RANGE"})
    with pytest.raises(ImmutableField, match="partition_key is Instance, should be Date") as caught:
        world.plan()
    assert caught.value.where == "table/snapshots"


def test_a_table_without_its_sort_key_is_refused(world: World) -> None:
    create(world, NAME, {"Date": "HASH"})
    with pytest.raises(ImmutableField, match="sort_key"):
        world.plan()


class SlowTables:
    """A table that goes through its transitional states, which moto's never do."""

    def __init__(self, *statuses: str | None) -> None:
        self.statuses = list(statuses)
        self.deleted = 0

    def describe_table(self, **_: object) -> dict[str, Any]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            raise answer("ResourceNotFoundException")
        active, indexing = [*status.split(), ""][:2]
        table: dict[str, object] = {"TableStatus": active, "TableArn": PLACE.table_arn(NAME), "KeySchema": []}
        if indexing:
            table["GlobalSecondaryIndexes"] = [
                {"IndexName": BY_DATE_INDEX, "IndexStatus": indexing, "KeySchema": [{"AttributeName": "Date"}]}
            ]
        return {"Table": table}

    def delete_table(self, **_: object) -> None:
        self.deleted += 1


def slow_table(world: World, fake: Any) -> Any:
    return Table(fake, TableId(NAME), "countagg", world.patience)


def test_deletion_waits_until_the_table_is_active_and_then_until_it_is_gone(world: World) -> None:
    fake = SlowTables("UPDATING", "ACTIVE CREATING", "ACTIVE", "DELETING", "DELETING", None)
    slow_table(world, fake).delete()
    assert fake.deleted == 1
    assert len(world.clock.pauses) == 4
    assert len(world.waited_for) == 2


def test_a_table_that_is_being_deleted_reads_as_absent_when_it_is_gone(world: World) -> None:
    assert slow_table(world, SlowTables("DELETING", None)).read() is None
    assert len(world.clock.pauses) == 1


def test_a_table_that_never_settles_times_out(world: World) -> None:
    with pytest.raises(CountaggError, match="still waiting") as caught:
        slow_table(world, SlowTables("CREATING")).read()
    assert caught.value.exit_code == 9
