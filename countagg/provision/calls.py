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
from countagg.provision.targets import Calls, On
from countagg.provision.targets import join_calls as _calls

_FIND: Final = _calls({On.PROCESSOR: ("lambda:GetFunctionConfiguration",)})
"""Every command that works on a deployed stack reads its settings from the processor."""
_FIND_ANY: Final = _calls({On.FUNCTIONS: ("lambda:GetFunctionConfiguration",)})
"""Where a stack may be half there, all functions are asked."""

_OUTPUTS: Final = _calls(
    _FIND,
    {On.UPLOADS_QUEUE: ("sqs:GetQueueUrl",), On.STREAMED_TABLES: ("dynamodb:DescribeTable",)},
)

_READ_STACK: Final = _calls(
    _FIND_ANY,
    {
        On.ACCOUNT: ("lambda:ListEventSourceMappings", "logs:DescribeLogGroups"),
        On.LOG_GROUP_TAGS: ("logs:ListTagsForResource",),
        On.TOPICS: ("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource"),
        On.UPLOADS_TOPIC: ("sns:GetSubscriptionAttributes",),
        **subscription_calls.READ,
        On.QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"),
        On.TABLES: (
            "dynamodb:DescribeContinuousBackups",
            "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive",
            "dynamodb:ListTagsOfResource",
        ),
        On.ROLES: (
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
        ),
        On.FUNCTIONS: ("lambda:GetFunction", "lambda:ListTags"),
        On.MAPPINGS: ("lambda:ListTags",),
        On.ALARMS: ("cloudwatch:ListTagsForResource",),
        On.ANY_ALARM: ("cloudwatch:DescribeAlarms",),
        On.DASHBOARD: ("cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"),
        On.BUCKET: (
            "s3:GetBucketLocation",
            "s3:GetBucketNotification",
            "s3:GetBucketTagging",
            "s3:GetEncryptionConfiguration",
        ),
        On.OWN_BUCKET: (
            "s3:GetBucketPolicy",
            "s3:GetBucketPublicAccessBlock",
            "s3:GetBucketVersioning",
            "s3:GetLifecycleConfiguration",
        ),
    },
)

_PLAN: Final = _calls(_READ_STACK, {On.KEY: ("kms:DescribeKey", "kms:GetKeyPolicy")})

_SETUP: Final = _calls(
    _PLAN,
    _OUTPUTS,
    {
        On.LOG_GROUPS: ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
        On.LOG_GROUP_TAGS: ("logs:TagResource", "logs:UntagResource"),
        On.TOPICS: (
            "sns:CreateTopic",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
            "sns:TagResource",
            "sns:UntagResource",
        ),
        On.UPLOADS_TOPIC: ("sns:SetSubscriptionAttributes",),
        **subscription_calls.MEND,
        On.QUEUES: ("sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:TagQueue", "sqs:UntagQueue"),
        On.TABLES: (
            "dynamodb:CreateTable",
            "dynamodb:TagResource",
            "dynamodb:UntagResource",
            "dynamodb:UpdateContinuousBackups",
            "dynamodb:UpdateTable",
            "dynamodb:UpdateTimeToLive",
        ),
        On.ROLES: (
            "iam:CreateRole",
            "iam:DeleteRolePermissionsBoundary",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:PassRole",
            "iam:PutRolePermissionsBoundary",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
        ),
        On.FUNCTIONS: (
            "lambda:CreateFunction",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
        ),
        On.ACCOUNT: ("lambda:CreateEventSourceMapping",),
        On.MAPPINGS: (
            "lambda:DeleteEventSourceMapping",
            "lambda:TagResource",
            "lambda:UntagResource",
            "lambda:UpdateEventSourceMapping",
        ),
        On.ALARMS: (
            "cloudwatch:DeleteAlarms",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ),
        On.DASHBOARD: (
            "cloudwatch:DeleteDashboards",
            "cloudwatch:PutDashboard",
            "cloudwatch:TagResource",
            "cloudwatch:UntagResource",
        ),
        On.BUCKET: ("s3:PutBucketNotification",),
        On.OWN_BUCKET: (
            "s3:CreateBucket",
            "s3:PutBucketPolicy",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:TagResource",
        ),
    },
)

_TEARDOWN: Final = _calls(
    _READ_STACK,
    {
        On.ACCOUNT: ("tag:GetResources",),
        On.LOG_GROUPS: ("logs:DeleteLogGroup",),
        On.TOPICS: ("sns:DeleteTopic", "sns:Unsubscribe"),
        On.QUEUES: ("sqs:DeleteQueue",),
        On.TABLES: ("dynamodb:DeleteTable", "dynamodb:UpdateTable"),
        On.ROLES: ("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
        **subscription_calls.END,
        On.FUNCTIONS: ("lambda:DeleteFunction",),
        On.MAPPINGS: ("lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        On.ALARMS: ("cloudwatch:DeleteAlarms",),
        On.DASHBOARD: ("cloudwatch:DeleteDashboards",),
        On.BUCKET: ("s3:PutBucketNotification",),
        On.OWN_BUCKET: ("s3:DeleteBucket", "s3:ListBucketVersions"),
        On.OWN_OBJECTS: ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    },
)

_READ_TOTALS: Final = _calls({On.SNAPSHOTS: ("dynamodb:GetItem",), On.TOTALS: ("dynamodb:GetItem",)})
"""How a day is spread over partitions stands in the snapshots table."""

_UPLOAD: Final = _calls(_FIND, _READ_TOTALS, {On.COUNTER_FILES: ("s3:DeleteObject", "s3:PutObject")})

_READ_PUBLISHED: Final = _calls(
    _READ_TOTALS,
    {
        # Without s3:ListBucket, S3 answers for an absent object as for a forbidden one.
        On.BUCKET: ("s3:ListBucket",),
        On.PUBLISHED_FILES: ("s3:GetObject",),
        On.SNAPSHOTS: ("dynamodb:Query",),
        On.COUNTERS_BY_DATE: ("dynamodb:Query",),
    },
)
_VERIFY: Final = _calls(
    _FIND,
    _READ_PUBLISHED,
    {On.COUNTER_FILES: ("s3:GetObject",)},
)
_MEND: Final = _calls(
    _READ_PUBLISHED,
    {
        On.UPLOADS_QUEUE: ("sqs:GetQueueUrl", "sqs:SendMessage"),
        On.TOTALS: ("dynamodb:PutItem",),
        On.COUNTERS: ("dynamodb:BatchGetItem", "dynamodb:PutItem"),
        On.PUBLISHED_FILES: ("s3:PutObject",),
    },
)

_LETTERS: Final = _calls(_FIND, {On.DEAD_LETTERS: ("sqs:ChangeMessageVisibility", "sqs:ReceiveMessage")})
_PURGE: Final = _calls(_LETTERS, {On.DEAD_LETTERS: ("sqs:DeleteMessage",)})

_HEALTH: Final = _calls(
    _FIND_ANY,
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
_STATUS: Final = _calls(
    _HEALTH, {On.ACCOUNT: ("cloudwatch:GetMetricData",), On.PROCESSOR_LOGS: ("logs:FilterLogEvents",)}
)

_NOT_ON_NEW_STACKS: Final = frozenset(
    {
        "cloudwatch:UntagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DetachRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "lambda:UntagResource",
        "lambda:UpdateFunctionCode",
        "logs:UntagResource",
        "s3:PutBucketTagging",
        "sns:SetSubscriptionAttributes",
        "sns:UntagResource",
        "sqs:SetQueueAttributes",
        "sqs:UntagQueue",
    }
)
"""What setup and teardown call on a stack only that somebody changed, or chose otherwise."""

_SELF_TEST: Final[Calls] = {
    on: actions - _NOT_ON_NEW_STACKS
    for on, actions in _calls(
        _SETUP,
        _TEARDOWN,
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

_LIMITS: Final = _calls(_FIND, _READ_TOTALS, {On.COUNTERS_BY_DATE: ("dynamodb:Query",)})

CALLS: Final[Mapping[str, Calls]] = {
    "setup": _SETUP,
    "plan": _PLAN,
    "outputs": _OUTPUTS,
    "open": _FIND,
    "stacks": _calls({On.ACCOUNT: ("tag:GetResources",)}),
    "teardown": _TEARDOWN,
    "status": _STATUS,
    "serve": _HEALTH,
    "upload": _UPLOAD,
    "upload-sample": _calls(_UPLOAD, {On.SNAPSHOTS: ("dynamodb:Query",)}),
    "query": _calls(_FIND, _READ_TOTALS, {On.BUCKET: ("s3:ListBucket",), On.SNAPSHOTS: ("dynamodb:Query",)}),
    "instances": _calls(_LETTERS, {On.SNAPSHOTS: ("dynamodb:GetItem", "dynamodb:Query")}),
    "report": _calls(_LETTERS, _STATUS, {On.SNAPSHOTS: ("dynamodb:Query",)}),
    "logs": _calls(_FIND, {On.LOG_GROUPS: ("logs:FilterLogEvents",)}),
    "verify": _VERIFY,
    "explain": _calls(_VERIFY, {On.LOG_GROUPS: ("logs:FilterLogEvents",)}),
    "repair": _calls(_VERIFY, _MEND, {On.SNAPSHOTS: ("dynamodb:PutItem",)}),
    **dict.fromkeys(("dead-letters list", "dead-letters show"), _calls(_LETTERS, {On.BUCKET: ("s3:ListBucket",)})),
    "dead-letters redrive": _calls(
        _PURGE, _MEND, {On.STREAMS: ("dynamodb:GetRecords", "dynamodb:GetShardIterator")}
    ),
    "dead-letters purge": _PURGE,
    "limits list": _calls(_LIMITS, {On.COUNTERS: ("dynamodb:Query",)}),
    "limits set": _calls(_FIND, {On.COUNTERS: ("dynamodb:PutItem",)}),
    "limits unset": _calls(_FIND, {On.COUNTERS: ("dynamodb:DeleteItem",)}),
    "limits import": _calls(_FIND, {On.COUNTERS: ("dynamodb:BatchWriteItem",)}),
    "limits test": _calls(
        _LIMITS, {On.PUBLISHER: ("lambda:InvokeFunction",), On.ALERTS_TOPIC: ("sns:ListSubscriptionsByTopic",)}
    ),
    **subscription_calls.COMMANDS,
    "cost": _calls(_FIND_ANY, {On.ACCOUNT: ("cloudwatch:GetMetricData",)}),
    "loadtest": _calls(_VERIFY, _UPLOAD, {On.QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl")}),
    "selftest": _SELF_TEST,
    "permissions print": _calls(_FIND_ANY, {On.CONSUMERS: ("lambda:GetFunctionConfiguration",)}),
    "export cloudformation": _FIND_ANY,
    "doctor": _calls(
        _FIND_ANY,
        {
            On.ACCOUNT: ("dynamodb:ListTables", "lambda:GetAccountSettings"),
            On.BUCKET: ("s3:GetBucketLocation", "s3:GetBucketNotification"),
            On.ROLES: ("iam:GetRole",),
        },
    ),
}
"""By command."""
