"""How CloudFormation writes each kind of desired state: one table, which names every field of every state.

A field is written by the properties that it becomes, or left out with a reason; one that is neither ends
the export, and fails a test first. References stand in values as `${Name}`, see `references`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from countagg.provision.export.form import Form, PolicyResource
from countagg.provision.export.writers import (
    as_it_is,
    bucket_encryption,
    described_and_tagged,
    if_chosen,
    lifecycle,
    named,
    notification,
    of_json_logs,
    of_stream,
    queue_encryption,
    subscribed,
    table_keys,
    tag_list,
)
from countagg.provision.states import (
    AlarmState,
    BucketState,
    DashboardState,
    EmailState,
    FunctionState,
    LogGroupState,
    MappingState,
    NotificationState,
    QueueState,
    RolePolicyState,
    RoleState,
    SubscriptionState,
    TableState,
    TopicState,
)
from countagg.provision.storage import PUBLIC_ACCESS_BLOCKS
from countagg.provision.table_schema import index_schema

CODE_BUCKET: Final = "CodeBucket"
CODE_KEY: Final = "CodeKey"
"""Parameters that say where the functions' zip is."""

_READ_ONLY: Final = "what AWS answers; nobody asks for it"
_STEP_OF_SETUP: Final = "by which setup finds its way; a template has one way"
_KEYS: Final = dict.fromkeys(("partition_key", "sort_key"), table_keys)

FORMS: Final[Mapping[type[Any], Form]] = {
    TopicState: Form(
        "AWS::SNS::Topic",
        named("TopicName"),
        {"kms_key": if_chosen("KmsMasterKeyId"), "tags": tag_list},
        policy=PolicyResource("AWS::SNS::TopicPolicy", "Topics"),
        arn="",
    ),
    QueueState: Form(
        "AWS::SQS::Queue",
        named("QueueName"),
        {
            "visibility_timeout": as_it_is("VisibilityTimeout"),
            "retention": as_it_is("MessageRetentionPeriod"),
            "redrive_policy": if_chosen("RedrivePolicy", json.loads),
            "encryption": queue_encryption,
            "tags": tag_list,
        },
        policy=PolicyResource("AWS::SQS::QueuePolicy", "Queues"),
        outputs={"url": ""},
        arn="Arn",
    ),
    SubscriptionState: Form(
        "AWS::SNS::Subscription",
        subscribed,
        {
            "raw_delivery": as_it_is("RawMessageDelivery"),
            "redrive_policy": if_chosen("RedrivePolicy", json.loads),
            "filter_policy": if_chosen("FilterPolicy", json.loads),
        },
    ),
    EmailState: Form(
        "AWS::SNS::Subscription",
        subscribed,
        {},
    ),
    TableState: Form(
        "AWS::DynamoDB::Table",
        named("TableName"),
        {
            **_KEYS,
            "indexes": if_chosen(
                "GlobalSecondaryIndexes", lambda indexes: [index_schema(each) for each in indexes]
            ),
            "billing_mode": as_it_is("BillingMode"),
            "stream": if_chosen("StreamSpecification.StreamViewType"),
            "ttl_attribute": if_chosen(
                "TimeToLiveSpecification", lambda name: {"AttributeName": name, "Enabled": True}
            ),
            "kms_key": if_chosen(
                "SSESpecification", lambda arn: {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn}
            ),
            "point_in_time_recovery": if_chosen("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled"),
            "deletion_protection": if_chosen("DeletionProtectionEnabled"),
            "tags": tag_list,
        },
        outputs={"stream_arn": "StreamArn"},
        arn="Arn",
    ),
    LogGroupState: Form(
        "AWS::Logs::LogGroup",
        named("LogGroupName"),
        {"retention": as_it_is("RetentionInDays"), "tags": tag_list},
    ),
    RoleState: Form(
        "AWS::IAM::Role",
        named("RoleName"),
        {
            "path": as_it_is("Path"),
            "trust": lambda trust, _: {"AssumeRolePolicyDocument": json.loads(trust)},
            "permissions_boundary": if_chosen("PermissionsBoundary"),
            "policies": lambda policies, _: {
                "Policies": [
                    {"PolicyName": name, "PolicyDocument": json.loads(document)}
                    for name, document in policies.items()
                ]
            },
            "attached": if_chosen("ManagedPolicyArns", list),
            "tags": described_and_tagged,
        },
        outputs={"id": "RoleId"},
        arn="Arn",
    ),
    RolePolicyState: Form(
        "AWS::IAM::RolePolicy",
        lambda role, policy: {"RoleName": role, "PolicyName": policy},
        {"policy": lambda policy, _: {"PolicyDocument": json.loads(policy)}},
    ),
    FunctionState: Form(
        "AWS::Lambda::Function",
        named("FunctionName"),
        {
            "role": as_it_is("Role"),
            "handler": as_it_is("Handler"),
            "runtime": as_it_is("Runtime"),
            "architecture": lambda architecture, _: {"Architectures": [architecture]},
            "memory": as_it_is("MemorySize"),
            "timeout": as_it_is("Timeout"),
            "environment": lambda variables, _: {"Environment": {"Variables": dict(variables)}},
            "log_group": of_json_logs("LogGroup"),
            "log_format": of_json_logs("LogFormat"),
            "log_level": of_json_logs("ApplicationLogLevel"),
            "system_log_level": of_json_logs("SystemLogLevel"),
            "code": lambda _code, _: {"Code": {"S3Bucket": f"${{{CODE_BUCKET}}}", "S3Key": f"${{{CODE_KEY}}}"}},
            "tags": tag_list,
        },
        {
            "failure": _READ_ONLY,
            "architecture_chosen": _STEP_OF_SETUP,
            "role_created": _STEP_OF_SETUP,
            "spare_role": _STEP_OF_SETUP,
        },
        arn="Arn",
    ),
    MappingState: Form(
        "AWS::Lambda::EventSourceMapping",
        lambda function, _source: {"FunctionName": function},
        {
            "source": as_it_is("EventSourceArn"),
            "enabled": as_it_is("Enabled"),
            "batch_size": as_it_is("BatchSize"),
            "window": as_it_is("MaximumBatchingWindowInSeconds"),
            "tags": tag_list,
            "partial_answers": lambda on, _: {"FunctionResponseTypes": ["ReportBatchItemFailures"]} if on else {},
            "filters": if_chosen(
                "FilterCriteria.Filters", lambda patterns: [{"Pattern": pattern} for pattern in patterns]
            ),
            "bisect": of_stream("BisectBatchOnFunctionError"),
            "tries": of_stream("MaximumRetryAttempts"),
            "record_age": of_stream("MaximumRecordAgeInSeconds"),
            "parallel": of_stream("ParallelizationFactor"),
            "on_failure": if_chosen("DestinationConfig.OnFailure.Destination"),
            "max_concurrency": if_chosen("ScalingConfig.MaximumConcurrency"),
            "starting_position": if_chosen("StartingPosition"),
        },
    ),
    AlarmState: Form(
        "AWS::CloudWatch::Alarm",
        named("AlarmName"),
        {
            "description": as_it_is("AlarmDescription"),
            "namespace": as_it_is("Namespace"),
            "metric": as_it_is("MetricName"),
            "dimensions": if_chosen(
                "Dimensions", lambda found: [{"Name": name, "Value": value} for name, value in found.items()]
            ),
            "statistic": as_it_is("Statistic"),
            "threshold": as_it_is("Threshold"),
            "period": as_it_is("Period"),
            "periods": as_it_is("EvaluationPeriods", "DatapointsToAlarm"),
            "comparison": as_it_is("ComparisonOperator"),
            "missing_data": as_it_is("TreatMissingData"),
            "enabled": as_it_is("ActionsEnabled"),
            "actions": as_it_is("AlarmActions", "OKActions"),
            "tags": tag_list,
        },
    ),
    DashboardState: Form(
        "AWS::CloudWatch::Dashboard",
        named("DashboardName"),
        {"body": as_it_is("DashboardBody"), "tags": tag_list},
    ),
    BucketState: Form(
        "AWS::S3::Bucket",
        named("BucketName"),
        {
            "private": lambda on, _: {"PublicAccessBlockConfiguration": dict.fromkeys(PUBLIC_ACCESS_BLOCKS, on)},
            "encryption": bucket_encryption,
            "versioning": if_chosen("VersioningConfiguration.Status", lambda on: "Enabled" if on else "Suspended"),
            "lifecycle": lifecycle,
            "tags": tag_list,
        },
        policy=PolicyResource("AWS::S3::BucketPolicy", "Bucket", many=False),
    ),
    NotificationState: Form(
        "AWS::S3::Bucket",
        lambda *_: {},
        dict.fromkeys(("topic", "events", "prefix", "suffix"), notification),
        part_of="bucket",
    ),
}
"""By the class of the state. `KeyState` and `QueueGrantState` have none: key and queue are somebody else's, and
CloudFormation would replace the whole policy of either."""
