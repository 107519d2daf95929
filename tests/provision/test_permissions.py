"""The printed policies: what they are made of, by AWS's service authorization reference."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

import pytest

from countagg.provision.calls import CALLS
from countagg.provision.instance_policy import instance_policy
from countagg.provision.permissions import (
    COMMANDS_OF,
    INLINE_POLICY_SIZE,
    MANAGED_POLICY_SIZE,
    Audience,
    role_policy,
)
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from tests.provision.policy_evaluator import Request, allows, listed

PLACE: Final = Place("123456789012", "eu-central-1")
KEY: Final = "arn:aws:kms:eu-central-1:123456789012:key/0d5f3b7e-1c1f-4b57-9a52-000000000000"
BOUNDARY: Final = "arn:aws:iam::123456789012:policy/bounds"
PLAIN: Final = StackSettings("countagg", "my-counters")
FULL: Final = StackSettings(
    "countagg", "my-counters", kms_key=KEY, role_path="/ops/", permissions_boundary=BOUNDARY
)
ROLES: Final = tuple(COMMANDS_OF)
WIDE: Final = {
    # AWS picks the ids of mappings; DescribeAlarms is allowed on all alarms or on none.
    "arn:aws:lambda:eu-central-1:123456789012:event-source-mapping:*",
    "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:*",
}


@cache
def reference() -> Any:
    """Return AWS's reference, which cfn-lint brings."""
    return json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text())


def statements(role: Audience, settings: StackSettings = PLAIN, place: Place = PLACE) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = role_policy(role, settings, place)["Statement"]
    return found


def granted(role: Audience, settings: StackSettings = PLAIN, place: Place = PLACE) -> set[tuple[str, str]]:
    return {
        (action, arn)
        for each in statements(role, settings, place)
        for action in each["Action"]
        for arn in listed(each["Resource"])
    }


WITHOUT_RESOURCE: Final = {"cloudwatch:GetMetricData"}
"""Takes a data set as its resource, which the metrics of AWS's services are in none of."""


@pytest.mark.parametrize("settings", [PLAIN, FULL], ids=["plain", "full"])
@pytest.mark.parametrize("role", ROLES)
def test_every_action_is_one_of_awss_and_on_a_resource_where_it_takes_one(
    role: Audience, settings: StackSettings
) -> None:
    for action, arn in granted(role, settings):
        service, _, name = action.partition(":")
        known = reference()[service]["Actions"].get(name.lower())
        assert known is not None, action
        assert (arn == "*") == ("Resources" not in known or action in WITHOUT_RESOURCE), (action, arn)
        formats = [
            form.replace("${Partition}", "aws").replace("${Region}", "[^:]*").replace("${Account}", "[^:]*")
            for kind in known.get("Resources", ())
            for form in reference()[service]["Resources"][kind.lower()]["ARNFormats"]
        ]
        assert arn == "*" or any(re.fullmatch(form, arn) for form in formats), (action, arn)


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_pattern_and_no_resource_is_anybody_elses(role: Audience) -> None:
    for action, arn in granted(role):
        assert "*" not in action
        assert arn == "*" or arn in WIDE or "countagg-" in arn or "my-counters" in arn, (action, arn)


@pytest.mark.parametrize("role", ROLES)
def test_a_managed_policy_takes_it(role: Audience) -> None:
    created = StackSettings("countagg", "my-counters", create_bucket=True)
    longest = StackSettings("s" * 32, "b" * 63, create_bucket=True)
    # Who tests does what deployers, operators and teardown do: it takes a role's inline policy.
    most = INLINE_POLICY_SIZE if role is Audience.SELFTEST else MANAGED_POLICY_SIZE
    for settings in (PLAIN, created):
        assert len(json.dumps(role_policy(role, settings, PLACE), separators=(",", ":"))) <= most
    assert len(json.dumps(role_policy(role, longest, PLACE), separators=(",", ":"))) <= INLINE_POLICY_SIZE


@pytest.mark.parametrize("role", ROLES)
def test_every_resource_stands_once_for_each_condition(role: Audience) -> None:
    found = [
        (arn, str(each.get("Condition"))) for each in statements(role, FULL) for arn in listed(each["Resource"])
    ]
    assert len(found) == len(set(found))


def test_every_command_is_some_roles_and_every_roles_command_is_known() -> None:
    assert {command for commands in COMMANDS_OF.values() for command in commands} == CALLS.keys()


READS: Final = re.compile(r"[a-z0-9]+:(Get|List|Describe|BatchGet|Query|FilterLogEvents)\w*")


def test_a_reader_only_reads() -> None:
    assert [action for action, _ in granted(Audience.READER) if not READS.fullmatch(action)] == []


def test_roles_are_passed_to_lambda_alone() -> None:
    (passing,) = [each for each in statements(Audience.DEPLOYER) if "iam:PassRole" in each["Action"]]

    assert passing["Action"] == ["iam:PassRole"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_mappings_are_those_of_the_stacks_functions() -> None:
    for role in (Audience.DEPLOYER, Audience.TEARDOWN):
        bound = [
            each
            for each in statements(role)
            if any(name.endswith("EventSourceMapping") for name in each["Action"])
        ]
        assert bound
        for each in bound:
            arns = each["Condition"]["ArnLikeIfExists"]["lambda:FunctionArn"]
            assert [arn.rpartition(":")[2] for arn in arns] == [
                "countagg-processor",
                "countagg-aggregator",
                "countagg-publisher",
            ]


def test_a_boundary_must_stay() -> None:
    bound = {
        action
        for each in statements(Audience.DEPLOYER, FULL)
        if each.get("Condition") == {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
        for action in each["Action"]
    }
    actions = {action for action, _ in granted(Audience.DEPLOYER, FULL)}

    assert bound == {"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"}
    assert "iam:DeleteRolePermissionsBoundary" not in actions
    assert "iam:DeleteRolePermissionsBoundary" in {action for action, _ in granted(Audience.DEPLOYER)}


def test_a_key_is_used_through_the_services_alone() -> None:
    def through(role: Audience) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for each in statements(role, FULL):
            for service in each.get("Condition", {}).get("StringLike", {}).get("kms:ViaService", []):
                assert each["Resource"] == KEY
                found[service] = set(each["Action"])
        return found

    assert not any("kms:" in action for action, _ in granted(Audience.OPERATOR))
    assert through(Audience.READER).keys() == {"dynamodb.eu-central-1.*", "s3.eu-central-1.*"}
    assert through(Audience.OPERATOR).keys() == {
        "dynamodb.eu-central-1.*",
        "s3.eu-central-1.*",
        "sqs.eu-central-1.*",
    }
    assert "kms:CreateGrant" in through(Audience.DEPLOYER)["dynamodb.eu-central-1.*"]
    assert "kms:CreateGrant" not in through(Audience.OPERATOR)["dynamodb.eu-central-1.*"]
    assert through(Audience.TEARDOWN) == {}


def test_an_asterisk_in_a_prefix_is_no_pattern() -> None:
    starred = StackSettings(
        "countagg", "my-counters", prefix="a*/", output_prefix="b*/", unfit_prefixes=frozenset({"a*/", "b*/"})
    )
    arns = {arn for _, arn in granted(Audience.OPERATOR, starred)}

    assert {"arn:aws:s3:::my-counters/a${*}/*", "arn:aws:s3:::my-counters/b${*}/*"} <= arns
    assert instance_policy(["i"], starred, PLACE)["Statement"][0]["Resource"].endswith(
        "/a${*}/????-??-??/values_i"
    )


def test_other_partitions_have_arns_of_their_own() -> None:
    china = Place("123456789012", "cn-north-1", "aws-cn")
    assert all(arn == "*" or arn.startswith("arn:aws-cn:") for _, arn in granted(Audience.OPERATOR, PLAIN, china))


def test_what_only_the_embedded_engine_knows_stays_there() -> None:
    engine = granted(Audience.OPERATOR, PLAIN, Place("000000000000", "us-east-1", embedded=True))

    assert "sqs:SendMessageBatch" in {action for action, _ in engine}
    assert not any(action.endswith("Batch") for action, _ in granted(Audience.OPERATOR))


# A bucket that was there before

BORROWED: Final = PLAIN
CREATED: Final = StackSettings("countagg", "my-counters", create_bucket=True)
BUCKET_ARN: Final = "arn:aws:s3:::my-counters"
FOREIGN: Final = [
    # Read.
    Request("s3:ListBucket", BUCKET_ARN),
    Request("s3:ListBucketVersions", BUCKET_ARN),
    Request("s3:GetBucketPolicy", BUCKET_ARN),
    Request("s3:GetObject", f"{BUCKET_ARN}/theirs/secret"),
    Request("s3:GetObjectVersion", f"{BUCKET_ARN}/theirs/secret"),
    # Delete.
    Request("s3:DeleteObject", f"{BUCKET_ARN}/theirs/secret"),
    Request("s3:DeleteObjectVersion", f"{BUCKET_ARN}/theirs/secret"),
    Request("s3:DeleteBucket", BUCKET_ARN),
    Request("s3:DeleteBucketPolicy", BUCKET_ARN),
    Request("s3:PutLifecycleConfiguration", BUCKET_ARN),
    Request("s3:PutBucketVersioning", BUCKET_ARN),
    # Open up, or make ours.
    Request("s3:PutBucketPolicy", BUCKET_ARN),
    Request("s3:PutBucketPublicAccessBlock", BUCKET_ARN),
    Request("s3:PutBucketAcl", BUCKET_ARN),
    Request("s3:PutBucketOwnershipControls", BUCKET_ARN),
    Request("s3:PutEncryptionConfiguration", BUCKET_ARN),
    Request("s3:PutReplicationConfiguration", BUCKET_ARN),
    Request("s3:PutBucketTagging", BUCKET_ARN),
    Request("s3:TagResource", BUCKET_ARN),
    Request("s3:CreateBucket", BUCKET_ARN),
]


@pytest.mark.parametrize("request_", FOREIGN, ids=lambda each: each.action)
@pytest.mark.parametrize("role", [Audience.DEPLOYER, Audience.TEARDOWN])
def test_on_a_borrowed_bucket_nothing_is_read_deleted_or_opened_up(role: Audience, request_: Request) -> None:
    assert not allows(role_policy(role, BORROWED, PLACE), request_)


@pytest.mark.parametrize("role", [Audience.DEPLOYER, Audience.TEARDOWN])
def test_on_a_borrowed_bucket_the_notification_is_all_that_is_changed(role: Audience) -> None:
    found = {action for action, arn in granted(role, BORROWED) if "my-counters" in arn}

    assert found == {
        "s3:GetBucketLocation",
        "s3:GetBucketNotification",
        "s3:GetBucketTagging",
        "s3:GetEncryptionConfiguration",
        "s3:PutBucketNotification",
    }


def test_on_a_bucket_of_ours_deployers_and_teardown_do_their_work() -> None:
    deployer, teardown = (role_policy(role, CREATED, PLACE) for role in (Audience.DEPLOYER, Audience.TEARDOWN))

    for action in ("CreateBucket", "PutBucketPolicy", "PutBucketPublicAccessBlock", "PutBucketTagging"):
        assert allows(deployer, Request(f"s3:{action}", BUCKET_ARN))
    assert allows(teardown, Request("s3:DeleteBucket", BUCKET_ARN))
    assert allows(teardown, Request("s3:DeleteObjectVersion", f"{BUCKET_ARN}/counters/x"))
    assert not allows(deployer, Request("s3:DeleteObject", f"{BUCKET_ARN}/counters/x"))
    assert not allows(deployer, Request("s3:GetObject", f"{BUCKET_ARN}/counters/x"))
