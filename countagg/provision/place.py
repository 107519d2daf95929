"""Where a stack lives, and the ARNs that follow from it."""

from __future__ import annotations

from typing import Final

from countagg.core.lazy_dataclass import dataclass

PARTITIONS: Final = ("aws", "aws-us-gov", "aws-cn")
"""Those whose differences are known here."""
BUCKET_PATTERN: Final = r"(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]"
"""Names of buckets (S3 user guide, general purpose bucket naming rules)."""
# What AWS's documents say is not available there: AWS Lambda in AWS GovCloud (US), Amazon Lambda in China.
_WITHOUT_JSON_LOGS: Final = frozenset({"aws-us-gov"})
_WITHOUT_MAPPING_TAGS: Final = frozenset({"aws-us-gov", "aws-cn"})


@dataclass(frozen=True, slots=True)
class Place:
    """An account and a region.

    Attributes:
        account: 12 digits.
        region: such as `eu-central-1`.
        partition: one of `PARTITIONS`, elsewhere nothing is set up.
        tls: whether the endpoint is reached by TLS. Statements that demand it are left out where it is not:
            they would lock everybody out.
        embedded: whether it is the embedded engine, some of whose permissions have names that AWS does not know.
        queue_endpoint: address of SQS, without a slash at its end.
    """

    account: str
    region: str
    partition: str = "aws"
    tls: bool = True
    embedded: bool = False
    queue_endpoint: str = ""

    @property
    def known(self) -> Place:
        """The place that settings must fit; another one only where this one is known later."""
        return self

    @property
    def has_json_logs(self) -> bool:
        """Whether functions may write their logs as JSON, as far as AWS's documents say."""
        return self.known.partition not in _WITHOUT_JSON_LOGS

    @property
    def has_mapping_tags(self) -> bool:
        """Whether event source mappings may have tags, as far as AWS's documents say."""
        return self.known.partition not in _WITHOUT_MAPPING_TAGS

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def topic_arn(self, name: str) -> str:
        """ARN of an SNS topic."""
        return self._arn("sns", name)

    def queue_arn(self, name: str) -> str:
        """ARN of an SQS queue."""
        return self._arn("sqs", name)

    def queue_url(self, name: str) -> str:
        """Return the URL that a queue will have."""
        return f"{self.queue_endpoint}/{self.account}/{name}"

    def table_arn(self, name: str) -> str:
        """ARN of a DynamoDB table."""
        return self._arn("dynamodb", f"table/{name}")

    def function_arn(self, name: str) -> str:
        """ARN of a Lambda function, without a version."""
        return self._arn("lambda", f"function:{name}")

    def mapping_arn(self, uuid: str) -> str:
        """ARN of an event source mapping; `*` is a pattern."""
        return self._arn("lambda", f"event-source-mapping:{uuid}")

    def log_group_arn(self, name: str) -> str:
        """ARN of a log group, without the `:*` that some answers carry."""
        return self._arn("logs", f"log-group:{name}")

    def role_arn(self, name: str, path: str = "/") -> str:
        """ARN of an IAM role; roles have no region."""
        return f"arn:{self.partition}:iam::{self.account}:role{path}{name}"

    def alarm_arn(self, name: str) -> str:
        """ARN of a CloudWatch alarm; `*` in the name is a pattern."""
        return self._arn("cloudwatch", f"alarm:{name}")

    def dashboard_arn(self, name: str) -> str:
        """ARN of a CloudWatch dashboard; dashboards have no region."""
        return f"arn:{self.partition}:cloudwatch::{self.account}:dashboard/{name}"

    def arn_of(self, node: str, name: str) -> str | None:
        """Return the ARN of a node's resource; None for a kind that has none, or one that AWS picks.

        Roles are taken to have no path.
        """
        by_kind = {
            "topic": self.topic_arn,
            "queue": self.queue_arn,
            "table": self.table_arn,
            "logs": self.log_group_arn,
            "role": self.role_arn,
            "function": self.function_arn,
            "alarm": self.alarm_arn,
            "dashboard": self.dashboard_arn,
            "bucket": self.bucket_arn,
        }
        arn = by_kind.get(node.partition("/")[0])
        return None if arn is None else arn(name)

    def bucket_arn(self, name: str) -> str:
        """ARN of a bucket; buckets have neither region nor account in theirs."""
        return f"arn:{self.partition}:s3:::{name}"


def bucket_name(stack: str, place: Place) -> str:
    """Return the usual name of a stack's bucket, which no other account is likely to have.

    A stack's name has at most 32 characters, so that it never has more than the 63 of a bucket's.
    """
    return f"{stack}-{place.account}-{place.region}"
