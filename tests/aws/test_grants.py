"""A role that is made anew: the function's grant of KMS names the old one's id, and has to be renewed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from countagg.aws.grants import grant_problem
from countagg.provision.grants import ROLE_VARIABLE, RoleIdentity, is_grant_lost
from countagg.provision.reconcile import Action
from tests.aws.by_hand import FUNCTIONS, PARTS, ROLES
from tests.aws.world import World, touched

NODE = "function/processor"
NAME = FUNCTIONS[NODE]
ROLE = ROLES["role/processor"]


class Grants:
    """KMS: a function's grant is made for its role's id, when the function is made and when its role changes."""

    def __init__(self) -> None:
        self._roles: dict[str, str] = {}
        self._iam: Any = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b").client("iam")
        self.ids: dict[str, str] = {}

    def note(self, parsed: Any, **_: object) -> None:
        if "Role" in parsed and parsed["Role"] != self._roles.get(parsed["FunctionName"]):
            self._roles[parsed["FunctionName"]] = parsed["Role"]
            self.ids[parsed["FunctionName"]] = self.role_id(parsed["Role"].rpartition("/")[2])

    def role_id(self, name: str) -> str:
        return str(self._iam.get_role(RoleName=name)["Role"]["RoleId"])

    def are_right(self) -> bool:
        return self.ids == {FUNCTIONS[f"function/{node[5:]}"]: self.role_id(name) for node, name in ROLES.items()}


@pytest.fixture
def grants(world: World) -> Iterator[Grants]:
    """Give a stack without tables, and its grants."""
    found, events = Grants(), world.clients.lambda_.meta.events
    for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        events.register(f"after-call.lambda.{operation}", found.note)
    world.focus(*PARTS["function"]).set_up()
    assert found.are_right()
    yield found
    for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        events.unregister(f"after-call.lambda.{operation}", found.note)


def lose_role(world: World, role: str = ROLE) -> None:
    world.clients.iam.delete_role_policy(RoleName=role, PolicyName="countagg")
    world.clients.iam.delete_role(RoleName=role)


def make_anew(world: World) -> None:
    """Delete the role and make it again by hand, as it was."""
    (node,) = world.nodes("role/processor")
    before = node.resource.read()
    assert before is not None
    lose_role(world)
    node.resource.create(before.state)


def forget(world: World) -> None:
    """Let a function be as it was set up before functions remembered their role."""
    aws = world.clients.lambda_
    variables = aws.get_function_configuration(FunctionName=NAME)["Environment"]["Variables"]
    del variables[ROLE_VARIABLE]
    aws.update_function_configuration(FunctionName=NAME, Environment={"Variables": variables})


RENEWAL = ["UpdateFunctionConfiguration", "UpdateFunctionConfiguration"]
CHANGED = (NODE, Action.UPDATE, ("environment",))


def test_setup_renews_the_grant_with_the_role(world: World, grants: Grants) -> None:
    lose_role(world)
    assert touched(world.plan()) == [("role/processor", Action.CREATE, ()), CHANGED]
    assert touched(world.set_up()) == [("role/processor", Action.CREATE, ()), CHANGED]
    assert world.mutating == ["CreateRole", "PutRolePolicy", *RENEWAL]
    assert grants.are_right()
    assert touched(world.set_up()) == []
    assert world.mutating == []


def test_all_roles_at_once(world: World, grants: Grants) -> None:
    for role in ROLES.values():
        lose_role(world, role)
    world.set_up()
    assert grants.are_right()
    assert touched(world.set_up()) == []


def test_a_role_that_was_made_anew_by_hand_is_noticed_too(world: World, grants: Grants) -> None:
    make_anew(world)
    assert not grants.are_right()
    assert touched(world.plan()) == [CHANGED]
    assert touched(world.set_up()) == [CHANGED]
    assert world.mutating == RENEWAL
    assert grants.are_right()


@pytest.mark.parametrize("way", ["before", "after"])
@pytest.mark.parametrize("call", range(4))
def test_a_renewal_that_was_killed_is_finished_by_the_next_setup(
    world: World, grants: Grants, way: str, call: int
) -> None:
    lose_role(world)
    with world.dying(**{way: call}) as died:
        world.set_up()
    assert died
    world.set_up()
    assert grants.are_right()
    assert touched(world.set_up()) == []
    assert world.mutating == []


def test_a_function_that_remembers_no_role_keeps_its_grant_if_its_role_is_older(
    world: World, grants: Grants
) -> None:
    forget(world)
    assert grant_problem(world.clients, NAME) is None
    assert touched(world.set_up()) == [CHANGED]
    assert world.mutating == ["UpdateFunctionConfiguration"]
    assert grants.are_right()


def test_a_function_that_remembers_no_role_gets_a_grant_if_its_role_is_newer(world: World, grants: Grants) -> None:
    forget(world)
    make_anew(world)
    assert "made again" in str(grant_problem(world.clients, NAME))
    world.set_up()
    assert world.mutating == RENEWAL
    assert grants.are_right()
    assert grant_problem(world.clients, NAME) is None


def test_the_problem_is_told_of_a_deployed_function(world: World, grants: Grants) -> None:
    assert grant_problem(world.clients, NAME) is None
    make_anew(world)
    assert grant_problem(world.clients, NAME) == (
        f"its role {ROLE} was deleted and made again: KMS denies it the function's environment"
    )
    lose_role(world)
    assert grant_problem(world.clients, NAME) == f"its role {ROLE} does not exist"
    world.set_up()
    assert grants.are_right()
    assert grant_problem(world.clients, NAME) is None
    world.clients.lambda_.delete_function(FunctionName=NAME)
    assert grant_problem(world.clients, NAME) is None


def test_what_is_not_told_is_no_loss() -> None:
    role = RoleIdentity("AROA1", "2026-11-20T12:00:00+00:00")
    assert not is_grant_lost({}, "", role)
    assert not is_grant_lost({}, "2026-11-20T11:00:00.000+0000", RoleIdentity("AROA1", ""))
    assert is_grant_lost({}, "2026-11-20T11:00:00.000+0000", role)
    assert not is_grant_lost({}, "2026-11-20T13:00:00.000+0000", role)
    assert is_grant_lost({ROLE_VARIABLE: "AROA0"}, "2026-11-20T13:00:00.000+0000", role)
