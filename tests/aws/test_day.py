"""What is stored of a day: read as it is, and mended only where it still is what was read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws.day_reader import DayReader
from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.days import expiry_epoch_seconds
from countagg.core.errors import AccessDenied, AwsCallFailed, CountaggError, UnreadableObject
from countagg.core.published import PublishedTotals, published_metadata
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import MAX_PACKED_BYTES, pack_counters
from countagg.core.values import SCALE
from countagg.data.counters import CounterItem
from countagg.data.files import ListedObject
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.data.queues import EventQueue
from countagg.data.snapshots import StoredSnapshot
from countagg.data.store import Store
from tests.aws.by_hand import queue_url
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.world import BUCKET, PLACE, OneClient, World

DAY = "2026-11-20"
EXPIRES_AT = expiry_epoch_seconds(DAY, 400)
SETTINGS = FunctionSettings("countagg", BUCKET, ACCOUNT, "counters/", "totals/", "url", 35, 400, "arn")
KEY = f"counters/{DAY}/values_i-1"
TOTALS = {"a": SCALE, "b": -SCALE // 4}


@pytest.fixture
def stored(world: World) -> World:
    """Give tables, queues and a bucket, without functions that would do something about them."""
    world.focus("queue", "table").set_up()
    world.clients.s3.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={"LocationConstraint": PLACE.region},  # type: ignore[typeddict-item]  # a string
    )
    return world


@pytest.fixture
def reader(stored: World) -> DayReader:
    return DayReader(stored.clients, SETTINGS)


@pytest.fixture
def store(stored: World) -> Store:
    return Store(SETTINGS, stored.clients)


def put(world: World, key: str, content: bytes) -> str:
    world.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    return hashlib.md5(content).hexdigest()  # noqa: S324 - S3's ETag


def put_item(world: World, table: str, **item: Any) -> None:
    world.clients.dynamodb.put_item(TableName=f"countagg-{table}", Item={"Date": {"S": DAY}, **item})


# Reading


def test_objects_below_the_days_prefix_are_listed_with_what_is_known_of_them(
    stored: World, reader: DayReader
) -> None:
    etags = [put(stored, f"counters/{DAY}/values_{name}", name.encode()) for name in ("i-1", "i-22")]
    for other in (f"counters/{DAY}/notes", "counters/2026-11-21/values_i-1", f"totals/{DAY}"):
        put(stored, other, b"")
    listed = list(reader.list_objects(DAY))
    times = [each.modified_at for each in listed]
    assert listed == [
        ListedObject(f"counters/{DAY}/values_i-1", etags[0], 3, times[0]),
        ListedObject(f"counters/{DAY}/values_i-22", etags[1], 4, times[1]),
    ]
    assert times == [reader.find_object(each.key).modified_at for each in listed]  # type: ignore[union-attr]  # they are there


def test_an_object_is_read_with_its_etag(stored: World, reader: DayReader) -> None:
    etag = put(stored, KEY, b"A 1\n")
    assert reader.read_object(KEY) == (b"A 1\n", etag)
    assert reader.read_object("counters/none") is None


def test_an_object_is_found_with_its_time_and_read_only_if_it_is_small(stored: World, reader: DayReader) -> None:
    etag = put(stored, KEY, b"A 1\n")
    put(stored, f"{KEY}2", bytes(MAX_FILE_BYTES + 1))

    found, large = reader.find_object(KEY), reader.find_object(f"{KEY}2")

    assert found is not None
    assert (found.content, found.etag, found.size) == (b"A 1\n", etag, 4)
    assert abs(datetime.now(UTC) - found.modified_at) < timedelta(hours=1)
    assert large is not None
    assert (large.content, large.size) == (None, MAX_FILE_BYTES + 1)
    assert reader.find_object("counters/none") is None


def test_snapshots_are_read_as_they_are_damaged_ones_too(stored: World, reader: DayReader) -> None:
    packed = pack_counters({"a": SCALE})
    put_item(
        stored,
        "snapshots",
        Instance={"S": "i-1"},
        Sequencer={"S": "S1"},
        Counters={"B": packed},
        ETag={"S": "e"},
        Key={"S": KEY},
        UploadedAt={"S": "then"},
    )
    put_item(stored, "snapshots", Instance={"S": "i-2"})
    whole = StoredSnapshot(DAY, "i-1", "S1", packed, "e", KEY, "then")
    assert list(reader.snapshots(DAY)) == [whole, StoredSnapshot(DAY, "i-2", "", b"", "", "", "")]
    assert reader.snapshot(DAY, "i-1") == whole
    assert reader.snapshot(DAY, "i-3") is None
    assert reader.sequencers(DAY) == {"i-1": "S1", "i-2": ""}
    assert list(reader.snapshots("2026-11-21")) == []


def test_a_ledger_is_read_undecoded(stored: World, reader: DayReader) -> None:
    assert reader.ledger(DAY) == StoredDay()
    put_item(stored, "totals", Version={"N": "7"}, UpdatedAt={"S": "then"}, Document={"B": b"garbage"})
    assert reader.ledger(DAY) == StoredDay((StoredLedger(7, "then", b"garbage"),))


def test_counters_are_read_by_the_days_index_and_exactly(stored: World, reader: DayReader) -> None:
    for number in range(250):
        put_item(stored, "counters", Counter={"S": f"c{number}"}, Value={"N": f"{number}.25"}, Version={"N": "3"})
    put_item(
        stored, "counters", Counter={"S": "old"}, Date={"S": "2026-11-19"}, Value={"N": "1"}, Version={"N": "1"}
    )
    found = {item.counter: item for item in reader.counters(DAY)}
    assert found == {f"c{number}": CounterItem(f"c{number}", Decimal(f"{number}.25"), 3) for number in range(250)}
    asked = [f"c{number}" for number in range(0, 300, 2)]
    exactly = {item.counter: item for item in reader.counters_exactly(DAY, asked)}
    assert exactly == {name: found[name] for name in asked if name in found}
    assert list(reader.counters_exactly(DAY, [])) == []


def test_counters_that_are_throttled_are_asked_for_again(reader: DayReader, stored: World) -> None:
    asked: list[int] = []

    class Throttled:
        def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 - boto3's
            ((table, request),) = RequestItems.items()
            asked.append(len(request["Keys"]))
            assert request["ConsistentRead"] is True
            done, left = request["Keys"][:60], request["Keys"][60:]
            unprocessed = {table: {"Keys": left, "ConsistentRead": True}} if left else {}
            return {"Responses": {table: done}, "UnprocessedKeys": unprocessed}

    clients: Any = OneClient(dynamodb=Throttled())
    names = [f"c{number}" for number in range(150)]
    found = [item.counter for item in DayReader(clients, SETTINGS).counters_exactly(DAY, names)]
    assert sorted(found) == sorted(names)
    assert sum(asked) > 150
    assert reader.settings == SETTINGS
    assert stored.mutating


# Writing


def test_a_ledger_replaces_the_version_that_was_read_and_no_other(reader: DayReader, store: Store) -> None:
    assert not store.ledgers.save(DAY, StoredLedger(4), StoredLedger(5, "now", b"x", EXPIRES_AT))
    assert store.ledgers.save(DAY, StoredLedger(0), StoredLedger(9, "now", b"one", EXPIRES_AT))
    assert not store.ledgers.save(DAY, StoredLedger(0), StoredLedger(10, "now", b"x", EXPIRES_AT))
    assert not store.ledgers.save(DAY, StoredLedger(8), StoredLedger(10, "now", b"x", EXPIRES_AT))
    assert store.ledgers.save(DAY, StoredLedger(9), StoredLedger(10, "later", b"two", EXPIRES_AT))
    assert reader.ledger(DAY) == StoredDay((StoredLedger(10, "later", b"two"),))


def test_a_ledger_too_large_for_an_item_is_said(store: Store) -> None:
    with pytest.raises(CountaggError, match="at most"):
        store.ledgers.save(DAY, StoredLedger(0), StoredLedger(1, "now", bytes(MAX_PACKED_BYTES + 1), EXPIRES_AT))


def test_a_counter_replaces_the_item_that_was_read_and_no_other(reader: DayReader, store: Store) -> None:
    first, second = CounterItem("a", Decimal("0.5"), 3), CounterItem("a", Decimal(7), 3)
    assert not store.counters.replace(DAY, first, second, EXPIRES_AT)
    assert store.counters.replace(DAY, None, first, EXPIRES_AT)
    assert not store.counters.replace(DAY, None, second, EXPIRES_AT)
    assert not store.counters.replace(DAY, CounterItem("a", Decimal("0.5"), 2), second, EXPIRES_AT)
    assert not store.counters.replace(DAY, CounterItem("a", Decimal("0.6"), 3), second, EXPIRES_AT)
    assert store.counters.replace(DAY, first, second, EXPIRES_AT)
    assert list(reader.counters(DAY)) == [second]


def test_the_largest_sum_is_written_without_an_exponent(reader: DayReader, store: Store) -> None:
    item = CounterItem("a", Decimal("9E+28") + Decimal(0), 3)
    assert store.counters.replace(DAY, None, item, EXPIRES_AT)
    assert list(reader.counters(DAY)) == [item]


def test_an_object_replaces_the_one_that_was_read_and_no_other(reader: DayReader, store: Store) -> None:
    assert reader.published(DAY) == PublishedTotals()
    assert not store.published.write(DAY, 1, "now", TOTALS, '"none"')
    assert store.published.write(DAY, 1, "now", TOTALS, "")
    found = reader.published(DAY)
    assert (found.version, found.totals) == (1, TOTALS)
    assert not store.published.write(DAY, 2, "now", {}, "")
    assert store.published.write(DAY, 2, "now", {}, found.etag)
    assert not store.published.write(DAY, 3, "now", TOTALS, found.etag)
    assert reader.published(DAY).version == 2


def test_an_object_of_another_stack_is_foreign_to_the_reader(stored: World, reader: DayReader) -> None:
    metadata = published_metadata("other", 1, "now")
    stored.clients.s3.put_object(Bucket=BUCKET, Key=f"totals/{DAY}", Body=b"a 1\n", Metadata=metadata)
    found = reader.published(DAY)
    assert (found.version, found.totals) == (0, {})
    assert "'other'" in (found.foreign or "")


# Events


def test_events_are_sent_ten_at_a_time_in_their_order(stored: World) -> None:
    bodies = [json.dumps({"number": number}) for number in range(23)]
    assert [len(accepted) for accepted in EventQueue(stored.clients, "countagg").send(bodies)] == [10, 10, 3]
    url, found = queue_url(stored, "countagg-uploads"), []
    while messages := stored.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [message["Body"] for message in messages]
    assert sorted(found) == sorted(bodies)


def test_which_events_were_not_accepted_is_told(stored: World) -> None:
    class Picky:
        def get_queue_url(self, *, QueueName: str) -> Any:  # noqa: N803 - boto3's
            return {"QueueUrl": QueueName}

        def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> Any:  # noqa: N803 - boto3's
            assert QueueUrl == "countagg-uploads"
            good = [entry for entry in Entries if entry["MessageBody"] != "bad"]
            return {"Successful": [{"Id": entry["Id"]} for entry in good], "Failed": [{"Id": "x"}]}

    clients: Any = OneClient(sqs=Picky())
    assert list(EventQueue(clients, "countagg").send(["good", "bad", "good"])) == [[True, False, True]]
    assert stored.mutating


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("ListObjectsV2", lambda reader, _: list(reader.list_objects(DAY))),
        ("GetObject", lambda reader, _: reader.read_object(KEY)),
        ("GetObject", lambda reader, _: reader.published(DAY)),
        ("Query", lambda reader, _: list(reader.snapshots(DAY))),
        ("Query", lambda reader, _: list(reader.counters(DAY))),
        ("GetItem", lambda reader, _: reader.ledger(DAY)),
        ("GetItem", lambda reader, _: reader.snapshot(DAY, "i-1")),
        ("BatchGetItem", lambda reader, _: list(reader.counters_exactly(DAY, ["a"]))),
        (
            "PutItem",
            lambda _, store: store.ledgers.save(DAY, StoredLedger(0), StoredLedger(1, "now", b"", EXPIRES_AT)),
        ),
        (
            "PutItem",
            lambda _, store: store.counters.replace(DAY, None, CounterItem("a", Decimal(1), 1), EXPIRES_AT),
        ),
        ("PutObject", lambda _, store: store.published.write(DAY, 1, "now", {}, "")),
    ],
)
def test_every_other_answer_rises_translated_and_says_where(
    stored: World, reader: DayReader, store: Store, operation: str, ask: Any
) -> None:
    stored.answers(operation, "SlowDown", "slow down", times=9)
    with pytest.raises(AwsCallFailed, match=f"{operation} failed: slow down") as caught:
        ask(reader, store)
    assert caught.value.where


# Objects that S3 does not read out


ARCHIVED = ("InvalidObjectState", "The operation is not valid for the object's storage class")
NO_DECRYPT = (
    "AccessDenied",
    "User: u is not authorized to perform: kms:Decrypt on resource: key/k",
)
NO_GET = ("AccessDenied", "Access Denied")


_READ = "before-parameter-build.s3.GetObject"


@dataclass
class Reads:
    """Reads of objects, some of which S3 answers with an error, as moto does none of them."""

    asked: list[str] = field(default_factory=list)
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    once: bool = False

    def refuse(self, params: dict[str, Any], **_: object) -> None:
        self.asked.append(params["Key"])
        for prefix, (code, text) in self.errors.items():
            if params["Key"].startswith(prefix) and not (self.once and len(self.asked) > 1):
                raise ClientError({"Error": {"Code": code, "Message": text}}, "GetObject")


@pytest.fixture
def reads(stored: World) -> Iterator[Reads]:
    reads, events = Reads(), stored.clients.s3.meta.events
    events.register(_READ, reads.refuse)
    yield reads
    events.unregister(_READ, reads.refuse)


@pytest.mark.parametrize(
    ("code", "text", "denied"),
    [(*ARCHIVED, False), (*NO_DECRYPT, True), (*NO_GET, False)],
)
def test_an_object_that_cannot_be_read_is_told_with_its_reason(
    stored: World, reader: DayReader, reads: Reads, code: str, text: str, *, denied: bool
) -> None:
    etag = put(stored, KEY, b"A 1\n")
    reads.errors = {KEY: (code, text)}

    with pytest.raises(UnreadableObject, match=f"the file cannot be read: .*{code}: {text}") as raised:
        reader.read_object(KEY)
    found = reader.find_object(KEY)

    assert (raised.value.where, raised.value.denied) == (f"object {KEY}", denied)
    assert found is not None
    assert (found.content, found.etag, found.size, found.unreadable) == (None, etag, 4, raised.value.what)


def test_a_published_object_that_cannot_be_read_is_left_alone_unless_it_is_who_asks(
    reader: DayReader, reads: Reads
) -> None:
    reads.errors = {"totals/": ARCHIVED}
    assert "it is archived" in str(reader.published(DAY).foreign)
    reads.errors = {"totals/": NO_DECRYPT}
    with pytest.raises(AccessDenied):
        reader.published(DAY)


def test_one_that_is_gone_meanwhile_is_not_there(reader: DayReader, reads: Reads) -> None:
    reads.errors = {KEY: ARCHIVED}
    assert reader.find_object(KEY) is None


def test_who_may_read_no_file_is_denied_and_no_file_is_blamed(reader: DayReader, reads: Reads) -> None:
    reads.errors = {"counters/": NO_GET}

    for read in (reader.read_object, reader.find_object):
        with pytest.raises(AccessDenied):
            read(KEY)


def test_whether_others_may_be_read_is_asked_once(reader: DayReader, reads: Reads) -> None:
    reads.errors = {KEY: NO_GET}

    for key in (KEY, f"{KEY}1", f"{KEY}2"):
        with pytest.raises(UnreadableObject):
            reader.read_object(key)

    assert len(reads.asked) == 4


def test_a_failure_to_ask_for_others_is_told_as_that(reader: DayReader, reads: Reads) -> None:
    reads.errors = {KEY: NO_GET, "counters/": ("SlowDown", "Please reduce your request rate.")}

    with pytest.raises(AwsCallFailed, match="reduce your request rate"):
        reader.read_object(KEY)


def test_a_published_object_that_cannot_be_read_is_an_error(reader: DayReader, reads: Reads) -> None:
    reads.errors = {"totals/": NO_DECRYPT}

    with pytest.raises(AccessDenied, match="kms:Decrypt"):
        reader.published(DAY)


def test_a_published_object_that_is_listed_but_not_found_is_an_error_and_not_absent(
    reader: DayReader, store: Store, reads: Reads
) -> None:
    assert store.published.write(DAY, 1, "2026-11-20T10:00:00.000Z", TOTALS, "")
    reads.errors = {"totals/": ("NoSuchKey", "gone")}
    with pytest.raises(CountaggError, match="the bucket lists it, but S3 answers 404") as raised:
        reader.published(DAY)
    assert "15 minutes after versioning was first enabled" in raised.value.hint


def test_a_published_object_that_is_written_meanwhile_is_read(
    reader: DayReader, store: Store, reads: Reads
) -> None:
    assert store.published.write(DAY, 1, "2026-11-20T10:00:00.000Z", TOTALS, "")
    reads.errors, reads.once = {"totals/": ("NoSuchKey", "gone")}, True
    assert reader.published(DAY).version == 1


def test_a_listing_tells_of_the_key_itself_and_of_no_longer_one(stored: World, reader: DayReader) -> None:
    put(stored, f"{KEY}0", b"A 1\n")
    assert reader.listed(KEY) is None
    etag = put(stored, KEY, b"A 1\n")
    found = reader.listed(KEY)
    assert found is not None
    assert (found.key, found.etag, found.size) == (KEY, etag, 4)
