"""Everything there is in an account and a region, in full: what a setup and a teardown must not change."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from countagg.aws.session import Clients

_PASSING = (
    "ResponseMetadata",
    "LastModifiedTimestamp",
    "ApproximateNumberOfMessages",
    "AlarmConfigurationUpdated",
    "StateUpdated",
)
"""What changes by itself, or tells when something else did."""


def inventory(clients: Clients) -> dict[str, Any]:
    """List everything, by kind, with everything that is told about it."""
    listings = (_messaging, _tables, _logs_and_roles, _functions, _alarms, _dashboards, _buckets)
    return {kind: found for listing in listings for kind, found in listing(clients).items()}


def _messaging(clients: Clients) -> dict[str, Any]:
    sns, sqs = clients.sns, clients.sqs
    topics = [each["TopicArn"] for each in sns.list_topics()["Topics"]]
    subscriptions = [each["SubscriptionArn"] for each in sns.list_subscriptions()["Subscriptions"]]
    return {
        "topics": {
            arn: (
                _told(sns.get_topic_attributes(TopicArn=arn)["Attributes"]),
                sns.list_tags_for_resource(ResourceArn=arn)["Tags"],
            )
            for arn in topics
        },
        "subscriptions": {
            arn: _told(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]) for arn in subscriptions
        },
        "queues": {
            url: (
                _told(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]),
                sqs.list_queue_tags(QueueUrl=url).get("Tags"),
            )
            for url in sqs.list_queues().get("QueueUrls", [])
        },
    }


def _tables(clients: Clients) -> dict[str, Any]:
    dynamodb = clients.dynamodb
    tables = {}
    for name in dynamodb.list_tables()["TableNames"]:
        table = dynamodb.describe_table(TableName=name)["Table"]
        tables[name] = (
            _told(table),
            dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"],
            dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"],
            dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"],
        )
    return {"tables": tables}


def _logs_and_roles(clients: Clients) -> dict[str, Any]:
    logs, iam = clients.logs, clients.iam
    roles = {}
    for role in iam.list_roles()["Roles"]:
        name = role["RoleName"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        roles[name] = (
            role,
            {each: _told(iam.get_role_policy(RoleName=name, PolicyName=each)) for each in inline},
            iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
            iam.list_role_tags(RoleName=name)["Tags"],
        )
    groups = logs.describe_log_groups()["logGroups"]
    return {
        "logs": [
            (group, logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"]) for group in groups
        ],
        "roles": roles,
    }


def _functions(clients: Clients) -> dict[str, Any]:
    aws = clients.lambda_
    found = aws.list_functions()["Functions"]
    return {
        "functions": [
            (each["FunctionName"], each["CodeSha256"], each.get("Environment"), each["MemorySize"])
            for each in found
        ],
        "function tags": [aws.list_tags(Resource=each["FunctionArn"])["Tags"] for each in found],
        "mappings": [_told(each) for each in aws.list_event_source_mappings()["EventSourceMappings"]],
    }


def _alarms(clients: Clients) -> dict[str, Any]:
    found = clients.cloudwatch.describe_alarms()["MetricAlarms"]
    return {
        "alarms": [
            (_told(each), clients.cloudwatch.list_tags_for_resource(ResourceARN=each["AlarmArn"])["Tags"])
            for each in found
        ]
    }


def _dashboards(clients: Clients) -> dict[str, Any]:
    found = clients.cloudwatch.list_dashboards()["DashboardEntries"]
    return {
        "dashboards": [
            (
                each["DashboardName"],
                clients.cloudwatch.get_dashboard(DashboardName=each["DashboardName"])["DashboardBody"],
                clients.cloudwatch.list_tags_for_resource(ResourceARN=each["DashboardArn"])["Tags"],
            )
            for each in found
        ]
    }


def _buckets(clients: Clients) -> dict[str, Any]:
    names = [each["Name"] for each in clients.s3.list_buckets()["Buckets"]]
    return {"buckets": {name: _bucket(clients.s3, name) for name in names}}


def _bucket(s3: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for what in (
        "policy",
        "tagging",
        "versioning",
        "encryption",
        "notification_configuration",
        "location",
        "lifecycle_configuration",
    ):
        try:
            found[what] = _told(getattr(s3, f"get_bucket_{what}")(Bucket=name))
        except ClientError as error:
            found[what] = error.response["Error"]["Code"]
    found["objects"] = [each["Key"] for each in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    return found


def _told(answer: Any) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if not key.startswith(_PASSING)}
