"""How CloudFormation writes each kind of desired state: one table, which names every field of every state.

A field is written by the properties that it becomes, or left out with a reason; one that is neither ends
the export, and fails a test first. References stand in values as `${Name}`, see `references`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from countagg.core.names import OWNER_TAG
from countagg.provision.differences import Tags
from countagg.provision.export.form import (
    Form,
    PolicyResource,
    Properties,
    Write,
    as_it_is,
    if_chosen,
    nested,
    tag_list,
)
from countagg.provision.functions import role_description
from countagg.provision.messaging import OWN_ENCRYPTION
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
from countagg.provision.table_schema import attribute_definitions, index_schema, key_schema

CODE_BUCKET: Final = "CodeBucket"
CODE_KEY: Final = "CodeKey"
"""Parameters that say where the functions' zip is."""


def _of_stream(path: str) -> Write:
    """Write a value for a mapping of a stream; a queue's has no such property."""

    def write(value: Any, state: MappingState) -> Properties:  # noqa: ANN401 - of any property
        return {} if state.starting_position is None else nested(path, value)

    return write


def _of_json_logs(path: str) -> Write:
    """Write a value for a function that logs JSON; without a word it logs text, to the group of its name."""

    def write(value: Any, state: FunctionState) -> Properties:  # noqa: ANN401 - of any property
        return {} if state.log_format == "Text" else nested(f"LoggingConfig.{path}", value)

    return write


def _queue_encryption(encryption: str, _state: QueueState) -> Properties:
    # A queue has one of the two: SQS refuses both at once.
    own = encryption == OWN_ENCRYPTION
    return {"SqsManagedSseEnabled": own} if not encryption.startswith("arn:") else {"KmsMasterKeyId": encryption}


def _keys(_key: str, state: TableState) -> Properties:
    return {
        "KeySchema": key_schema(state.partition_key, state.sort_key),
        "AttributeDefinitions": attribute_definitions(state),
    }


def _bucket_encryption(encryption: str, _state: BucketState) -> Properties:
    is_key = encryption.startswith("arn:")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": encryption} if is_key else {"SSEAlgorithm": encryption}
    rule = {"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": is_key}
    return {"BucketEncryption": {"ServerSideEncryptionConfiguration": [rule]}}


_LIFECYCLE: Final[Mapping[str, Callable[[Any], Properties]]] = {
    "ID": lambda name: {"Id": name},
    "Status": lambda status: {"Status": status},
    "Filter": lambda chosen: {"Prefix": chosen["Prefix"]},
    "NoncurrentVersionExpiration": lambda action: {"NoncurrentVersionExpiration": action},
    "Expiration": lambda action: {"ExpiredObjectDeleteMarker": action["ExpiredObjectDeleteMarker"]},
    "AbortIncompleteMultipartUpload": lambda action: {"AbortIncompleteMultipartUpload": action},
}
"""The parts of a lifecycle rule: S3 and CloudFormation have different words."""


def _lifecycle(rules: str, _state: BucketState) -> Properties:
    written = [
        {name: value for part in rule for name, value in _LIFECYCLE[part](rule[part]).items()}
        for rule in json.loads(rules)
    ]
    return {"LifecycleConfiguration": {"Rules": written}}


def _notification(_value: object, state: NotificationState) -> Properties:
    # CloudFormation has an entry for each event, and no id (docs/aws-facts.md#cloudformation).
    rules = [{"Name": "prefix", "Value": state.prefix}]
    rules += [{"Name": "suffix", "Value": state.suffix}] if state.suffix else []
    entry = {"Topic": state.topic, "Filter": {"S3Key": {"Rules": rules}}}
    return nested(
        "NotificationConfiguration.TopicConfigurations", [{"Event": event, **entry} for event in state.events]
    )


def _described_and_tagged(tags: Tags, state: RoleState) -> Properties:
    return {"Description": role_description(tags.of[OWNER_TAG]), **tag_list(tags, state)}


def _subscribed(topic: str, *end: str) -> Properties:
    # Of the stack's own queue the protocol goes without saying.
    protocol, endpoint = end if len(end) > 1 else ("sqs", *end)
    return {"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint}


def _named(path: str) -> Callable[..., Properties]:
    return lambda name: {path: name}


_READ_ONLY: Final = "what AWS answers; nobody asks for it"
_STEP_OF_SETUP: Final = "by which setup finds its way; a template has one way"
_KEYS: Final = dict.fromkeys(("partition_key", "sort_key"), _keys)

FORMS: Final[Mapping[type[Any], Form]] = {
    TopicState: Form(
        "AWS::SNS::Topic",
        _named("TopicName"),
        {"kms_key": if_chosen("KmsMasterKeyId"), "tags": tag_list},
        policy=PolicyResource("AWS::SNS::TopicPolicy", "Topics"),
        arn="",
    ),
    QueueState: Form(
        "AWS::SQS::Queue",
        _named("QueueName"),
        {
            "visibility_timeout": as_it_is("VisibilityTimeout"),
            "retention": as_it_is("MessageRetentionPeriod"),
            "redrive_policy": if_chosen("RedrivePolicy", json.loads),
            "encryption": _queue_encryption,
            "tags": tag_list,
        },
        policy=PolicyResource("AWS::SQS::QueuePolicy", "Queues"),
        outputs={"url": ""},
        arn="Arn",
    ),
    SubscriptionState: Form(
        "AWS::SNS::Subscription",
        _subscribed,
        {
            "raw_delivery": as_it_is("RawMessageDelivery"),
            "redrive_policy": if_chosen("RedrivePolicy", json.loads),
            "filter_policy": if_chosen("FilterPolicy", json.loads),
        },
    ),
    EmailState: Form(
        "AWS::SNS::Subscription",
        lambda topic, address: {"TopicArn": topic, "Protocol": "email", "Endpoint": address},
        {},
    ),
    TableState: Form(
        "AWS::DynamoDB::Table",
        _named("TableName"),
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
        _named("LogGroupName"),
        {"retention": as_it_is("RetentionInDays"), "tags": tag_list},
    ),
    RoleState: Form(
        "AWS::IAM::Role",
        _named("RoleName"),
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
            "tags": _described_and_tagged,
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
        _named("FunctionName"),
        {
            "role": as_it_is("Role"),
            "handler": as_it_is("Handler"),
            "runtime": as_it_is("Runtime"),
            "architecture": lambda architecture, _: {"Architectures": [architecture]},
            "memory": as_it_is("MemorySize"),
            "timeout": as_it_is("Timeout"),
            "environment": lambda variables, _: {"Environment": {"Variables": dict(variables)}},
            "log_group": _of_json_logs("LogGroup"),
            "log_format": _of_json_logs("LogFormat"),
            "log_level": _of_json_logs("ApplicationLogLevel"),
            "system_log_level": _of_json_logs("SystemLogLevel"),
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
            "bisect": _of_stream("BisectBatchOnFunctionError"),
            "tries": _of_stream("MaximumRetryAttempts"),
            "record_age": _of_stream("MaximumRecordAgeInSeconds"),
            "parallel": _of_stream("ParallelizationFactor"),
            "on_failure": if_chosen("DestinationConfig.OnFailure.Destination"),
            "max_concurrency": if_chosen("ScalingConfig.MaximumConcurrency"),
            "starting_position": if_chosen("StartingPosition"),
        },
    ),
    AlarmState: Form(
        "AWS::CloudWatch::Alarm",
        _named("AlarmName"),
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
        _named("DashboardName"),
        {"body": as_it_is("DashboardBody"), "tags": tag_list},
    ),
    BucketState: Form(
        "AWS::S3::Bucket",
        _named("BucketName"),
        {
            "private": lambda on, _: {"PublicAccessBlockConfiguration": dict.fromkeys(PUBLIC_ACCESS_BLOCKS, on)},
            "encryption": _bucket_encryption,
            "versioning": if_chosen("VersioningConfiguration.Status", lambda on: "Enabled" if on else "Suspended"),
            "lifecycle": _lifecycle,
            "tags": tag_list,
        },
        policy=PolicyResource("AWS::S3::BucketPolicy", "Bucket", many=False),
    ),
    NotificationState: Form(
        "AWS::S3::Bucket",
        lambda *_: {},
        dict.fromkeys(("topic", "events", "prefix", "suffix"), _notification),
        part_of="bucket",
    ),
}
"""By the class of the state. `KeyState` and `QueueGrantState` have none: key and queue are somebody else's, and
CloudFormation would replace the whole policy of either."""
