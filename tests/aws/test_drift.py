"""Each field of each kind, changed by hand: plan names exactly that, setup puts back exactly that."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest

from countagg.provision import states
from countagg.provision.code import Code
from countagg.provision.differences import Tags
from countagg.provision.reconcile import Action
from tests.aws import drift_functions, drift_messaging, drift_storage
from tests.aws.by_hand import TABLES, change_function, change_table, mapping, set_expiry
from tests.aws.drift import Drift, check_drifts, rounds
from tests.aws.drift_storage import MAPPED_ANEW, recovery
from tests.aws.test_drift_with_options import DRIFTS as WITH_OPTIONS
from tests.aws.world import BUCKET, World, touched, updated

pytestmark = pytest.mark.exhaustive

DRIFTS: list[Drift] = [*drift_messaging.PLAIN, *drift_storage.PLAIN, *drift_functions.PLAIN]
STATES = {
    "topic": states.TopicState,
    "queue": states.QueueState,
    "subscription": states.SubscriptionState,
    "email": states.EmailState,
    "table": states.TableState,
    "logs": states.LogGroupState,
    "role": states.RoleState,
    "function": states.FunctionState,
    "mapping": states.MappingState,
    "alarm": states.AlarmState,
    "dashboard": states.DashboardState,
    "key": states.KeyState,
    "bucket": states.BucketState,
    "notification": states.NotificationState,
}
PARTS_OF_STATES = {states.IndexState, Code, Tags}
IN_THINGS_OF_OTHERS = {states.QueueGrantState, states.RolePolicyState}
"""Of subscriptions: see `operate.stack.test_subscribing`."""
MADE_ANEW = {("table", "partition_key"), ("table", "sort_key"), ("role", "path")}
"""Fields that only differ when a resource was made anew by hand; setup refuses them: see the kind's own tests."""
TAGS = {(kind, "tags") for kind in STATES}
"""Tags of all kinds: see the drift with options, which chooses some."""


def test_every_field_of_every_kind_has_a_case() -> None:
    kinds = {each for each in vars(states).values() if isinstance(each, type) and is_dataclass(each)}
    assert kinds == {*STATES.values()} | PARTS_OF_STATES | IN_THINGS_OF_OTHERS
    compared = {(kind, each.name) for kind, state in STATES.items() for each in fields(state) if each.compare}
    covered = {(drift.node.partition("/")[0], drift.field) for drift in (*DRIFTS, *WITH_OPTIONS)}
    assert covered | (TAGS & compared) | MADE_ANEW == compared
    assert covered & (TAGS | MADE_ANEW) == set()


def test_every_kind_has_a_state(shared: World) -> None:
    nodes = shared.nodes(kms_key="arn:aws:kms:eu-central-1:123456789012:key/k", alarm_email="a@example.com")
    assert {node.id.partition("/")[0] for node in nodes} == STATES.keys()


@pytest.mark.parametrize("drifts", rounds(DRIFTS))
def test_fields_that_were_changed_are_put_back_and_no_others(shared: World, drifts: list[Drift]) -> None:
    check_drifts(shared, drifts)


# What is made anew by hand


def test_a_table_that_was_made_anew_is_mapped_anew(shared: World) -> None:
    dynamodb = shared.clients.dynamodb
    table = dynamodb.describe_table(TableName="countagg-snapshots")["Table"]
    dynamodb.delete_table(TableName="countagg-snapshots")
    dynamodb.create_table(
        TableName="countagg-snapshots",
        KeySchema=table["KeySchema"],
        AttributeDefinitions=table["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification=table["StreamSpecification"],
        Tags=[{"Key": "countagg:stack", "Value": "countagg"}],
    )
    dynamodb.update_time_to_live(
        TableName="countagg-snapshots", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ExpiresAt"}
    )
    expected = updated("mapping/aggregator", "source")
    assert touched(shared.plan()) == touched(shared.set_up()) == expected
    assert shared.mutating == list(MAPPED_ANEW)
    stream = dynamodb.describe_table(TableName="countagg-snapshots")["Table"]["LatestStreamArn"]
    assert mapping(shared, "countagg-aggregator")["EventSourceArn"] == stream != table["LatestStreamArn"]
    assert touched(shared.set_up()) == []


@pytest.mark.parametrize("node", TABLES)
def test_a_table_that_was_deleted_comes_back_and_is_mapped(shared: World, node: str) -> None:
    reader = {"table/snapshots": "mapping/aggregator", "table/totals": "mapping/publisher"}.get(node)
    shared.clients.dynamodb.delete_table(TableName=TABLES[node])
    expected = [(node, Action.CREATE, ()), *(updated(reader, "source") if reader else [])]
    assert touched(shared.plan()) == touched(shared.set_up()) == expected
    assert shared.mutating == ["CreateTable", "UpdateTimeToLive", *(MAPPED_ANEW if reader else ())]
    assert touched(shared.set_up()) == []


# What nobody chose stays as it is


def test_what_nobody_chose_is_no_drift(shared: World) -> None:
    recovery(shared, on=True)
    change_table(shared, "table/totals", DeletionProtectionEnabled=True)
    shared.clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    assert touched(shared.set_up()) == []
    assert shared.mutating == []
    recovery(shared, on=False)
    change_table(shared, "table/totals", DeletionProtectionEnabled=False)
    assert touched(shared.set_up()) == []


def test_what_is_chosen_off_is_switched_off(shared: World) -> None:
    off: Any = {"point_in_time_recovery": False, "deletion_protection": False}
    recovery(shared, on=True)
    change_table(shared, "table/totals", DeletionProtectionEnabled=True)
    nodes = shared.nodes("table/totals", **off)
    expected = updated("table/totals", "point_in_time_recovery", "deletion_protection")
    assert touched(shared.plan(nodes)) == touched(shared.set_up(nodes)) == expected
    assert shared.mutating == ["UpdateContinuousBackups", "UpdateTable"]
    assert touched(shared.set_up(nodes)) == []


# The expiry, which DynamoDB lets nobody change twice an hour

LATELY = "Time to live has been modified multiple times within a fixed interval"


@pytest.mark.parametrize("accepted", [0, 1])
def test_an_expiry_that_was_changed_lately_does_not_stop_setup(shared: World, accepted: int) -> None:
    set_expiry(shared, "table/totals", "ExpiresAt", on=False)
    set_expiry(shared, "table/totals", "Other", on=True)
    change_function(shared, "function/publisher", MemorySize=1024)
    both = [*updated("table/totals", "ttl_attribute"), *updated("function/publisher", "memory")]
    shared.answers("UpdateTimeToLive", "ValidationException", LATELY, skip=accepted)
    shared.warnings.clear()
    assert touched(shared.set_up()) == both
    assert shared.warnings == ["expiry of countagg-totals: changed less than an hour ago; run setup again then"]
    assert touched(shared.set_up()) == updated("table/totals", "ttl_attribute")
    assert shared.mutating == ["UpdateTimeToLive"] * (2 - accepted)
    assert touched(shared.set_up()) == []
