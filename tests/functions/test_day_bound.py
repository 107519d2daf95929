"""The bound of a day: files that would take it beyond are refused, and what stands goes on counting."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import Layout
from countagg.core.values import SCALE
from countagg.data.ledgers import StoredLedger
from countagg.data.store import Store
from countagg.functions.day_bound import REMEMBERED
from countagg.functions.processor import Processor
from tests.functions.world import DAY, NOW, Context, World, emitted_metrics, overridden, sqs_record

BOUND = 4
TOLD = (
    "2026-11-20 would have 5 different counters with this file, and at most 4 are taken; "
    "raise it with `setup --max-counters`"
)


@pytest.fixture
def bounded(world: World) -> World:
    return replace(world, settings=replace(world.settings, max_counters=BOUND))


def count(world: World, contributors: dict[str, int], partition: str = DAY) -> None:
    """Store a ledger that names these counters, each of so many instances."""
    document = encode_ledger(Ledger(dict.fromkeys(contributors, SCALE), contributors, {}))
    stored = world.store.ledgers.load(partition)
    assert world.store.ledgers.save(partition, stored, StoredLedger(stored.version + 1, NOW.isoformat(), document))


def upload(world: World, instance: str, *names: str, store: Store | None = None) -> list[dict[str, Any]]:
    """Process a file that names counters; return the refusals."""
    content = "".join(f"{name} 1\n" for name in names).encode()
    assert world.process(world.created(world.put(instance, content)), store=store).retried == []
    return world.refusals()


def ledger_reads(world: World) -> int:
    return sum(call["TableName"] == world.names.totals for call in world.calls.of("GetItem"))


def named(world: World, instance: str) -> set[str] | None:
    counters = world.counters_of(instance)
    return None if counters is None else set(counters)


def test_a_file_that_takes_its_day_beyond_the_bound_is_refused_and_the_one_before_stands(
    bounded: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload(bounded, "i-1", "a") == []
    count(bounded, {"a": 1, "b": 1, "c": 1})
    capsys.readouterr()

    [refusal] = upload(bounded, "i-1", "a", "d", "e")

    assert refusal["reason"] == TOLD
    assert emitted_metrics(capsys) == {"FilesRefused": 1}
    assert named(bounded, "i-1") == {"a"}
    assert upload(bounded, "i-1", "a", "d") == []
    assert named(bounded, "i-1") == {"a", "d"}


def test_more_is_taken_as_soon_as_the_bound_is_raised_or_others_are_gone(bounded: World) -> None:
    count(bounded, {"a": 1, "b": 1, "c": 1, "d": 1})
    [refusal] = upload(bounded, "i-1", "e")
    key = refusal["key"]
    again = bounded.created(key, refusal["sequencer"])

    raised = replace(bounded, settings=replace(bounded.settings, max_counters=BOUND + 1))
    raised.process(again)
    assert named(bounded, "i-1") == {"e"}

    [_] = upload(bounded, "i-2", "f")
    count(bounded, {"a": 1, "b": 1, "e": 1})
    assert upload(bounded, "i-2", "f") == []


def test_counters_that_leave_the_day_with_the_file_make_room(bounded: World) -> None:
    upload(bounded, "i-1", "a", "b")
    # Another instance names b too.
    count(bounded, {"a": 1, "b": 2, "c": 1, "d": 1})

    [_] = upload(bounded, "i-1", "e", "f")
    assert upload(bounded, "i-1", "e") == []


def test_what_the_snapshot_before_names_is_not_asked_for(bounded: World) -> None:
    upload(bounded, "i-1", "a", "b")
    reads = ledger_reads(bounded)
    count(bounded, dict.fromkeys("abcdefgh", 1))

    for names in ("ab", "ba", "a"):
        assert upload(bounded, "i-1", *names) == []

    # Storing it read it once.
    assert ledger_reads(bounded) == reads + 1
    assert reads == 1


def test_a_fleet_that_names_the_same_counters_has_them_read_once_a_minute(bounded: World) -> None:
    moments = [NOW]
    store = Store(bounded.settings, bounded.clients)
    processor = Processor(bounded.settings, store, bounded.logger, bounded.metrics, lambda: moments[-1])

    def first_upload(number: int, content: bytes) -> None:
        body = bounded.created(bounded.put(f"i-{number}", content))
        answer = processor.handle({"Records": [sqs_record(body, "1")]}, Context(60_000))
        assert answer == {"batchItemFailures": []}

    for number in range(10):
        first_upload(number, b"a 1\nb 1\n")
    assert ledger_reads(bounded) == 1
    first_upload(10, b"c 1\n")
    assert ledger_reads(bounded) == 2
    moments.append(NOW + REMEMBERED)
    first_upload(11, b"a 1\n")
    assert ledger_reads(bounded) == 3


def test_of_a_split_day_all_ledgers_are_asked(bounded: World) -> None:
    layout = Layout(2, 2)
    split = replace(bounded, settings=replace(bounded.settings, lanes=2, counter_shards=2))
    for name, partition in zip("abcd", layout.partitions(DAY), strict=True):
        count(split, {name: 1}, partition)

    assert upload(split, "i-1", "d", "c") == []
    [refusal] = upload(split, "i-2", "e")
    assert refusal["reason"] == TOLD


@pytest.mark.parametrize("document", [b"", b"damaged", zlib.compress(b"{}")])
def test_a_ledger_that_cannot_be_read_stops_no_upload(bounded: World, document: bytes) -> None:
    item: Any = {"Date": {"S": DAY}, "Version": {"N": "1"}, "Document": {"B": document}}
    bounded.clients.dynamodb.put_item(TableName=bounded.names.totals, Item=item)

    assert upload(bounded, "i-1", *"abcd") == []
    [told] = [line for line in bounded.log_lines() if line["message"].startswith("ledger not read")]
    assert told["day"] == DAY


def test_totals_that_do_not_answer_stop_no_upload(bounded: World) -> None:
    dynamodb = bounded.clients.dynamodb

    def get_item(**request: Any) -> Any:
        if request["TableName"] == bounded.names.totals:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no table"}}, "GetItem")
        return dynamodb.get_item(**request)

    clients = replace(bounded.clients, dynamodb=overridden(dynamodb, get_item=get_item))
    assert upload(bounded, "i-1", *"abcd", store=Store(bounded.settings, clients)) == []
    assert named(bounded, "i-1") == set("abcd")
