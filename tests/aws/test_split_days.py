"""Days that are spread over lanes and counter shards, as the operator's commands read and mend them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from countagg.aws.day_reader import DayReader
from countagg.aws.health import Health, LastChange
from countagg.aws.pipeline import DayTotals, Pipeline, SnapshotHead
from countagg.aws.session import Clients
from countagg.core.days import expiry_epoch_seconds
from countagg.core.errors import AwsCallFailed, CountaggError
from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import LAYOUTS_PARTITION, Layout
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import MAX_PACKED_BYTES, pack_counters
from countagg.core.values import SCALE
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.data.snapshots import StoredSnapshot
from countagg.data.store import Store
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.world import BUCKET, OneClient, World

DAY: Final = "2026-11-20"
EXPIRES_AT: Final = expiry_epoch_seconds(DAY, 400)
LAYOUT: Final = Layout(3, 2)
FLEET: Final = {f"i-{number}": {f"c{index}": number * SCALE for index in range(9)} for number in range(7)}
PLACES: Final = (BUCKET, ACCOUNT, "counters/", "totals/", "url", 35, 400, "arn")


def settings_of(layout: Layout) -> FunctionSettings:
    return FunctionSettings("countagg", *PLACES, lanes=layout.lanes, counter_shards=layout.shards)


@pytest.fixture
def clients(world: World) -> Clients:
    """Give the tables, without functions that would do something about them."""
    world.focus("table").set_up()
    return world.clients


@pytest.fixture
def reader(clients: Clients) -> DayReader:
    return DayReader(clients, settings_of(LAYOUT))


@pytest.fixture
def pipeline(clients: Clients) -> Pipeline:
    return Pipeline(clients, settings_of(LAYOUT))


def fix_layout(clients: Clients, layout: Layout) -> None:
    item: Any = {"Date": {"S": LAYOUTS_PARTITION}, "Instance": {"S": DAY}}
    numbers = {"Lanes": {"N": str(layout.lanes)}, "CounterShards": {"N": str(layout.shards)}}
    clients.dynamodb.put_item(TableName="countagg-snapshots", Item=item | numbers)


def whole(instance: str, counters: Mapping[str, int], sequencer: str = "S1") -> StoredSnapshot:
    key = f"counters/{DAY}/values_{instance}"
    return StoredSnapshot(DAY, instance, sequencer, pack_counters(counters), f"etag {sequencer}", key, "then")


def put_part(clients: Clients, partition: str, snapshot: StoredSnapshot, packed: bytes) -> None:
    texts = {
        "Date": partition,
        "Instance": snapshot.instance,
        "Sequencer": snapshot.sequencer,
        "ETag": snapshot.etag,
        "Key": snapshot.key,
        "UploadedAt": snapshot.uploaded_at,
    }
    item: Any = {name: {"S": text} for name, text in texts.items()}
    clients.dynamodb.put_item(TableName="countagg-snapshots", Item=item | {"Counters": {"B": packed}})


def put_whole(
    clients: Clients, instance: str, counters: Mapping[str, int], sequencer: str = "S1"
) -> StoredSnapshot:
    """Store all parts of a snapshot as the processor does; return it as it is in one piece."""
    snapshot = whole(instance, counters, sequencer)
    for partition, share in zip(LAYOUT.partitions_of(DAY, instance), LAYOUT.split(counters), strict=True):
        put_part(clients, partition, snapshot, pack_counters(share))
    return snapshot


def put_ledger(clients: Clients, partition: str, version: int, document: bytes) -> None:
    item: Any = {
        "Date": {"S": partition},
        "Version": {"N": str(version)},
        "UpdatedAt": {"S": f"at {version}"},
        "Document": {"B": document},
    }
    clients.dynamodb.put_item(TableName="countagg-totals", Item=item)


def count_calls(clients: Clients) -> list[str]:
    made: list[str] = []
    clients.dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: made.append(model.name))
    return made


def before_call(clients: Clients, operation: str, number: int, act: Callable[[], object]) -> None:
    """Have something happen just before the operation is called for that time."""
    calls: list[str] = []

    def interfere(**_: object) -> None:
        calls.append(operation)
        if len(calls) == number:
            act()

    clients.dynamodb.meta.events.register(f"before-call.dynamodb.{operation}", interfere)


# The layout


def test_a_day_is_spread_as_it_was_when_it_began_whatever_the_settings_say_by_now(clients: Clients) -> None:
    fix_layout(clients, LAYOUT)
    reader = DayReader(clients, settings_of(Layout(1, 1)))

    assert reader.layout(DAY) == reader.layout_of_files(DAY) == LAYOUT


def test_a_day_that_has_not_begun_is_in_one_piece_and_its_files_are_to_be_spread(
    clients: Clients, reader: DayReader
) -> None:
    assert reader.layout(DAY) == Layout()
    assert reader.layout_of_files(DAY) == LAYOUT
    # Meanwhile it begins, under settings that changed since.
    fix_layout(clients, Layout(2, 1))
    assert reader.layout(DAY) == reader.layout_of_files(DAY) == Layout(2, 1)


def test_a_layout_is_read_once(clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, Layout())
    made = count_calls(clients)

    reader.ledger(DAY)
    list(reader.snapshots(DAY))
    reader.snapshot(DAY, "i-1")
    reader.sequencers(DAY)

    assert made == ["GetItem", "GetItem", "Query", "GetItem", "Query"]


# Snapshots


def test_the_shards_of_a_snapshot_are_put_together(
    clients: Clients, reader: DayReader, pipeline: Pipeline
) -> None:
    fix_layout(clients, LAYOUT)
    fleet = {name: put_whole(clients, name, counters) for name, counters in FLEET.items()}
    assert len({LAYOUT.partitions_of(DAY, name) for name in fleet}) == LAYOUT.lanes

    for found in (list(reader.snapshots(DAY)), list(pipeline.snapshots(DAY))):
        assert len(found) == len(fleet)
        assert {each.instance: each for each in found} == fleet
    assert [reader.snapshot(DAY, name) for name in fleet] == list(fleet.values())
    assert reader.snapshot(DAY, "i-none") is None
    assert reader.sequencers(DAY) == dict.fromkeys(fleet, "S1")
    heads = sorted(pipeline.snapshot_heads(DAY), key=lambda head: head.instance)
    assert heads == [SnapshotHead(name, "S1", "etag S1", "S1") for name in sorted(fleet)]


def test_a_snapshot_that_is_replaced_between_its_shards_is_read_again(clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, LAYOUT)
    for name, counters in FLEET.items():
        put_whole(clients, name, counters)
    newer: dict[str, StoredSnapshot] = {}

    def replace_all() -> None:
        newer.update({name: put_whole(clients, name, {"c1": -SCALE, "d": 5}, "S2") for name in FLEET})

    # The second shard of the first lane.
    before_call(clients, "Query", 2, replace_all)
    made = count_calls(clients)

    assert {each.instance: each for each in reader.snapshots(DAY)} == newer
    torn = sum(LAYOUT.partitions_of(DAY, name)[0] == LAYOUT.partitions(DAY)[0] for name in FLEET)
    assert made.count("TransactGetItems") == torn > 0


def test_a_snapshot_that_goes_while_it_is_read_again_is_gone(clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, LAYOUT)
    partitions = LAYOUT.partitions_of(DAY, "i-1")
    put_part(clients, partitions[0], whole("i-1", {}), pack_counters({}))

    def remove() -> None:
        key: Any = {"Date": {"S": partitions[0]}, "Instance": {"S": "i-1"}}
        clients.dynamodb.delete_item(TableName="countagg-snapshots", Key=key)

    before_call(clients, "TransactGetItems", 1, remove)
    assert list(reader.snapshots(DAY)) == []


@pytest.mark.parametrize("how", ["missing", "of another version", "damaged"])
def test_a_snapshot_whose_parts_do_not_belong_together_cannot_be_read(
    clients: Clients, reader: DayReader, how: str
) -> None:
    fix_layout(clients, LAYOUT)
    put_whole(clients, "i-1", FLEET["i-1"], "S3")
    partition = LAYOUT.partitions_of(DAY, "i-1")[0]
    if how == "missing":
        key: Any = {"Date": {"S": partition}, "Instance": {"S": "i-1"}}
        clients.dynamodb.delete_item(TableName="countagg-snapshots", Key=key)
    elif how == "damaged":
        put_part(clients, partition, whole("i-1", {}, "S3"), b"garbage")
    else:
        put_part(clients, partition, whole("i-1", {}, "S2"), pack_counters({}))

    (found,) = reader.snapshots(DAY)

    assert found == reader.snapshot(DAY, "i-1")
    # What mends it must come after its newest part.
    assert (found.sequencer, found.packed) == ("S3", b"")


def test_a_partition_is_read_as_it_is(clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, LAYOUT)
    put_whole(clients, "i-1", FLEET["i-1"])
    shares = LAYOUT.split(FLEET["i-1"])

    for partition, share in zip(LAYOUT.partitions_of(DAY, "i-1"), shares, strict=True):
        (found,) = reader.snapshots_of(partition, DAY)
        assert (found.day, found.instance, found.packed) == (DAY, "i-1", pack_counters(share))
    assert all(shares)


# Ledgers


def test_the_ledgers_of_a_day_are_read_at_one_moment_and_added_up(
    clients: Clients, reader: DayReader, pipeline: Pipeline
) -> None:
    fix_layout(clients, LAYOUT)
    first, second, *_ = LAYOUT.partitions(DAY)
    put_ledger(clients, first, 7, encode_ledger(Ledger({"a": 1}, {"a": 1}, {"i-1": "S2", "i-2": "S1"})))
    put_ledger(clients, second, 9, encode_ledger(Ledger({"b": 2}, {"b": 1}, {"i-1": "S1"})))
    made = count_calls(clients)

    stored = reader.ledger(DAY)

    assert made == ["GetItem", "TransactGetItems"]
    assert (stored.version, stored.updated_at, stored.layout) == (16, "at 9", LAYOUT)
    assert [part.version for part in stored.parts] == [7, 9, 0, 0, 0, 0]
    expected = Ledger({"a": 1, "b": 2}, {"a": 1, "b": 1}, {"i-1": "S1"})
    assert stored.decode() == expected
    assert pipeline.totals(DAY) == DayTotals(DAY, 16, "at 9", expected)
    assert Health(clients, settings_of(LAYOUT)).counted(DAY) == LastChange(DAY, 16, "at 9")


def test_a_split_day_without_ledgers_has_no_totals(
    clients: Clients, reader: DayReader, pipeline: Pipeline
) -> None:
    fix_layout(clients, LAYOUT)

    assert reader.ledger(DAY) == StoredDay((StoredLedger(),) * 6, LAYOUT)
    assert pipeline.totals(DAY) == DayTotals(DAY, 0, None, Ledger())
    assert Health(clients, settings_of(LAYOUT)).counted(DAY) is None


class Contended:
    """DynamoDB that answers a transaction only after some attempts: others write."""

    def __init__(self, clients: Clients, attempts: int) -> None:
        self._real: Any = clients.dynamodb
        self.attempts = attempts

    def get_item(self, **request: Any) -> Any:
        return self._real.get_item(**request)

    def transact_get_items(self, **request: Any) -> Any:
        self.attempts -= 1
        if self.attempts > 0:
            refusal: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "[TransactionConflict]"}}
            raise ClientError(refusal, "TransactGetItems")
        return self._real.transact_get_items(**request)


def read_contended(clients: Clients, attempts: int) -> StoredDay:
    made: Any = OneClient(dynamodb=Contended(clients, attempts))
    return DayReader(made, settings_of(LAYOUT)).ledger(DAY)


def test_a_transaction_that_others_disturb_is_tried_again_some_times(clients: Clients) -> None:
    fix_layout(clients, LAYOUT)
    put_ledger(clients, LAYOUT.partitions(DAY)[3], 5, b"five")

    assert read_contended(clients, 20).version == 5
    with pytest.raises(AwsCallFailed, match=f"totals of {DAY}: TransactGetItems failed: .*Conflict"):
        read_contended(clients, 21)


def test_a_refused_transaction_is_not_tried_again(world: World, clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, LAYOUT)
    world.answers("TransactGetItems", "AccessDeniedException", "no")
    with pytest.raises(CountaggError, match="no permission for TransactGetItems"):
        reader.ledger(DAY)


def test_the_ledger_of_each_partition_is_replaced_by_its_own_version(clients: Clients, reader: DayReader) -> None:
    fix_layout(clients, LAYOUT)
    store, (first, second, *_) = Store(settings_of(LAYOUT), clients), LAYOUT.partitions(DAY)

    assert store.ledgers.save(first, StoredLedger(0), StoredLedger(4, "now", b"one", EXPIRES_AT))
    assert store.ledgers.save(second, StoredLedger(0), StoredLedger(1, "now", b"two", EXPIRES_AT))
    assert not store.ledgers.save(second, StoredLedger(4), StoredLedger(5, "now", b"x", EXPIRES_AT))
    assert store.ledgers.save(second, StoredLedger(1), StoredLedger(2, "now", b"three", EXPIRES_AT))

    assert [part.document for part in reader.ledger(DAY).parts[:2]] == [b"one", b"three"]
    with pytest.raises(CountaggError, match=f"the totals of {first} take") as told:
        store.ledgers.save(first, StoredLedger(4), StoredLedger(5, "now", bytes(MAX_PACKED_BYTES + 1), EXPIRES_AT))
    assert "--counter-shards" in told.value.hint
