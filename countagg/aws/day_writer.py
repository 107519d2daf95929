"""Writes that mend a day.

Each is conditional on what was read before, so that whatever the functions write meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.aws.day_tables import DayTables
from countagg.aws.errors import aws_errors, code_of
from countagg.aws.session import Clients
from countagg.aws.stored_items import CounterItem, Item
from countagg.aws.stored_ledgers import StoredDocument
from countagg.aws.time_outs import in_base64
from countagg.core.day_record import DayRecord
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
        self._tables = DayTables(clients, self._names, settings.layout)

    def replace_ledger(
        self, partition: str, replaced: StoredDocument, version: int, document: bytes, updated_at: str
    ) -> bool:
        """Store a ledger if the stored one still is of the version that was read.

        Args:
            partition: of a day (`core.partitions`).
            replaced: as it was read.
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
        read = {"Version": {"N": str(replaced.version)}} if replaced.version else replaced.item or {}
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
                **_unchanged(read, "Version"),
            ),
        )

    def replace_counter(self, day: str, replaced: CounterItem | None, item: CounterItem) -> bool:
        """Store an item of the counters table if it still is as it was read; None if there was none."""
        read: Item = {}
        if replaced is not None:
            read = replaced.item or self._counter(day, replaced)
        return self._wrote(
            f"counter {item.counter} of {day}",
            _CONDITION_FAILED,
            lambda: self._clients.dynamodb.put_item(
                TableName=self._names.counters,
                Item=self._counter(day, item),
                **_unchanged(read, "Counter", "Value", "Version"),
            ),
        )

    def _counter(self, day: str, item: CounterItem) -> Any:  # noqa: ANN401 - a parameter of boto3
        return {
            "Counter": {"S": item.counter},
            "Date": {"S": day},
            "Value": _number(item.value or Decimal(0)),
            "Version": {"N": str(item.version)},
            "ExpiresAt": self._expiry(day),
        }

    def replace_snapshot(self, partition: str, instance: str, replaced: Item | None, changed: Item) -> bool:
        """Change attributes of a snapshot's item if it still is of the version that was read.

        Args:
            partition: of a day (`core.partitions`).
            instance: whose.
            replaced: as it was read; None if there was none.
            changed: attributes that it gets; it keeps the others.
        """
        written: Any = {"Date": {"S": partition}, "Instance": {"S": instance}, **(replaced or {}), **changed}
        return self._wrote(
            f"snapshot {instance} of {partition}",
            _CONDITION_FAILED,
            lambda: self._clients.dynamodb.put_item(
                TableName=self._names.snapshots,
                Item=written,
                **_unchanged(replaced or {}, "Instance", "Sequencer"),
            ),
        )

    def replace_record(self, day: str, replaced: Item | None, record: DayRecord) -> bool:
        """Write a day's record if the one there still is what was read; None if there was none."""
        written: Any = record.to_item(day)
        condition = _unchanged(replaced or {}, *written.keys() - {"Date"})
        return self._wrote(
            f"record of {day}",
            _CONDITION_FAILED,
            lambda: self._clients.dynamodb.put_item(TableName=self._names.snapshots, Item=written, **condition),
        )

    def replace_published(
        self, day: str, replaced: str, version: int, updated_at: str, totals: Mapping[str, int]
    ) -> bool:
        """Write a day's object if the one with that ETag still is there; empty if there was none.

        That it is not somebody else's, the caller has seen (`PublishedTotals.foreign`).
        """
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
                Metadata=published_metadata(self._settings.stack, version, updated_at),
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


def _unchanged(read: Item, *names: str) -> Any:  # noqa: ANN401 - parameters of boto3
    """Return the condition that these attributes are as they were read, or still not there."""
    clauses = [f"#{name} = :{name}" if name in read else f"attribute_not_exists(#{name})" for name in names]
    values = {f":{name}": read[name] for name in names if name in read}
    return {
        "ConditionExpression": " AND ".join(clauses),
        # Some of the names are words that DynamoDB reserves.
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        **({"ExpressionAttributeValues": values} if values else {}),
    }
