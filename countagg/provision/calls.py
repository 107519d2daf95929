"""The catalogue: what each command calls on AWS, as IAM sees it.

A command has its actions by the resources that they are called on. The tests record every call of every command
and hold the catalogue against them, in both directions.

Action names are those of AWS's service authorization reference, which are not always those of the operations:
ListObjectsV2 and HeadBucket are `s3:ListBucket`, SendMessageBatch is `sqs:SendMessage`, and the parts of a
transaction are what each of them does alone: TransactGetItems is `dynamodb:GetItem`. `sts:GetCallerIdentity` is
left out: nobody needs a permission for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from countagg.provision import subscription_calls
from countagg.provision.stack_calls import FIND, FIND_ANY, NOT_ON_NEW_STACKS, OUTPUTS, PLAN, SETUP, TEARDOWN
from countagg.provision.targets import Calls, On, join_calls

_READ_TOTALS: Final = join_calls({On.SNAPSHOTS: ("dynamodb:GetItem",), On.TOTALS: ("dynamodb:GetItem",)})
"""How a day is spread over partitions stands in the snapshots table."""

_UPLOAD: Final = join_calls(FIND, _READ_TOTALS, {On.COUNTER_FILES: ("s3:DeleteObject", "s3:PutObject")})

_READ_PUBLISHED: Final = join_calls(
    _READ_TOTALS,
    {
        # Without s3:ListBucket, S3 answers for an absent object as for a forbidden one.
        On.BUCKET: ("s3:ListBucket",),
        On.PUBLISHED_FILES: ("s3:GetObject",),
        On.SNAPSHOTS: ("dynamodb:Query",),
        On.COUNTERS_BY_DATE: ("dynamodb:Query",),
    },
)
_VERIFY: Final = join_calls(
    FIND,
    _READ_PUBLISHED,
    {On.COUNTER_FILES: ("s3:GetObject",)},
)
_MEND: Final = join_calls(
    _READ_PUBLISHED,
    {
        On.UPLOADS_QUEUE: ("sqs:GetQueueUrl", "sqs:SendMessage"),
        On.TOTALS: ("dynamodb:PutItem",),
        On.COUNTERS: ("dynamodb:BatchGetItem", "dynamodb:PutItem"),
        On.PUBLISHED_FILES: ("s3:PutObject",),
    },
)

_LETTERS: Final = join_calls(FIND, {On.DEAD_LETTERS: ("sqs:ChangeMessageVisibility", "sqs:ReceiveMessage")})
_PURGE: Final = join_calls(_LETTERS, {On.DEAD_LETTERS: ("sqs:DeleteMessage",)})

_HEALTH: Final = join_calls(
    FIND_ANY,
    _READ_TOTALS,
    {
        On.ACCOUNT: ("lambda:ListEventSourceMappings", "sns:ListTopics"),
        On.ANY_ALARM: ("cloudwatch:DescribeAlarms",),
        On.BUCKET: ("s3:GetBucketNotification", "s3:ListBucket"),
        On.PUBLISHED_FILES: ("s3:GetObject",),
        On.QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        On.ROLES: ("iam:GetRole",),
        On.TABLES: ("dynamodb:DescribeTable",),
    },
)
_STATUS: Final = join_calls(
    _HEALTH, {On.ACCOUNT: ("cloudwatch:GetMetricData",), On.PROCESSOR_LOGS: ("logs:FilterLogEvents",)}
)

_SELF_TEST: Final[Calls] = {
    on: actions - NOT_ON_NEW_STACKS
    for on, actions in join_calls(
        SETUP,
        TEARDOWN,
        _VERIFY,
        _LETTERS,
        {
            On.FUNCTIONS: ("lambda:InvokeFunction",),
            On.COUNTER_FILES: ("s3:PutObject",),
            On.COUNTERS: (
                "dynamodb:BatchGetItem",
                "dynamodb:DeleteItem",
                "dynamodb:PartiQLUpdate",
                "dynamodb:PutItem",
                "dynamodb:Query",
            ),
            On.DEAD_LETTERS: ("sqs:DeleteMessage",),
        },
    ).items()
    if on not in (On.KEY, On.DASHBOARD)
} | {On.DASHBOARD: frozenset({"cloudwatch:GetDashboard"})}
"""Its stack has neither a key nor a dashboard."""

_LIMITS: Final = join_calls(FIND, _READ_TOTALS, {On.COUNTERS_BY_DATE: ("dynamodb:Query",)})

CALLS: Final[Mapping[str, Calls]] = {
    "setup": SETUP,
    "plan": PLAN,
    "outputs": OUTPUTS,
    "open": FIND,
    "stacks": join_calls({On.ACCOUNT: ("tag:GetResources",)}),
    "teardown": TEARDOWN,
    "status": _STATUS,
    "serve": _HEALTH,
    "upload": _UPLOAD,
    "upload-sample": join_calls(_UPLOAD, {On.BUCKET: ("s3:ListBucket",), On.SNAPSHOTS: ("dynamodb:Query",)}),
    "query": join_calls(FIND, _READ_TOTALS, {On.BUCKET: ("s3:ListBucket",), On.SNAPSHOTS: ("dynamodb:Query",)}),
    "instances": join_calls(_LETTERS, {On.SNAPSHOTS: ("dynamodb:GetItem", "dynamodb:Query")}),
    "report": join_calls(_LETTERS, _STATUS, {On.SNAPSHOTS: ("dynamodb:Query",)}),
    "logs": join_calls(FIND, {On.LOG_GROUPS: ("logs:FilterLogEvents",)}),
    "verify": _VERIFY,
    "explain": join_calls(_VERIFY, {On.LOG_GROUPS: ("logs:FilterLogEvents",)}),
    "repair": join_calls(_VERIFY, _MEND, {On.SNAPSHOTS: ("dynamodb:PutItem",)}),
    **dict.fromkeys(
        ("dead-letters list", "dead-letters show"), join_calls(_LETTERS, {On.BUCKET: ("s3:ListBucket",)})
    ),
    "dead-letters redrive": join_calls(
        _PURGE, _MEND, {On.STREAMS: ("dynamodb:GetRecords", "dynamodb:GetShardIterator")}
    ),
    "dead-letters purge": _PURGE,
    "limits list": join_calls(_LIMITS, {On.COUNTERS: ("dynamodb:Query",)}),
    "limits set": join_calls(FIND, {On.COUNTERS: ("dynamodb:PutItem",)}),
    "limits unset": join_calls(FIND, {On.COUNTERS: ("dynamodb:DeleteItem",)}),
    "limits import": join_calls(FIND, {On.COUNTERS: ("dynamodb:BatchWriteItem",)}),
    "limits test": join_calls(
        _LIMITS, {On.PUBLISHER: ("lambda:InvokeFunction",), On.ALERTS_TOPIC: ("sns:ListSubscriptionsByTopic",)}
    ),
    **subscription_calls.COMMANDS,
    "cost": join_calls(FIND_ANY, {On.ACCOUNT: ("cloudwatch:GetMetricData",)}),
    "loadtest": join_calls(_VERIFY, _UPLOAD, {On.QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl")}),
    "selftest": _SELF_TEST,
    "permissions print": join_calls(FIND_ANY, {On.CONSUMERS: ("lambda:GetFunctionConfiguration",)}),
    "export cloudformation": FIND_ANY,
    "doctor": join_calls(
        FIND_ANY,
        {
            On.ACCOUNT: ("dynamodb:ListTables", "lambda:GetAccountSettings"),
            On.BUCKET: ("s3:GetBucketLocation", "s3:GetBucketNotification"),
            On.ROLES: ("iam:GetRole",),
        },
    ),
}
"""By command."""
