from __future__ import annotations

from typing import Any, Literal

import pytest

from countagg.aws.kinds.context import Forced
from countagg.aws.kinds.dynamodb import Table
from countagg.core.errors import AwsCallFailed, CountaggError, ImmutableField
from countagg.core.names import BY_DATE_INDEX, OWNER_TAG
from countagg.provision.reconcile import Action
from tests.aws import by_hand
from tests.aws.by_hand import set_expiry
from tests.aws.others import THEIR_KEY
from tests.aws.world import PLACE, World, answer, make_context, touched

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


def test_an_index_that_comes_back_has_all_attributes(deployed: World) -> None:
    deployed.clients.dynamodb.update_table(
        TableName=COUNTERS, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": BY_DATE_INDEX}}]
    )
    deployed.set_up()
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
    assert caught.value.where == "table/snapshots countagg-snapshots"
    assert "--stack" in caught.value.hint


def test_a_table_without_its_sort_key_is_refused(world: World) -> None:
    create(world, NAME, {"Date": "HASH"})
    with pytest.raises(ImmutableField, match="sort_key"):
        world.plan()


# Options


def test_a_new_table_gets_its_options_in_the_first_call_but_recovery(world: World) -> None:
    (node,) = world.nodes("table/totals", kms_key=THEIR_KEY, deletion_protection=True, point_in_time_recovery=True)
    world.set_up([node])
    (request,) = world.sent("CreateTable")
    assert request["SSESpecification"] == {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": THEIR_KEY}
    assert request["DeletionProtectionEnabled"] is True
    assert request["BillingMode"] == "PAY_PER_REQUEST"
    assert world.mutating == ["CreateTable", "UpdateTimeToLive", "UpdateContinuousBackups"]
    assert touched(world.plan([node])) == []


@pytest.mark.parametrize("off", [None, False])
def test_a_new_table_is_asked_for_nothing_that_it_has_not_anyhow(world: World, off: bool | None) -> None:  # noqa: FBT001 - a case
    (node,) = world.nodes("table/totals", deletion_protection=off, point_in_time_recovery=off)
    world.set_up([node])
    (request,) = world.sent("CreateTable")
    assert "SSESpecification" not in request
    assert request.get("DeletionProtectionEnabled") is off
    assert world.mutating == ["CreateTable", "UpdateTimeToLive"]
    assert touched(world.plan([node])) == []


def test_the_key_is_taken_back_by_switching_encryption_by_keys_off(world: World) -> None:
    world.set_up(world.nodes("table/totals", kms_key=THEIR_KEY))
    world.set_up(world.nodes("table/totals"))
    (request,) = world.sent("UpdateTable")
    assert request == {"TableName": "countagg-totals", "SSESpecification": {"Enabled": False}}


def test_protection_that_was_switched_on_meanwhile_is_switched_off_before_a_forced_deletion(world: World) -> None:
    (node,) = world.nodes("table/totals", forced=Forced(protected=True))
    world.set_up([node])
    world.clients.dynamodb.update_table(TableName="countagg-totals", DeletionProtectionEnabled=True)
    with world.dying(after=0) as died:
        world.tear_down([node])
    assert died
    assert touched(world.tear_down([node])) == [("table/totals", Action.DELETE, ())]
    assert world.mutating == ["DeleteTable"]


def test_another_mistake_in_the_expiry_rises(deployed: World) -> None:
    set_expiry(deployed, "table/totals", "ExpiresAt", on=False)
    deployed.answers("UpdateTimeToLive", "ValidationException", "One or more parameter values were invalid")
    with pytest.raises(AwsCallFailed, match=r"^table/totals: UpdateTimeToLive failed"):
        deployed.set_up()


# States that moto's tables never have


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


class OldTable:
    """A table as DynamoDB tells it, with some of it changed."""

    def __init__(self, **told: Any) -> None:
        self.told = told

    def get_paginator(self, _name: str) -> OldTable:
        return self

    def paginate(self, **_: object) -> list[Any]:
        return [{"Tags": [{"Key": "a", "Value": "1"}]}, {"Tags": [{"Key": OWNER_TAG, "Value": "countagg"}]}]

    def describe_table(self, **_: object) -> Any:
        keys = [{"KeyType": "HASH", "AttributeName": "Date"}]
        return {"Table": {"TableStatus": "ACTIVE", "TableArn": "arn:t", "KeySchema": keys, **self.told}}

    def describe_time_to_live(self, **_: object) -> Any:
        return {"TimeToLiveDescription": {"AttributeName": "ExpiresAt", **self.told.get("ttl", {})}}

    def describe_continuous_backups(self, **_: object) -> Any:
        return {"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}}


def read_old(world: World, **told: Any) -> Any:
    observed = slow_table(world, OldTable(**told)).read()
    assert observed.owned
    return observed


def test_a_table_from_before_on_demand_capacity_is_provisioned(world: World) -> None:
    assert read_old(world).state.billing_mode == "PROVISIONED"


@pytest.mark.parametrize(
    ("status", "key"), [("ENABLED", "arn:k"), ("ENABLING", "arn:k"), ("UPDATING", "arn:k"), ("DISABLED", "")]
)
def test_a_key_counts_while_it_encrypts(world: World, status: str, key: str) -> None:
    told = {"SSEDescription": {"Status": status, "KMSMasterKeyArn": "arn:k"}}
    assert read_old(world, **told).state.kms_key == key


@pytest.mark.parametrize(
    ("status", "attribute"),
    [("ENABLED", "ExpiresAt"), ("ENABLING", "ExpiresAt"), ("DISABLING", ""), ("DISABLED", "")],
)
def test_an_expiry_counts_when_it_is_on_or_about_to_be(world: World, status: str, attribute: str) -> None:
    assert read_old(world, ttl={"TimeToLiveStatus": status}).state.ttl_attribute == attribute


def test_a_stream_that_is_of_no_use_has_no_arn_for_others(world: World) -> None:
    arn = {"LatestStreamArn": "arn:s"}
    full = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert read_old(world, StreamSpecification=full, **arn).outputs == {"stream_arn": "arn:s"}
    assert read_old(world, StreamSpecification={**full, "StreamViewType": "KEYS_ONLY"}, **arn).outputs == {}
    off = read_old(world, StreamSpecification={"StreamEnabled": False}, **arn)
    assert (off.outputs, off.state.stream) == ({}, "")


@pytest.mark.parametrize(
    ("count", "size", "contents"),
    [(0, 0, None), (1, 10, "about 1 item, 10 bytes"), (12_345, 1_200_000, "about 12,345 items, 1.2 MB")],
)
def test_contents_are_told_in_words(world: World, count: int, size: int, contents: str | None) -> None:
    assert read_old(world, ItemCount=count, TableSizeBytes=size).contents == contents


def slow_table(world: World, fake: Any) -> Any:
    return Table(fake, NAME, make_context(world.patience))


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
