"""The write units of the cost model are those of the requests that the functions send."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from countagg.core.partitions import LAYOUTS_PARTITION
from countagg.functions.aggregator import Aggregator
from countagg.operate.cost.fleet_sizes import size_article, size_fleet
from countagg.operate.cost.item_sizes import item_size, write_units
from countagg.operate.cost.model import ASSUMED
from countagg.operate.cost.write_units import (
    Rhythm,
    article_write_units_per_file,
    write_units_per_file,
)
from countagg.operate.totals.uploads import make_fleet
from tests.events.loading import load_event
from tests.fakes.partiql import FakeTable
from tests.functions.publishing import NAME, Outside
from tests.functions.world import DAY, Context, World, as_event, emitted_metrics
from tools.benchmark.filling import size_article_filling, size_filling

ROUNDS = 2
FILES_A_VERSION = 10
VERSIONS_A_PUBLICATION = 2
TOLERANCE = 0.05


class BilledTable(FakeTable):
    """A counters table that counts what its writes cost, those to its index too."""

    units = 0

    def _response(self, request: dict[str, Any]) -> dict[str, Any]:
        before = {key: dict(item) for key, item in self.items.items()}
        response = super()._response(request)
        changed = [key for key in self.items if self.items[key] != before.get(key)]
        for key in changed:
            size = max(item_size(before.get(key, {})), item_size(self.items[key]))
            self.units += 2 * write_units(size)
        if "Error" in response:
            self.units += write_units(item_size(response["Error"].get("Item", {})))
        return response


class Pipeline:
    """The three functions, fed by hand, and what they wrote."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.outside = Outside()
        self.table = BilledTable(NAME)
        self.outside.table = self.table
        self.publisher = self.outside.start()
        self.aggregator = Aggregator(world.store, world.logger, world.metrics, world.now)
        self._random = random.Random(1)

    def upload(self, files: Mapping[str, bytes]) -> list[dict[str, Any]]:
        """Process files; return the records that the snapshots' stream emits."""
        before = {instance: self.world.snapshot_item(instance) for instance in files}
        messages = []
        for instance, content in files.items():
            sequencer = f"00{0x674760B0:08X}{self._random.getrandbits(32):08X}"
            known = before[instance]
            if known is not None:
                # Later than any before, and as random as S3's.
                second = int(known["Sequencer"]["S"][2:10], 16) + 60
                sequencer = f"00{second:08X}{self._random.getrandbits(32):08X}"
            messages.append(self.world.created(self.world.put(instance, content), sequencer))
        assert self.world.process(*messages).retried == []
        return [
            stream_record("stream-snapshot-modify", before[instance], self.world.snapshot_item(instance))
            for instance in files
        ]

    def aggregate(self, records: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Hand a batch to the aggregator; return the record that the totals' stream emits."""
        before = self.world.totals_item()
        self.aggregator.handle({"Records": list(records)}, Context(60_000))
        return stream_record("stream-totals-modify", before, self.world.totals_item())

    def units(self) -> dict[str, int]:
        """Return the write units of the requests, by table."""
        units: Counter[str] = Counter()
        for call in self.world.calls.of("PutItem"):
            # A day's record is written once by each execution environment, which here lives for one batch.
            if call["Item"]["Date"] != {"S": LAYOUTS_PARTITION}:
                units[call["TableName"]] += write_units(item_size(call["Item"]))
        units[NAME] = self.table.units
        return dict(units)


def stream_record(event: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    assert new is not None
    record = load_event(event)
    keys = {name: new[name] for name in record["dynamodb"]["Keys"]}
    record["eventName"] = "MODIFY" if old else "INSERT"
    record["dynamodb"] |= {"Keys": keys, "NewImage": as_event(new)}
    record["dynamodb"].pop("OldImage", None)
    if old:
        record["dynamodb"]["OldImage"] = as_event(old)
    return record


def in_groups(items: Iterable[Any], size: int) -> list[list[Any]]:
    found = list(items)
    return [found[start : start + size] for start in range(0, len(found), size)]


@pytest.mark.parametrize(("instances", "counters"), [(40, 100), (20, 400)])
def test_our_write_units(world: World, instances: int, counters: int) -> None:
    assert instances % (FILES_A_VERSION * VERSIONS_A_PUBLICATION) == 0
    pipeline = Pipeline(world)
    ids: list[str] = []
    for number in range(ROUNDS):
        fleet = {each.instance: each.content for each in make_fleet(instances, counters, seed=number)}
        ids = list(fleet)
        # Batch by batch: the first ledger of a day takes in all snapshots that there are.
        batches = [dict(group) for group in in_groups(fleet.items(), FILES_A_VERSION)]
        versions = [pipeline.aggregate(pipeline.upload(batch)) for batch in batches]
        for batch in in_groups(versions, VERSIONS_A_PUBLICATION):
            pipeline.outside.publish(*batch, by=pipeline.publisher)

    rhythm = Rhythm(1, FILES_A_VERSION, VERSIONS_A_PUBLICATION)
    first = write_units_per_file(size_filling(ids, counters), rhythm, counters)
    later = write_units_per_file(size_fleet(instances, counters, ids=ids), rhythm, counters)
    modelled = instances * (first + (ROUNDS - 1) * later)

    assert sum(pipeline.units().values()) == pytest.approx(modelled, rel=TOLERANCE)
    snapshots = pipeline.units()[world.names.snapshots]
    assert snapshots == pytest.approx(
        ROUNDS * instances * size_fleet(instances, counters, ids=ids).snapshot_units, rel=TOLERANCE
    )


@pytest.mark.parametrize(("instances", "counters"), [(30, 2), (60, 1)])
def test_the_articles_write_units(world: World, instances: int, counters: int) -> None:
    table = world.names.counters
    dynamodb = world.clients.dynamodb
    units = 0

    def update(key: dict[str, Any], **request: Any) -> None:
        """Update an item, and count the whole of it, whether or not the condition holds."""
        nonlocal units
        before = dynamodb.get_item(TableName=table, Key=key).get("Item", {})
        try:
            dynamodb.update_item(TableName=table, Key=key, **request)
        except dynamodb.exceptions.ConditionalCheckFailedException:
            units += write_units(item_size(before))
        else:
            after = dynamodb.get_item(TableName=table, Key=key)["Item"]
            units += write_units(max(item_size(before), item_size(after)))

    fleet = [each.instance for each in make_fleet(instances, 1, seed=0)]
    for instance in fleet:
        for counter in range(1, counters + 1):
            key = {"Counter": {"S": f"COUNTER{counter}"}, "Date": {"S": DAY}}
            update(
                key,
                UpdateExpression="SET Instances = :empty",
                ConditionExpression="attribute_not_exists(Instances)",
                ExpressionAttributeValues={":empty": {"M": {}}},
            )
            update(
                key,
                UpdateExpression="SET Instances.#instance = :value",
                ConditionExpression="attribute_not_exists(Instances.#instance) OR Instances.#instance <> :value",
                ExpressionAttributeNames={"#instance": instance},
                ExpressionAttributeValues={":value": {"N": str(500_000 + counter)}},
            )
    state, units = units, 0
    for counter in range(1, counters + 1):
        for _ in fleet:
            update(
                {"Counter": {"S": f"SUM{counter}"}, "Date": {"S": DAY}},
                UpdateExpression="SET #value = :sum",
                ExpressionAttributeNames={"#value": "Value"},
                ExpressionAttributeValues={":sum": {"N": str(500_000 * instances)}},
            )

    sizes = size_article_filling(fleet, counters)
    assert state + units == pytest.approx(instances * article_write_units_per_file(sizes, counters), rel=TOLERANCE)
    full = size_article(instances, counters, ids=fleet)
    stored = dynamodb.get_item(TableName=table, Key={"Counter": {"S": "COUNTER1"}, "Date": {"S": DAY}})["Item"]
    assert item_size(stored) == pytest.approx(full.state, rel=TOLERANCE)


def test_the_metrics_of_good_runs_are_as_many_as_the_bill_has(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = Pipeline(world)
    records = pipeline.upload({"i-1": b"a 1\n", "i-2": b"a 2\n"})
    pipeline.outside.publish(pipeline.aggregate(records), by=pipeline.publisher)

    assert len(emitted_metrics(capsys)) == ASSUMED.metrics
