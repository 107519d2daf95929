"""What setting up, planning and removing a stack adds to the catalogue of `provision.calls`.

What a command does for subscriptions stands apart. It is called on things of others, which a stack remembers; on a
stack without any there is nothing to call it on.
"""

from __future__ import annotations

from typing import Final

from countagg.provision.targets import On, join_calls

FIND: Final = join_calls({On.PROCESSOR: ("lambda:GetFunctionConfiguration",)})
"""Every command that works on a deployed stack reads its settings from the processor."""
FIND_ANY: Final = join_calls({On.FUNCTIONS: ("lambda:GetFunctionConfiguration",)})
"""Where a stack may be half there, all functions are asked."""

OUTPUTS: Final = join_calls(
    FIND,
    {On.UPLOADS_QUEUE: ("sqs:GetQueueUrl",), On.STREAMED_TABLES: ("dynamodb:DescribeTable",)},
)

_READ_STACK: Final = join_calls(
    FIND_ANY,
    {
        On.ACCOUNT: ("lambda:ListEventSourceMappings", "logs:DescribeLogGroups"),
        On.LOG_GROUP_TAGS: ("logs:ListTagsForResource",),
        On.TOPICS: ("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource"),
        On.UPLOADS_TOPIC: ("sns:GetSubscriptionAttributes",),
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
    {
        On.ALERTS_TOPIC: ("sns:GetSubscriptionAttributes",),
        On.CONSUMER_ROLES: ("iam:GetRolePolicy",),
        On.ALERT_QUEUES: ("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
    },
)

PLAN: Final = join_calls(_READ_STACK, {On.KEY: ("kms:DescribeKey", "kms:GetKeyPolicy")})

SETUP: Final = join_calls(
    PLAN,
    OUTPUTS,
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
    {
        On.ALERTS_TOPIC: ("sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
        On.CONSUMER_ROLES: ("iam:PutRolePolicy",),
        On.ALERT_QUEUES: ("sqs:SetQueueAttributes",),
    },
)

TEARDOWN: Final = join_calls(
    _READ_STACK,
    {
        On.ACCOUNT: ("tag:GetResources",),
        On.LOG_GROUPS: ("logs:DeleteLogGroup",),
        On.TOPICS: ("sns:DeleteTopic", "sns:Unsubscribe"),
        On.QUEUES: ("sqs:DeleteQueue",),
        On.TABLES: ("dynamodb:DeleteTable", "dynamodb:UpdateTable"),
        On.ROLES: ("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
        On.FUNCTIONS: ("lambda:DeleteFunction",),
        On.MAPPINGS: ("lambda:DeleteEventSourceMapping", "lambda:UpdateEventSourceMapping"),
        On.ALARMS: ("cloudwatch:DeleteAlarms",),
        On.DASHBOARD: ("cloudwatch:DeleteDashboards",),
        On.BUCKET: ("s3:PutBucketNotification",),
        On.OWN_BUCKET: ("s3:DeleteBucket", "s3:ListBucketVersions"),
        On.OWN_OBJECTS: ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    },
    # Those of the stack's topics end with the topics.
    {On.CONSUMER_ROLES: ("iam:DeleteRolePolicy",), On.ALERT_QUEUES: ("sqs:SetQueueAttributes",)},
)

NOT_ON_NEW_STACKS: Final = frozenset(
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
