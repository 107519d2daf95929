"""The aggregator on moto tables; the tests carry the stream's records."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from countagg.core.days import expiry_epoch_seconds
from countagg.core.errors import CorruptDocument, CountaggError, InvalidEvent
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import MORE_PARTITIONS, Layout
from countagg.core.snapshot import MAX_PACKED_BYTES
from countagg.core.values import SCALE
from countagg.core.versions import version_after
from countagg.data.day_records import DayRecord
from countagg.data.ledgers import LedgersTable, StoredLedger
from countagg.data.store import Store
from countagg.functions import aggregator
from countagg.functions.aggregator import LEDGERS_NEARLY_FULL, Aggregator, LedgerContended
from countagg.functions.clients import FunctionClients
from tests.events.loading import load_event
from tests.functions.world import DAY, NOW, Context, World, emitted_metrics, overridden

Record = dict[str, Any]
TOMORROW = "2026-11-21"


def aggregate(world: World, *records: Record, store: Store | None = None) -> None:
    handler = Aggregator(store or world.store, world.logger, world.metrics, world.now)
    handler.handle({"Records": list(records)}, Context(60_000))


def totals_writes(world: World) -> int:
    return len([call for call in world.calls.of("PutItem") if call["TableName"] == world.names.totals])


def rebuilds(world: World) -> int:
    return sum(line["message"].endswith("day rebuilt") for line in world.log_lines())


def snapshot_reads(world: World) -> int:
    return len(world.calls.of("Query"))


def changed(times: int) -> dict[str, str]:
    """Return the version of a ledger that began in these tests and has changed so often."""
    return {"N": str(version_after(0, NOW) + times)}


class _Interrupted(LedgersTable):
    def __init__(self, clients: FunctionClients, name: str, *happenings: Callable[[], object]) -> None:
        super().__init__(clients, name)
        self._happenings = list(happenings)

    def save(self, partition: str, replaced: StoredLedger, ledger: StoredLedger) -> bool:
        if self._happenings:
            self._happenings.pop(0)()
        return super().save(partition, replaced, ledger)


class Interrupted(Store):
    """A store in which something happens just before each of the first saves."""

    def __init__(self, world: World, *happenings: Callable[[], object]) -> None:
        super().__init__(world.settings, world.clients)
        self.ledgers = _Interrupted(world.clients, world.names.totals, *happenings)


def test_a_first_batch_makes_the_ledger_of_the_day(world: World) -> None:
    aggregate(
        world, world.snapshot_changed("i-1", {"a": 5 * SCALE}), world.snapshot_changed("i-2", {"a": SCALE, "b": 1})
    )
    assert world.ledger().sums == {"a": 6 * SCALE, "b": 1}
    assert world.ledger().contributors == {"a": 2, "b": 1}
    item = world.totals_item()
    assert item is not None
    del item["Document"]
    assert item == {
        "Date": {"S": DAY},
        "Version": changed(1),
        "UpdatedAt": {"S": "2026-11-20T12:00:00.123+00:00"},
        "ExpiresAt": {"N": str(expiry_epoch_seconds(DAY, 400))},
    }
    assert (snapshot_reads(world), rebuilds(world)) == (2, 0)


def test_a_ledger_that_begins_anew_has_all_snapshots_whoever_uploads_first(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": 5 * SCALE}), world.snapshot_changed("i-2", {"b": SCALE}))
    world.clients.dynamodb.delete_item(TableName=world.names.totals, Key={"Date": {"S": DAY}})
    aggregate(world, world.snapshot_changed("i-3", {"a": SCALE}))
    assert world.ledger().sums == {"a": 6 * SCALE, "b": SCALE}
    aggregate(world, world.snapshot_changed("i-1", {"a": 2 * SCALE}))
    assert world.ledger().sums == {"a": 3 * SCALE, "b": SCALE}
    assert (snapshot_reads(world), rebuilds(world)) == (4, 0)


def just_before_the_ledger(world: World, act: Callable[[], object]) -> Store:
    """Return a store in which something happens before the ledger is written, after the snapshots were read."""
    dynamodb, waiting = world.clients.dynamodb, [act]

    def put_item(**request: Any) -> Any:
        if waiting and request["TableName"] == world.names.totals:
            waiting.pop()()
        return dynamodb.put_item(**request)

    return Store(world.settings, replace(world.clients, dynamodb=overridden(dynamodb, put_item=put_item)))


def test_a_ledger_begun_by_whoever_was_slow_lacks_nothing(world: World) -> None:
    """Another had taken the snapshot in, and its ledger was lost with the table before this one was stored."""
    record = world.snapshot_changed("i-1", {"a": SCALE})
    store = just_before_the_ledger(world, lambda: world.snapshot_changed("i-2", {"a": 4 * SCALE}))
    aggregate(world, record, store=store)

    assert world.ledger().sums == {"a": 5 * SCALE}


def test_it_lacks_nothing_either_if_its_invocation_dies(world: World) -> None:
    def write_and_die(ledger: Any) -> Any:
        world.snapshot_changed("i-2", {"a": 4 * SCALE})
        world.clients.dynamodb.put_item(**ledger)
        raise TimeoutError

    dynamodb = overridden(world.clients.dynamodb, put_item=lambda **ledger: write_and_die(ledger))
    record = world.snapshot_changed("i-1", {"a": SCALE})
    with pytest.raises(TimeoutError):
        aggregate(world, record, store=Store(world.settings, replace(world.clients, dynamodb=dynamodb)))
    assert world.ledger().sums == {"a": SCALE}
    aggregate(world, record)

    assert world.ledger().sums == {"a": 5 * SCALE}


def test_a_later_batch_adds_the_difference_in_one_write(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": 5 * SCALE}))
    records = [world.snapshot_changed("i-1", {"a": number * SCALE}) for number in range(6, 16)]
    capsys.readouterr()
    aggregate(world, *records)
    assert world.ledger().sums == {"a": 15 * SCALE}
    item = world.totals_item()
    assert item is not None
    assert item["Version"] == changed(2)
    assert totals_writes(world) == 3
    assert (snapshot_reads(world), rebuilds(world)) == (2, 0)
    assert emitted_metrics(capsys) == {"LinksAdded": 10}


def test_each_day_of_a_batch_has_its_own_ledger(world: World) -> None:
    records = [
        world.snapshot_changed("i-1", {"a": SCALE}, DAY),
        world.snapshot_changed("i-1", {"a": 2 * SCALE}, TOMORROW),
        world.snapshot_changed("i-2", {"a": 4 * SCALE}, DAY),
    ]
    aggregate(world, *records)
    assert world.ledger(DAY).sums == {"a": 5 * SCALE}
    assert world.ledger(TOMORROW).sums == {"a": 2 * SCALE}
    assert totals_writes(world) == 4


def test_the_ledger_is_read_strongly_consistent(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    reads = [call for call in world.calls.of("GetItem") if call["TableName"] == world.names.totals]
    assert [read["ConsistentRead"] for read in reads] == [True]


def test_a_batch_that_comes_again_writes_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    records = [world.snapshot_changed("i-1", {"a": SCALE}), world.snapshot_changed("i-1", {"a": 2 * SCALE})]
    aggregate(world, *records)
    before = world.totals_item()
    capsys.readouterr()
    aggregate(world, *records)
    aggregate(world, *reversed(records))
    assert totals_writes(world) == 2
    assert rebuilds(world) == 0
    assert world.totals_item() == before
    assert emitted_metrics(capsys) == {"LinksSkipped": 4}


def test_the_same_content_again_moves_only_what_is_seen(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    before = world.ledger()
    again = world.snapshot_changed("i-1", {"a": SCALE})
    aggregate(world, again)
    after = world.ledger()
    assert (after.sums, after.contributors) == (before.sums, before.contributors)
    assert after.seen == {"i-1": again["dynamodb"]["NewImage"]["Sequencer"]["S"]} != before.seen


@pytest.mark.parametrize("name", ["stream-snapshot-remove", "stream-snapshot-ttl-remove"])
def test_a_removed_snapshot_subtracts_nothing(world: World, name: str) -> None:
    aggregate(world, load_event("stream-snapshot-insert"), load_event("stream-snapshot-modify"))
    before = world.totals_item()
    aggregate(world, load_event(name))
    assert world.totals_item() == before
    assert before is not None


def test_a_tombstone_withdraws_the_instance(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}), world.snapshot_changed("i-2", {"b": SCALE}))
    aggregate(world, world.snapshot_changed("i-1", {}))
    assert world.ledger().sums == {"b": SCALE}
    assert set(world.ledger().seen) == {"i-1", "i-2"}


def test_a_gap_to_an_old_memory_is_none(world: World) -> None:
    one, other = (Aggregator(world.store, world.logger, world.metrics, world.now) for _ in range(2))
    for handler, value in ((one, 1), (other, 2), (one, 3), (one, 4)):
        record = world.snapshot_changed("i-1", {"a": value * SCALE})
        handler.handle({"Records": [record]}, Context(60_000))
    assert ledger_reads(world) == 3, "the last fold is on what the one before it stored"
    assert world.ledger().sums == {"a": 4 * SCALE}
    assert rebuilds(world) == 0
    assert totals_writes(world) == 5


def test_a_conflict_folds_again_on_what_the_other_wrote(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = world.snapshot_changed("i-1", {"a": SCALE}), world.snapshot_changed("i-2", {"a": 2 * SCALE})
    store = Interrupted(world, lambda: aggregate(world, theirs))
    aggregate(world, ours, store=store)
    assert world.ledger().sums == {"a": 3 * SCALE}
    assert set(world.ledger().seen) == {"i-1", "i-2"}
    assert rebuilds(world) == 0
    # Theirs was the first: it began the ledger, with our snapshot too.
    assert emitted_metrics(capsys) == {"LinksAdded": 1, "LinksSkipped": 1, "LedgerConflicts": 1}


def test_a_conflict_on_a_ledger_that_exists_folds_again_too(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-3", {"a": 4 * SCALE}))
    ours, theirs = world.snapshot_changed("i-1", {"a": SCALE}), world.snapshot_changed("i-2", {"a": 2 * SCALE})
    aggregate(world, ours, store=Interrupted(world, lambda: aggregate(world, theirs)))
    item = world.totals_item()
    assert item is not None
    assert (world.ledger().sums, item["Version"]) == ({"a": 7 * SCALE}, changed(3))


def test_a_conflict_with_an_aggregator_that_did_the_same_work_writes_nothing_more(world: World) -> None:
    record = world.snapshot_changed("i-1", {"a": SCALE})
    aggregate(world, record, store=Interrupted(world, lambda: aggregate(world, record)))
    item = world.totals_item()
    assert item is not None
    assert (world.ledger().sums, item["Version"]) == ({"a": SCALE}, changed(1))


def test_a_batch_that_never_gets_through_is_given_back(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    def another_uploads(number: int) -> None:
        aggregate(world, world.snapshot_changed(f"i-{number}", {"b": SCALE}))

    another_uploads(99)
    happenings = [partial(another_uploads, number) for number in range(100, 130)]
    record = world.snapshot_changed("i-1", {"a": SCALE})
    with pytest.raises(LedgerContended, match=f"^{DAY}: 20 attempts$"):
        aggregate(world, record, store=Interrupted(world, *happenings))
    assert "a" not in world.ledger().sums
    aggregate(world, record)
    assert world.ledger().sums == {"a": SCALE, "b": 21 * SCALE}
    assert emitted_metrics(capsys)["LinksAdded"] == 22


def test_a_lost_record_rebuilds_the_day_from_its_snapshots(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    world.snapshot_changed("i-1", {"a": 2 * SCALE})  # Its record is lost,
    world.snapshot_changed("i-2", {"a": 4 * SCALE})  # this one's too,
    world.snapshot_changed("i-1", {"a": 100 * SCALE}, TOMORROW)  # and this day is another.
    capsys.readouterr()
    aggregate(world, world.snapshot_changed("i-1", {"a": 3 * SCALE}))
    assert world.ledger().sums == {"a": 7 * SCALE}
    assert [call["ConsistentRead"] for call in world.calls.of("Query")] == [True, True, True]
    assert emitted_metrics(capsys) == {"DaysRebuilt": 1}
    (warning,) = [line for line in world.log_lines() if line["level"] == "WARNING"]
    assert (warning["message"], warning["day"], warning["instance"]) == (
        "gap in the chain, day rebuilt",
        DAY,
        "i-1",
    )


def test_after_a_rebuild_the_chain_goes_on(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-2", {"b": SCALE}))
    lost, found, late = (world.snapshot_changed("i-1", {"a": number * SCALE}) for number in (1, 2, 3))
    aggregate(world, found)
    assert rebuilds(world) == 1
    assert world.ledger().sums == {"a": 3 * SCALE, "b": SCALE}
    aggregate(world, lost, found, late)
    aggregate(world, world.snapshot_changed("i-1", {"a": 4 * SCALE}))
    assert rebuilds(world) == 1
    assert world.ledger().sums == {"a": 4 * SCALE, "b": SCALE}


def test_a_gap_in_one_day_does_not_rebuild_another(world: World) -> None:
    for day in (DAY, TOMORROW):
        aggregate(world, world.snapshot_changed("i-2", {"c": SCALE}, day))
    world.snapshot_changed("i-1", {"a": SCALE})
    aggregate(
        world, world.snapshot_changed("i-1", {"a": 2 * SCALE}), world.snapshot_changed("i-1", {"b": 1}, TOMORROW)
    )
    assert rebuilds(world) == 1
    assert (world.ledger(DAY).sums, world.ledger(TOMORROW).sums) == (
        {"a": 2 * SCALE, "c": SCALE},
        {"b": 1, "c": SCALE},
    )


def test_a_rebuild_reads_every_page(world: World) -> None:
    # Names without pattern: every snapshot takes some 100 KB, and twelve of them more than the 1 MB of one page.
    noise = {f"{pow(3, number, 2**127 - 1):032x}": SCALE for number in range(100, 6_100)}
    for instance in range(12):
        world.snapshot_changed(f"i-{instance}", noise)
    world.snapshot_changed("i-99", {"a": 100 * SCALE})
    aggregate(world, world.snapshot_changed("i-99", {"a": SCALE}))
    pages = world.calls.of("Query")
    assert len(pages) > 1
    assert all(page["ConsistentRead"] for page in pages)
    assert world.ledger().sums == dict.fromkeys(noise, 12 * SCALE) | {"a": SCALE}
    assert len(world.ledger().seen) == 13


def test_a_rebuild_that_finds_nothing_new_writes_nothing(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    impossible = world.snapshot_changed("i-1", {"a": 2 * SCALE})
    aggregate(world, impossible)
    del impossible["dynamodb"]["OldImage"]
    impossible["dynamodb"]["NewImage"] |= {"Sequencer": {"S": "F" * 32}, "ContentSequencer": {"S": "F" * 32}}
    aggregate(world, impossible)
    assert rebuilds(world) == 1
    assert totals_writes(world) == 3
    assert world.ledger().sums == {"a": 2 * SCALE}


def test_a_rebuild_that_loses_the_race_looks_again(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    world.snapshot_changed("i-1", {"a": 2 * SCALE})
    record = world.snapshot_changed("i-1", {"a": 3 * SCALE})
    capsys.readouterr()

    def another_writes() -> None:
        aggregate(world, world.snapshot_changed("i-2", {"a": 4 * SCALE}))

    aggregate(world, record, store=Interrupted(world, another_writes))
    assert world.ledger().sums == {"a": 7 * SCALE}
    assert emitted_metrics(capsys)["LedgerConflicts"] == 1


def writing_with(clients: FunctionClients, put_item: Callable[..., object]) -> FunctionClients:
    return replace(clients, dynamodb=overridden(clients.dynamodb, put_item=put_item))


def test_a_write_that_landed_although_it_timed_out_is_not_repeated(world: World) -> None:
    record = world.snapshot_changed("i-1", {"a": SCALE})

    def put_item(**request: Any) -> object:
        world.clients.dynamodb.put_item(**request)
        raise ReadTimeoutError(endpoint_url="dynamodb")

    store = Store(world.settings, writing_with(world.clients, put_item))
    with pytest.raises(ReadTimeoutError):
        aggregate(world, record, store=store)
    aggregate(world, record)
    item = world.totals_item()
    assert item is not None
    assert (world.ledger().sums, item["Version"]) == ({"a": SCALE}, changed(1))


def test_a_write_that_the_client_repeats_after_it_landed_is_not_added_twice(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))

    def put_item(**request: Any) -> object:
        world.clients.dynamodb.put_item(**request)
        return world.clients.dynamodb.put_item(
            **request
        )  # The first answer got lost; the repeated call conflicts.

    store = Store(world.settings, writing_with(world.clients, put_item))
    aggregate(world, world.snapshot_changed("i-1", {"a": 5 * SCALE}), store=store)
    item = world.totals_item()
    assert item is not None
    assert (world.ledger().sums, item["Version"]) == ({"a": 5 * SCALE}, changed(2))


def test_another_error_of_the_table_gives_the_batch_back(world: World) -> None:
    def put_item(**_: object) -> object:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "PutItem")

    record = world.snapshot_changed("i-1", {"a": SCALE})
    with pytest.raises(ClientError, match="ThrottlingException"):
        aggregate(world, record, store=Store(world.settings, writing_with(world.clients, put_item)))
    assert world.totals_item() is None


def test_a_record_that_is_no_snapshot_gives_the_batch_back_unwritten(world: World) -> None:
    good, bad = world.snapshot_changed("i-1", {"a": SCALE}), load_event("stream-totals-insert")
    with pytest.raises(InvalidEvent):
        aggregate(world, good, bad)
    assert world.totals_item() is None


def test_a_corrupt_snapshot_gives_the_batch_back_unwritten(world: World) -> None:
    good, bad = world.snapshot_changed("i-1", {"a": SCALE}), world.snapshot_changed("i-2", {"a": SCALE})
    bad["dynamodb"]["NewImage"]["Counters"]["B"] = "AAAA"
    _damage(world, world.names.snapshots, {"Date": {"S": DAY}, "Instance": {"S": "i-2"}}, "Counters")
    with pytest.raises(CorruptDocument):
        aggregate(world, good, bad)
    assert world.totals_item() is None


@pytest.mark.parametrize("image", ["NewImage", "OldImage"])
def test_a_corrupt_image_of_a_snapshot_that_was_mended_since_rebuilds_the_day(world: World, image: str) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    bad = world.snapshot_changed("i-1", {"a": 2 * SCALE})
    bad["dynamodb"][image]["Counters"]["B"] = "AAAA"
    aggregate(world, bad)
    assert world.ledger().sums == {"a": 2 * SCALE}
    (warning,) = [line for line in world.log_lines() if line["level"] == "WARNING"]
    assert (warning["day"], "cannot be decompressed" in warning["reason"]) == (DAY, True)


def test_a_corrupt_ledger_is_rebuilt_and_goes_on_in_its_version(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-1", {"a": SCALE}))
    _damage(world, world.names.totals, {"Date": {"S": DAY}}, "Document")
    aggregate(world, world.snapshot_changed("i-2", {"a": 2 * SCALE}))
    assert world.ledger().sums == {"a": 3 * SCALE}
    found = world.totals_item()
    assert found is not None
    assert found["Version"] == changed(2)


def _damage(world: World, table: str, key: dict[str, Any], attribute: str) -> None:
    world.clients.dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #attribute = :garbage",
        ExpressionAttributeNames={"#attribute": attribute},
        ExpressionAttributeValues={":garbage": {"B": b"AAAA"}},
    )


def test_a_ledger_too_large_for_an_item_is_said_and_not_written(world: World) -> None:
    with pytest.raises(CountaggError, match=f"^the totals of {DAY} take {MAX_PACKED_BYTES + 1} bytes") as told:
        world.store.ledgers.save(DAY, StoredLedger(), StoredLedger(1, "now", bytes(MAX_PACKED_BYTES + 1)))
    assert told.value.hint == MORE_PARTITIONS
    assert world.totals_item() is None
    assert world.store.ledgers.save(DAY, StoredLedger(), StoredLedger(1, "now", bytes(MAX_PACKED_BYTES)))


def test_a_ledger_is_saved_only_over_the_version_that_was_read(world: World) -> None:
    none, first, second = (StoredLedger(version, "now", encode_ledger(Ledger()), 7) for version in range(3))
    assert world.store.ledgers.load(DAY) == StoredLedger()
    assert world.store.ledgers.save(DAY, none, first)
    assert not world.store.ledgers.save(DAY, none, first)
    assert not world.store.ledgers.save(DAY, second, second)
    assert world.store.ledgers.save(DAY, first, second)
    loaded = world.store.ledgers.load(DAY)
    assert (loaded, loaded.expires_at) == (second, 7)


class Warm:
    """An aggregator that goes from batch to batch, as in one execution environment."""

    def __init__(self, world: World, store: Store | None = None) -> None:
        self._aggregator = Aggregator(store or world.store, world.logger, world.metrics, world.now)

    def handle(self, *records: Record) -> None:
        self._aggregator.handle({"Records": list(records)}, Context(60_000))


def ledger_reads(world: World) -> int:
    return len([call for call in world.calls.of("GetItem") if call["TableName"] == world.names.totals])


def test_a_warm_function_does_not_read_again_what_it_stored_last(world: World) -> None:
    warm = Warm(world)
    for number in range(1, 4):
        warm.handle(world.snapshot_changed("i-1", {"a": number * SCALE}))
    assert ledger_reads(world) == 1
    assert world.ledger().sums == {"a": 3 * SCALE}


def test_a_warm_function_notices_that_another_replaced_the_ledger(world: World) -> None:
    warm = Warm(world)
    warm.handle(world.snapshot_changed("i-1", {"a": SCALE}))
    aggregate(world, world.snapshot_changed("i-2", {"a": 10 * SCALE}))
    warm.handle(world.snapshot_changed("i-3", {"a": 100 * SCALE}))
    assert world.ledger().sums == {"a": 111 * SCALE}
    assert world.ledger().contributors == {"a": 3}


def test_a_warm_function_does_not_hold_what_it_could_not_store(world: World) -> None:
    failures = [ReadTimeoutError(endpoint_url="https://dynamodb")]

    def put_item(**request: Any) -> object:
        if failures:
            raise failures.pop()
        return world.clients.dynamodb.put_item(**request)

    warm = Warm(world, Store(world.settings, writing_with(world.clients, put_item)))
    record = world.snapshot_changed("i-1", {"a": SCALE})
    with pytest.raises(ReadTimeoutError):
        warm.handle(record)
    warm.handle(record)
    assert world.ledger().sums == {"a": SCALE}


def test_a_warm_function_builds_on_a_day_that_it_rebuilt(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-2", {"b": SCALE}))
    warm = Warm(world)
    world.snapshot_changed("i-1", {"a": SCALE})
    warm.handle(world.snapshot_changed("i-1", {"a": 2 * SCALE}))
    warm.handle(world.snapshot_changed("i-1", {"a": 3 * SCALE}))
    assert rebuilds(world) == 1
    assert ledger_reads(world) == 2
    assert world.ledger().sums == {"a": 3 * SCALE, "b": SCALE}


def test_a_warm_function_holds_many_small_ledgers(world: World) -> None:
    warm = Warm(world)
    days = [f"2026-11-{number}" for number in range(10, 20)]
    for value in (1, 2):
        for day in days:
            warm.handle(world.snapshot_changed("i-1", {"a": value * SCALE}, day=day))
    assert ledger_reads(world) == len(days)
    assert [world.ledger(day).sums for day in days] == [{"a": 2 * SCALE}] * len(days)


def test_a_warm_function_holds_a_few_large_ledgers_and_no_more(world: World) -> None:
    warm, source = Warm(world), random.Random(1)
    many = {f"{source.getrandbits(64):016x}": SCALE for _ in range(15_000)}
    days = [f"2026-11-{number}" for number in range(12, 20)]
    for day in days:
        warm.handle(world.snapshot_changed("i-1", many, day=day))
    for day in days:
        warm.handle(world.snapshot_changed("i-1", many | {"a": SCALE}, day=day))
    assert ledger_reads(world) > len(days)
    assert [world.ledger(day).sums["a"] for day in days] == [SCALE] * len(days)


def test_a_ledger_that_is_nearly_full_is_told_with_what_to_do(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    source = random.Random(1)
    many = {f"{source.getrandbits(64):016x}": source.getrandbits(60) for _ in range(9_000)}
    aggregate(world, world.snapshot_changed("i-1", many))
    assert LEDGERS_NEARLY_FULL not in emitted_metrics(capsys)
    more = {f"{source.getrandbits(64):016x}": source.getrandbits(60) for _ in range(9_000)}
    aggregate(world, world.snapshot_changed("i-2", more))
    assert emitted_metrics(capsys)[LEDGERS_NEARLY_FULL] == 1
    [line] = [each for each in world.log_lines() if each["message"] == "ledger nearly full"]
    assert line["remedy"] == MORE_PARTITIONS


def test_each_partition_has_a_ledger_of_its_own(world: World) -> None:
    one, other = Layout(2, 1).partitions(DAY)
    aggregate(
        world,
        world.snapshot_changed("i-1", {"a": SCALE}, day=one),
        world.snapshot_changed("i-2", {"a": 2}, day=other),
    )
    assert (world.ledger(one).sums, world.ledger(other).sums) == ({"a": SCALE}, {"a": 2})
    assert world.totals_item() is None


def test_what_says_a_days_layout_is_no_snapshot(world: World) -> None:
    world.store.records.fix(DAY, DayRecord(Layout(2, 1), world.settings.expiry_of(DAY)))
    record = world.snapshot_changed("i-1", {"a": 1})
    record["dynamodb"]["Keys"] = {"Date": {"S": "layout"}, "Instance": {"S": DAY}}
    record["dynamodb"]["NewImage"] = {"Date": {"S": "layout"}, "Instance": {"S": DAY}, "Lanes": {"N": "2"}}
    aggregate(world, record)
    assert world.totals_item() is None


def test_a_batch_leaves_one_log_line(world: World) -> None:
    aggregate(world, world.snapshot_changed("i-2", {"a": SCALE}))
    record = world.snapshot_changed("i-1", {"a": SCALE})
    aggregate(world, record, record)
    _, line = world.log_lines()
    assert (line["level"], line["message"]) == ("INFO", "batch done")
    assert (line["LinksAdded"], line["LinksSkipped"]) == (1, 1)


def test_the_entry_point_takes_its_settings_from_the_environment(deployed: World) -> None:
    record = deployed.snapshot_changed("i-1", {"a": SCALE})
    aggregator.handler({"Records": [record]}, Context(60_000))
    assert deployed.ledger().sums == {"a": SCALE}
