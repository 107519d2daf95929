"""The fakes of single services promise what AWS promises, and no more."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tools.simulation.bucket import Bucket
from tools.simulation.faults import Fault, Faults
from tools.simulation.invocations import Setting
from tools.simulation.streams import Stream
from tools.simulation.tables import Table
from tools.simulation.timeline import DAY, MINUTE, Timeline
from tools.simulation.trace import Trace

START = datetime(2026, 11, 20, 9, tzinfo=UTC)


def item(instance: str, version: int = 1, expires: int = 2_000_000_000) -> dict[str, Any]:
    return {
        "Date": {"S": "2026-11-20"},
        "Instance": {"S": instance},
        "Version": {"N": str(version)},
        "ExpiresAt": {"N": str(expires)},
    }


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(START)


@pytest.fixture
def table(timeline: Timeline) -> Table:
    made = Table("snapshots", ("Date", "Instance"), timeline, Faults(1, {}, None), Random(1))
    made.stream = Stream("arn", timeline, Random(2), partitions=2)
    return made


def put(table: Table, *items: dict[str, Any]) -> None:
    for each in items:
        table.put(each, "", {}, {})


# Tables


def test_a_failed_condition_changes_nothing(table: Table) -> None:
    put(table, item("i-1"))
    with pytest.raises(ClientError) as caught:
        table.put(item("i-1", 2), "attribute_not_exists(Version)", {}, {})
    assert code_of(caught) == "ConditionalCheckFailedException"
    assert table.get(("2026-11-20", "i-1"), consistent=True) == item("i-1")


def test_an_eventually_consistent_read_shows_the_past_for_a_while(table: Table, timeline: Timeline) -> None:
    key = ("2026-11-20", "i-1")
    put(table, item("i-1", 1))
    timeline.now += 60
    put(table, item("i-1", 2))
    assert {_version(table.get(key, consistent=True)) for _ in range(20)} == {"2"}
    timeline.now += 1
    assert {_version(table.get(key, consistent=False)) for _ in range(50)} == {"1", "2"}
    timeline.now += 60
    assert {_version(table.get(key, consistent=False)) for _ in range(50)} == {"2"}


def _version(found: Any) -> str:
    return str(found["Version"]["N"])


def test_pages_cover_a_partition_in_order(table: Table) -> None:
    put(table, item("c"), item("a"), item("b"))
    seen, after = [], ""
    while True:
        page, after = table.page("2026-11-20", after, 2, consistent=True)
        seen += [each["Instance"]["S"] for each in page]
        if not after:
            break
    assert seen == ["a", "b", "c"]


def test_ttl_removes_what_is_past_its_time_and_the_stream_says_who_did(table: Table, timeline: Timeline) -> None:
    put(table, item("old", expires=int(timeline.now) - 1), item("new"))
    table.expire()
    assert set(table.items) == {("2026-11-20", "new")}
    [removal] = [event for event in events(table) if event["eventName"] == "REMOVE"]
    assert removal["userIdentity"] == {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    assert "NewImage" not in removal["dynamodb"]


# Streams


def events(table: Table) -> list[dict[str, Any]]:
    assert table.stream is not None
    return [record.event for shard in table.stream.shards for record in shard.records]


def test_a_write_that_changes_nothing_makes_no_record(table: Table) -> None:
    put(table, item("i-1"), item("i-1"), item("i-1", 2))
    assert [event["eventName"] for event in events(table)] == ["INSERT", "MODIFY"]


def test_an_item_stays_in_order_over_shards_that_split(table: Table) -> None:
    assert table.stream is not None
    for version in range(30):
        put(table, item("i-1", version), item("i-2", version))
        if version % 4 == 3:
            table.stream.split()
    shards = {shard.id: shard for shard in table.stream.shards}
    assert len(shards) > 5
    for instance in ("i-1", "i-2"):
        line = [shard for shard in shards.values() if instance in {record.key[1] for record in shard.records}]
        for parent, child in pairwise(line):
            assert is_ancestor(parent, child)
        versions = [
            int(record.event["dynamodb"]["NewImage"]["Version"]["N"])
            for shard in line
            for record in shard.records
            if record.key[1] == instance
        ]
        assert versions == list(range(30))


def is_ancestor(shard: Any, other: Any) -> bool:
    while other is not None and other is not shard:
        other = other.parent
    return other is shard


def test_a_record_is_readable_for_24_hours(table: Table, timeline: Timeline) -> None:
    put(table, item("i-1", 1))
    timeline.now += DAY - 1
    put(table, item("i-1", 2))
    assert table.stream is not None
    [shard] = [shard for shard in table.stream.shards if shard.records]
    assert shard.first_readable(timeline.now) == 0
    assert shard.first_readable(timeline.now + 2) == 1


def test_a_change_while_the_stream_is_off_is_told_to_nobody_but_the_judge(table: Table) -> None:
    unheard: list[object] = []
    table.stream, table.unheard = None, lambda key, _: unheard.append(key)
    put(table, item("i-1"))
    assert unheard == [("2026-11-20", "i-1")]


# The bucket


def bucket(
    timeline: Timeline, *, unseen: float = 0.0, versioned: bool = False
) -> tuple[Bucket, list[tuple[str, str]]]:
    told: list[tuple[str, str]] = []
    faults = Faults(1, {Fault.OBJECT_UNSEEN: unseen}, None)
    setting = Setting(timeline, faults, Random(1), Trace(timeline.utc, wanted=False), 0.5)

    def notify(key: str, sequencer: str, _body: str) -> None:
        told.append((key, sequencer))

    return Bucket(setting, "counters/", notify, versioned=versioned), told


def test_a_versioned_bucket_keeps_what_is_overwritten_and_deleted(timeline: Timeline) -> None:
    made, _ = bucket(timeline, versioned=True)
    for content in (b"1", b"2"):
        made.put("counters/d", content)
    made.delete("counters/d")
    assert made.get("counters/d") is None
    assert [found and found.content for found in made.versions["counters/d"].values()] == [None, b"2", b"1"]
    (_, newer, older) = made.versions["counters/d"]
    for version, content in ((older, b"1"), (newer, b"2")):
        found = made.get("counters/d", version)
        assert found is not None
        assert (found.content, found.version_id) == (content, version)


def test_an_object_may_be_unseen_for_a_quarter_of_an_hour_and_is_there_all_the_same(timeline: Timeline) -> None:
    made, _ = bucket(timeline, unseen=1.0)
    made.put("counters/d", b"1")
    timeline.now = made.seen_again["counters/d"] - 0.001
    assert made.get("counters/d") is None
    assert made.objects["counters/d"].content == b"1"
    timeline.now += 0.001
    assert made.get("counters/d") is made.objects["counters/d"]
    assert made.seen_again["counters/d"] - made.objects["counters/d"].modified.timestamp() <= 15 * MINUTE + 1


def test_conditional_writes_of_an_object(timeline: Timeline) -> None:
    made, _ = bucket(timeline)
    first = made.put("totals/d", b"1", if_none_match="*")
    for none_match, match in (("*", None), (None, '"0123"')):
        with pytest.raises(ClientError) as caught:
            made.put("totals/d", b"2", if_none_match=none_match, if_match=match)
        assert code_of(caught) == "PreconditionFailed"
    made.put("totals/d", b"2", if_match=f'"{first.etag}"')
    with pytest.raises(ClientError) as caught:
        made.put("totals/none", b"2", if_match=f'"{first.etag}"')
    assert code_of(caught) == "NoSuchKey"
    assert {key: each.content for key, each in made.objects.items()} == {"totals/d": b"2"}


def test_sequencers_grow_and_outputs_tell_nothing(timeline: Timeline) -> None:
    made, told = bucket(timeline)
    made.put("counters/a", b"")
    made.delete("counters/a")
    made.put("totals/a", b"")
    timeline.now += 1
    made.put("counters/a", b"")
    assert [key for key, _ in told] == ["counters/a"] * 3
    assert [sequencer for _, sequencer in told] == sorted({sequencer for _, sequencer in told})


# Chances


def test_faults_strike_as_a_script_says_and_not_when_they_are_off() -> None:
    faults = Faults(1, {Fault.THROTTLED: 1.0}, [(Fault.THROTTLED, 2), (Fault.SLOW_CALL, 1)])
    assert [faults.strikes(Fault.THROTTLED) for _ in range(3)] == [False, True, False]
    faults.on = False
    assert not faults.strikes(Fault.SLOW_CALL)
    assert faults.struck == [(Fault.THROTTLED, 2)]
    assert faults.injected == {Fault.THROTTLED: 1}
