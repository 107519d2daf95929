"""The counters table: one item per counter and day, written only forward in versions.

PartiQL batches carry 25 writes a call, each with a condition of its own: a quarter of a hundred of the round
trips that single updates take, at the same price (`BatchExecuteStatement`, Amazon DynamoDB API Reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from countagg.core.days import expiry_epoch_seconds
from countagg.core.names import BY_DATE_INDEX
from countagg.core.values import format_value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATEMENTS_PER_CALL: Final = 25
_ROUNDS: Final = 5


class StatementFailed(Exception):
    """A statement of a batch failed for a reason other than its condition, such as throttling.

    The invocation ends with it and is retried; what was written stays and is not written again.
    """


@dataclass(frozen=True, slots=True)
class _Statement:
    counter: str
    text: str
    parameters: list[dict[str, str]]


class CountersTable:
    """The table for the outside world.

    Args:
        name: the table's name.
        retention_days: after which days an item expires.
        dynamodb: the client to use.
    """

    def __init__(self, name: str, retention_days: int, dynamodb: DynamoDBClient) -> None:
        # A table's name cannot be a parameter; `core.names` lets no quote into it.
        self._update = (
            f'UPDATE "{name}" SET "Value"=? SET "Version"=? '  # noqa: S608
            'WHERE "Counter"=? AND "Date"=? AND "Version"<?'
        )
        self._insert = f"INSERT INTO \"{name}\" VALUE {{'Counter':?,'Date':?,'Value':?,'Version':?,'ExpiresAt':?}}"
        self._name = name
        self._retention_days = retention_days
        self._dynamodb = dynamodb

    def written_after(self, day: str, version: int) -> set[str]:
        """Return the counters of a day that the table has in a later version than the given one.

        Read from the index, which lags behind the table by moments.
        """
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._name,
            IndexName=BY_DATE_INDEX,
            KeyConditionExpression="#date = :date",
            FilterExpression="#version > :version",
            ProjectionExpression="#counter",
            ExpressionAttributeNames={"#date": "Date", "#version": "Version", "#counter": "Counter"},
            ExpressionAttributeValues={":date": {"S": day}, ":version": _version(version)},
        )
        return {item["Counter"]["S"] for page in pages for item in page["Items"]}

    def write(self, day: str, version: int, values: Mapping[str, int]) -> int:
        """Set the values of a day's counters, except where the table has the same or a newer version.

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the values come from.
            values: counter -> sum in units of 10^-9.

        Returns:
            How many items were written.

        Raises:
            StatementFailed: a write failed for another reason than its condition.
        """
        pending, written = list(values), 0
        for _ in range(_ROUNDS):
            updated, absent = self._update_existing(day, version, {name: values[name] for name in pending})
            # Between the update that found no item and the insert, another invocation may have made one.
            inserted, pending = self._insert_absent(day, version, {name: values[name] for name in absent})
            written += updated + inserted
            if not pending:
                return written
        raise StatementFailed(f"{len(pending)} counters of {day} appear and disappear, such as {pending[0]!r}")

    def _update_existing(self, day: str, version: int, values: Mapping[str, int]) -> tuple[int, list[str]]:
        written, absent = 0, []
        newer = _version(version)
        statements = [
            _Statement(name, self._update, [_number(value), newer, {"S": name}, {"S": day}, newer])
            for name, value in values.items()
        ]
        for name, error in self._execute(statements):
            if not error:
                written += 1
            elif error["Code"] != "ConditionalCheckFailed":
                raise StatementFailed(f"{name!r} of {day}: {error}")
            elif "Item" not in error:
                absent.append(name)
        return written, absent

    def _insert_absent(self, day: str, version: int, values: Mapping[str, int]) -> tuple[int, list[str]]:
        written, present = 0, []
        expiry = {"N": str(expiry_epoch_seconds(day, self._retention_days))}
        statements = [
            _Statement(name, self._insert, [{"S": name}, {"S": day}, _number(value), _version(version), expiry])
            for name, value in values.items()
        ]
        for name, error in self._execute(statements):
            if not error:
                written += 1
            elif error["Code"] != "DuplicateItem":
                raise StatementFailed(f"{name!r} of {day}: {error}")
            else:
                present.append(name)
        return written, present

    def _execute(self, statements: Sequence[_Statement]) -> Iterator[tuple[str, Any]]:
        """Run statements in batches; yield each counter's name with its error, or None."""
        for start in range(0, len(statements), STATEMENTS_PER_CALL):
            batch = statements[start : start + STATEMENTS_PER_CALL]
            for statement, error in zip(batch, self._execute_batch(batch), strict=True):
                yield statement.counter, error

    def _execute_batch(self, batch: Sequence[_Statement]) -> list[Any]:
        answer = self._dynamodb.batch_execute_statement(
            Statements=[
                {
                    "Statement": statement.text,
                    "Parameters": statement.parameters,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
                for statement in batch
            ]
        )
        return [response.get("Error") for response in answer["Responses"]]


def _number(value: int) -> dict[str, str]:
    return {"N": format_value(value)}


def _version(version: int) -> dict[str, str]:
    return {"N": str(version)}
