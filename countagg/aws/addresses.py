"""Addresses that AWS gives to resources and nobody can know beforehand."""

from __future__ import annotations

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients


def queue_url(clients: Clients, name: str) -> str:
    """Return the URL of a queue."""
    with aws_errors(f"queue {name}"):
        return clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def stream_arn(clients: Clients, table: str) -> str:
    """Return the ARN of a table's present stream; empty if it has none."""
    with aws_errors(f"table {table}"):
        return clients.dynamodb.describe_table(TableName=table)["Table"].get("LatestStreamArn", "")
