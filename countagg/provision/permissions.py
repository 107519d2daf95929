"""IAM policies for people: the catalogue of `provision.calls`, on the resources of one stack.

Every policy names its actions and its resources; `*` stands only where AWS takes nothing else, and for the parts
of names that AWS picks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from countagg.core.names import BY_DATE_INDEX
from countagg.provision import subscription_calls
from countagg.provision.calls import CALLS
from countagg.provision.dashboard import dashboard_name
from countagg.provision.place import Place
from countagg.provision.settings import StackSettings
from countagg.provision.targets import On

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

_BY_KEY: Final[Mapping[str, frozenset[str]]] = {
    "dynamodb": frozenset(
        {
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        }
    ),
    "s3": frozenset({"kms:Decrypt", "kms:GenerateDataKey"}),
    "sqs": frozenset({"kms:Decrypt", "kms:GenerateDataKey"}),
}
"""What a service does with the stack's key in the name of who asks it for data."""
_DATA: Final = frozenset(
    {
        "dynamodb:BatchGetItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:GetRecords",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "s3:GetObject",
        "s3:PutObject",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    }
)
_ENCRYPTING: Final = "dynamodb:CreateTable"
"""Who may do this tells DynamoDB to use a key, then or by a later update, which takes a grant."""

OF_OWN_BUCKET: Final = frozenset({On.OWN_BUCKET, On.OWN_OBJECTS})
"""Of a bucket that was there before, setup and teardown change the notification and nothing else."""


def actions_of(role: Audience) -> Mapping[On, frozenset[str]]:
    """Return what the commands of a role call, by resource."""
    actions_on: dict[On, frozenset[str]] = {}
    for command in COMMANDS_OF[role]:
        for on, actions in CALLS[command].items():
            actions_on[on] = actions_on.get(on, frozenset()) | actions
    return actions_on


def role_policy(role: Audience, settings: StackSettings, place: Place) -> dict[str, Any]:
    """Return the policy of who runs commands; for an instance see `instance_policy`."""
    grants = dict(actions_of(role))
    if place.embedded:
        unspecific = frozenset[str]().union(*grants.values()) & _ON_ENGINE
        grants = {on: frozenset(action_name(each, place) for each in grants[on] - unspecific) for on in grants}
        grants[On.ACCOUNT] = grants.get(On.ACCOUNT, frozenset()) | {
            action_name(each, place) for each in unspecific
        }
    grants = {on: actions for on, actions in grants.items() if on not in not_granted(settings)}
    if settings.permissions_boundary and On.ROLES in grants:
        # Who must bound the roles must not take the bound away.
        grants[On.ROLES] -= {"iam:DeleteRolePermissionsBoundary"}
    return policy_document([*_statements(grants, settings, place), *through_services(grants, settings, place)])


def not_granted(settings: StackSettings) -> frozenset[On]:
    """Return what there is nothing of: a key of the operator's, a bucket of ours."""
    key = frozenset[On]() if settings.kms_key else frozenset({On.KEY})
    return key if settings.create_bucket else key | OF_OWN_BUCKET


def action_name(action: str, place: Place) -> str:
    """Return what an action is called where the stack lives."""
    return _NAMES_ON_ENGINE.get(action, action) if place.embedded else action


def literal(prefix: str) -> str:
    """Return a prefix as policies write it: an asterisk in it is no pattern."""
    return prefix.replace("*", "${*}")


def resource_arns(on: On, settings: StackSettings, place: Place) -> tuple[str, ...]:
    """Return the ARNs of resources, some with `*` in place of what AWS picks."""
    names = settings.names
    functions = (names.processor, names.aggregator, names.publisher)
    snapshots, totals, counters = map(place.table_arn, (names.snapshots, names.totals, names.counters))
    queues = (place.queue_arn(names.uploads), place.queue_arn(names.dead_letters))
    topics = (place.topic_arn(names.uploads), place.topic_arn(names.alerts))
    groups = tuple(place.log_group_arn(names.log_group(each)) for each in functions)
    processor_logs = place.log_group_arn(names.log_group(names.processor))
    roles = tuple(place.role_arn(names.role(each, place.region), settings.role_path) for each in functions)
    arns: dict[On, tuple[str, ...]] = {
        On.ACCOUNT: ("*",),
        **_of_bucket(settings, place.bucket_arn(settings.bucket)),
        On.UPLOADS_TOPIC: topics[:1],
        On.ALERTS_TOPIC: topics[1:],
        On.TOPICS: topics,
        On.UPLOADS_QUEUE: queues[:1],
        On.DEAD_LETTERS: queues[1:],
        On.QUEUES: queues,
        On.SNAPSHOTS: (snapshots,),
        On.TOTALS: (totals,),
        On.COUNTERS: (counters,),
        On.COUNTERS_BY_DATE: (f"{counters}/index/{BY_DATE_INDEX}",),
        On.STREAMED_TABLES: (totals, counters),
        On.TABLES: (snapshots, totals, counters),
        On.STREAMS: (f"{snapshots}/stream/*", f"{totals}/stream/*"),
        On.PROCESSOR: (place.function_arn(names.processor),),
        On.PUBLISHER: (place.function_arn(names.publisher),),
        On.FUNCTIONS: tuple(map(place.function_arn, functions)),
        On.MAPPINGS: (place.mapping_arn("*"),),
        On.ROLES: roles,
        # AWS's own texts disagree on which of the two forms a log group's actions are checked on.
        On.LOG_GROUPS: (*groups, *(f"{arn}:*" for arn in groups)),
        On.PROCESSOR_LOGS: (processor_logs, f"{processor_logs}:*"),
        On.LOG_GROUP_TAGS: groups,
        On.ALARMS: (place.alarm_arn(f"{names.stack}-*"),),
        On.ANY_ALARM: (place.alarm_arn("*"),),
        On.DASHBOARD: (place.dashboard_arn(dashboard_name(names, place.region)),),
        On.KEY: (settings.kms_key,) if settings.kms_key else (),
        **_of_subscribers(settings, place),
    }
    return arns[on]


def _of_bucket(settings: StackSettings, bucket: str) -> dict[On, tuple[str, ...]]:
    return {
        On.BUCKET: (bucket,),
        On.COUNTER_FILES: (f"{bucket}/{literal(settings.prefix)}*",),
        On.PUBLISHED_FILES: (f"{bucket}/{literal(settings.output_prefix)}*",),
        On.OWN_BUCKET: (bucket,),
        On.OWN_OBJECTS: (f"{bucket}/*",),
    }


def _of_subscribers(settings: StackSettings, place: Place) -> dict[On, tuple[str, ...]]:
    subscribed = settings.subscriptions
    return {
        On.CONSUMERS: tuple(place.function_arn(each.endpoint) for each in subscribed if not each.is_of_alerts),
        On.CONSUMER_ROLES: tuple(place.role_arn(each.role) for each in subscribed if each.role),
        On.ALERT_QUEUES: tuple(each.endpoint for each in subscribed if each.is_settable_queue(place)),
    }


def _statements(
    grants: Mapping[On, frozenset[str]], settings: StackSettings, place: Place
) -> Iterator[dict[str, Any]]:
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


def through_services(
    grants: Mapping[On, frozenset[str]], settings: StackSettings, place: Place
) -> list[dict[str, Any]]:
    """Return what services need of the stack's key in the name of the principal; nothing without a key."""
    if not settings.kms_key:
        return []
    needed: dict[str, set[str]] = defaultdict(set)
    for action in frozenset[str]().union(*grants.values()):
        service = action.partition(":")[0]
        if action in _DATA or action == _ENCRYPTING:
            needed[service] |= _BY_KEY[service]
        if action == _ENCRYPTING:
            needed[service].add("kms:CreateGrant")
    by_actions: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for service in sorted(needed):
        by_actions[tuple(sorted(needed[service]))].append(f"{service}.{place.region}.*")
    return [
        allow(actions, (settings.kms_key,), {"StringLike": {"kms:ViaService": services}})
        for actions, services in by_actions.items()
    ]


def allow(actions: Iterable[str], resources: Sequence[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a statement."""
    named = resources[0] if len(resources) == 1 else list(resources)
    statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": named}
    return statement | ({"Condition": dict(condition)} if condition else {})


def policy_document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
