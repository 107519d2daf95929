"""The operations that we call, by the services whose clients have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPERATIONS: Final[Mapping[str, frozenset[str]]] = {
    service: frozenset(operations.split())
    for service, operations in {
        "cloudwatch": (
            "DeleteAlarms DeleteDashboards DescribeAlarms GetDashboard GetMetricData ListTagsForResource "
            "PutDashboard PutMetricAlarm TagResource UntagResource"
        ),
        "dynamodb": (
            "BatchExecuteStatement BatchGetItem BatchWriteItem CreateTable DeleteItem DeleteTable "
            "DescribeContinuousBackups DescribeTable DescribeTimeToLive GetItem ListTables ListTagsOfResource "
            "PutItem Query TagResource TransactGetItems TransactWriteItems UntagResource "
            "UpdateContinuousBackups UpdateTable UpdateTimeToLive"
        ),
        "dynamodbstreams": "GetRecords GetShardIterator",
        "iam": (
            "CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy DetachRolePolicy GetRole "
            "GetRolePolicy ListAttachedRolePolicies ListRolePolicies PutRolePermissionsBoundary PutRolePolicy "
            "SimulatePrincipalPolicy TagRole UntagRole UpdateAssumeRolePolicy"
        ),
        "kms": "DescribeKey GetKeyPolicy",
        "lambda": (
            "CreateEventSourceMapping CreateFunction DeleteEventSourceMapping DeleteFunction GetAccountSettings "
            "GetFunction GetFunctionConfiguration Invoke ListEventSourceMappings ListTags TagResource "
            "UntagResource UpdateEventSourceMapping UpdateFunctionCode UpdateFunctionConfiguration"
        ),
        "logs": (
            "CreateLogGroup DeleteLogGroup DescribeLogGroups FilterLogEvents ListTagsForResource "
            "PutRetentionPolicy TagResource UntagResource"
        ),
        "resourcegroupstaggingapi": "GetResources",
        "s3": (
            "CreateBucket DeleteBucket DeleteObject DeleteObjects GetBucketEncryption "
            "GetBucketLifecycleConfiguration GetBucketLocation GetBucketNotificationConfiguration "
            "GetBucketPolicy GetBucketTagging GetBucketVersioning GetObject GetPublicAccessBlock HeadBucket "
            "ListObjectVersions ListObjectsV2 PutBucketEncryption PutBucketLifecycleConfiguration "
            "PutBucketNotificationConfiguration PutBucketPolicy PutBucketTagging PutBucketVersioning PutObject "
            "PutPublicAccessBlock"
        ),
        "sns": (
            "CreateTopic DeleteTopic GetSubscriptionAttributes GetTopicAttributes ListSubscriptionsByTopic "
            "ListTagsForResource ListTopics Publish SetSubscriptionAttributes SetTopicAttributes Subscribe "
            "TagResource Unsubscribe UntagResource"
        ),
        "sqs": (
            "ChangeMessageVisibilityBatch CreateQueue DeleteMessageBatch DeleteQueue GetQueueAttributes "
            "GetQueueUrl ListQueueTags ReceiveMessage SendMessage SendMessageBatch SetQueueAttributes TagQueue "
            "UntagQueue"
        ),
        # botocore takes roles by these, where a profile names one.
        "sts": "AssumeRole AssumeRoleWithWebIdentity GetCallerIdentity",
    }.items()
}
"""Names as in the services' references, by the names that botocore's clients have.

A client has these alone (`model_copies`).
"""
