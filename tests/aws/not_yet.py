"""What AWS may answer for some time after a call on the same resource: every such answer that countagg may meet.

Sources: docs/aws-facts.md, or the page of the call in AWS's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.aws.delays import NotYet

_REVIEW: Final = "docs/aws-facts.md#surprises"
_ERRORS: Final = "errors of that call in AWS's API reference"
_INVALID: Final = "InvalidParameterValueException"


def _each(
    calls: str, after: str, code: str, text: str, source: str = _REVIEW, *, alike: str = ""
) -> Iterator[NotYet]:
    """Yield one answer for several calls of one service."""
    service, _, names = calls.partition(": ")
    for name in names.split():
        yield NotYet(
            f"{service}.{name}", f"{after if '.' in after else f'{service}.{after}'}", code, text, source, alike
        )


NO_BUCKET: Final = "The specified bucket does not exist"
ABORTED: Final = "A conflicting conditional operation is currently in progress against this resource. Try again."
_BUCKET_READS: Final = (
    "GetBucketLocation GetBucketTagging GetPublicAccessBlock GetBucketEncryption GetBucketVersioning "
    "GetBucketPolicy GetBucketLifecycleConfiguration GetBucketNotificationConfiguration ListObjectVersions"
)
_BUCKET_WRITES: Final = (
    "PutBucketTagging PutPublicAccessBlock PutBucketEncryption PutBucketVersioning PutBucketPolicy "
    "PutBucketLifecycleConfiguration PutBucketNotificationConfiguration"
)
NO_FUNCTION: Final = "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:countagg-x"
UPDATING: Final = "The operation cannot be performed at this time. An update is in progress for resource: arn:x"
PENDING: Final = (
    "The operation cannot be performed at this time. The function is currently in the following state: Pending"
)
NO_GRANT: Final = (
    "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
    "CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: "
    "ARN does not refer to a valid principal"
)
WRONG_KEY: Final = (
    "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
    "CreateGrant. Please check your KMS key settings. KMS Exception: NotFoundException"
)
NOT_ASSUMED: Final = "The role defined for the function cannot be assumed by Lambda."
NO_MAPPING: Final = "The resource you requested does not exist."
NO_TABLE: Final = "Requested resource not found: Table: countagg-x not found"
TABLE_IN_USE: Final = "Attempt to change a resource which is still in use: Table is being created: countagg-x"
NO_ROLE: Final = "The role with name countagg-x cannot be found."
NO_LOGS: Final = "The specified log group does not exist."
NO_TOPIC: Final = "Topic does not exist"
NO_QUEUE: Final = "The specified queue does not exist."
NO_ALARM: Final = "Alarm not found"
NO_DASHBOARD: Final = "Dashboard countagg-x does not exist"

S3: Final = (
    *_each(f"s3: {_BUCKET_READS} {_BUCKET_WRITES}", "CreateBucket", "NoSuchBucket", NO_BUCKET),
    *_each(f"s3: {_BUCKET_READS} {_BUCKET_WRITES} DeleteBucket", "CreateBucket", "OperationAborted", ABORTED),
    *_each("s3: CreateBucket", "DeleteBucket", "OperationAborted", ABORTED),
    *_each(
        "s3: PutBucketNotificationConfiguration",
        "sns.SetTopicAttributes",
        "InvalidArgument",
        "Unable to validate the following destination configurations",
        "docs/aws-facts.md#s3-events",
        alike="Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules",
    ),
)
LAMBDA: Final = (
    *_each(
        "lambda: CreateFunction UpdateFunctionConfiguration", "iam.CreateRole", _INVALID, NO_GRANT, alike=WRONG_KEY
    ),
    *_each(
        "lambda: CreateFunction",
        "iam.CreateRole",
        _INVALID,
        NOT_ASSUMED,
        "docs/aws-facts.md#lambda-functions",
        alike="The runtime parameter of python3.7 is no longer supported",
    ),
    *_each(
        "lambda: GetFunction UpdateFunctionCode UpdateFunctionConfiguration TagResource UntagResource ListTags "
        "ListEventSourceMappings CreateEventSourceMapping",
        "CreateFunction",
        "ResourceNotFoundException",
        NO_FUNCTION,
    ),
    *_each(
        "lambda: UpdateFunctionCode UpdateFunctionConfiguration",
        "CreateFunction",
        "ResourceConflictException",
        PENDING,
        "docs/aws-facts.md#lambda-functions",
        alike="The statement id (s1) provided already has a value",
    ),
    *_each(
        "lambda: UpdateFunctionConfiguration",
        "UpdateFunctionCode",
        "ResourceConflictException",
        UPDATING,
        "docs/aws-facts.md#lambda-functions",
    ),
    *_each(
        "lambda: CreateFunction",
        "DeleteFunction",
        "ResourceConflictException",
        "Function already exist: countagg-x",
        "docs/aws-facts.md#lambda-functions",
    ),
    *_each(
        "lambda: CreateEventSourceMapping",
        "CreateFunction",
        _INVALID,
        NOT_ASSUMED,
        _REVIEW,
        alike="Stream not found: arn:x",
    ),
    *_each(
        "lambda: CreateEventSourceMapping",
        "sqs.CreateQueue",
        _INVALID,
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.",
        "SQS guide: a new queue takes up to 60 s",
        alike="Batch size is invalid",
    ),
    *_each(
        "lambda: UpdateEventSourceMapping TagResource UntagResource ListTags",
        "CreateEventSourceMapping",
        "ResourceNotFoundException",
        NO_MAPPING,
        _ERRORS,
    ),
    *_each(
        "lambda: UpdateEventSourceMapping DeleteEventSourceMapping",
        "CreateEventSourceMapping",
        "ResourceInUseException",
        "The event source mapping is being created",
        "docs/aws-facts.md#event-source-mappings",
    ),
    *_each(
        "lambda: CreateEventSourceMapping",
        "DeleteEventSourceMapping",
        "ResourceConflictException",
        "The event source arn and function provided mapping already exists.",
        "docs/aws-facts.md#event-source-mappings",
    ),
    *_each(
        "lambda: ListEventSourceMappings",
        "CreateEventSourceMapping",
        "",
        "EventSourceMappings",
        "Lambda guide: mappings are eventually consistent",
    ),
)
DYNAMODB: Final = (
    *_each(
        "dynamodb: DescribeTable DescribeTimeToLive ListTagsOfResource UpdateTimeToLive UpdateTable TagResource "
        "UntagResource",
        "CreateTable",
        "ResourceNotFoundException",
        NO_TABLE,
    ),
    *_each(
        "dynamodb: DescribeContinuousBackups UpdateContinuousBackups",
        "CreateTable",
        "TableNotFoundException",
        "Table not found: countagg-x",
        _ERRORS,
    ),
    *_each(
        "dynamodb: UpdateTimeToLive UpdateTable TagResource UntagResource DeleteTable",
        "CreateTable",
        "ResourceInUseException",
        TABLE_IN_USE,
    ),
    *_each(
        "dynamodb: UpdateContinuousBackups",
        "CreateTable",
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: countagg-x. Please retry later",
        "docs/aws-facts.md#dynamodb",
    ),
    *_each(
        "dynamodb: CreateTable",
        "DeleteTable",
        "ResourceInUseException",
        "Table is being deleted: countagg-x",
        "docs/aws-facts.md#dynamodb",
    ),
)
IAM: Final = (
    *_each(
        "iam: GetRole ListRolePolicies ListAttachedRolePolicies PutRolePolicy UpdateAssumeRolePolicy "
        "TagRole UntagRole PutRolePermissionsBoundary",
        "CreateRole",
        "NoSuchEntity",
        NO_ROLE,
        "docs/aws-facts.md#iam: IAM is eventually consistent",
    ),
    *_each(
        "iam: GetRolePolicy",
        "PutRolePolicy",
        "NoSuchEntity",
        "The role policy with name countagg cannot be found.",
        "docs/aws-facts.md#iam: IAM is eventually consistent",
    ),
    *_each(
        "iam: PutRolePolicy TagRole UpdateAssumeRolePolicy PutRolePermissionsBoundary",
        "CreateRole",
        "ConcurrentModification",
        "The request was rejected because multiple requests to change this object were submitted simultaneously.",
        _ERRORS,
    ),
    *_each(
        "iam: DeleteRole",
        "DeleteRolePolicy",
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
        alike="Cannot delete entity, must remove roles from instance profile first.",
    ),
    *_each(
        "iam: CreateRole",
        "DeleteRole",
        "EntityAlreadyExists",
        "Role with name countagg-x already exists.",
        "docs/aws-facts.md#iam: IAM is eventually consistent",
    ),
)
SQS: Final = (
    *_each(
        "sqs: GetQueueUrl GetQueueAttributes ListQueueTags SetQueueAttributes TagQueue UntagQueue",
        "CreateQueue",
        "AWS.SimpleQueueService.NonExistentQueue",
        NO_QUEUE,
        "SQS guide: a new queue takes up to 60 s",
    ),
    *_each(
        "sqs: SetQueueAttributes",
        "CreateQueue",
        "QueueDoesNotExist",
        NO_QUEUE,
        "SQS guide: a new queue takes up to 60 s",
    ),
    *_each(
        "sqs: CreateQueue",
        "CreateQueue",
        "InvalidParameterValue",
        "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        "SQS guide: a new queue takes up to 60 s",
        alike="Value for parameter RedrivePolicy is invalid. Reason: maxReceiveCount",
    ),
    *_each(
        "sqs: CreateQueue",
        "DeleteQueue",
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        _ERRORS,
    ),
)
SNS: Final = (
    *_each(
        "sns: GetTopicAttributes SetTopicAttributes Subscribe ListSubscriptionsByTopic",
        "CreateTopic",
        "NotFound",
        NO_TOPIC,
        _ERRORS,
    ),
    *_each(
        "sns: ListTagsForResource TagResource UntagResource",
        "CreateTopic",
        "ResourceNotFound",
        "Resource does not exist",
        _ERRORS,
    ),
    *_each(
        "sns: GetSubscriptionAttributes SetSubscriptionAttributes",
        "Subscribe",
        "NotFound",
        "Subscription does not exist",
        _ERRORS,
    ),
    *_each("sns: ListSubscriptionsByTopic", "Subscribe", "", "Subscriptions", "listed a little later, like all"),
)
LOGS: Final = (
    *_each(
        "logs: PutRetentionPolicy ListTagsForResource TagResource UntagResource",
        "CreateLogGroup",
        "ResourceNotFoundException",
        NO_LOGS,
        _ERRORS,
    ),
    *_each("logs: DescribeLogGroups", "CreateLogGroup", "", "logGroups", "listed a little later, like all"),
    *_each("logs: PutRetentionPolicy", "CreateLogGroup", "OperationAbortedException", ABORTED, _ERRORS),
    *_each("logs: DeleteLogGroup", "PutRetentionPolicy", "OperationAbortedException", ABORTED),
    *_each("logs: CreateLogGroup", "DeleteLogGroup", "OperationAbortedException", ABORTED),
)
CLOUDWATCH: Final = (
    *_each(
        "cloudwatch: ListTagsForResource TagResource UntagResource",
        "PutMetricAlarm",
        "ResourceNotFoundException",
        NO_ALARM,
        _ERRORS,
    ),
    *_each(
        "cloudwatch: GetDashboard TagResource UntagResource",
        "PutDashboard",
        "ResourceNotFound",
        NO_DASHBOARD,
        _ERRORS,
    ),
    *_each("cloudwatch: DescribeAlarms", "PutMetricAlarm", "", "MetricAlarms", "listed a little later, like all"),
)
ANSWERS: Final = (*S3, *LAMBDA, *DYNAMODB, *IAM, *SQS, *SNS, *LOGS, *CLOUDWATCH)

UNASKED: Final = frozenset(
    {
        *(
            f"iam.{call}"
            for call in ("DeleteRolePolicy", "DetachRolePolicy", "DeleteRolePermissionsBoundary", "DeleteRole")
        ),
        *(
            "lambda.DeleteFunction",
            "sns.DeleteTopic",
            "sns.Unsubscribe",
            "sqs.DeleteQueue",
            "cloudwatch.DeleteAlarms",
            "cloudwatch.DeleteDashboards",
        ),
    }
)
"""Calls that take a denial for what they want: that it is gone. The next run sees what is not."""
HARMLESS: Final = frozenset(
    {"lambda.ListTags after lambda.CreateFunction", "lambda.ListEventSourceMappings after lambda.CreateFunction"}
)
"""Calls that are not needed if they are denied."""
