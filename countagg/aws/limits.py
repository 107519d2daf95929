"""Limits in the counters table as the operator sets them, and the alerts that the publisher sent about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.errors import AwsCallFailed
from countagg.core.limits import LIMIT_DATE, StoredAlert, alerts_partition, parse_alert, parse_limit
from countagg.core.names import BY_DATE_INDEX, Names
from countagg.core.values import format_value

_WRITES_AT_ONCE: Final = 25
"""Items of one call, as DynamoDB limits them."""

_ROUNDS: Final = 8
_FIRST_PAUSE: Final = 0.05

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """A limit as its item has it.

    Attributes:
        counter: whose.
        value: in units of 10^-9; None for an invalid one.
        problem: why it is invalid; empty for a valid one.
    """

    counter: str
    value: int | None
    problem: str = ""


class Limits:
    """Limits of a stack.

    Args:
        clients: to work with.
        stack: the stack's name.
        sleep: waits for so many seconds.
    """

    def __init__(self, clients: Clients, stack: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._clients = clients
        self._table = Names(stack).counters
        self._sleep = sleep

    def read(self) -> Iterator[StoredLimit]:
        """Yield all limits, by the index, which lags behind by moments."""
        for item in self._query(
            IndexName=BY_DATE_INDEX,
            KeyConditionExpression="#date = :date",
            ExpressionAttributeNames={"#date": "Date"},
            ExpressionAttributeValues={":date": {"S": LIMIT_DATE}},
        ):
            yield _stored(item)

    def alerts(self, day: str) -> Iterator[StoredAlert]:
        """Yield a day's alerts, strongly consistent; what somebody else put there is left out."""
        for item in self._query(
            KeyConditionExpression="#counter = :partition",
            ExpressionAttributeNames={"#counter": "Counter"},
            ExpressionAttributeValues={":partition": {"S": alerts_partition(day)}},
            ConsistentRead=True,
        ):
            try:
                found = parse_alert(item, day)
            except ValueError:
                continue
            yield found

    def _query(self, **request: Any) -> Iterator[Item]:  # noqa: ANN401 - passed on to boto3 as it is
        with aws_errors(f"limits in {self._table}"):
            pages = self._clients.dynamodb.get_paginator("query").paginate(TableName=self._table, **request)
            for page in pages:
                yield from page["Items"]

    def put(self, counter: str, value: int) -> StoredLimit | None:
        """Set a limit, in units of 10^-9; return the one that it replaces, None if there was none."""
        with aws_errors(f"limit of {counter}"):
            answer = self._clients.dynamodb.put_item(
                TableName=self._table, Item=_item(counter, value), ReturnValues="ALL_OLD"
            )
        return _stored(answer["Attributes"]) if answer.get("Attributes") else None

    def delete(self, counter: str) -> StoredLimit | None:
        """Delete a limit; return what it was, None if there was none."""
        with aws_errors(f"limit of {counter}"):
            answer = self._clients.dynamodb.delete_item(
                TableName=self._table, Key=_key(counter), ReturnValues="ALL_OLD"
            )
        return _stored(answer["Attributes"]) if answer.get("Attributes") else None

    def put_all(self, limits: Mapping[str, int]) -> Iterator[int]:
        """Set many limits; yield, after each call, how many are written.

        Raises:
            AwsCallFailed: DynamoDB refused some at every attempt; those that are written stay.
        """
        pending: list[Any] = [{"PutRequest": {"Item": _item(*each)}} for each in limits.items()]
        pauses = (_FIRST_PAUSE * 2**number for number in range(_ROUNDS))
        while pending:
            batch, pending = pending[:_WRITES_AT_ONCE], pending[_WRITES_AT_ONCE:]
            with aws_errors(f"limits in {self._table}"):
                answer = self._clients.dynamodb.batch_write_item(RequestItems={self._table: batch})
            # What is throttled is left for another call.
            refused = answer.get("UnprocessedItems", {}).get(self._table, [])
            pending += refused
            yield len(limits) - len(pending)
            if refused:
                pause = next(pauses, None)
                if pause is None:
                    raise AwsCallFailed(
                        f"{len(pending)} of {len(limits)} limits were not accepted",
                        where=f"limits in {self._table}",
                        hint="do it again, what is written stays",
                    )
                self._sleep(pause)


def _key(counter: str) -> dict[str, Any]:
    return {"Counter": {"S": counter}, "Date": {"S": LIMIT_DATE}}


def _item(counter: str, value: int) -> dict[str, Any]:
    return {**_key(counter), "Value": {"N": format_value(value)}}


def _stored(item: Item) -> StoredLimit:
    counter = item["Counter"]["S"]
    try:
        return StoredLimit(counter, parse_limit(item))
    except ValueError as error:
        return StoredLimit(counter, None, str(error))
