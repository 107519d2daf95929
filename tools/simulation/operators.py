"""The operator: verifies and repairs days with the code of the command line, while the functions run on.

Its calls are stepped like those of a handler. Where it reads side by side in threads, those calls happen at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from countagg.aws.day_reader import DayReader
from countagg.aws.health import Health
from countagg.aws.pipeline import Pipeline
from countagg.aws.session import Clients
from countagg.core.errors import CountaggError
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.core.settings import FunctionSettings
from countagg.data.queues import EventQueue
from countagg.data.store import Store
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.explain import SEARCH, explain_counter
from countagg.operate.integrity.findings import Verification
from countagg.operate.integrity.repair import Repairer
from countagg.operate.integrity.repair_plan import plan_repair
from countagg.operate.integrity.verify import verify
from tests.fakes.clients import FakeClients
from tests.fakes.unfaithful import Unfaithful
from tools.simulation.clients import DynamoDBFake, Running, S3Fake, Services, check_known
from tools.simulation.invocations import Invocation, Outcome, Setting
from tools.simulation.queues import UploadsQueue
from tools.simulation.timeline import DAY


class _S3(S3Fake):
    def _breaks(self) -> bool:
        return False

    def _denies(self, key: str) -> bool:
        del key
        return False

    def get_paginator(self, operation: str) -> _S3:
        if operation != "list_objects_v2":
            raise Unfaithful(operation)
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        check_known(request, "Bucket", "ExpectedBucketOwner", "Prefix")
        yield {"Contents": self._call("ListObjectsV2", request, partial(self._list, request["Prefix"]))}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        check_known(request, "Bucket", "ExpectedBucketOwner", "Prefix", "MaxKeys")
        found = self._call("ListObjectsV2", request, partial(self._list, request["Prefix"]))
        return {"Contents": found[: request["MaxKeys"]]}

    def _list(self, prefix: str) -> list[dict[str, Any]]:
        found = sorted(self._services.bucket.objects.items())
        return [
            {"Key": key, "ETag": f'"{each.etag}"', "Size": len(each.content), "LastModified": each.modified}
            for key, each in found
            if key.startswith(prefix)
        ]


class _DynamoDB(DynamoDBFake):
    def put_item(self, **request: Any) -> dict[str, Any]:
        if request["TableName"] in self._services.tables:
            return super().put_item(**request)
        step = partial(
            self._services.counters.put,
            request["Item"],
            request["ConditionExpression"],
            request.get("ExpressionAttributeNames", {}),
            request.get("ExpressionAttributeValues", {}),
        )
        self._call("PutItem", step)
        return {}

    def _found(self, name: str, keys: Sequence[Any]) -> list[Any]:
        if name in self._services.tables:
            return super()._found(name, keys)
        items = self._services.counters.table.items
        places = [(key["Counter"]["S"], key["Date"]["S"]) for key in keys]
        return [dict(items[place]) for place in places if place in items]


class _Sqs:
    def __init__(self, queue: UploadsQueue, running: Running) -> None:
        self._queue = queue
        self._running = running

    def get_queue_url(self, **request: Any) -> dict[str, Any]:
        return {"QueueUrl": request["QueueName"]}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        steps = [partial(self._send, entry["MessageBody"]) for entry in request["Entries"]]
        self._running().call("SendMessageBatch", steps, throttle="RequestThrottled")
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    def _send(self, body: str) -> None:
        self._queue.send(body, unquote_plus(json.loads(body)["Records"][0]["s3"]["object"]["key"]))


class Operator:
    """Somebody at a command line.

    Args:
        setting: of the world.
        services: of the world.
        queue: of uploads.
        settings: returns those of the stack as they are.

    Attributes:
        found: what the last verification of each day found.
        mended: what the last repair of each day began with.
        refused: what somebody who looked around was told instead of an answer.
        failures: how commands ended that did not end as they should.
    """

    def __init__(
        self, setting: Setting, services: Services, queue: UploadsQueue, settings: Callable[[], FunctionSettings]
    ) -> None:
        self.found: dict[str, Verification] = {}
        self.mended: dict[str, Verification] = {}
        self.refused: list[CountaggError] = []
        self.failures: list[str] = []
        self._setting = setting
        self._services = services
        self._queue = queue
        self._settings = settings
        self._begun = 0

    def look_around(self, day: str, counter: str) -> None:
        """Begin to ask what `explain`, `query` and `status` ask; what they are refused is kept."""
        self._begin("look", day, partial(self._look_around, day, counter))

    def _look_around(self, day: str, counter: str, reader: DayReader, clients: Clients, settling: Polling) -> None:
        pipeline, health = Pipeline(clients, reader.settings), Health(clients, reader.settings)
        asks: tuple[Callable[[], object], ...] = (
            lambda: explain_counter(
                self._observer(reader, day), counter, replace(settling, timeout=SEARCH.timeout)
            ),
            lambda: pipeline.totals(day),
            lambda: list(pipeline.snapshots(day)),
            lambda: list(pipeline.snapshot_heads(day)),
            lambda: health.counted(day),
            lambda: health.published(day),
        )
        for ask in asks:
            try:
                ask()
            except CountaggError as error:
                self.refused.append(error)

    def verify(self, day: str) -> None:
        """Begin to verify a day."""
        self._begin("verify", day, lambda reader, _clients, settling: self._verify(reader, day, settling))

    def repair(self, day: str) -> None:
        """Begin to repair a day."""
        self._begin("repair", day, lambda *parts: self._repair(day, *parts))

    def publish(self, day: str) -> None:
        """Begin to publish a day that was given up, as a redrive does."""
        self._begin("publish", day, lambda *parts: self._repairer(*parts).write_outputs(day))

    def _begin(self, what: str, day: str, work: Callable[[DayReader, Clients, Polling], Any]) -> None:
        setting = self._setting
        self._begun += 1
        invocation = Invocation(setting, f"{what}#{self._begun}", DAY, ())
        clients = self._clients(lambda: invocation)
        settling = Polling(SETTLE_SECONDS, invocation.pause, lambda: setting.timeline.now)

        def ended(outcome: Outcome) -> None:
            self.failures += [outcome.failure] * bool(outcome.failure)
            setting.trace.tell(invocation.name, f"fails: {outcome.failure}" if outcome.failure else "ends")

        setting.trace.tell(invocation.name, day)
        invocation.start(partial(work, DayReader(clients, self._settings()), clients, settling), ended)

    def _clients(self, running: Running) -> Clients:
        setting, services = self._setting, self._services
        return FakeClients(
            s3=_S3(setting, services, running),
            dynamodb=_DynamoDB(setting, services, running),
            sqs=_Sqs(self._queue, running),
        )

    def _verify(self, reader: DayReader, day: str, settling: Polling) -> None:
        self.found.pop(day, None)
        self.found[day], _ = verify(self._observer(reader, day), settling)

    def _observer(self, reader: DayReader, day: str) -> Observer:
        return Observer(reader, day, self._setting.timeline.utc().date())

    def _repair(self, day: str, reader: DayReader, clients: Clients, settling: Polling) -> None:
        self.found.pop(day, None)
        observer, utc = self._observer(reader, day), self._setting.timeline.utc
        found, look = verify(observer, settling)
        self.mended[day] = found
        plan = plan_repair(found, look, reader.settings, utc().isoformat())
        if plan.mendings:
            found = self._repairer(reader, clients, settling).repair(observer, plan).verification
        self.found[day] = found

    def _repairer(self, reader: DayReader, clients: Clients, settling: Polling) -> Repairer:
        store, queue = Store(reader.settings, clients), EventQueue(clients, reader.settings.stack)
        return Repairer(reader, store, queue, settling, self._setting.timeline.utc)
