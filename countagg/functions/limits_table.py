"""Limits and alerts in the counters table: limits are read, alerts are claimed, and marked when they are sent.

A claim is a conditional write, so that of several invocations one sends. It lasts until that invocation must have
ended; what is not marked as sent by then, the next one claims and sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.core.days import expiry_epoch_seconds
from countagg.core.limits import LIMIT_DATE, Alert, AlertState, alert_attributes, alerts_partition
from countagg.core.names import BY_DATE_INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class Claim(Enum):
    """What came of a claim."""

    OURS = auto()
    BUSY = auto()
    """Another invocation has it, and may be about to send it."""
    DONE = auto()
    """Another invocation has sent it."""


class LimitsTable:
    """Limits and alerts of a stack.

    Args:
        name: of the counters table.
        retention_days: after which days an alert expires whose ledger does not say it.
        dynamodb: the client to use.
    """

    def __init__(self, name: str, retention_days: int, dynamodb: DynamoDBClient) -> None:
        self._name = name
        self._retention_days = retention_days
        self._dynamodb = dynamodb

    def limits(self) -> Iterator[Item]:
        """Yield the items of all limits, by the index, which lags behind by moments."""
        yield from self._query(
            IndexName=BY_DATE_INDEX,
            KeyConditionExpression="#date = :date",
            ProjectionExpression="#counter, #value",
            ExpressionAttributeNames={"#date": "Date", "#counter": "Counter", "#value": "Value"},
            ExpressionAttributeValues={":date": {"S": LIMIT_DATE}},
        )

    def alerts(self, day: str) -> Iterator[Item]:
        """Yield the items of a day's alerts, strongly consistent."""
        yield from self._query(
            KeyConditionExpression="#counter = :partition",
            ExpressionAttributeNames={"#counter": "Counter"},
            ExpressionAttributeValues={":partition": {"S": alerts_partition(day)}},
            ConsistentRead=True,
        )

    def _query(self, **request: Any) -> Iterator[Item]:  # noqa: ANN401 - passed on to boto3 as it is
        for page in self._dynamodb.get_paginator("query").paginate(TableName=self._name, **request):
            yield from page["Items"]

    def claim(self, alert: Alert, now: int, until: int, expires_at: int | None = None) -> Claim:
        """Claim an alert that nobody has sent, and that no other invocation is about to send.

        Args:
            alert: what is to be sent.
            now: milliseconds since 1970.
            until: when this invocation has ended, whatever happens; milliseconds since 1970.
            expires_at: of the day's ledger; seconds since 1970.
        """
        nobody_has_it = "attribute_not_exists(#counter)"
        its_claimant_has_ended = "#state = :sending AND SendingUntil < :now"
        try:
            self._dynamodb.put_item(
                TableName=self._name,
                Item=self._item(alert, AlertState.SENDING, expires_at, SendingUntil={"N": str(until)}),
                ConditionExpression=f"{nobody_has_it} OR ({its_claimant_has_ended})",
                ExpressionAttributeNames={"#counter": "Counter", "#state": "State"},
                ExpressionAttributeValues={":sending": {"S": AlertState.SENDING}, ":now": {"N": str(now)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise
            found: Any = error.response.get("Item", {})
            return Claim.DONE if found.get("State") == {"S": AlertState.SENT} else Claim.BUSY
        return Claim.OURS

    def release(self, alert: Alert, until: int, expires_at: int | None = None) -> None:
        """Give a claim of ours up, so that the next attempt need not wait for its end.

        Each claim ends later than the one that it follows, so its end tells whose it is.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._name,
                Item=self._item(alert, AlertState.SENDING, expires_at, SendingUntil={"N": "0"}),
                ConditionExpression="#state = :sending AND SendingUntil = :ours",
                ExpressionAttributeNames={"#state": "State"},
                ExpressionAttributeValues={":sending": {"S": AlertState.SENDING}, ":ours": {"N": str(until)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise

    def mark_sent(self, alert: Alert, sent_at: str, expires_at: int | None = None) -> None:
        """Write down that an alert was sent; unconditional, because it was."""
        item = self._item(alert, AlertState.SENT, expires_at, SentAt={"S": sent_at})
        self._dynamodb.put_item(TableName=self._name, Item=item)

    def _item(self, alert: Alert, state: AlertState, expires_at: int | None, **more: dict[str, str]) -> Item:
        expiry = expires_at or expiry_epoch_seconds(alert.day, self._retention_days)
        return {**alert_attributes(alert), "State": {"S": state}, "ExpiresAt": {"N": str(expiry)}, **more}
