"""What AWS asks permission for when a call is made, by its service authorization reference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

Need = tuple[str, str]
"""An action and the ARN that it is done to; `*` for actions that know no resource."""

_PREFIXES: Final = {"resourcegroupstaggingapi": "tag", "dynamodbstreams": "dynamodb"}
_FREE: Final = frozenset({"sts:GetCallerIdentity"})
"""Nobody needs a permission for these."""
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:GetBucketNotificationConfiguration": ("s3:GetBucketNotification",),
    "s3:PutBucketNotificationConfiguration": ("s3:PutBucketNotification",),
    "s3:GetBucketEncryption": ("s3:GetEncryptionConfiguration",),
    "s3:PutBucketEncryption": ("s3:PutEncryptionConfiguration",),
    "s3:GetPublicAccessBlock": ("s3:GetBucketPublicAccessBlock",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "s3:GetBucketLifecycleConfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:PutBucketLifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:HeadObject": ("s3:GetObject",),
    "lambda:Invoke": ("lambda:InvokeFunction",),
    # The kind of a statement is what is asked for; ours update.
    "dynamodb:BatchExecuteStatement": ("dynamodb:PartiQLUpdate",),
    # The parts of a transaction are asked for one by one.
    "dynamodb:TransactGetItems": ("dynamodb:GetItem",),
    "sqs:ChangeMessageVisibilityBatch": ("sqs:ChangeMessageVisibility",),
    "sqs:DeleteMessageBatch": ("sqs:DeleteMessage",),
    "sqs:SendMessageBatch": ("sqs:SendMessage",),
}
"""Operations whose actions bear other names."""
_TAGGING: Final = {
    "cloudwatch:PutDashboard": "cloudwatch:TagResource",
    "cloudwatch:PutMetricAlarm": "cloudwatch:TagResource",
    "dynamodb:CreateTable": "dynamodb:TagResource",
    "iam:CreateRole": "iam:TagRole",
    "lambda:CreateFunction": "lambda:TagResource",
    "logs:CreateLogGroup": "logs:TagResource",
    "s3:CreateBucket": "s3:TagResource",
    "sns:CreateTopic": "sns:TagResource",
    "sqs:CreateQueue": "sqs:TagQueue",
}
"""Actions that tags ask for, when something is created with them."""
_WITHOUT_RESOURCE: Final = frozenset(
    {
        "cloudwatch:GetMetricData",
        "dynamodb:ListTables",
        "lambda:CreateEventSourceMapping",
        "lambda:GetAccountSettings",
        "lambda:ListEventSourceMappings",
        "logs:DescribeLogGroups",
        "sns:ListTopics",
        "tag:GetResources",
    }
)


class Where:
    """An account and region, in which names become ARNs."""

    def __init__(self, account: str, region: str, role_path: str = "/") -> None:
        self._account = account
        self._region = region
        self._role_path = role_path

    def needs(self, service: str, operation: str, params: Mapping[str, Any]) -> set[Need]:
        """Return what a call needs."""
        prefix = _PREFIXES.get(service, service)
        call = f"{prefix}:{operation}"
        if call in _FREE:
            return set()
        found = {
            (action, arn)
            for action in _NAMES.get(call, (call,))
            for arn in (("*",) if action in _WITHOUT_RESOURCE else self._arns(prefix, operation, params))
        }
        return found | self._along(call, operation, params)

    def _along(self, call: str, operation: str, params: Mapping[str, Any]) -> set[Need]:
        """Return what a call needs besides its own action."""
        found: set[Need] = set()
        prefix = call.partition(":")[0]
        tags = params.get("Tags") or params.get("tags") or params.get("CreateBucketConfiguration", {}).get("Tags")
        if tags and call in _TAGGING:
            found |= {(_TAGGING[call], arn) for arn in self._arns(prefix, operation, params, tagging=True)}
        if tags and call == "lambda:CreateEventSourceMapping":
            found.add(("lambda:TagResource", self._arn("lambda", "event-source-mapping:new")))
        if call == "lambda:GetFunction":
            # Without it the answer has no tags (docs/aws-facts.md#lambda-functions).
            found.add(("lambda:ListTags", self._lambda(params)))
        if call in {"s3:GetObject", "s3:HeadObject"}:
            # Without it S3 answers for an absent object as for a forbidden one.
            found.add(("s3:ListBucket", f"arn:aws:s3:::{params['Bucket']}"))
        if "Role" in params:
            found.add(("iam:PassRole", params["Role"]))
        return found

    def _arn(self, service: str, name: str) -> str:
        return f"arn:aws:{service}:{self._region}:{self._account}:{name}"

    def _role(self, name: str) -> str:
        return f"arn:aws:iam::{self._account}:role{self._role_path}{name}"

    def _arns(
        self, prefix: str, operation: str, params: Mapping[str, Any], *, tagging: bool = False
    ) -> tuple[str, ...]:
        finders: dict[str, Callable[[], tuple[str, ...]]] = {
            "s3": lambda: _s3(operation, params),
            "sns": lambda: (self._topic(params),),
            "sqs": lambda: (self._queue(params),),
            "dynamodb": lambda: tuple(self._tables(params)),
            "lambda": lambda: (self._lambda(params),),
            "iam": lambda: (params.get("PolicySourceArn") or self._role(params["RoleName"]),),
            "logs": lambda: self._log_group(params, tagging=tagging),
            "cloudwatch": lambda: tuple(self._alarms_and_dashboards(operation, params)),
            "kms": lambda: (params["KeyId"],),
        }
        return finders[prefix]()

    def _topic(self, params: Mapping[str, Any]) -> str:
        arn = params.get("TopicArn") or params.get("ResourceArn") or params.get("SubscriptionArn")
        # A subscription is guarded by its topic.
        return ":".join(arn.split(":")[:6]) if arn else self._arn("sns", params["Name"])

    def _queue(self, params: Mapping[str, Any]) -> str:
        return self._arn("sqs", params.get("QueueName") or params["QueueUrl"].rpartition("/")[2])

    def _tables(self, params: Mapping[str, Any]) -> Iterator[str]:
        if arn := params.get("ResourceArn") or params.get("StreamArn"):
            yield arn
        elif iterator := params.get("ShardIterator"):
            yield _stream_of(iterator)
        elif requested := params.get("RequestItems"):
            yield from (self._arn("dynamodb", f"table/{name}") for name in requested)
        elif statements := params.get("Statements"):
            names = (each["Statement"].split('"')[1] for each in statements)
            yield from (self._arn("dynamodb", f"table/{name}") for name in names)
        elif parts := params.get("TransactItems"):
            yield from (self._arn("dynamodb", f"table/{part['Get']['TableName']}") for part in parts)
        else:
            index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
            yield self._arn("dynamodb", f"table/{params['TableName']}{index}")

    def _lambda(self, params: Mapping[str, Any]) -> str:
        if "Resource" in params:
            return str(params["Resource"])
        if "UUID" in params:
            return self._arn("lambda", f"event-source-mapping:{params['UUID']}")
        return self._arn("lambda", f"function:{params['FunctionName']}")

    def _log_group(self, params: Mapping[str, Any], *, tagging: bool) -> tuple[str, ...]:
        if "resourceArn" in params:
            return (params["resourceArn"],)
        arn = self._arn("logs", f"log-group:{params['logGroupName']}")
        # AWS's own texts disagree on which of the two forms is checked.
        return (arn,) if tagging else (arn, f"{arn}:*")

    def _alarms_and_dashboards(self, operation: str, params: Mapping[str, Any]) -> Iterator[str]:
        if operation == "DescribeAlarms":
            yield self._arn("cloudwatch", "alarm:*")
        elif "ResourceARN" in params:
            yield params["ResourceARN"]
        elif "Dashboard" in operation:
            names = params.get("DashboardNames") or [params["DashboardName"]]
            # Dashboards have no region.
            yield from (f"arn:aws:cloudwatch::{self._account}:dashboard/{name}" for name in names)
        else:
            names = params.get("AlarmNames") or [params["AlarmName"]]
            yield from (self._arn("cloudwatch", f"alarm:{name}") for name in names)


def _s3(operation: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    if operation == "DeleteObjects":
        return tuple(f"{bucket}/{each['Key']}" for each in params["Delete"]["Objects"])
    return (f"{bucket}/{params['Key']}" if "Key" in params else bucket,)


def _stream_of(iterator: str) -> str:
    """Return the stream's ARN, which stands in the iterators of AWS, of moto and of the embedded engine."""
    start = iterator.index("arn:")
    return iterator[start:].split("|", maxsplit=1)[0]


class Recorder:
    """Records what is needed while a command runs."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.needed: dict[str, set[Need]] = defaultdict(set)
        self._command = ""

    def before(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        """Handle `before-parameter-build`."""
        if self._command:
            service = model.service_model.service_name
            self.needed[self._command] |= self.where.needs(service, model.name, params)

    @contextmanager
    def during(self, command: str) -> Iterator[None]:
        """Record for a command."""
        self._command = command
        try:
            yield
        finally:
            self._command = ""
