"""What Lambda itself does with the functions' roles, against AWS's own managed policies for the same purpose.

The embedded engine polls, logs and passes failures on without asking the role, so that nothing there can prove
these grants. moto brings AWS's managed policies along as they are.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from countagg.provision.policies import statements_of
from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.provision.policy_evaluator import listed
from tests.provision.stacks import make_stack, state_of

CREATES_GROUPS: Final = "logs:CreateLogGroup"
"""Not granted: setup makes the groups, and a late line must not bring one back after teardown."""

POLLING: Final = {
    "processor": ("AWSLambdaSQSQueueExecutionRole", {"WriteLogs", "ReceiveUploads"}),
    "aggregator": (
        "AWSLambdaDynamoDBExecutionRole",
        {"WriteLogs", "ReadSnapshotsStream", "ListStreamsKnowsNoResource"},
    ),
    "publisher": (
        "AWSLambdaDynamoDBExecutionRole",
        {"WriteLogs", "ReadTotalsStream", "ListStreamsKnowsNoResource"},
    ),
}
"""AWS's policy for a function that reads such a source, and our statements that stand for it."""


def granted(policy: dict[str, Any], sids: set[str] | None = None) -> set[str]:
    return {
        action
        for statement in statements_of(policy)
        if sids is None or statement["Sid"] in sids
        for action in listed(statement["Action"])
    }


@pytest.mark.parametrize("role", POLLING)
def test_polling_and_logging_have_what_aws_s_own_policy_grants_and_no_more(role: str) -> None:
    name, sids = POLLING[role]
    theirs = {
        action
        for statement in statements_of(json.loads(aws_managed_policies_data)[name]["Document"])
        for action in listed(statement["Action"])
    }
    assert granted(make_stack().policy(role), sids) == theirs - {CREATES_GROUPS}


def test_the_role_of_a_subscribed_function_gets_what_polling_takes_and_no_logging() -> None:
    name, _ = POLLING["publisher"]
    theirs = granted(json.loads(aws_managed_policies_data)[name]["Document"])
    act = Subscriber(SubscriptionKind.FUNCTION, "act", (), "role")
    stack = make_stack(subscriptions=(act,))
    policy = json.loads(state_of(stack, "consumer-policy/role").policy)
    polling = {action for action in granted(policy) if action.startswith("dynamodb:")}
    assert polling == {action for action in theirs if action.startswith("dynamodb:")}
    assert granted(policy) - polling == {"sqs:SendMessage"}
    assert state_of(stack, "consumer/act").on_failure in {each["Resource"] for each in policy["Statement"]}


@pytest.mark.parametrize("role", POLLING)
def test_failed_batches_may_be_sent_where_the_mapping_sends_them_and_only_then(role: str) -> None:
    stack = make_stack()
    destination = state_of(stack, f"mapping/{role}").on_failure
    sending = [each for each in stack.policy(role)["Statement"] if each["Sid"].endswith("FailedBatches")]
    assert [(each["Action"], each["Resource"]) for each in sending] == (
        [("sqs:SendMessage", destination)] if destination else []
    )
