"""One minute of a fleet through the real handlers: every instance uploads once, spread evenly.

As on AWS, with the mappings that setup makes: the processor takes ten messages; a second's changes of a partition
are the aggregator's batch, of at most a thousand; ten seconds' versions are the publisher's, of at most a hundred
and of at most 6 MB (docs/aws-facts.md#event-source-mappings). Each partition has a shard of its own in its stream,
with a function of its own: DynamoDB splits a table's partitions at the write rates for which days are spread
(docs/aws-facts.md#dynamodb).
"""

from __future__ import annotations

import json
import math
import random
import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from countagg.core.ledger import decode_ledger, merge
from countagg.core.partitions import INSTANCES_PER_LANE, Layout
from countagg.core.values import SCALE
from tests.fakes.bucket import Stored
from tests.functions.publishing import SETTINGS
from tests.functions.world import Context, sqs_record
from tools.scale.services import HeldTable, Services
from tools.simulation.functions import CountedMetrics, Handler, Runtime, quiet_logger
from tools.simulation.rules import real_aggregator, real_processor, real_publisher

DAY: Final = "2026-11-20"
FUNCTIONS: Final = ("processor", "aggregator", "publisher")
_NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
_SECONDS: Final = 60
_MESSAGES: Final = 10
_LINKS: Final = 1_000
_VERSIONS: Final = 100
_PUBLISHED_EVERY: Final = 10
_PAYLOAD_BYTES: Final = 6 * 1024 * 1024
_LARGEST_VALUE: Final = 1_000_000


@dataclass
class Minute:
    """What a minute took.

    Attributes:
        instances: each with one file.
        layout: how the day is spread.
        uploaded: bytes of all files.
        seconds: CPU time by function.
        stored: bytes written to the tables with streams.
        exact: whether totals, counters and published object are what the files add up to.
        megabytes: the process's peak of memory: data of the services and all functions.
    """

    instances: int
    layout: Layout
    uploaded: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(FUNCTIONS, 0.0))
    stored: int = 0
    exact: bool = False
    megabytes: float = 0.0


def recommended_layout(instances: int) -> Layout:
    """Return the layout for a fleet."""
    return Layout(math.ceil(instances / INSTANCES_PER_LANE), 1)


def run_minute(instances: int, counters: int, layout: Layout) -> Minute:
    """Let every instance upload, and the functions work."""
    return _Fleet(instances, counters, layout).run()


class _Fleet:
    def __init__(self, instances: int, counters: int, layout: Layout) -> None:
        self._names = [f"COUNTER{number}" for number in range(1, counters + 1)]
        self._random = random.Random(1)
        self._minute = Minute(instances, layout)
        self._services = Services(SETTINGS.stack)
        self._processor = self._start(real_processor)
        self._publisher = self._start(real_publisher)
        self._aggregators: dict[str, Handler] = {}
        self._expected: Counter[str] = Counter()

    def _start(self, make: Any) -> Handler:
        layout = self._minute.layout
        settings = replace(SETTINGS, lanes=layout.lanes, counter_shards=layout.shards)
        metrics = CountedMetrics()
        handler: Handler = make(Runtime(settings, self._services.clients(), quiet_logger(), metrics, lambda: _NOW))
        return handler

    def run(self) -> Minute:
        minute = self._minute
        ids = [f"i-{number:08x}" for number in range(minute.instances)]
        self._random.shuffle(ids)
        for second in range(_SECONDS):
            share = ids[second * len(ids) // _SECONDS : (second + 1) * len(ids) // _SECONDS]
            for start in range(0, len(share), _MESSAGES):
                messages = [self._upload(instance) for instance in share[start : start + _MESSAGES]]
                self._invoke("processor", self._processor, messages)
            self._aggregate()
            if second % _PUBLISHED_EVERY == _PUBLISHED_EVERY - 1:
                self._publish()
        minute.stored = self._services.snapshots.written + self._services.totals.written
        minute.exact = self._is_exact()
        minute.megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return minute

    def _upload(self, instance: str) -> dict[str, Any]:
        values = {name: self._random.randrange(_LARGEST_VALUE) for name in self._names}
        content = "".join(f"{name} {value}\n" for name, value in values.items()).encode()
        key = f"{SETTINGS.prefix}{DAY}/values_{instance}"
        self._services.bucket.objects[key] = Stored(content)
        self._expected.update(values)
        self._minute.uploaded += len(content)
        entity = {"bucket": {"name": SETTINGS.bucket}, "object": {"key": key, "sequencer": "00674760B0"}}
        event = {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventTime": _NOW.isoformat(),
            "eventName": "ObjectCreated:Put",
            "s3": entity,
        }
        return sqs_record(json.dumps({"Records": [event]}), instance)

    def _aggregate(self) -> None:
        for partition, records in _taken(self._services.snapshots):
            if partition not in self._aggregators:
                self._aggregators[partition] = self._start(real_aggregator)
            for start in range(0, len(records), _LINKS):
                self._invoke("aggregator", self._aggregators[partition], records[start : start + _LINKS])

    def _publish(self) -> None:
        waiting = [record for _, records in _taken(self._services.totals) for record in records]
        while waiting:
            batch, size = [waiting.pop(0)], 0
            while waiting and len(batch) < _VERSIONS and size < _PAYLOAD_BYTES:
                batch.append(waiting.pop(0))
                size += sum(
                    len(batch[-1]["dynamodb"].get(image, {}).get("Document", {}).get("B", "")) for image in _IMAGES
                )
            self._invoke("publisher", self._publisher, batch)

    def _invoke(self, function: str, handler: Handler, records: Sequence[dict[str, Any]]) -> None:
        began = time.process_time()
        answer = handler.handle({"Records": list(records)}, Context(60_000))
        self._minute.seconds[function] += time.process_time() - began
        if answer and answer["batchItemFailures"]:
            raise AssertionError(answer)

    def _is_exact(self) -> bool:
        services, layout = self._services, self._minute.layout
        ledgers = [decode_ledger(item["Document"]["B"]) for item in services.totals.items.values()]
        expected = {name: value * SCALE for name, value in self._expected.items()}
        whole = merge(ledgers, layout.shards)
        counted = {name: int(item["Value"]["N"]) for (name, _), item in services.counters.items.items()}
        lines = services.bucket.objects[f"{SETTINGS.output_prefix}{DAY}"].body.decode().split()
        published = dict(zip(lines[::2], map(int, lines[1::2]), strict=True))
        return (
            whole.sums == expected
            and len(whole.seen) == self._minute.instances
            and counted == published == dict(self._expected)
        )


_IMAGES: Final = ("OldImage", "NewImage")


def _taken(table: HeldTable) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for partition in list(table.waiting):
        yield partition, table.waiting.pop(partition)
