"""Services that hold a fleet's data in memory and answer at once: no faults, no waiting, no network."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.core.names import Names
from countagg.functions.clients import FunctionClients
from tests.fakes.bucket import FakeBucket
from tests.fakes.conditions import Item, holds
from tests.fakes.partiql import FakeTable
from tests.functions.world import as_event, clients_of

_NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
_KEYS: Final = ("Date", "Instance")


class HeldTable:
    """A table with a stream; its records wait by partition, as those of shards do.

    Attributes:
        items: key -> item.
        waiting: partition -> records that no function has seen.
        written: bytes of the binaries that were written.
    """

    def __init__(self) -> None:
        self.items: dict[tuple[str, ...], Item] = {}
        self.waiting: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.written = 0

    def put(self, request: Mapping[str, Any]) -> None:
        """Write an item if its condition holds."""
        item: Item = request["Item"]
        key = tuple(item[name]["S"] for name in _KEYS if name in item)
        old = self.items.get(key)
        names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
        if not holds(request["ConditionExpression"], names, values, old):
            failed: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}, "Item": old}
            raise ClientError(failed, "PutItem")
        self.items[key] = item
        self.written += sum(len(value["B"]) for value in item.values() if "B" in value)
        change: dict[str, Any] = {"Keys": {name: item[name] for name in _KEYS if name in item}}
        change["NewImage"] = as_event(item)
        if old is not None:
            change["OldImage"] = as_event(old)
        name = "INSERT" if old is None else "MODIFY"
        self.waiting[key[0]].append({"eventName": name, "dynamodb": change})


class _DynamoDB:
    def __init__(self, tables: Mapping[str, HeldTable], counters: FakeTable) -> None:
        self._tables = tables
        self._counters = counters
        self.batch_execute_statement = counters.batch_execute_statement

    def get_paginator(self, operation: str) -> _DynamoDB:
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        if "IndexName" in request:
            yield from self._counters.get_paginator("query").paginate(**request)
            return
        date = request["ExpressionAttributeValues"][":key"]
        items = self._tables[request["TableName"]].items.values()
        yield {"Items": [item for item in items if item["Date"] == date]}

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._tables[request["TableName"]].put(request)
        return {}

    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        # Nothing is written twice here, so that no condition fails half way.
        for item in TransactItems:
            self.put_item(**item["Put"])
        return {}

    def get_item(self, **request: Any) -> dict[str, Any]:
        key = tuple(request["Key"][name]["S"] for name in _KEYS if name in request["Key"])
        item = self._tables[request["TableName"]].items.get(key)
        return {} if item is None else {"Item": item}

    def transact_get_items(self, *, TransactItems: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        return {"Responses": [self.get_item(**item["Get"]) for item in TransactItems]}


class _Bucket(FakeBucket):
    def get_object(self, **request: Any) -> dict[str, Any]:
        answer = super().get_object(**request)
        answer["Body"] = io.BytesIO(answer["Body"].getvalue())
        return {**answer, "LastModified": _NOW}


class Services:
    """What a stack's functions reach.

    Attributes:
        bucket: uploads and published objects.
        snapshots, totals: tables with streams.
        counters: the table for the outside world.
    """

    def __init__(self, stack: str) -> None:
        names = Names(stack)
        self.bucket = _Bucket()
        self.snapshots, self.totals = HeldTable(), HeldTable()
        self.counters = FakeTable(names.counters)
        self._tables = {names.snapshots: self.snapshots, names.totals: self.totals}

    def clients(self) -> FunctionClients:
        """Return clients of boto3's shape. Nothing is refused in a fleet, so there is no queue."""
        return clients_of(s3=self.bucket, dynamodb=_DynamoDB(self._tables, self.counters))
