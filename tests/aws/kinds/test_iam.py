from __future__ import annotations

import json
from dataclasses import replace

import pytest

from countagg.provision.policies import canonical
from countagg.provision.reconcile import Action
from tests.aws import by_hand
from tests.aws.by_hand import ROLES, assert_mended
from tests.aws.world import World, touched, updated

PARTS = by_hand.PARTS["role"]

ROLE = ROLES["role/publisher"]
OTHER = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)


def document(world: World) -> object:
    return world.clients.iam.get_role_policy(RoleName=ROLE, PolicyName="countagg")["PolicyDocument"]


def test_the_role_has_one_inline_policy_and_a_trust(deployed: World) -> None:
    iam = deployed.clients.iam
    assert iam.list_role_policies(RoleName=ROLE)["PolicyNames"] == ["countagg"]
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    assert "lambda.amazonaws.com" in json.dumps(trust)


def test_a_policy_in_other_words_is_no_drift(deployed: World) -> None:
    policy = json.loads(json.dumps(document(deployed)))
    for statement in policy["Statement"]:
        if isinstance(statement["Action"], list):
            statement["Action"].reverse()
        else:
            statement["Action"] = [statement["Action"]]
    deployed.clients.iam.put_role_policy(
        RoleName=ROLE, PolicyName="countagg", PolicyDocument=json.dumps(policy, indent=2)
    )
    assert touched(deployed.plan()) == []


def test_a_role_goes_with_policies_that_somebody_attached(deployed: World) -> None:
    iam = deployed.clients.iam
    arn = iam.create_policy(PolicyName="theirs", PolicyDocument=OTHER)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=arn)
    iam.put_role_policy(RoleName=ROLE, PolicyName="more", PolicyDocument=OTHER)
    (node,) = deployed.nodes("role/publisher")
    assert touched(deployed.tear_down([node])) == [("role/publisher", Action.DELETE, ())]
    assert sorted(deployed.mutating) == [
        "DeleteRole",
        "DeleteRolePolicy",
        "DeleteRolePolicy",
        "DetachRolePolicy",
    ]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["PolicyName"] == "theirs"


@pytest.mark.parametrize("call", range(3))
def test_a_deletion_killed_at_any_call_is_finished_by_the_next(deployed: World, call: int) -> None:
    deployed.clients.iam.put_role_policy(RoleName=ROLE, PolicyName="more", PolicyDocument=OTHER)
    nodes = deployed.nodes("role/publisher")
    with deployed.dying(before=call) as died:
        deployed.tear_down(nodes)
    assert died
    deployed.tear_down(nodes)
    assert ROLE not in {role["RoleName"] for role in deployed.clients.iam.list_roles()["Roles"]}


def test_a_policy_by_hand_with_two_changes_is_mended_in_two_calls_though_killed_between(deployed: World) -> None:
    iam = deployed.clients.iam
    iam.put_role_policy(RoleName=ROLE, PolicyName="countagg", PolicyDocument=OTHER)
    iam.put_role_policy(RoleName=ROLE, PolicyName="more", PolicyDocument=OTHER)
    with deployed.dying(after=0) as died:
        deployed.set_up()
    assert died
    assert_mended(deployed, "role/publisher", ("policies",), ["DeleteRolePolicy"])


def test_of_several_policies_only_those_that_differ_are_put(world: World) -> None:
    world.focus("role").set_up()
    (node,) = world.nodes("role/publisher")
    observed = node.resource.read()
    assert observed is not None
    more = replace(observed.state, policies={**observed.state.policies, "more": canonical(json.loads(OTHER))})
    assert touched(world.set_up([replace(node, desired=lambda _: more)])) == updated("role/publisher", "policies")
    assert world.mutating == ["PutRolePolicy"]
    assert sorted(world.clients.iam.list_role_policies(RoleName=ROLE)["PolicyNames"]) == ["countagg", "more"]
