"""Calls that the stored forms have in common, and the one place where a side translates their errors.

The functions let errors of botocore rise. The operator's clients translate them (`countagg.aws.errors`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from countagg.data.attributes import Attribute, Item, TextAttribute

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONDITION_FAILED: Final = frozenset({"ConditionalCheckFailedException"})
_CANCELLED: Final = "TransactionCanceledException"
_ATTEMPTS: Final = 20
ITEMS_TOGETHER: Final = 100
"""Of one BatchGetItem (Amazon DynamoDB API Reference)."""


class DataClients(Protocol):
    """The clients of one side, the functions' or the operator's, and how it takes their errors."""

    @property
    def s3(self) -> S3Client:
        """Client of S3."""

    @property
    def sqs(self) -> SQSClient:
        """Client of SQS."""

    @property
    def dynamodb(self) -> DynamoDBClient:
        """Client of DynamoDB."""

    def sending(self, size: int) -> DataClients:
        """Return clients that give a slow line time for a request of so many bytes."""

    def errors(self, where: str) -> AbstractContextManager[None]:
        """Translate the errors of calls in the block, if this side does; `where` says what is being done."""

    def message_of(self, error: ClientError) -> str:
        """Return the text of an answer, empty if it has none."""


def code_of(error: ClientError) -> str:
    """Return the error code of an answer; empty if it has none."""
    # JSON may say null.
    return str((error.response.get("Error") or {}).get("Code") or "")


def in_base64(content: bytes) -> int:
    """Return the bytes that content takes in a request that is JSON: four for each three."""
    return -(-len(content) // 3) * 4


def projection(*shown: Attribute) -> dict[str, Any]:
    """Return the parameters by which only some attributes are read; all if none is named."""
    if not shown:
        return {}
    return {
        "ProjectionExpression": ", ".join(f"#{each}" for each in shown),
        # Some of the names are words that DynamoDB reserves.
        "ExpressionAttributeNames": {f"#{each}": each.name for each in shown},
    }


def wrote(
    clients: DataClients, where: str, write: Callable[[], object], changed: Collection[str] = CONDITION_FAILED
) -> bool:
    """Make a conditional write; return whether the condition held.

    Args:
        clients: to work with.
        where: what is being done, for errors.
        write: makes the call.
        changed: the error codes that say that it did not hold.
    """
    with clients.errors(where):
        try:
            write()
        except ClientError as error:
            if code_of(error) in changed:
                return False
            raise
    return True


class StoredTable:
    """A table of DynamoDB. Each method is told what is being done, for errors, and then what to read or write.

    Args:
        clients: to work with.
        name: the table's name.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self.clients = clients
        self.name = name

    def get(self, where: str, key: Item, *shown: Attribute, consistent: bool = True) -> Item | None:
        """Read an item, or some of its attributes; None if there is none."""
        more: Any = projection(*shown) | ({"ConsistentRead": True} if consistent else {})
        with self.clients.errors(where):
            return self.clients.dynamodb.get_item(TableName=self.name, Key=key, **more).get("Item")

    def query(
        self,
        where: str,
        key: TextAttribute,
        value: str,
        *shown: Attribute,
        index: str | None = None,
        consistent: bool = True,
    ) -> Iterator[Item]:
        """Yield the items of a partition, strongly consistent unless an index has them, which lags behind.

        Args:
            where: what is being done, for errors.
            key: the partition key.
            value: of the partition key.
            shown: the attributes that are read; all if none is named.
            index: of the table.
            consistent: whether a table's items are those of this moment; older ones cost half.
        """
        request: dict[str, Any] = {"IndexName": index} if index else {"ConsistentRead": consistent}
        names, values = {f"#{key}": key.name}, {":key": {"S": value}}
        if shown:
            request |= projection(*shown)
            names |= request["ExpressionAttributeNames"]
        with self.clients.errors(where):
            pages = self.clients.dynamodb.get_paginator("query").paginate(
                TableName=self.name,
                KeyConditionExpression=f"#{key} = :key",
                **request | {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values},
            )
            for page in pages:
                yield from page["Items"]

    def at_one_moment(self, where: str, keys: Sequence[Item], *shown: Attribute) -> list[Item | None]:
        """Read items in one transaction; None for one that is not there.

        Read one after the other, they might never have been like that together.
        """
        asked: Any = [{"Get": {"TableName": self.name, "Key": key, **projection(*shown)}} for key in keys]
        left = _ATTEMPTS
        while True:
            left -= 1
            with self.clients.errors(where):
                try:
                    answers = self.clients.dynamodb.transact_get_items(TransactItems=asked)["Responses"]
                except ClientError as error:
                    # A write of one of the items was under way (Amazon DynamoDB API Reference, TransactGetItems).
                    if code_of(error) != _CANCELLED or not left:
                        raise
                else:
                    return [answer.get("Item") for answer in answers]

    def get_together(self, where: str, keys: Sequence[Item]) -> tuple[list[Item], list[Item]]:
        """Read items in one call, each strongly consistent, at most `ITEMS_TOGETHER`.

        Returns:
            The items that are there, in no order, and the keys of those that DynamoDB left for another call: it
            does that where it throttles, and beyond 16 MB (Amazon DynamoDB API Reference, BatchGetItem).
        """
        asked: Any = {self.name: {"Keys": keys, "ConsistentRead": True}}
        with self.clients.errors(where):
            answer: Any = self.clients.dynamodb.batch_get_item(RequestItems=asked)
        left = answer.get("UnprocessedKeys", {}).get(self.name, {})
        return answer["Responses"].get(self.name, []), left.get("Keys", [])

    def put(self, where: str, item: Item, condition: Item) -> bool:
        """Write an item on a condition, given as parameters of the call; return whether it held."""
        return wrote(
            self.clients,
            where,
            lambda: self.clients.dynamodb.put_item(TableName=self.name, Item=item, **condition),
        )
