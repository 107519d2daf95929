"""Denials: action, resource, reason and who can mend it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from countagg.aws.denials import read_denial, read_key_denial
from countagg.aws.errors import translate_answer
from countagg.core.errors import AccessDenied, CountaggError
from tests.aws.world import answer

WHO = "User: arn:aws:sts::123456789012:assumed-role/ops/me is not authorized to perform: "
TABLE = "arn:aws:dynamodb:eu-central-1:123456789012:table/countagg-totals"
SCP = "arn:aws:organizations::123456789012:policy/o-1/service_control_policy/p-1"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (
            "iam:CreateRole on resource: role s-processor because no identity-based policy allows the action",
            "no permission for iam:CreateRole on role s-processor",
        ),
        (
            "iam:GetPolicy on resource: policy arn:aws:iam::1:policy/p",
            "no permission for iam:GetPolicy on policy arn:aws:iam::1:policy/p",
        ),
        (
            "iam:GetInstanceProfile on resource: instance profile web.",
            "no permission for iam:GetInstanceProfile on instance profile web",
        ),
        ('s3:PutObject on resource: "arn:aws:s3:::b/a because b" because no', "on arn:aws:s3:::b/a because b"),
        (f"dynamodb:Query on resource: {TABLE}/index/ByDate", f"on {TABLE}/index/ByDate"),
        ("cloudwatch:PutMetricAlarm", "no permission for cloudwatch:PutMetricAlarm on any resource"),
    ],
)
def test_the_resource_is_named_whole(text: str, what: str) -> None:
    assert read_denial("Operation", WHO + text).what.endswith(what)


@pytest.mark.parametrize(
    ("action", "operation", "proper"),
    [
        ("sqs:createqueue", "CreateQueue", "sqs:CreateQueue"),
        ("sqs:sendmessage", "SendMessageBatch", "sqs:SendMessage"),
        ("sqs:receivemessage", "ReceiveMessage", "sqs:ReceiveMessage"),
        ("SNS:CreateTopic", "CreateTopic", "sns:CreateTopic"),
        ("sqs:listqueues", "ListQueues", "sqs:ListQueues"),
        ("sqs:unheardof", "Operation", "sqs:unheardof"),
        ("s3:ListBucket", "ListObjectsV2", "s3:ListBucket"),
        ("logs:FilterLogEvents", "FilterLogEvents", "logs:FilterLogEvents"),
    ],
)
def test_actions_are_written_as_policies_write_them(action: str, operation: str, proper: str) -> None:
    denial = read_denial(operation, f"{WHO}{action} on resource: r because no identity-based policy allows it")
    assert denial.action == proper
    assert denial.what == f"no permission for {proper} on r"


POLICIES: Final = {
    "service control policy": "AWS organization",
    "resource control policy": "AWS organization",
    "permissions boundary": "can widen it",
    "session policy": "narrowed",
    "VPC endpoint policy": "manages the VPC endpoint",
    "resource-based policy": "owns the resource",
}


def denied(text: str) -> CountaggError:
    error = translate_answer(answer("AccessDeniedException", f"{WHO}dynamodb:Query on resource: {TABLE}{text}"))
    assert type(error) is AccessDenied
    assert error.what.startswith(f"no permission for dynamodb:Query on {TABLE}")
    return error


def reason_of(error: CountaggError) -> str:
    return error.what.partition(TABLE)[2]


def test_a_permission_that_is_just_lacking_is_asked_for() -> None:
    error = denied(" because no identity-based policy allows the dynamodb:Query action")
    assert reason_of(error) == ""
    assert error.hint.startswith("ask for that permission")


@pytest.mark.parametrize("kind", POLICIES)
def test_another_policy_that_does_not_allow_it_is_named(kind: str) -> None:
    error = denied(f" because no {kind} allows the dynamodb:Query action")
    assert reason_of(error) == f": no {kind} allows it"
    assert POLICIES[kind] in error.hint


@pytest.mark.parametrize("named", ["", f": {SCP}"])
@pytest.mark.parametrize("kind", [*POLICIES, "identity-based policy"])
def test_an_explicit_deny_keeps_its_reason(kind: str, named: str) -> None:
    article = "an" if kind.startswith("i") else "a"
    error = denied(f" with an explicit deny in {article} {kind}{named}")
    assert reason_of(error) == f": explicit deny in {article} {kind}{named}"
    assert POLICIES.get(kind, "IAM administrator") in error.hint
    assert "ask for that permission" not in error.hint


@pytest.mark.parametrize("within", ["", " in a new kind of policy"])
def test_an_explicit_deny_of_a_kind_that_is_not_known_is_one_still(within: str) -> None:
    error = denied(f" with an explicit deny{within}")
    assert reason_of(error) == f": explicit deny{within}"
    assert "overrides every permission" in error.hint


@pytest.mark.parametrize("message", ["", None])
def test_a_denial_without_a_text_is_not_quoted(message: str | None) -> None:
    error = answer("403", "", "HeadBucket")
    response: Any = error.response
    response["Error"]["Message"] = message
    assert translate_answer(error).what == "no permission for HeadBucket"


@pytest.mark.parametrize("code", ["KMSAccessDenied", "KmsAccessDenied", "KMS.AccessDeniedException"])
def test_a_key_that_may_not_be_used_is_told_as_such(code: str) -> None:
    error = translate_answer(
        answer(code, "The ciphertext refers to a key that may not be used", "SendMessageBatch")
    )
    assert type(error) is AccessDenied
    assert error.what.startswith("no permission to use the KMS key for SendMessageBatch: The ciphertext")
    assert "--kms-key" in error.hint
    assert read_key_denial("Publish", "").what.endswith("no text")
