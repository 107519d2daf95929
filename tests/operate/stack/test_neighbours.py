"""Two stacks on one bucket: what one reads or publishes must not be in the way of the other."""

from __future__ import annotations

import pytest

from countagg.aws.diagnosis import BucketLook
from countagg.aws.session import Clients
from countagg.core.errors import AccessDenied, UsageError
from countagg.operate.doctor.checks import State, judge_bucket
from countagg.operate.stack.deployment import Deployment, apply
from countagg.operate.stack.neighbours import check_neighbours, read_neighbours, unknown_neighbours
from countagg.provision.choices import Chosen, Remembered
from countagg.provision.settings import StackSettings
from tests.aws.world import BUCKET, PLACE, Calls, answer
from tests.fakes.provisioning import silent

FIRST = Chosen("first", BUCKET, create_bucket=True)
OTHER = Remembered(BUCKET, "counters/", "totals/")


def second(prefix: str, output_prefix: str) -> StackSettings:
    return StackSettings("second", BUCKET, prefix=prefix, output_prefix=output_prefix)


@pytest.mark.parametrize(
    ("prefix", "output_prefix", "named"),
    [
        ("in/", "totals/", "publishes below totals/"),
        ("in/", "totals/second/", "publishes below totals/"),
        ("in/", "counters/out/", "reads files below counters/"),
        ("totals/", "out/", "publishes below totals/"),
        ("counters/", "out/", "reads files below counters/"),
        ("counters/second/", "out/", "reads files below counters/"),
        ("totals/2026/", "out/", "publishes below totals/"),
    ],
)
def test_what_is_in_the_way_of_another_stack_is_refused(prefix: str, output_prefix: str, named: str) -> None:
    with pytest.raises(UsageError, match=f"'first', .* {named}") as caught:
        check_neighbours(second(prefix, output_prefix), {"first": OTHER})
    assert "--output-prefix" in caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize("other", [OTHER, Remembered(), None])
def test_stacks_that_keep_apart_may_share_a_bucket(other: Remembered | None) -> None:
    check_neighbours(second("in/", "out/"), {"first": other})


def test_a_plan_beside_a_stack_that_publishes_there_is_refused_and_nothing_is_touched(
    deployment: Deployment, calls: Calls
) -> None:
    tuple(apply(deployment.plan(FIRST), silent))
    calls.reset()
    with pytest.raises(UsageError, match="stack 'first'"):
        deployment.plan(Chosen("second", BUCKET, prefix="in/"))
    assert calls.mutating == []
    beside = Chosen("second", BUCKET, prefix="in/", output_prefix="out/")
    tuple(apply(deployment.plan(beside), silent))
    # Each finds the other, and is not in its own way.
    deployment.plan(FIRST)
    with pytest.raises(UsageError, match="stack 'second'"):
        deployment.plan(Chosen("first", output_prefix="out/"))


def test_a_stack_whose_settings_may_not_be_read_is_named(clients: Clients, calls: Calls) -> None:
    entry = {"Id": "first-uploads", "TopicArn": PLACE.topic_arn("first-uploads")}
    strangers = [
        {"Id": "second-uploads", "TopicArn": PLACE.topic_arn("second-uploads")},
        {"Id": "uploads", "TopicArn": PLACE.topic_arn("uploads")},
        {"Id": "third-uploads", "TopicArn": PLACE.topic_arn("somebody-elses")},
    ]
    # Of whatever id: CloudFormation leaves that to S3.
    made_otherwise = {"Id": "NmQ1Y2", "TopicArn": PLACE.topic_arn("fourth-uploads")}
    document = {"TopicConfigurations": [entry, *strangers, made_otherwise]}
    calls.errors["GetFunctionConfiguration"] = [
        answer("AccessDeniedException", "not authorized to perform: lambda:GetFunctionConfiguration")
    ]
    found = read_neighbours(clients, second("in/", "out/"), PLACE, document)
    assert found == {"first": None, "fourth": Remembered()}
    assert "first" in str(unknown_neighbours(found))
    assert unknown_neighbours({"first": OTHER}) is None


def test_a_failure_other_than_a_missing_permission_rises(clients: Clients, calls: Calls) -> None:
    entry = {"Id": "first-uploads", "TopicArn": PLACE.topic_arn("first-uploads")}
    calls.errors["GetFunctionConfiguration"] = [answer("ServiceException", "down")]
    with pytest.raises(Exception, match="down") as caught:
        read_neighbours(clients, second("in/", "out/"), PLACE, {"TopicConfigurations": [entry]})
    assert not isinstance(caught.value, AccessDenied)


def test_doctor_tells_of_it_too() -> None:
    look, settings = BucketLook("us-east-1", "{}"), second("in/", "totals/")
    found = judge_bucket(look, settings, "us-east-1", create=False, neighbours={"first": OTHER})
    assert (found.state, "first" in found.detail) == (State.PROBLEM, True)
    unknown = judge_bucket(look, settings, "us-east-1", create=False, neighbours={"first": None})
    assert (unknown.state, "may not read where first publishes" in unknown.detail) == (State.OK, True)
