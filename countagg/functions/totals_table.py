"""The totals of a day that is spread over several partitions, read as they are at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.core.errors import CorruptDocument, shorten
from countagg.core.ledger import Ledger, decode_ledger, merge
from countagg.core.partitions import Layout
from countagg.core.versions import version_of_day

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS: Final = 10
_CANCELLED: Final = "TransactionCanceledException"


@dataclass(frozen=True, slots=True)
class DayTotals:
    """All partitions of a day at one moment.

    Attributes:
        version: of the whole day (`core.versions`).
        updated_at: when the newest was stored, UTC, ISO 8601; empty if there is none.
        ledger: of the whole day.
    """

    version: int
    updated_at: str
    ledger: Ledger


class TotalsTable:
    """The table of ledgers.

    Args:
        name: the table's name.
        dynamodb: the client to use.
    """

    def __init__(self, name: str, dynamodb: DynamoDBClient) -> None:
        self._name = name
        self._dynamodb = dynamodb

    def read(self, day: str, layout: Layout) -> DayTotals:
        """Read all partitions of a day in one transaction.

        Read one after the other, they might never have been like that together: two readers could give different
        totals the same version.

        Raises:
            CorruptDocument: one of the ledgers cannot be read.
            ClientError: others write at every attempt, or the call is refused.
        """
        found = [answer["Item"] for answer in self._get(layout.partitions(day)) if "Item" in answer]
        try:
            return DayTotals(
                version_of_day(int(item["Version"]["N"]) for item in found),
                max((item["UpdatedAt"]["S"] for item in found), default=""),
                merge([decode_ledger(bytes(item["Document"]["B"])) for item in found], layout.shards),
            )
        except (KeyError, ValueError) as error:
            raise CorruptDocument(f"a ledger of {day} cannot be read: {shorten(error)}") from error

    def _get(self, partitions: Sequence[str]) -> Sequence[Any]:
        asked: list[Any] = [
            {"Get": {"TableName": self._name, "Key": {"Date": {"S": partition}}}} for partition in partitions
        ]
        left = _ATTEMPTS
        while True:
            left -= 1
            try:
                return self._dynamodb.transact_get_items(TransactItems=asked)["Responses"]
            except ClientError as error:
                # A write of one of the items was under way (`TransactGetItems`, Amazon DynamoDB API Reference).
                if error.response["Error"]["Code"] != _CANCELLED or not left:
                    raise
