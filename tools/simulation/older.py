"""Functions of an older countagg, which know no versions of contents, beside those of this one.

They run in the same environments for a while when a stack is updated, and an older operator may set it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.ledger import Image
from countagg.core.names import Names
from countagg.data.attributes import Item
from countagg.data.snapshots import (
    CHANGE,
    CONTENT_SEQUENCER,
    COUNTERS,
    INSTANCE,
    SEQUENCER,
    NewSnapshot,
    SnapshotsTable,
)
from countagg.data.store import Store
from countagg.functions.aggregator import Aggregator
from countagg.functions.processor import Processor
from tools.simulation.functions import Handler, Runtime
from tools.simulation.rules import REAL, MakeHandler, Rules


class _OlderSnapshots(SnapshotsTable):
    """Snapshots by the sequencers of their uploads alone."""

    def put(self, new: NewSnapshot, expires_at: int) -> bool:
        """Write what an older countagg wrote, whatever is there."""
        return super().put(NewSnapshot(new.parts), expires_at)

    def _write(self, items: Any, conditions: Any) -> bool:
        return super()._write(list(map(_older, items)), conditions)

    def images(self, partition: str) -> Iterator[tuple[str, Image]]:
        """Yield every snapshot with the sequencer of its upload."""
        for item in self.items(partition, INSTANCE, SEQUENCER, COUNTERS):
            yield INSTANCE.read(item), Image(SEQUENCER.read(item), COUNTERS.read(item))


def _older(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in {CONTENT_SEQUENCER.name, CHANGE.name}}


class _OlderAggregator(Aggregator):
    """Takes the sequencers of uploads for those of their contents."""

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Fold a batch without the attributes that were not there."""
        super().handle({"Records": list(map(_without_versions, event["Records"]))}, context)


def _without_versions(record: Mapping[str, Any]) -> dict[str, Any]:
    change = record["dynamodb"]
    images = {name: _older(change[name]) for name in ("OldImage", "NewImage") if name in change}
    return {**record, "dynamodb": {**change, **images}}


def _store(runtime: Runtime) -> Store:
    store = Store(runtime.settings, runtime.clients)
    store.snapshots = _OlderSnapshots(runtime.clients, Names(runtime.settings.stack).snapshots)
    return store


def _older_processor(runtime: Runtime) -> Handler:
    return Processor(runtime.settings, _store(runtime), runtime.logger, runtime.metrics, runtime.now)


def _older_aggregator(runtime: Runtime) -> Handler:
    return _OlderAggregator(_store(runtime), runtime.logger, runtime.metrics, runtime.now)


def upgraded(seed: int) -> Rules:
    """Return rules by which each environment has the one or the other, and so has the mapping its filter."""
    random = Random(f"upgrade of {seed}")

    def either(older: MakeHandler, newer: MakeHandler) -> MakeHandler:
        share = random.random()

        def make(runtime: Runtime) -> Handler:
            return (older if random.random() < share else newer)(runtime)

        return make

    return replace(
        REAL,
        processor=either(_older_processor, REAL.processor),
        aggregator=either(_older_aggregator, REAL.aggregator),
        is_upgraded=True,
        sees_repeats=random.random() < 0.3,
    )
