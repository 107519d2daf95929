"""Silent instances, as the processor counts them beside its work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.core.partitions import Layout
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import Snapshot, pack_counters
from countagg.data.attributes import DATE
from countagg.data.day_records import DayRecord
from countagg.data.silence_turns import LOOKED_AT, TURN_KEY
from countagg.data.snapshot_records import parse_snapshot_record
from countagg.data.snapshots import NewSnapshot
from countagg.data.store import Store
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS
from countagg.functions.processor import Processor
from countagg.functions.silence import INSTANCES_SILENT
from tests.functions.world import DAY, NOW, Context, World, as_event, emitted_metrics, overridden, sqs_record

TOMORROW = "2026-11-21"


class Watching:
    """A processor of a stack that was set up with `--stale-alarm 15m`, and its clock."""

    def __init__(self, world: World, **chosen: Any) -> None:
        self.world = world
        self.settings = replace(world.settings, stale_alarm="15m", **chosen)
        self.clock = NOW
        self.store = Store(self.settings, world.clients)
        self.processor = self.another()

    def another(self, store: Store | None = None) -> Processor:
        """Return a processor in another environment."""
        world = self.world
        return Processor(self.settings, store or self.store, world.logger, world.metrics, lambda: self.clock)

    def uploaded(self, instance: str, at: datetime, day: str = DAY, *, etag: str = "e") -> None:
        """Write the snapshot of an upload."""
        layout = self.settings.layout
        self.store.records.fix(day, DayRecord(layout, self.settings.expiry_of(day)))
        sequencer = normalise_sequencer(self.world.next_sequencer())
        snapshot = Snapshot(day, instance, sequencer, pack_counters({}), etag, "k", at.isoformat())
        parts = dict.fromkeys(layout.partitions_of(day, instance), snapshot)
        assert self.store.snapshots.put(NewSnapshot(parts), 2**31)

    def call(self, processor: Processor | None = None, *remaining: int) -> None:
        """Call a processor for a message that tells of nothing."""
        event = {"Records": [sqs_record(json.dumps({"Event": "s3:TestEvent"}), "1")]}
        answer = (processor or self.processor).handle(event, Context(60_000, *(remaining or (60_000,))))
        assert answer == {"batchItemFailures": []}

    def counted(self, capsys: pytest.CaptureFixture[str]) -> float | None:
        """Return how many instances were counted as silent since the last time; None if nobody counted."""
        return emitted_metrics(capsys).get(INSTANCES_SILENT)


@pytest.fixture(name="watching")
def _watching(world: World) -> Watching:
    return Watching(world)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def test_silent_instances_are_counted_and_named(watching: Watching, capsys: pytest.CaptureFixture[str]) -> None:
    watching.uploaded("i-1", ago(1))
    watching.uploaded("i-2", ago(16))
    watching.uploaded("i-3", ago(300))
    watching.uploaded("i-4", ago(300), etag="")
    watching.call()
    assert watching.counted(capsys) == 2
    (warning,) = (line for line in watching.world.log_lines() if line["level"] == "WARNING")
    assert (warning["message"], warning["silent"]) == ("instances are silent", 2)
    assert list(warning["last_uploads"]) == ["i-3", "i-2"]


def test_that_nobody_is_silent_is_said_because_no_metric_means_that_nobody_looks(
    watching: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.call()
    assert watching.counted(capsys) == 0


def test_who_writes_the_file_of_tomorrow_is_not_silent(
    watching: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.uploaded("i-1", ago(300))
    watching.uploaded("i-1", ago(1), TOMORROW)
    watching.call()
    assert watching.counted(capsys) == 0


def test_every_lane_of_a_day_is_looked_at_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    watching = Watching(world, lanes=3, counter_shards=2)
    for number in range(9):
        watching.uploaded(f"i-{number}", ago(20))
    watching.call()
    assert watching.counted(capsys) == 9
    asked = [call["ExpressionAttributeValues"][":key"]["S"] for call in world.calls.of("Query")]
    assert asked == list(Layout(3, 2).first_partitions(DAY))


def test_nobody_looks_unless_setup_was_told_to(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    watching = Watching(world)
    watching.settings = world.settings
    watching.uploaded("i-1", ago(300))
    made = len(world.calls.made)
    watching.call(watching.another(Store(world.settings, world.clients)))
    assert watching.counted(capsys) is None
    assert len(world.calls.made) == made


def test_one_looks_in_each_interval_of_all_that_run(
    watching: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    others = [watching.another() for _ in range(3)]
    seen = []
    for minute in range(11):
        watching.clock = NOW + timedelta(minutes=minute)
        for processor in (watching.processor, *others):
            watching.call(processor)
        seen.append(watching.counted(capsys))
    assert [minute for minute, counted in enumerate(seen) if counted is not None] == [0, 5, 10]
    # Each asks for the turn once in an interval.
    assert len(watching.world.calls.of("PutItem")) == 3 * 4


def test_looks_read_three_attributes_and_cost_the_half(watching: Watching) -> None:
    watching.uploaded("i-1", ago(1))
    watching.call()
    (asked,) = watching.world.calls.of("Query")
    assert not asked["ConsistentRead"]
    assert set(asked["ExpressionAttributeNames"].values()) == {"Date", "Instance", "UploadedAt", "ETag"}


def failing(operation: str) -> Iterator[None]:
    raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, operation)


@pytest.mark.parametrize("operation", ["put_item", "get_item", "get_paginator"])
def test_files_are_processed_although_nobody_can_look(
    watching: Watching, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.uploaded("i-1", ago(300))
    world = watching.world
    dynamodb = overridden(world.clients.dynamodb, **{operation: lambda *_, **__: failing(operation).__next__()})
    broken = Store(watching.settings, replace(world.clients, dynamodb=dynamodb))
    watching.call(watching.another(broken))
    assert watching.counted(capsys) is None
    (failure,) = (line for line in world.log_lines() if line["level"] == "ERROR")
    assert failure["message"] == "silent instances not counted"


def test_a_look_that_does_not_fit_into_the_invocation_is_given_up(
    watching: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.uploaded("i-1", ago(300))
    made = len(watching.world.calls.of("PutItem"))
    watching.call(watching.another(), SLOWEST_CALL_MILLISECONDS - 1)
    assert len(watching.world.calls.of("PutItem")) == made
    enough = SLOWEST_CALL_MILLISECONDS
    # Before tomorrow's record, today's, its partition, and what may be the next page.
    for looks in range(1, 5):
        watching.call(watching.another(), *[enough] * looks, enough - 1)
        watching.clock += timedelta(minutes=5)
        assert watching.counted(capsys) is None
    watching.call(watching.another())
    assert watching.counted(capsys) == 1


def test_a_damaged_snapshot_tells_no_time_and_does_no_harm(
    watching: Watching, capsys: pytest.CaptureFixture[str]
) -> None:
    watching.uploaded("i-1", ago(300))
    for uploaded_at in ({"S": "then"}, {"S": "2026-11-20T01:00:00"}, {"N": "1"}):
        watching.world.clients.dynamodb.put_item(
            TableName=watching.world.names.snapshots,
            Item={**DATE.put(DAY), "Instance": {"S": "i-2"}, "UploadedAt": uploaded_at, "ETag": {"S": "e"}},
        )
        watching.call(watching.another())
        watching.clock += timedelta(minutes=5)
        assert watching.counted(capsys) == 1


def test_the_aggregator_passes_over_the_turn(watching: Watching) -> None:
    watching.call()
    table = watching.world.names.snapshots
    item = watching.world.clients.dynamodb.get_item(TableName=table, Key=TURN_KEY)["Item"]
    assert LOOKED_AT.read(item) == int(NOW.timestamp())
    change = {"Keys": as_event(TURN_KEY), "NewImage": as_event(item)}
    assert parse_snapshot_record({"eventName": "INSERT", "dynamodb": change}) is None
