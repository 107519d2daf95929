"""IAM policies for people: the catalogue of `provision.calls`, on the resources of one stack.

Every policy names its actions and its resources; `*` stands only where AWS takes nothing else, and for the parts
of names that AWS picks. The ARNs are in `resource_arns`, what a key takes is in `key_use`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from countagg.provision import subscription_calls
from countagg.provision.calls import CALLS
from countagg.provision.key_use import through_services
from countagg.provision.place import Place
from countagg.provision.policies import allow, policy_document
from countagg.provision.resource_arns import resource_arns
from countagg.provision.settings import StackSettings
from countagg.provision.targets import Calls, On, join_calls

MANAGED_POLICY_SIZE: Final = 6_144
INLINE_POLICY_SIZE: Final = 10_240
"""Characters without white space that IAM takes of a managed policy, and of all inline policies of a role."""


class Audience(StrEnum):
    """Who a policy is for."""

    DEPLOYER = "deployer"
    OPERATOR = "operator"
    READER = "reader"
    TEARDOWN = "teardown"
    SELFTEST = "selftest"
    INSTANCE = "instance"


_READING: Final = (
    "query",
    "status",
    "serve",
    "logs",
    "verify",
    "explain",
    "outputs",
    "open",
    "stacks",
    "limits list",
    "subscribe list",
    "cost",
    "permissions print",
    "doctor",
)
COMMANDS_OF: Final[Mapping[Audience, tuple[str, ...]]] = {
    Audience.DEPLOYER: (
        *("setup", "plan", "export cloudformation", "outputs", "stacks", "permissions print", "doctor"),
        *subscription_calls.COMMANDS,
    ),
    Audience.OPERATOR: (
        *_READING,
        "instances",
        "report",
        "upload",
        "upload-sample",
        "loadtest",
        "repair",
        "dead-letters list",
        "dead-letters show",
        "dead-letters redrive",
        "dead-letters purge",
        *("limits set", "limits unset", "limits import", "limits test"),
    ),
    Audience.READER: _READING,
    Audience.TEARDOWN: ("teardown", "permissions print", "doctor"),
    Audience.SELFTEST: ("selftest", "permissions print", "doctor"),
}

_ON_ENGINE: Final = frozenset(
    {
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DeleteDashboards",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetDashboard",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutDashboard",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
        "dynamodb:ListTagsOfResource",
        "dynamodb:PartiQLUpdate",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "lambda:CreateFunction",
        "sns:GetSubscriptionAttributes",
        "sns:ListTagsForResource",
        "sns:SetSubscriptionAttributes",
        "sns:TagResource",
        "sns:Unsubscribe",
        "sns:UntagResource",
    }
)
"""Actions that AWS checks on topic, alarm, dashboard or table, and the embedded engine on no resource."""

_NAMES_ON_ENGINE: Final[Mapping[str, str]] = {
    "dynamodb:PartiQLUpdate": "dynamodb:BatchExecuteStatement",
    "sqs:ChangeMessageVisibility": "sqs:ChangeMessageVisibilityBatch",
    "sqs:DeleteMessage": "sqs:DeleteMessageBatch",
    "sqs:SendMessage": "sqs:SendMessageBatch",
}
"""Actions that the embedded engine calls by the operation's name."""

OF_OWN_BUCKET: Final = frozenset({On.OWN_BUCKET, On.OWN_OBJECTS})
"""Of a bucket that was there before, setup and teardown change the notification and nothing else."""


def role_policy(role: Audience, settings: StackSettings, place: Place) -> dict[str, Any]:
    """Return the policy of who runs commands; for an instance see `instance_policy`."""
    called = join_calls(*(CALLS[command] for command in COMMANDS_OF[role]))
    if place.embedded:
        called = _on_engine(called)
    grants = {on: actions for on, actions in called.items() if on not in not_granted(settings)}
    if settings.permissions_boundary and On.ROLES in grants:
        # Who must bound the roles must not take the bound away.
        grants[On.ROLES] -= {"iam:DeleteRolePermissionsBoundary"}
    return policy_document([*_statements(grants, settings, place), *through_services(grants, settings, place)])


def _on_engine(called: Calls) -> Calls:
    """Return the actions as the embedded engine checks them."""
    checked: defaultdict[On, set[str]] = defaultdict(set)
    for on, actions in called.items():
        for action in actions:
            checked[On.ACCOUNT if action in _ON_ENGINE else on].add(_NAMES_ON_ENGINE.get(action, action))
    return {on: frozenset(actions) for on, actions in checked.items()}


def not_granted(settings: StackSettings) -> frozenset[On]:
    """Return what there is nothing of: a key of the operator's, a bucket of ours."""
    key = frozenset[On]() if settings.kms_key else frozenset({On.KEY})
    return key if settings.create_bucket else key | OF_OWN_BUCKET


def action_name(action: str, place: Place) -> str:
    """Return what an action is called where the stack lives."""
    return _NAMES_ON_ENGINE.get(action, action) if place.embedded else action


def _statements(grants: Calls, settings: StackSettings, place: Place) -> Iterator[dict[str, Any]]:
    """Yield statements: every resource once for each condition, together with those of the same actions."""
    actions_on: dict[tuple[str, str], set[str]] = defaultdict(set)
    conditions: dict[str, dict[str, Any]] = {}
    for on, actions in grants.items():
        for action in actions:
            condition = _condition(action, on, settings, place)
            conditions[str(condition)] = condition
            for arn in resource_arns(on, settings, place):
                actions_on[arn, str(condition)].add(action)
    resources_of: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (arn, bound), found in actions_on.items():
        resources_of[tuple(sorted(found)), bound].append(arn)
    for (found_actions, bound), arns in sorted(resources_of.items()):
        yield allow(found_actions, arns, conditions[bound])


def _condition(action: str, on: On, settings: StackSettings, place: Place) -> dict[str, Any]:
    if action == "iam:PassRole":
        return {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    if action.endswith("EventSourceMapping"):
        # The key names the mapping's function. The embedded engine does not give it.
        functions = [arn for each in (On.FUNCTIONS, On.CONSUMERS) for arn in resource_arns(each, settings, place)]
        return {"ArnLikeIfExists": {"lambda:FunctionArn": functions}}
    if on is On.ROLES and action in _MAKING_POWER and settings.permissions_boundary:
        return {"StringEquals": {"iam:PermissionsBoundary": settings.permissions_boundary}}
    return {}


_MAKING_POWER: Final = frozenset({"iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"})
"""Actions that could give a role more than its maker has, unless a boundary holds it."""
