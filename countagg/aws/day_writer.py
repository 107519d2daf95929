"""Writes that mend a day.

Each is conditional on what was read before, so that whatever the functions write meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.aws.day_reader import CounterItem
from countagg.aws.day_tables import DayTables
from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.aws.time_outs import in_base64
from countagg.core.errors import CountaggError
from countagg.core.names import Names
from countagg.core.partitions import MORE_PARTITIONS, parse_partition
from countagg.core.published import CONTENT_TYPE, published_key, published_metadata, render_published
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import MAX_PACKED_BYTES

_CONDITION_FAILED: Final = frozenset({"ConditionalCheckFailedException"})
# The last is the answer when the object that was to be replaced is gone.
_OBJECT_CHANGED: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"})


class DayWriter:
    """Conditional writes to a deployed stack. Each returns whether it wrote.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        self._clients = clients
        self._settings = settings
        self._names = Names(settings.stack)
        self._tables = DayTables(clients, self._names)

    def replace_ledger(
        self, partition: str, replaced: int, version: int, document: bytes, updated_at: str
    ) -> bool:
        """Store a ledger if the stored one still is of the version that was read.

        Args:
            partition: of a day (`core.partitions`).
            replaced: the version that was read; 0 if there was none.
            version: of the new ledger.
            document: encoded.
            updated_at: UTC, ISO 8601.

        Raises:
            CountaggError: the document does not fit into an item.
        """
        if len(document) > MAX_PACKED_BYTES:
            raise CountaggError(
                f"the totals of {partition} take {len(document)} bytes compressed; at most {MAX_PACKED_BYTES} fit",
                hint=MORE_PARTITIONS,
            )
        condition: Any = {"ConditionExpression": "attribute_not_exists(Version)"}
        if replaced:
            values = {":replaced": {"N": str(replaced)}}
            condition = {"ConditionExpression": "Version = :replaced", "ExpressionAttributeValues": values}
        return self._wrote(
            f"totals of {partition}",
            _CONDITION_FAILED,
            lambda: self._clients.sending(in_base64(document)).dynamodb.put_item(
                TableName=self._names.totals,
                Item={
                    "Date": {"S": partition},
                    "Version": {"N": str(version)},
                    "Document": {"B": document},
                    "UpdatedAt": {"S": updated_at},
                    "ExpiresAt": self._expiry(parse_partition(partition).day),
                },
                **condition,
            ),
        )

    def replace_counter(self, day: str, replaced: CounterItem | None, item: CounterItem) -> bool:
        """Store an item of the counters table if it still is as it was read; None if there was none."""
        # `Counter` and `Value` are words that DynamoDB reserves.
        condition: Any = {
            "ConditionExpression": "attribute_not_exists(#counter)",
            "ExpressionAttributeNames": {"#counter": "Counter"},
        }
        if replaced is not None:
            condition = {
                "ConditionExpression": "#value = :value AND Version = :version",
                "ExpressionAttributeNames": {"#value": "Value"},
                "ExpressionAttributeValues": {
                    ":value": _number(replaced.value),
                    ":version": {"N": str(replaced.version)},
                },
            }
        return self._wrote(
            f"counter {item.counter} of {day}",
            _CONDITION_FAILED,
            lambda: self._clients.dynamodb.put_item(
                TableName=self._names.counters,
                Item={
                    "Counter": {"S": item.counter},
                    "Date": {"S": day},
                    "Value": _number(item.value),
                    "Version": {"N": str(item.version)},
                    "ExpiresAt": self._expiry(day),
                },
                **condition,
            ),
        )

    def replace_published(
        self, day: str, replaced: str, version: int, updated_at: str, totals: Mapping[str, int]
    ) -> bool:
        """Write a day's object if the one with that ETag still is there; empty if there was none."""
        condition: Any = {"IfMatch": replaced} if replaced else {"IfNoneMatch": "*"}
        key = published_key(self._settings.output_prefix, day)
        body = render_published(totals, version)
        return self._wrote(
            f"object {key}",
            _OBJECT_CHANGED,
            lambda: self._clients.sending(len(body)).s3.put_object(
                Bucket=self._settings.bucket,
                ExpectedBucketOwner=self._settings.bucket_owner,
                Key=key,
                Body=body,
                ContentType=CONTENT_TYPE,
                Metadata=published_metadata(version, updated_at),
                **condition,
            ),
        )

    def _expiry(self, day: str) -> Any:  # noqa: ANN401 - a parameter of boto3
        return {"N": str(self._tables.expiry(day, self._settings.expiry_of(day)).totals)}

    @staticmethod
    def _wrote(where: str, changed: frozenset[str], write: Callable[[], object]) -> bool:
        with aws_errors(where):
            try:
                write()
            except ClientError as error:
                if code_of(error) in changed:
                    return False
                raise
        return True


def _number(value: Decimal) -> Any:  # noqa: ANN401 - a parameter of boto3
    text = f"{value:f}"
    return {"N": text.rstrip("0").rstrip(".") if "." in text else text}
