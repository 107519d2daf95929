"""Uploads that say what is stored already: they move the order on, and the version of the content stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import Layout
from countagg.core.sequencer import normalise_sequencer
from countagg.core.values import SCALE
from countagg.data.store import Store
from countagg.functions.aggregator import Aggregator
from tests.events.loading import load_event
from tests.functions.world import DAY, Context, World, as_event, emitted_metrics, overridden

ONE = b"a 1\nb 2\n"
OTHER = b"a 5\n"
FIRST, SECOND, THIRD = (normalise_sequencer(f"00674760B0{number:08X}") for number in (0xA1, 0xA2, 0xA3))

Item = dict[str, Any]


def upload(world: World, content: bytes, sequencer: str, store: Store | None = None) -> Item:
    """Process an upload of i-1; return the item that there is then."""
    key = world.put("i-1", content)
    assert world.process(world.created(key, sequencer), store=store).retried == []
    return stored(world)


def stored(world: World) -> Item:
    item = world.snapshot_item("i-1")
    assert item is not None
    return item


def versions_in(item: Item) -> tuple[str, str, str]:
    return item["Sequencer"]["S"], item["ContentSequencer"]["S"], item["Change"]["S"]


def store_without_versions(world: World) -> Item:
    """Turn the snapshot into one of an older countagg; return it."""
    item = {name: value for name, value in stored(world).items() if name not in {"ContentSequencer", "Change"}}
    world.clients.dynamodb.put_item(TableName=world.names.snapshots, Item=item)
    return item


def just_before_the_write(world: World, act: Callable[[], object]) -> Store:
    """Return a store in which something happens between the reading of a snapshot and its first write."""
    dynamodb, waiting = world.clients.dynamodb, [act]

    def put_item(**request: Any) -> Any:
        if "Counters" in request["Item"] and waiting:
            waiting.pop()()
        return dynamodb.put_item(**request)

    clients = replace(world.clients, dynamodb=overridden(dynamodb, put_item=put_item))
    return Store(world.settings, clients)


def record_of(old: Item | None, new: Item) -> Item:
    record = load_event("stream-snapshot-modify")
    keys = {"Date": new["Date"], "Instance": new["Instance"]}
    record["eventName"] = "MODIFY" if old else "INSERT"
    record["dynamodb"] |= {"Keys": keys, "NewImage": as_event(new)}
    record["dynamodb"].pop("OldImage", None)
    if old:
        record["dynamodb"]["OldImage"] = as_event(old)
    return record


def aggregate(world: World, *records: Item) -> None:
    Aggregator(world.store, world.logger, world.metrics, world.now).handle(
        {"Records": list(records)}, Context(60_000)
    )


@pytest.mark.parametrize("again", [ONE, b"b 2.0\r\n\r\na 1\n"], ids=["same bytes", "other bytes"])
def test_a_repeated_upload_moves_the_order_on_and_nothing_else(world: World, again: bytes) -> None:
    before = upload(world, ONE, FIRST)
    after = upload(world, again, SECOND)

    assert versions_in(before) == (FIRST, FIRST, "counters")
    assert versions_in(after) == (SECOND, FIRST, "order")
    assert versions_in(upload(world, ONE, THIRD)) == (THIRD, FIRST, "order")
    assert after["Counters"] == before["Counters"]
    assert (after["ETag"] == before["ETag"]) == (again == ONE)


def test_an_older_upload_that_stalled_does_not_win_over_a_repeated_one(world: World) -> None:
    upload(world, ONE, FIRST)
    stalled = just_before_the_write(world, lambda: upload(world, ONE, THIRD))

    upload(world, OTHER, SECOND, store=stalled)

    assert world.counters_of("i-1") == {"a": SCALE, "b": 2 * SCALE}
    assert versions_in(stored(world)) == (THIRD, FIRST, "order")


def test_a_repeat_does_not_hide_what_came_in_between(world: World) -> None:
    upload(world, ONE, FIRST)
    racing = just_before_the_write(world, lambda: upload(world, OTHER, SECOND))
    key = world.put("i-1", ONE)

    assert world.process(world.created(key, THIRD), store=racing).retried == []

    # It changes the counters, for all that its own reading knew.
    assert versions_in(stored(world)) == (THIRD, THIRD, "counters")


def test_an_upload_that_is_not_newer_writes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    upload(world, ONE, SECOND)
    writes = len(world.calls.of("PutItem"))
    capsys.readouterr()

    upload(world, OTHER, FIRST)

    assert emitted_metrics(capsys) == {"EventsAlreadyNewer": 1}
    assert [call for call in world.calls.of("PutItem")[writes:] if "Counters" in call["Item"]] == []


def test_a_removal_that_is_told_twice_moves_the_order_on(world: World) -> None:
    key = world.put("i-1", ONE)
    world.process(world.created(key, FIRST))
    world.delete(key)

    world.process(world.removed(key, SECOND))
    world.process(world.removed(key, THIRD))

    assert versions_in(stored(world)) == (THIRD, SECOND, "order")


@pytest.mark.parametrize(
    "damage",
    [
        {"ContentSequencer": {"S": "F" * 32}},
        {"ContentSequencer": {"S": "no sequencer"}},
        {"ContentSequencer": {"N": "1"}},
        {"Change": {"S": "order"}},
    ],
    ids=str,
)
def test_a_version_that_no_upload_can_have_is_that_of_the_upload(world: World, damage: Item) -> None:
    before = upload(world, ONE, FIRST)
    world.clients.dynamodb.put_item(TableName=world.names.snapshots, Item={**before, **damage})
    aggregate(world, record_of(None, stored(world)))

    assert world.ledger().seen == {"i-1": FIRST}
    assert versions_in(upload(world, ONE, SECOND)) == (SECOND, FIRST, "order")


@pytest.mark.parametrize("counters", [{"B": b"damaged"}, {"S": "text"}], ids=str)
def test_a_snapshot_whose_counters_are_damaged_is_repeated_by_nothing(world: World, counters: Item) -> None:
    before = upload(world, ONE, FIRST)
    world.clients.dynamodb.put_item(TableName=world.names.snapshots, Item={**before, "Counters": counters})

    assert versions_in(upload(world, ONE, SECOND)) == (SECOND, SECOND, "counters")


def test_all_parts_of_a_split_snapshot_repeat_or_none_does(world: World) -> None:
    split = replace(world, settings=replace(world.settings, counter_shards=3))
    partitions = Layout(1, 3).partitions_of(DAY, "i-1")

    def parts() -> set[tuple[str, str, str]]:
        return {versions_in(item) for each in partitions if (item := split.snapshot_item("i-1", each))}

    for content, sequencer in ((ONE, FIRST), (ONE, SECOND)):
        split.process(split.created(split.put("i-1", content), sequencer))
    assert parts() == {(SECOND, FIRST, "order")}
    split.process(split.created(split.put("i-1", b"a 1\nb 3\n"), THIRD))
    assert parts() == {(THIRD, THIRD, "counters")}


# The ledger


def test_a_change_after_repeats_continues_the_chain(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = upload(world, ONE, FIRST)
    aggregate(world, record_of(None, first))
    change = record_of(upload(world, ONE, SECOND), upload(world, OTHER, THIRD))
    capsys.readouterr()

    aggregate(world, change)

    assert world.ledger().sums == {"a": 5 * SCALE}
    assert world.ledger().seen == {"i-1": THIRD}
    assert emitted_metrics(capsys) == {"LinksAdded": 1}


def test_a_repeat_that_comes_to_the_aggregator_all_the_same_is_included_already(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    first = upload(world, ONE, FIRST)
    aggregate(world, record_of(None, first))
    repeat = record_of(first, upload(world, ONE, SECOND))
    capsys.readouterr()

    aggregate(world, repeat)

    assert emitted_metrics(capsys) == {"LinksSkipped": 1}
    assert world.ledger().seen == {"i-1": FIRST}


def test_a_repeat_of_what_the_ledger_lacks_has_it_rebuilt(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    aggregate(world, record_of(None, upload(world, OTHER, FIRST)))
    lost = upload(world, ONE, SECOND)
    capsys.readouterr()

    aggregate(world, record_of(lost, upload(world, ONE, THIRD)))

    assert emitted_metrics(capsys)["DaysRebuilt"] == 1
    assert world.ledger().sums == {"a": SCALE, "b": 2 * SCALE}
    assert world.ledger().seen == {"i-1": SECOND}


# Over the data of an older countagg


def test_a_snapshot_without_a_version_is_of_the_version_of_its_upload(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(world, ONE, FIRST)
    older = store_without_versions(world)
    aggregate(world, record_of(None, older))
    assert world.ledger().seen == {"i-1": FIRST}

    repeated = upload(world, ONE, SECOND)
    assert versions_in(repeated) == (SECOND, FIRST, "order")
    change = record_of(repeated, upload(world, OTHER, THIRD))
    capsys.readouterr()
    aggregate(world, change)
    assert emitted_metrics(capsys) == {"LinksAdded": 1}


def test_a_ledger_that_has_seen_a_repeat_by_the_order_of_its_upload_is_rebuilt_at_the_next_change(
    world: World,
) -> None:
    upload(world, ONE, FIRST)
    repeated = upload(world, ONE, SECOND)
    document = encode_ledger(Ledger({"a": SCALE, "b": 2 * SCALE}, {"a": 1, "b": 1}, {"i-1": SECOND}))
    aggregate(world, record_of(None, repeated))
    ledger = world.totals_item()
    assert ledger is not None
    world.clients.dynamodb.put_item(TableName=world.names.totals, Item={**ledger, "Document": {"B": document}})

    aggregate(world, record_of(repeated, upload(world, OTHER, THIRD)))

    assert world.ledger().sums == {"a": 5 * SCALE}
    assert world.ledger().seen == {"i-1": THIRD}
