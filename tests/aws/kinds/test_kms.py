from __future__ import annotations

import json
from typing import Any

import pytest

from countagg.core.errors import CountaggError, UsageError
from tests.aws.inventory import inventory
from tests.aws.others import KEY_USERS, key_policy, make_key
from tests.aws.world import PLACE, REGION, World, touched

GRANTED = ("processor", "aggregator", "publisher")


def plan_with(world: World, arn: str) -> CountaggError:
    """Plan a stack with a key that it cannot use; return what was said, and check that nothing was touched."""
    before = inventory(world.clients)
    nodes = world.nodes(kms_key=arn)
    with pytest.raises(CountaggError) as caught:
        world.plan(nodes)
    with pytest.raises(CountaggError):
        world.set_up([node for node in nodes if node.id == "key"])
    assert world.mutating == []
    assert inventory(world.clients) == before
    return caught.value


def test_a_key_that_can_be_used_is_checked_and_never_touched(world: World) -> None:
    arn = make_key(world)
    before = world.clients.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
    (key,) = world.nodes("key", kms_key=arn)
    (change,) = world.set_up([key])
    assert (change.action, change.note) == ("keep", "not ours, used as it is")
    (change,) = world.tear_down([key])
    assert (change.action, change.note) == ("keep", "not ours")
    key.resource.create(None)
    key.resource.update(None, [])
    key.resource.delete()
    assert world.mutating == []
    assert world.clients.kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"] == before
    assert world.clients.kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"


def test_a_key_that_does_not_exist_is_named(world: World) -> None:
    arn = f"arn:aws:kms:{REGION}:{PLACE.account}:key/none"
    error = plan_with(world, arn)
    assert (error.what, error.where, error.hint) == ("it does not exist", f"key {arn}", "create it first")


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
def test_a_key_that_is_not_enabled_says_what_it_is(world: World, state: str) -> None:
    arn = make_key(world)
    if state == "Disabled":
        world.clients.kms.disable_key(KeyId=arn.rpartition("/")[2])
    else:
        world.clients.kms.schedule_key_deletion(KeyId=arn.rpartition("/")[2])
    error = plan_with(world, arn)
    assert error.what == f"the key is {state}"
    assert "--kms-key" in error.hint


@pytest.mark.parametrize("missing", KEY_USERS)
def test_a_service_that_the_policy_leaves_out_is_named_with_the_statement(world: World, missing: str) -> None:
    error = plan_with(world, make_key(world, key_policy(*(each for each in KEY_USERS if each != missing))))
    assert error.what == f"the key's policy does not let {missing} use it"
    said = json.loads(error.hint.partition("\n")[2])
    assert missing in said["Principal"]["Service"]
    assert said["Effect"] == "Allow"
    # What the hint says is enough.
    arn = make_key(world, json.dumps({"Version": "2012-10-17", "Statement": [said]}))
    assert touched(world.plan(world.nodes("key", kms_key=arn))) == []


def test_a_key_of_which_only_its_account_may_make_use_is_no_use(world: World) -> None:
    error = plan_with(world, world.clients.kms.create_key()["KeyMetadata"]["Arn"])
    assert all(service in error.what for service in KEY_USERS)


USABLE: dict[str, Any] = {
    "wildcard of the service": {"Action": ["kms:*"]},
    "any action": {"Action": "*"},
    "wildcards of the names": {"Action": ["kms:Gen*", "kms:?ecrypt"]},
    "more than needed": {"Action": ["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt"]},
    "other cases of letters": {"Action": ["KMS:generatedatakey*", "kms:DECRYPT"]},
}
USELESS: dict[str, Any] = {
    "denied": {"Effect": "Deny"},
    "only one of the two": {"Action": ["kms:GenerateDataKey*"]},
    "only the other": {"Action": "kms:Decrypt"},
    "wildcards of other names": {"Action": ["kms:Describe*", "kms:Decrypt"]},
    "another principal": {"Principal": {"AWS": "*"}},
    "nobody": {"Principal": {"Service": []}},
}


@pytest.mark.parametrize("case", USABLE)
def test_a_policy_in_other_words_lets_the_services_use_the_key(world: World, case: str) -> None:
    arn = make_key(world, key_policy(*KEY_USERS, **USABLE[case]))
    assert touched(world.plan(world.nodes("key", kms_key=arn))) == []


@pytest.mark.parametrize("case", USELESS)
def test_a_policy_that_does_not_let_the_services_use_the_key_is_refused(world: World, case: str) -> None:
    error = plan_with(world, make_key(world, key_policy(*KEY_USERS, **USELESS[case])))
    assert all(service in error.what for service in KEY_USERS)


def test_a_statement_for_each_service_and_action_is_enough(world: World) -> None:
    statements = [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": "*"}
        for service in KEY_USERS
        for action in ("kms:Decrypt", "kms:GenerateDataKey")
    ]
    arn = make_key(world, json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert touched(world.plan(world.nodes("key", kms_key=arn))) == []


def test_a_key_that_may_not_be_looked_at_is_not_taken_for_absent(world: World) -> None:
    arn = make_key(world)
    world.answers(
        "DescribeKey",
        "AccessDeniedException",
        f"User: arn:aws:iam::1:user/u is not authorized to perform: kms:DescribeKey on resource: {arn}",
    )
    with pytest.raises(CountaggError, match=rf"key: no permission for kms:DescribeKey on {arn}"):
        world.plan(world.nodes("key", kms_key=arn))


def test_a_key_of_another_region_is_refused(world: World) -> None:
    with pytest.raises(UsageError, match="is not in eu-central-1"):
        world.nodes(kms_key="arn:aws:kms:eu-west-1:123456789012:key/k")


# What is done with it


def statements_of(world: World, short: str) -> dict[str, Any]:
    document: Any = world.clients.iam.get_role_policy(
        RoleName=f"countagg-{short}-{REGION}", PolicyName="countagg"
    )["PolicyDocument"]
    return {each["Sid"]: each for each in document["Statement"]}


@pytest.mark.parametrize("short", GRANTED)
def test_the_functions_get_grants_on_the_key_with_it_alone(world: World, short: str) -> None:
    arn = make_key(world)
    world.focus("role").set_up()
    without = statements_of(world, short)
    assert "kms:" not in json.dumps(without)

    world.set_up(world.nodes(kms_key=arn))
    granted = {sid: found for sid, found in statements_of(world, short).items() if sid not in without}
    assert granted
    for statement in granted.values():
        assert statement["Resource"] == arn
        assert REGION in json.dumps(statement["Condition"]["StringLike"]["kms:ViaService"])
    services = json.dumps(granted)
    assert f"dynamodb.{REGION}." in services
    through = {"processor": ("s3", "sqs"), "aggregator": ("sqs",), "publisher": ("s3", "sns")}
    assert all(f"{service}.{REGION}." in services for service in through[short])

    world.set_up(world.nodes())
    assert statements_of(world, short) == without


def test_everything_that_is_encrypted_waits_for_the_check_of_the_key(world: World) -> None:
    encrypted = {node.id for node in world.nodes(kms_key=make_key(world)) if "key" in node.needs}
    assert encrypted == {
        *("topic/uploads", "topic/alerts", "queue/dead-letters", "queue/uploads", "bucket"),
        *("table/snapshots", "table/totals", "table/counters"),
    }
