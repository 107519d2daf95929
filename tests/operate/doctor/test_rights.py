"""Which permissions are missing for which command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from countagg.aws.simulation import policy_source, probe
from countagg.core.errors import ConnectionProblem
from countagg.operate.doctor.checks import State
from countagg.operate.doctor.rights import Right, Rights, find_rights, judge_rights, rights_of
from countagg.provision.permissions import COMMANDS_OF
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from tests.aws.world import answer
from tests.fakes.clients import FakeClients

PLACE: Final = Place("123456789012", "eu-central-1")
SETTINGS: Final = StackSettings("countagg", "my-counters")
USER: Final = "arn:aws:iam::123456789012:user/ann"
QUEUE: Final = "arn:aws:sqs:eu-central-1:123456789012:countagg-uploads"


@dataclass
class FakeIam:
    """Holds what a principal may not do.

    Attributes:
        refused: actions.
        error: what the simulator answers instead.
        asked: sources, resources and context of the questions.
        path: of every role.
    """

    refused: frozenset[str] = frozenset()
    error: ClientError | None = None
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    path: str | None = "/"

    def get_paginator(self, _name: str) -> FakeIam:
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        if self.error:
            raise self.error
        context = {each["ContextKeyName"]: each["ContextKeyValues"][0] for each in request["ContextEntries"]}
        (resource,) = request["ResourceArns"]
        self.asked.append((request["PolicySourceArn"], resource, context))
        for name in request["ActionNames"]:
            decision = "implicitDeny" if name in self.refused else "allowed"
            yield {"EvaluationResults": [{"EvalActionName": name, "EvalDecision": decision}]}

    def get_role(self, *, RoleName: str) -> Any:  # noqa: N803 - boto3's name
        if self.path is None:
            raise answer("AccessDenied")
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role{self.path}{RoleName}"}}


def rights_found(iam: FakeIam, needed: frozenset[Right], principal: str = USER, sqs: object = None) -> Rights:
    context: Mapping[str, str] = {"iam:PassedToService": "lambda.amazonaws.com"}
    return find_rights(FakeClients(iam=iam, sqs=sqs), principal, needed, context, lambda _done, _total: None)


def test_the_simulator_is_asked_about_every_resource_once() -> None:
    iam = FakeIam(frozenset({"sqs:SendMessage"}))
    needed = rights_of("repair", SETTINGS, PLACE)

    found = rights_found(iam, needed)

    asked = [resource for _, resource, _ in iam.asked]
    assert sorted(asked) == sorted({arn for _, arn in needed})
    assert {source for source, _, _ in iam.asked} == {USER}
    assert all(context["iam:PassedToService"] == "lambda.amazonaws.com" for _, _, context in iam.asked)
    assert found.verdicts.keys() == needed
    check = judge_rights("repair", needed, found)
    assert check.state is State.PROBLEM
    assert check.detail == f"refused: sqs:SendMessage on {QUEUE}"
    assert "--role operator" in check.fix


def test_a_command_that_lacks_nothing_is_fine() -> None:
    details = []
    for command in ("query", "stacks"):
        needed = rights_of(command, SETTINGS, PLACE)
        check = judge_rights(command, needed, rights_found(FakeIam(), needed))
        assert check.state is State.OK
        details.append(check.detail)
    assert details == ["all of 4 actions", "its only action"]


@pytest.mark.parametrize("command", sorted({command for commands in COMMANDS_OF.values() for command in commands}))
def test_of_every_command_a_role_is_named_that_may_run_it(command: str) -> None:
    right = ("sqs:SendMessage", QUEUE)
    check = judge_rights(command, frozenset({right}), Rights({right: False}, "simulated by IAM"))
    assert any(f"--role {role}`" in check.fix for role, commands in COMMANDS_OF.items() if command in commands)


def test_root_may_do_everything() -> None:
    needed = rights_of("setup", SETTINGS, PLACE)
    found = rights_found(FakeIam(), needed, "arn:aws:iam::123456789012:root")
    assert judge_rights("setup", needed, found).state is State.OK


class Queues:
    """Answers reads of queues: one is refused, of the other there is none."""

    class meta:  # noqa: N801 - as boto3 has it
        endpoint_url = "https://sqs.test"

    def get_queue_url(self, *, QueueName: str) -> None:  # noqa: N803 - boto3's name
        raise answer("AccessDenied" if QueueName.endswith("dead-letters") else "QueueDoesNotExist")

    def list_queue_tags(self, **_: str) -> None:
        raise answer("NotImplemented")


@pytest.mark.parametrize("error", [answer("AccessDenied"), answer("NoSuchEntity"), answer("InvalidAction")])
def test_without_the_simulator_harmless_reads_are_tried(error: ClientError) -> None:
    dead = "arn:aws:sqs:eu-central-1:123456789012:countagg-dead-letters"
    needed = frozenset(
        {
            ("sqs:GetQueueUrl", QUEUE),
            ("sqs:GetQueueUrl", dead),
            ("sqs:ListQueueTags", QUEUE),
            ("sqs:SendMessage", QUEUE),
        }
    )

    found = rights_found(FakeIam(error=error), needed, sqs=Queues())

    assert found.way.startswith("writes are not tried, because ")
    assert found.verdicts == {("sqs:GetQueueUrl", QUEUE): True, ("sqs:GetQueueUrl", dead): False}
    allowed = frozenset(right for right in needed if right[1] == QUEUE)
    assert judge_rights("repair", allowed, found).detail == (
        "1 of 3 actions tried, all allowed; not tried: sqs:ListQueueTags, sqs:SendMessage"
    )
    assert judge_rights("repair", needed, found).state is State.PROBLEM


def test_an_endpoint_that_is_gone_is_no_answer() -> None:
    iam = FakeIam(error=answer("ExpiredToken"))
    with pytest.raises(ConnectionProblem):
        rights_found(iam, frozenset({("sqs:SendMessage", QUEUE)}))


def test_without_a_bucket_nothing_is_asked_about_one() -> None:
    unnamed = rights_of("verify", StackSettings("countagg", ""), PLACE)
    assert unnamed < rights_of("verify", SETTINGS, PLACE)
    assert not any(action.startswith("s3:") for action, _ in unnamed)


@pytest.mark.parametrize(
    ("principal", "path", "expected"),
    [
        (USER, "/", USER),
        ("arn:aws:iam::123456789012:root", "/", None),
        ("arn:aws:sts::123456789012:federated-user/bob", "/", None),
        (
            "arn:aws:sts::123456789012:assumed-role/ops/session",
            "/teams/",
            "arn:aws:iam::123456789012:role/teams/ops",
        ),
        ("arn:aws:sts::123456789012:assumed-role/ops/session", None, "arn:aws:iam::123456789012:role/ops"),
    ],
)
def test_whose_policies_are_simulated(principal: str, path: str | None, expected: str | None) -> None:
    assert policy_source(FakeClients(iam=FakeIam(path=path)), principal) == expected


def test_of_patterns_and_writes_nothing_is_tried() -> None:
    clients = FakeClients()
    assert probe(clients, "sqs:SendMessage", QUEUE) is None
    assert probe(clients, "lambda:ListTags", PLACE.mapping_arn("*")) is None


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("query", "reader"),
        ("status", "reader"),
        ("repair", "operator"),
        ("setup", "deployer"),
        ("teardown", "teardown"),
    ],
)
def test_the_way_out_is_the_role_with_the_fewest_rights(command: str, role: str) -> None:
    needed = rights_of(command, SETTINGS, PLACE)
    check = judge_rights(command, needed, Rights(dict.fromkeys(needed, False), "simulated by IAM"))
    assert f"--role {role}`" in check.fix
