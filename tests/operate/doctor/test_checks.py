"""What doctor makes of what it sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from countagg.aws.diagnosis import BucketLook, LambdaAccount
from countagg.core.errors import AccessDenied, ConnectionProblem, CountaggError, UsageError
from countagg.operate.doctor.checks import (
    State,
    from_error,
    guarded,
    judge_bucket,
    judge_clock,
    judge_lambda,
    judge_names,
    judge_tables,
    judge_version,
    own_requirements,
    passed,
)
from countagg.provision.settings import StackSettings

NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS: Final = StackSettings("countagg", "my-counters")


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "ok"), (60, "ok"), (-60, "ok"), (61, "problem"), (-61, "problem")]
)
def test_a_clock_may_be_a_minute_off(seconds: int, state: str) -> None:
    assert judge_clock(NOW, NOW + timedelta(seconds=seconds)).state == state


def test_a_clock_that_is_wrong_is_told_with_its_side() -> None:
    assert judge_clock(NOW, NOW + timedelta(hours=1)).detail == "3,600 s ahead of the endpoint's"
    assert judge_clock(NOW, NOW - timedelta(hours=1)).detail == "3,600 s behind the endpoint's"
    assert judge_clock(None, NOW).state is State.NOT_CHECKED


def test_versions_are_held_against_the_ranges_of_the_installation() -> None:
    assert {"boto3", "ministack"} <= own_requirements().keys()
    ranges = {"ministack": ">=1.5.33,<2"}
    assert judge_version("engine", "ministack", "1.6", "upgrade", ranges).state is State.OK
    for version in ("1.5.32", "2.0.0"):
        found = judge_version("engine", "ministack", version, "upgrade", ranges)
        assert (found.state, found.fix) == (State.PROBLEM, "upgrade")
        assert version in found.detail


def test_a_name_that_would_be_too_long_says_by_how_much() -> None:
    assert judge_names("countagg", "eu-central-1").state is State.OK
    found = judge_names("s" * 32, "a-region-of-22-letters")
    assert (found.state, found.fix) == (State.PROBLEM, "choose a --stack that is 2 characters shorter")
    with pytest.raises(UsageError):
        judge_names("Not a name", "eu-central-1")


@pytest.mark.parametrize(
    ("account", "state", "told"),
    [
        (LambdaAccount(10, 10**11, 0), "ok", "10 invocations"),
        (LambdaAccount(9, 10**11, 0), "problem", "9 invocations"),
        (LambdaAccount(1000, 10**11, 10**11 - 10**7), "problem", "10 MB are left"),
    ],
)
def test_lambda_must_have_room(account: LambdaAccount, state: str, told: str) -> None:
    found = judge_lambda(account)
    assert found.state == state
    assert told in found.detail


def test_tables_that_are_there_count_once() -> None:
    others = frozenset(map(str, range(2_497)))
    ours = frozenset({"countagg-snapshots", "countagg-totals", "countagg-counters"})
    assert judge_tables(others, "countagg").state is State.OK
    assert judge_tables(others | ours, "countagg").state is State.OK
    assert judge_tables(others | {"one more"}, "countagg").state is State.PROBLEM


def look(**entry: Any) -> BucketLook:
    found = {"Id": "theirs", "QueueArn": "arn:of:a:queue", "Events": ["s3:ObjectCreated:*"], **entry}
    return BucketLook("eu-central-1", json.dumps({"QueueConfigurations": [found]}))


def filtered(prefix: str) -> dict[str, Any]:
    return {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}


def test_a_notification_of_others_that_is_in_the_way_is_named() -> None:
    found = judge_bucket(look(), SETTINGS, "eu-central-1", create=False)
    assert found.state is State.PROBLEM
    assert "'theirs'" in found.detail
    assert found.fix == "narrow that entry, or let its consumer subscribe to our topic"
    around = judge_bucket(look(**filtered("count")), SETTINGS, "eu-central-1", create=False)
    assert "--prefix" in around.fix
    beside = look(**filtered("photos/"))
    assert judge_bucket(beside, SETTINGS, "eu-central-1", create=False).state is State.OK


def test_a_bucket_must_be_there_and_in_the_region() -> None:
    assert judge_bucket(None, SETTINGS, "eu-central-1", create=False).state is State.PROBLEM
    assert judge_bucket(None, SETTINGS, "eu-central-1", create=True).state is State.OK
    elsewhere = judge_bucket(BucketLook("us-east-1", "{}"), SETTINGS, "eu-central-1", create=False)
    assert (elsewhere.state, elsewhere.fix) == (
        State.PROBLEM,
        "use --region us-east-1, or another --bucket",
    )


@pytest.mark.parametrize(
    "error", [AccessDenied("no permission for x"), ConnectionProblem("gone"), CountaggError("odd")]
)
def test_what_cannot_be_seen_is_not_checked(error: CountaggError) -> None:
    def fail() -> Any:
        raise error

    found = guarded("quota", fail)
    assert (found.state, found.detail) == (State.NOT_CHECKED, str(error))
    assert guarded("quota", lambda: passed("quota", "fine")).detail == "fine"


def test_an_error_becomes_a_problem_with_its_hint() -> None:
    found = from_error("region", ConnectionProblem("no region is set", hint="give --region"))
    assert (found.detail, found.fix) == ("no region is set", "give --region")
