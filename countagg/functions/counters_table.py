"""The counters table: one item per counter and day, written only forward in versions.

PartiQL batches carry 25 writes a call, each with a condition of its own: a quarter of a hundred of the round
trips that single updates take, at the same price (`BatchExecuteStatement`, Amazon DynamoDB API Reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from countagg.core.days import expiry_epoch_seconds
from countagg.core.values import format_value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATEMENTS_PER_CALL: Final = 25
_ROUNDS: Final = 5


class StatementFailed(Exception):
    """A statement of a batch failed for a reason other than its condition, such as throttling.

    The invocation ends with it and is retried; what was written stays and is not written again.
    """


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
        self._retention_days = retention_days
        self._dynamodb = dynamodb

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
        statements = (
            (name, self._update, [_number(value), _version(version), {"S": name}, {"S": day}, _version(version)])
            for name, value in values.items()
        )
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
        statements = (
            (name, self._insert, [{"S": name}, {"S": day}, _number(value), _version(version), expiry])
            for name, value in values.items()
        )
        for name, error in self._execute(statements):
            if not error:
                written += 1
            elif error["Code"] != "DuplicateItem":
                raise StatementFailed(f"{name!r} of {day}: {error}")
            else:
                present.append(name)
        return written, present

    def _execute(
        self, statements: Iterable[tuple[str, str, Sequence[Mapping[str, str]]]]
    ) -> Iterator[tuple[str, Any]]:
        """Run (name, statement, parameters) in batches; yield each name with its error, or None."""
        remaining = iter(statements)
        while batch := list(islice(remaining, STATEMENTS_PER_CALL)):
            answer = self._dynamodb.batch_execute_statement(
                Statements=[
                    {
                        "Statement": statement,
                        "Parameters": list(parameters),
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    }
                    for _, statement, parameters in batch
                ]
            )
            for (name, _, _), response in zip(batch, answer["Responses"], strict=True):
                yield name, response.get("Error")


def _number(value: int) -> dict[str, str]:
    return {"N": format_value(value)}


def _version(version: int) -> dict[str, str]:
    return {"N": str(version)}
