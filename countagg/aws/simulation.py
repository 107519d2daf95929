"""What a principal may do: asked of IAM's policy simulator, or tried by reads that change nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.aws.answers import DENIED
from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.data.snapshots import snapshot_key

_UNKNOWN_CALL: Final = frozenset(
    {"InvalidAction", "NotImplemented", "UnknownOperation", "UnknownOperationException", "UnsupportedOperation"}
)


def policy_source(clients: Clients, principal: str) -> str | None:
    """Return the ARN of the user or role whose policies a principal has; None for root and federated users.

    The session of a role does not tell the role's path, so IAM is asked; without an answer it is taken for none.
    """
    start, _, name = principal.partition(":assumed-role/")
    if not name:
        return principal if ":user/" in principal else None
    role = name.partition("/")[0]
    try:
        return clients.iam.get_role(RoleName=role)["Role"]["Arn"]
    except ClientError:
        return f"{start.replace(':sts:', ':iam:')}:role/{role}"


def simulate(
    clients: Clients, source: str, actions: Sequence[str], resource: str, context: Mapping[str, str]
) -> dict[str, bool]:
    """Ask IAM which of the actions a principal may do to a resource.

    Args:
        clients: to ask with.
        source: ARN of a user or a role.
        actions: such as `sqs:SendMessage`.
        resource: its ARN, or `*`.
        context: values of condition keys.

    Raises:
        AccessDenied: without `iam:SimulatePrincipalPolicy`.
        CountaggError: IAM refuses the question.
    """
    entries: Any = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for name, value in context.items()
    ]
    with aws_errors("policy simulator"):
        pages = clients.iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=source, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=entries
        )
        return {
            result["EvalActionName"]: result["EvalDecision"] == "allowed"
            for page in pages
            for result in page["EvaluationResults"]
        }


def probe(clients: Clients, action: str, arn: str) -> bool | None:
    """Try a read; None for actions that have no harmless try, and where the engine does not know the call.

    Permissions are checked before anything else, so every answer but a refusal tells that it is allowed.

    Raises:
        ConnectionProblem: the endpoint does not answer.
    """
    call = PROBES.get(action)
    # Of a pattern there is nothing to read.
    if call is None or (arn.endswith("*") and arn != "*" and action not in _ON_PATTERNS):
        return None
    with aws_errors(action):
        try:
            call(clients, arn)
        except ClientError as error:
            if code_of(error) in _UNKNOWN_CALL:
                return None
            return code_of(error) not in DENIED
    return True


def _name(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("/")[2]


def _table(arn: str) -> dict[str, Any]:
    table, _, index = arn.partition("/index/")
    return {"TableName": _name(table), **({"IndexName": index} if index else {})}


def _queue_url(clients: Clients, arn: str) -> str:
    return f"{clients.sqs.meta.endpoint_url.rstrip('/')}/{arn.split(':')[4]}/{_name(arn)}"


def _log_group(arn: str) -> str:
    return arn.partition(":log-group:")[2].removesuffix(":*")


_NO_ITEM: Final = snapshot_key("0000-00-00", "-")
_NO_DAY: Final[Any] = {
    "KeyConditionExpression": "#date = :date",
    "ExpressionAttributeNames": {"#date": "Date"},
    "ExpressionAttributeValues": {":date": {"S": "0000-00-00"}},
    "Limit": 1,
}
_ON_PATTERNS: Final = frozenset({"cloudwatch:DescribeAlarms", "logs:FilterLogEvents"})

PROBES: Final[Mapping[str, Callable[[Clients, str], object]]] = {
    "cloudwatch:DescribeAlarms": lambda c, _: c.cloudwatch.describe_alarms(MaxRecords=1),
    "dynamodb:DescribeContinuousBackups": lambda c, arn: c.dynamodb.describe_continuous_backups(**_table(arn)),
    "dynamodb:DescribeTable": lambda c, arn: c.dynamodb.describe_table(**_table(arn)),
    "dynamodb:DescribeTimeToLive": lambda c, arn: c.dynamodb.describe_time_to_live(**_table(arn)),
    "dynamodb:GetItem": lambda c, arn: c.dynamodb.get_item(**_table(arn), Key=_NO_ITEM),
    "dynamodb:ListTables": lambda c, _: c.dynamodb.list_tables(Limit=1),
    "dynamodb:ListTagsOfResource": lambda c, arn: c.dynamodb.list_tags_of_resource(ResourceArn=arn),
    "dynamodb:Query": lambda c, arn: c.dynamodb.query(**_table(arn), **_NO_DAY),
    "iam:GetRole": lambda c, arn: c.iam.get_role(RoleName=_name(arn)),
    "iam:ListAttachedRolePolicies": lambda c, arn: c.iam.list_attached_role_policies(RoleName=_name(arn)),
    "iam:ListRolePolicies": lambda c, arn: c.iam.list_role_policies(RoleName=_name(arn)),
    "kms:DescribeKey": lambda c, arn: c.kms.describe_key(KeyId=arn),
    "kms:GetKeyPolicy": lambda c, arn: c.kms.get_key_policy(KeyId=arn, PolicyName="default"),
    "lambda:GetAccountSettings": lambda c, _: c.lambda_.get_account_settings(),
    "lambda:GetFunction": lambda c, arn: c.lambda_.get_function(FunctionName=arn),
    "lambda:GetFunctionConfiguration": lambda c, arn: c.lambda_.get_function_configuration(FunctionName=arn),
    "lambda:ListEventSourceMappings": lambda c, _: c.lambda_.list_event_source_mappings(MaxItems=1),
    "lambda:ListTags": lambda c, arn: c.lambda_.list_tags(Resource=arn),
    "logs:DescribeLogGroups": lambda c, _: c.logs.describe_log_groups(limit=1),
    "logs:FilterLogEvents": lambda c, arn: c.logs.filter_log_events(logGroupName=_log_group(arn), limit=1),
    "logs:ListTagsForResource": lambda c, arn: c.logs.list_tags_for_resource(resourceArn=arn),
    "s3:GetBucketLocation": lambda c, arn: c.s3.get_bucket_location(Bucket=_name(arn)),
    "s3:GetBucketNotification": lambda c, arn: c.s3.get_bucket_notification_configuration(Bucket=_name(arn)),
    "s3:GetBucketPolicy": lambda c, arn: c.s3.get_bucket_policy(Bucket=_name(arn)),
    "s3:GetBucketPublicAccessBlock": lambda c, arn: c.s3.get_public_access_block(Bucket=_name(arn)),
    "s3:GetBucketTagging": lambda c, arn: c.s3.get_bucket_tagging(Bucket=_name(arn)),
    "s3:GetBucketVersioning": lambda c, arn: c.s3.get_bucket_versioning(Bucket=_name(arn)),
    "s3:GetEncryptionConfiguration": lambda c, arn: c.s3.get_bucket_encryption(Bucket=_name(arn)),
    "s3:GetLifecycleConfiguration": lambda c, arn: c.s3.get_bucket_lifecycle_configuration(Bucket=_name(arn)),
    "s3:ListBucket": lambda c, arn: c.s3.head_bucket(Bucket=_name(arn)),
    "s3:ListBucketVersions": lambda c, arn: c.s3.list_object_versions(Bucket=_name(arn), MaxKeys=1),
    "sns:GetTopicAttributes": lambda c, arn: c.sns.get_topic_attributes(TopicArn=arn),
    "sns:ListSubscriptionsByTopic": lambda c, arn: c.sns.list_subscriptions_by_topic(TopicArn=arn),
    "sns:ListTagsForResource": lambda c, arn: c.sns.list_tags_for_resource(ResourceArn=arn),
    "sns:ListTopics": lambda c, _: c.sns.list_topics(),
    "sqs:GetQueueAttributes": lambda c, arn: c.sqs.get_queue_attributes(QueueUrl=_queue_url(c, arn)),
    "sqs:GetQueueUrl": lambda c, arn: c.sqs.get_queue_url(QueueName=_name(arn)),
    "sqs:ListQueueTags": lambda c, arn: c.sqs.list_queue_tags(QueueUrl=_queue_url(c, arn)),
    "tag:GetResources": lambda c, _: c.tagging.get_resources(ResourcesPerPage=1),
}
"""Reads that change nothing and show little, by the action that they need."""
