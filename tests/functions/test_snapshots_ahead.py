"""The snapshots of a batch are read in one call, and what that call misses or is too old for is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.core.sequencer import normalise_sequencer
from countagg.core.values import SCALE
from countagg.data.snapshots import SEQUENCER
from countagg.data.store import Store
from countagg.functions.snapshots_ahead import SnapshotsAhead
from tests.functions.world import DAY, World, overridden

FLEET = [f"i-{number}" for number in range(5)]
OLD, NEW = (normalise_sequencer(f"00674760B0{number:08X}") for number in (0xA1, 0xA2))


def upload_all(world: World, content: bytes, store: Store | None = None) -> None:
    """Process a file of each instance in one batch."""
    messages = [world.created(world.put(instance, content)) for instance in FLEET]
    assert world.process(*messages, store=store).retried == []


def contents(world: World) -> list[dict[str, int] | None]:
    return list(map(world.counters_of, FLEET))


def reads(world: World) -> tuple[int, int]:
    """Return how many snapshots were read alone, and how many together, without what the test itself reads."""
    alone = [call for call in world.calls.of("GetItem") if call["TableName"] == world.names.snapshots]
    together = [call["RequestItems"][world.names.snapshots]["Keys"] for call in world.calls.of("BatchGetItem")]
    return len(alone), sum(map(len, together))


def store_with(world: World, batch_get_item: Callable[..., Any]) -> Store:
    dynamodb = overridden(world.clients.dynamodb, batch_get_item=batch_get_item)
    return Store(world.settings, replace(world.clients, dynamodb=dynamodb))


def test_the_snapshots_of_a_batch_are_read_in_one_call(world: World) -> None:
    upload_all(world, b"a 1\n")

    assert reads(world) == (0, len(FLEET))
    assert len(world.calls.of("BatchGetItem")) == 1
    assert contents(world) == [{"a": SCALE}] * len(FLEET)


def test_what_is_stored_already_is_known_from_it(world: World) -> None:
    upload_all(world, b"a 1\n")
    upload_all(world, b"a 1\n")

    assert reads(world) == (0, 2 * len(FLEET))
    items = list(map(world.snapshot_item, FLEET))
    assert [item["Change"]["S"] for item in items if item] == ["order"] * len(FLEET)


def test_one_alone_is_read_with_its_file(world: World) -> None:
    world.process(world.created(world.put("i-1", b"a 1\n")))

    assert reads(world) == (1, 0)


def test_a_second_file_of_an_instance_finds_the_first(world: World) -> None:
    key, other = world.put("i-1", b"a 1\n"), world.put("i-2", b"a 2\n")
    world.process(world.created(key), world.created(other), world.created(key))

    item = world.snapshot_item("i-1")
    assert item is not None
    assert item["Change"]["S"] == "order"


def test_what_is_left_out_is_read_with_its_file(world: World) -> None:
    upload_all(world, b"a 1\n")

    def leave_one_out(*, RequestItems: Any) -> Any:  # noqa: N803 - boto3's
        [(name, asked)] = RequestItems.items()
        asked, left = asked | {"Keys": asked["Keys"][1:]}, asked | {"Keys": asked["Keys"][:1]}
        answer = world.clients.dynamodb.batch_get_item(RequestItems={name: asked})
        return answer | {"UnprocessedKeys": {name: left}}

    upload_all(world, b"a 1\n", store_with(world, leave_one_out))

    assert reads(world) == (1, 2 * len(FLEET) - 1)
    items = list(map(world.snapshot_item, FLEET))
    assert [item["Change"]["S"] for item in items if item] == ["order"] * len(FLEET)


def test_files_do_not_wait_for_it(world: World) -> None:
    def deny(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not yet"}}, "BatchGetItem")

    upload_all(world, b"a 1\n", store_with(world, deny))

    assert contents(world) == [{"a": SCALE}] * len(FLEET)
    assert [line["level"] for line in world.log_lines() if "not read ahead" in line["message"]] == ["ERROR"]


@pytest.mark.parametrize("body", ["no JSON", json.dumps({"Records": [{}]})])
def test_a_message_that_cannot_be_read_waits_for_its_own_turn(world: World, body: str) -> None:
    world.process_between_good_ones(body, retried=True)

    assert reads(world)[1] == 2


def test_what_would_make_an_event_an_old_one_is_read_again(world: World) -> None:
    """A repair may have taken back a damaged snapshot of the far future meanwhile."""
    upload_all(world, b"a 1\n")
    ahead = SnapshotsAhead(world.store.snapshots, world.logger)
    places = {instance: (DAY, instance) for instance in FLEET}
    item = world.snapshot_item("i-0")
    assert item is not None
    world.clients.dynamodb.put_item(TableName=world.names.snapshots, Item=item | SEQUENCER.put(NEW))
    bodies = [world.created(f"counters/{DAY}/values_{instance}") for instance in FLEET]
    ahead.read(bodies, lambda event: places[event.key.rpartition("_")[2]])
    world.clients.dynamodb.put_item(TableName=world.names.snapshots, Item=item)

    assert ahead.parts([DAY], "i-0", OLD) == [item]


def test_a_snapshot_in_parts_is_read_with_its_file(world: World) -> None:
    spread = replace(world, settings=replace(world.settings, counter_shards=2))
    upload_all(spread, b"a 1\nb 2\n")

    assert world.calls.of("BatchGetItem") == []
