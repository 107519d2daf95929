"""The commands that subscribe: what they ask, say and answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest

from tests.aws.world import make_zip
from tests.cli.running import UNTOUCHED, CommandLine, at_terminal

ADDRESS: Final = "on-call@example.org"
QUEUE: Final = "arn:aws:sqs:us-east-1:123456789012:on-call"
ELSEWHERE: Final = "arn:aws:sqs:eu-west-1:999999999999:theirs"
ALERTS: Final = "arn:aws:sns:us-east-1:123456789012:countagg-alerts"


@pytest.fixture(autouse=True)
def _nobody(stack: None, countagg: CommandLine) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Let nobody be subscribed before and after."""
    yield
    for each in listed(countagg):
        countagg("subscribe", "remove", each["endpoint"], "--yes")


def listed(countagg: CommandLine) -> list[Any]:
    found: list[Any] = countagg("subscribe", "list", "--output", "json").document["subscriptions"]
    return found


def subscribed() -> list[str]:
    found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=ALERTS)["Subscriptions"]
    return [each["Endpoint"] for each in found]


def test_the_plan_is_shown_and_asked_about(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    at_terminal(monkeypatch, "no\n")
    declined = countagg("subscribe", "email", ADDRESS)

    assert declined.code == 8
    assert f"+ create  email/{ADDRESS}" in declined.err
    assert f"Subscribe: email {ADDRESS}? Type 'yes' to go on: " in declined.err
    assert declined.err.endswith(UNTOUCHED)
    assert subscribed() == []

    at_terminal(monkeypatch, "yes\n")
    assert countagg("subscribe", "email", ADDRESS).code == 0
    assert subscribed() == [ADDRESS]


def test_off_a_terminal_it_takes_yes_and_answers_in_json(countagg: CommandLine) -> None:
    refused = countagg("subscribe", "email", ADDRESS)
    assert refused.code == 2
    assert "--yes" in refused.err

    done = countagg("subscribe", "email", ADDRESS, "--yes", "--output", "json").document
    again = countagg("subscribe", "email", ADDRESS, "--yes", "--output", "json").document

    assert done["subscription"] == {"type": "email", "endpoint": ADDRESS}
    assert done["summary"] == {"create": 1, "update": 3, "keep": 0, "delete": 0}
    assert again["summary"] == {"create": 0, "update": 0, "keep": 4, "delete": 0}
    assert listed(countagg) == [
        {
            "type": "email",
            "endpoint": ADDRESS,
            "counters": [],
            "state": "active",
            "last_result": None,
            "by_countagg": True,
        }
    ]


def test_the_list_is_a_table_and_says_so_when_it_is_empty(countagg: CommandLine) -> None:
    assert countagg("subscribe", "list").out == "nobody is subscribed\n"
    countagg("subscribe", "https", "https://example.org/alerts", "--yes")
    header, row = countagg("subscribe", "list").out.splitlines()
    assert header.split() == ["TYPE", "ENDPOINT", "COUNTERS", "STATE", "BY"]
    assert row.split()[:2] == ["https", "https://example.org/alerts"]


def test_the_owner_of_a_queue_elsewhere_is_told_the_statement(countagg: CommandLine) -> None:
    ran = countagg("subscribe", "queue", ELSEWHERE, "--yes", "--output", "json")

    assert ran.code == 0
    assert f'"Condition":{{"ArnEquals":{{"aws:SourceArn":"{ALERTS}"' in ran.err
    assert [each["resource"] for each in ran.document["changes"]][3:] == [f"alert-queue/{ELSEWHERE}"]


def test_to_remove_what_is_not_subscribed_is_nothing_to_do(countagg: CommandLine) -> None:
    ran = countagg("subscribe", "remove", ADDRESS, "--output", "json")

    assert ran.code == 0
    assert ran.document["changes"] == []
    assert "is not subscribed; `countagg subscribe list` shows who is" in ran.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("email", "ops"), 2, "ADDRESS: 'ops' cannot be used"),
        (("queue", f"{QUEUE}.fifo"), 2, "is a FIFO queue"),
        (("queue", QUEUE), 2, "there is no queue 'on-call' in us-east-1"),
        (("queue", QUEUE.replace("on-call", "countagg-uploads")), 2, "is a queue of the stack itself"),
        (("queue", QUEUE.replace("on-call", "countagg-dead-letters")), 2, "is a queue of the stack itself"),
        (("function", "countagg-processor"), 2, "is a function of the stack itself"),
        (("https", "http://example.org"), 2, "alerts are sent by https alone"),
        (("function", "nobody"), 2, "there is no function 'nobody' in us-east-1"),
        (("function", "act", "--counter", "a*b"), 2, "a filter of Lambda cannot tell the counters 'a*b'"),
        (("list", "--stack", "another"), 5, "there is no stack 'another'"),
        (("email", ADDRESS, "--expect-account", "999999999999"), 3, "not 999999999999"),
    ],
)
def test_what_cannot_be_is_refused(countagg: CommandLine, words: tuple[str, ...], code: int, said: str) -> None:
    yes = () if words[0] == "list" else ("--yes",)
    ran = countagg("subscribe", *words, *yes)

    assert ran.code == code, ran.err
    assert said in ran.err
    assert subscribed() == []


def test_a_function_that_may_be_subscribed_adds_its_role_and_nothing_else(countagg: CommandLine) -> None:
    iam, role = boto3.client("iam"), "act-role"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(Path="/theirs/", RoleName=role, AssumeRolePolicyDocument=trust)
    arn = f"arn:aws:iam::123456789012:role/theirs/{role}"
    boto3.client("lambda").create_function(
        FunctionName="act", Role=arn, Runtime="python3.13", Handler="a.b", Code={"ZipFile": make_zip().content}
    )
    queue = "arn:aws:sqs:us-east-1:123456789012:on-call"
    print_it = ("permissions", "print", "--role", "deployer")

    before = rights(countagg(*print_it).document)
    after = rights(countagg(*print_it, "--subscriber", "act", "--subscriber", queue).document)

    added = {resource for _, resource in after - before}
    assert added == {arn, queue, "arn:aws:lambda:us-east-1:123456789012:function:act"}
    of_role = {action for action, resource in after - before if resource == arn}
    assert of_role == {"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"}
    assert before <= after
    offline = ("--account", "111122223333", "--bucket", "b-1")
    refused = countagg(*print_it, *offline, "--subscriber", "act")
    assert (refused.code, "--subscriber, --account" in refused.err) == (2, True)


def rights(policy: Any) -> set[tuple[str, str]]:
    """Return actions and resources, pair by pair."""
    found = set()
    for statement in policy["Statement"]:
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            found |= {(action, resource) for action in statement["Action"]}
    return found
