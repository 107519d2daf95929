"""Clients of boto3's shape, one set per execution environment: they make a pausing call of each operation.

They know the operations and parameters that the functions use, and no others.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

from countagg.data.limits import LIMIT_DATE
from countagg.functions.clients import FunctionClients
from tests.fakes.unfaithful import Unfaithful
from tests.functions.world import ACCOUNT, BUCKET, clients_of
from tools.simulation.alerts import AlertsWorld
from tools.simulation.bucket import Bucket
from tools.simulation.counters import Counters
from tools.simulation.faults import Fault
from tools.simulation.invocations import Effect, Invocation, Setting
from tools.simulation.queues import DeadLetters
from tools.simulation.tables import Table

CANCELLED = "TransactionCanceledException"
THROTTLED_BY_DYNAMODB = "ProvisionedThroughputExceededException"


@dataclass(frozen=True, slots=True)
class Services:
    """What the clients reach."""

    bucket: Bucket
    dead_letters: DeadLetters
    dead_letters_url: str
    tables: Mapping[str, Table]
    counters: Counters
    alerts: AlertsWorld
    page_size: int


Running = Callable[[], Invocation]
"""Returns the invocation that makes the call."""


def make_clients(setting: Setting, services: Services, running: Running) -> FunctionClients:
    """Make the clients of an execution environment."""
    return clients_of(
        s3=S3Fake(setting, services, running),
        sqs=SqsFake(services, running),
        dynamodb=DynamoDBFake(setting, services, running),
    )


def check_known(request: Mapping[str, Any], *known: str) -> None:
    if unknown := set(request) - set(known):
        raise Unfaithful(f"parameters {sorted(unknown)}")


class SnsFake:
    def __init__(self, services: Services, running: Running) -> None:
        self._services = services
        self._running = running

    def publish(self, **request: Any) -> dict[str, Any]:
        check_known(request, "TopicArn", "Subject", "Message", "MessageStructure")
        step = partial(self._services.alerts.publish, **request)
        [message_id] = self._running().call("Publish", [step], throttle="Throttled")
        return {"MessageId": message_id}


class SqsFake:
    def __init__(self, services: Services, running: Running) -> None:
        self._services = services
        self._running = running

    def send_message(self, **request: Any) -> dict[str, Any]:
        check_known(request, "QueueUrl", "MessageBody")
        if request["QueueUrl"] != self._services.dead_letters_url:
            raise Unfaithful(f"queue {request['QueueUrl']}")
        step = partial(self._services.dead_letters.send, request["MessageBody"])
        self._running().call("SendMessage", [step], throttle="RequestThrottled")
        return {}


class _Body(io.BytesIO):
    """The stream of an object's content, which may break."""

    def __init__(self, content: bytes, invocation: Invocation, *, broken: bool) -> None:
        super().__init__(content)
        self._invocation = invocation
        self._broken = broken

    def read(self, size: int | None = -1, /) -> bytes:
        self._invocation.pause(self._invocation.latency())
        if self._broken:
            raise ReadTimeoutError(endpoint_url="https://s3.test")
        return super().read(size)


class S3Fake:
    def __init__(self, setting: Setting, services: Services, running: Running) -> None:
        self._setting = setting
        self._services = services
        self._running = running

    def _call(self, operation: str, request: Mapping[str, Any], step: Effect) -> Any:
        if (request["Bucket"], request["ExpectedBucketOwner"]) != (BUCKET, ACCOUNT):
            raise Unfaithful(f"bucket {request['Bucket']} of {request['ExpectedBucketOwner']}")
        return self._running().call(operation, [step], throttle="SlowDown")[0]

    def get_object(self, **request: Any) -> dict[str, Any]:
        check_known(request, "Bucket", "Key", "ExpectedBucketOwner", "VersionId")
        step = partial(self._get, request["Key"], "NoSuchKey", request.get("VersionId"))
        answer = self._call("GetObject", request, step)
        return {**answer, "Body": _Body(answer.pop("content"), self._running(), broken=self._breaks())}

    def _breaks(self) -> bool:
        return self._setting.faults.strikes(Fault.BODY_BROKEN)

    def _denies(self, key: str) -> bool:
        return self._setting.timeline.now < self._services.bucket.denied_until.get(key, 0.0)

    def list_object_versions(self, **request: Any) -> dict[str, Any]:
        check_known(
            request,
            *("Bucket", "Prefix", "MaxKeys", "ExpectedBucketOwner", "KeyMarker", "VersionIdMarker"),
        )
        return dict(self._call("ListObjectVersions", request, partial(self._list_versions, request)))

    def _list_versions(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """List versions newest first, key by key; an object without any is the version `null`."""
        bucket, prefix, size = self._services.bucket, request["Prefix"], request["MaxKeys"]
        listed = [
            (key, version, stored)
            for key in sorted(bucket.objects.keys() | bucket.versions)
            if key.startswith(prefix)
            for version, stored in bucket.versions.get(key, {"null": bucket.objects.get(key)}).items()
        ]
        places = [(key, version) for key, version, _ in listed]
        start = 0
        if "KeyMarker" in request:
            marker = (request["KeyMarker"], request["VersionIdMarker"])
            # What was listed last may be gone since: the object of a bucket without versions was deleted.
            after = sum(key <= marker[0] for key, _ in places)
            start = places.index(marker) + 1 if marker in places else after
        page: dict[str, Any] = {"IsTruncated": start + size < len(listed)}
        for key, version, stored in listed[start : start + size]:
            page.setdefault("DeleteMarkers" if stored is None else "Versions", []).append(
                {"Key": key, "VersionId": version}
            )
        if page["IsTruncated"]:
            page["NextKeyMarker"], page["NextVersionIdMarker"] = places[start + size - 1]
        return page

    def _get(self, key: str, absent: str, version_id: str | None = None) -> Any:
        found = self._services.bucket.get(key, version_id)
        if found is None:
            raise ClientError({"Error": {"Code": absent, "Message": "Not Found"}}, "GetObject")
        return _Answer(
            content=found.content,
            ContentLength=len(found.content),
            ETag=f'"{found.etag}"',
            LastModified=found.modified,
            Metadata=dict(found.metadata),
            ContentType=found.content_type,
            **({} if found.version_id is None else {"VersionId": found.version_id}),
        )

    def put_object(self, **request: Any) -> dict[str, Any]:
        check_known(
            request,
            *("Bucket", "Key", "ExpectedBucketOwner", "Body", "ContentType", "Metadata", "IfMatch", "IfNoneMatch"),
        )
        if self._denies(request["Key"]):
            return dict(self._call("PutObject", request, _deny))
        conditional = "IfMatch" in request or "IfNoneMatch" in request
        if conditional and self._setting.faults.strikes(Fault.PUT_CONFLICT):
            return dict(self._call("PutObject", request, _conflict))
        step = partial(
            self._services.bucket.put,
            request["Key"],
            request["Body"],
            metadata=request.get("Metadata"),
            content_type=request.get("ContentType", ""),
            if_match=request.get("IfMatch"),
            if_none_match=request.get("IfNoneMatch"),
        )
        return {"ETag": f'"{self._call("PutObject", request, step).etag}"'}


def _deny() -> None:
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")


def _conflict() -> None:
    raise ClientError({"Error": {"Code": "ConditionalRequestConflict", "Message": "409"}}, "PutObject")


class _Answer(dict[str, Any]):
    """An answer that the trace shows in short."""

    def __str__(self) -> str:
        return f"{self['ContentLength']} bytes, etag {self['ETag']}"


class DynamoDBFake:
    def __init__(self, setting: Setting, services: Services, running: Running) -> None:
        self._setting = setting
        self._services = services
        self._running = running

    def _call(self, operation: str, *steps: Effect) -> list[Any]:
        return self._running().call(operation, steps, throttle=THROTTLED_BY_DYNAMODB)

    def put_item(self, **request: Any) -> dict[str, Any]:
        self._call("PutItem", partial(self._services.tables[request["TableName"]].put, *_put(request)))
        return {}

    def transact_write_items(self, *, TransactItems: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        _check_count(TransactItems)
        self._call("TransactWriteItems", partial(self._write_all, [item["Put"] for item in TransactItems]))
        return {}

    def _write_all(self, requests: Sequence[Any]) -> str:
        """Write all items or none, at one moment."""
        tables = self._services.tables
        allowed = [tables[request["TableName"]].allows(*_put(request)) for request in requests]
        if not all(allowed):
            reasons = [{"Code": "None" if each else "ConditionalCheckFailed"} for each in allowed]
            failed: Any = {"Error": {"Code": CANCELLED, "Message": str(reasons)}, "CancellationReasons": reasons}
            raise ClientError(failed, "TransactWriteItems")
        return ", ".join(tables[request["TableName"]].put(*_put(request)) for request in requests)

    def transact_get_items(self, *, TransactItems: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        _check_count(TransactItems)
        cancelled = self._setting.faults.strikes(Fault.READ_CANCELLED)
        step = _cancel if cancelled else partial(self._read_all, [item["Get"] for item in TransactItems])
        [found] = self._call("TransactGetItems", step)
        return {"Responses": [{} if item is None else {"Item": item} for item in found]}

    def _read_all(self, requests: Sequence[Any]) -> list[Any]:
        """Read all items as they are at one moment."""
        tables = [self._services.tables[request["TableName"]] for request in requests]
        return [
            table.get(table.key_of(request["Key"]), consistent=True)
            for table, request in zip(tables, requests, strict=True)
        ]

    def get_item(self, **request: Any) -> dict[str, Any]:
        check_known(
            request, "TableName", "Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"
        )
        table = self._services.tables[request["TableName"]]
        key = table.key_of(request["Key"])
        [item] = self._call("GetItem", partial(table.get, key, consistent=request.get("ConsistentRead", False)))
        return {} if item is None else {"Item": item}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        [(name, asked)] = RequestItems.items()
        check_known(asked, "Keys", "ConsistentRead")
        _check_count(keys := asked["Keys"])
        taken = len(keys) - (len(keys) > 1 and self._setting.faults.strikes(Fault.KEY_UNPROCESSED))
        [found] = self._call("BatchGetItem", partial(self._found, name, keys[:taken]))
        left = {name: asked | {"Keys": keys[taken:]}} if keys[taken:] else {}
        return {"Responses": {name: found}, "UnprocessedKeys": left}

    def _found(self, name: str, keys: Sequence[Any]) -> list[Any]:
        table = self._services.tables[name]
        found = (table.get(table.key_of(key), consistent=True) for key in keys)
        return [item for item in found if item is not None]

    def get_paginator(self, operation: str) -> QueryFake:
        if operation != "query":
            raise Unfaithful(operation)
        return QueryFake(self._services, self._call)

    def batch_execute_statement(self, *, Statements: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's
        if len(Statements) > 25:  # the limit of the operation
            raise Unfaithful(f"{len(Statements)} statements")
        steps = [partial(self._services.counters.execute, statement) for statement in Statements]
        return {"Responses": self._call("BatchExecuteStatement", *steps)}


def _check_count(items: Sequence[Any]) -> None:
    if len(items) > 100:  # the limit of both transactions, and of BatchGetItem
        raise Unfaithful(f"{len(items)} items")


def _cancel() -> None:
    failed: Any = {"Error": {"Code": CANCELLED, "Message": "[TransactionConflict]"}}
    raise ClientError(failed, "TransactGetItems")


def _put(request: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a table is told of a conditional write."""
    check_known(
        request,
        *("TableName", "Item", "ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues"),
        "ReturnValuesOnConditionCheckFailure",
    )
    return (
        request["Item"],
        request.get("ConditionExpression", ""),
        request.get("ExpressionAttributeNames", {}),
        request.get("ExpressionAttributeValues", {}),
    )


class QueryFake:
    """The paginator of a query: each page is a call of its own, so that others write between them."""

    def __init__(self, services: Services, call: Callable[..., list[Any]]) -> None:
        self._services = services
        self._call = call

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        if "IndexName" in request:
            of_limits = request["ExpressionAttributeValues"][":key"] == {"S": LIMIT_DATE}
            pages_of = self._services.alerts.limit_pages if of_limits else self._services.counters.pages
            [pages] = self._call("Query", partial(pages_of, **request))
            yield from pages
            return
        check_known(
            request,
            *("TableName", "KeyConditionExpression", "ProjectionExpression", "ExpressionAttributeNames"),
            *("ExpressionAttributeValues", "ConsistentRead"),
        )
        table = self._services.tables[request["TableName"]]
        if request["KeyConditionExpression"] != f"#{table.partition_key} = :key":
            raise Unfaithful(request["KeyConditionExpression"])
        names = request["ExpressionAttributeNames"]
        shown = (
            [names[each] for each in request["ProjectionExpression"].split(", ")]
            if "ProjectionExpression" in request
            else None
        )
        partition, after = request["ExpressionAttributeValues"][":key"]["S"], ""
        while True:
            step = partial(
                table.page,
                partition,
                after,
                self._services.page_size,
                consistent=request.get("ConsistentRead", False),
            )
            [(items, after)] = self._call("Query", step)
            yield {"Items": [{name: item[name] for name in shown or item if name in item} for item in items]}
            if not after:
                return
