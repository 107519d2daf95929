"""The counters table: one item per counter and day, written only forward in versions.

PartiQL batches carry 25 writes a call, each with a condition of its own: a quarter of a hundred of the round
trips that single updates take, at the same price (`BatchExecuteStatement`, Amazon DynamoDB API Reference).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from countagg.core.days import expiry_epoch_seconds
from countagg.core.names import BY_DATE_INDEX
from countagg.core.values import format_value

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

STATEMENTS_PER_CALL: Final = 25

BeforeCall = Callable[[], None]
"""Called before each call; what it raises ends the writing."""


def _go_on() -> None:
    """Make every call."""


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
        retention_days: after which days an item expires whose ledger does not say it.
        dynamodb: the client to use.
    """

    def __init__(self, name: str, retention_days: int, dynamodb: DynamoDBClient) -> None:
        # A table's name cannot be a parameter; `core.names` lets no quote into it.
        self._updating = (
            f'UPDATE "{name}" SET "Value"=? SET "Version"=? '  # noqa: S608
            'WHERE "Counter"=? AND "Date"=? AND "Version"<?'
        )
        self._inserting = (
            f"INSERT INTO \"{name}\" VALUE {{'Counter':?,'Date':?,'Value':?,'Version':?,'ExpiresAt':?}}"
        )
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

    def write(
        self,
        day: str,
        version: int,
        values: Mapping[str, int],
        expires_at: int | None = None,
        *,
        before_call: BeforeCall = _go_on,
    ) -> int:
        """Set the values of a day's counters, except where the table has the same or a newer version.

        An update fails in one way for an item that is absent and for one of the same or a newer version: what
        fails carries no item that would tell (docs/aws-facts.md#surprises). So an insert follows, which fails
        where there is one, and where it does another update, in case that one is older.

        A counter that is there takes one statement, a new one two. A repeated attempt takes three for each
        counter that the first one wrote, and a failed statement is charged like a write.

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the values come from.
            values: counter -> sum in units of 10^-9.
            expires_at: of the ledger; seconds since 1970.
            before_call: called before each call; what it raises ends the writing.

        Returns:
            How many items were written.

        Raises:
            StatementFailed: a write failed for another reason than its condition.
        """
        refused = self._update(day, version, values, before_call)
        expiry = expires_at or expiry_epoch_seconds(day, self._retention_days)
        present = self._insert(day, version, refused, expiry, before_call)
        # Found by the insert, and not older than this version: as it should be, or as a later one wrote it.
        same_or_newer = self._update(day, version, present, before_call)
        return len(values) - len(same_or_newer)

    def _update(
        self, day: str, version: int, values: Mapping[str, int], before_call: BeforeCall
    ) -> dict[str, int]:
        """Update items; return the values of those that are absent, or of the same or a newer version."""
        newer = _version(version)
        statements = [
            _Statement(name, self._updating, [_number(value), newer, {"S": name}, {"S": day}, newer])
            for name, value in values.items()
        ]
        return {
            name: values[name] for name in self._execute(day, statements, "ConditionalCheckFailed", before_call)
        }

    def _insert(
        self, day: str, version: int, values: Mapping[str, int], expiry: int, before_call: BeforeCall
    ) -> dict[str, int]:
        """Insert items; return the values of those that are there already."""
        more = [_version(version), {"N": str(expiry)}]
        statements = [
            _Statement(name, self._inserting, [{"S": name}, {"S": day}, _number(value), *more])
            for name, value in values.items()
        ]
        return {name: values[name] for name in self._execute(day, statements, "DuplicateItem", before_call)}

    def _execute(
        self, day: str, statements: Sequence[_Statement], refusal: str, before_call: BeforeCall
    ) -> Iterator[str]:
        """Run statements in batches; yield the counters of those that are refused with this error code."""
        for start in range(0, len(statements), STATEMENTS_PER_CALL):
            batch = statements[start : start + STATEMENTS_PER_CALL]
            before_call()
            for statement, error in zip(batch, self._execute_batch(batch), strict=True):
                if not error:
                    continue
                if error["Code"] != refusal:
                    raise StatementFailed(f"{statement.counter!r} of {day}: {error}")
                yield statement.counter

    def _execute_batch(self, batch: Sequence[_Statement]) -> list[Any]:
        answer = self._dynamodb.batch_execute_statement(
            Statements=[{"Statement": each.text, "Parameters": each.parameters} for each in batch]
        )
        return [response.get("Error") for response in answer["Responses"]]


def _number(value: int) -> dict[str, str]:
    return {"N": format_value(value)}


def _version(version: int) -> dict[str, str]:
    return {"N": str(version)}
