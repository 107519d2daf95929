"""verify finds what is wrong on the embedded engine, repair mends it, and dead letters lead back."""

from __future__ import annotations

import json
import threading
from typing import Any

import psutil
import pytest

from countagg.local import EngineRecord
from countagg.operate.totals.uploads import make_fleet
from tests.embedded.mending import PLANTED, TOTALS, Planted, Tampering, look_at, make_healthy_day, mend
from tests.embedded.world import CommandLine, DeployedStack, engine_clients, wait_until
from tests.events.loading import load_event

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def mended(engine: EngineRecord, command_line: CommandLine) -> DeployedStack:
    """Return a stack of its own: a stack's snapshots reach back 35 days only."""
    command_line("setup", "--stack", "mended", "--bucket", "counters-mended", "--create-bucket", "--yes")
    return DeployedStack("mended", "counters-mended", command_line, engine_clients(engine))


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each.name)
def test_what_is_wrong_is_found_and_mended(mended: DeployedStack, planted: Planted) -> None:
    day = make_healthy_day(mended)
    planted.plant(Tampering(mended, day))

    found, _ = look_at(mended, day)
    named = {(str(each.hop), each.instance or "", each.counter or "") for each in found.differences}
    repaired = mend(mended, day)

    assert planted.named in named
    assert repaired.verification.differences == ()
    assert repaired.mended
    # What comes after it counts as ever.
    mended.put(day, "i-1", "A 2\n")
    wait_until("all hops to agree", lambda: look_at(mended, day, settle=0)[0].ok)
    assert mended.totals(day)["A"] == mended.published_object(day).totals["A"] / 10**9


def test_a_dropped_message_is_found_and_mended_by_the_commands(mended: DeployedStack) -> None:
    day = make_healthy_day(mended)
    mapping = mended.clients.lambda_.list_event_source_mappings(FunctionName=mended.names.processor)
    uuid = mapping["EventSourceMappings"][0]["UUID"]
    url = mended.clients.sqs.get_queue_url(QueueName=mended.names.uploads)["QueueUrl"]
    mended.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        mended.put(day, "i-2", "A 20\n")
        (message,) = _received(mended, url)
        mended.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    finally:
        mended.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)

    found = mended.run("verify", "--date", day, "--settle", "1", "--output", "json", code=7).json()
    planned = mended.run("repair", "--date", day, "--settle", "1", "--dry-run", "--output", "json").json()
    repaired = mended.run("repair", "--date", day, "--settle", "2", "--yes", "--output", "json").json()
    again = mended.run("verify", "--date", day, "--output", "json").json()

    assert [
        (each["instance"], each["counter"], each["expected"], each["found"]) for each in found["differences"]
    ] == [
        ("i-2", "A", 20, 10),
        ("i-2", "B", None, 5),
    ]
    assert planned["repaired"] == repaired["repaired"]
    assert planned["dry_run"] is True
    assert repaired["repaired"][0] == {
        "hop": "snapshots",
        "action": "read the file again",
        "instance": "i-2",
        "counter": None,
    }
    assert (again["ok"], again["differences"], again["in_flight"]) == (True, [], [])
    assert mended.totals(day) == {"A": 21, "C": 0.25}


def _received(stack: DeployedStack, url: str) -> list[Any]:
    found: list[Any] = []

    def arrived() -> bool:
        found.extend(stack.clients.sqs.receive_message(QueueUrl=url).get("Messages", []))
        return bool(found)

    wait_until("the message", arrived)
    return found


def test_files_from_before_setup_are_taken_up(mended: DeployedStack) -> None:
    day = mended.new_day()
    with Tampering(mended, day).without_events():
        for sample in make_fleet(40, 5, seed=3):
            mended.put(day, sample.instance, sample.content)

    assert len(look_at(mended, day)[0].differences) == 40
    assert mend(mended, day).verification.differences == ()
    assert len(mended.totals(day)) == 5


def test_uploads_go_on_while_a_day_is_repaired_and_count_once(mended: DeployedStack) -> None:
    day = make_healthy_day(mended)
    tampering = Tampering(mended, day)
    tampering.ledger(lambda ledger: ledger.sums.update({"A": 1_000 * 10**9}))
    tampering.delete("snapshots", {"Instance": "i-2"})
    tampering.update("counters", {"Counter": "C"}, Value={"N": "77"})
    stop = threading.Event()

    def upload() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            mended.put(day, f"i-{number % 4 + 4}", f"A {number}\nD {number % 7}\n")

    uploading = threading.Thread(target=upload)
    uploading.start()
    try:
        repaired = mend(mended, day, settle=3.0)
    finally:
        stop.set()
        uploading.join()

    assert repaired.verification.differences == ()
    wait_until("all hops to agree", lambda: look_at(mended, day, settle=0)[0].ok)
    assert mended.totals(day)["C"] == TOTALS["C"]


def test_workers_that_are_killed_lose_nothing_that_repair_does_not_find(
    mended: DeployedStack, engine: EngineRecord
) -> None:
    day = mended.new_day()
    killed = 0
    for sample in make_fleet(120, 10, seed=5):
        mended.put(day, sample.instance, sample.content)
        if sample.instance.endswith("0"):
            # Never the engine itself: its workers run the functions.
            for worker in psutil.Process(engine.pid).children(recursive=True):
                worker.kill()
                killed += 1

    assert killed
    assert mend(mended, day, settle=3.0).verification.differences == ()
    assert len(mended.totals(day)) == 10


def test_a_refused_file_that_was_mended_is_taken_by_a_redrive(mended: DeployedStack) -> None:
    day = mended.new_day()
    key = mended.key(day, "i-1")
    mended.put(day, "i-1", "A 1\n")
    mended.wait_for_totals(day, {"A": 1})
    mended.put(day, "i-1", "A 2\nB\n")
    letter = _wait_for_letter(mended, key)
    # Nobody tells of the good file: only the old refusal leads to it.
    Tampering(mended, day).lose_upload("i-1", "A 3\nB 4\n")

    assert (letter["line"], letter["kind"]) == (2, "refused file")
    shown = mended.run("dead-letters", "show", letter["id"][:8], "--output", "json").json()
    assert json.loads(shown["body"])["key"] == key
    redriven = mended.run("dead-letters", "redrive", letter["id"], "--yes", "--output", "json").json()

    assert redriven["redriven"][0]["outcome"] == "sent to the processor"
    mended.wait_for_totals(day, {"A": 3, "B": 4})
    assert _letters(mended, key) == []


def test_stream_records_that_a_function_failed_on_lead_to_their_days(mended: DeployedStack) -> None:
    day = make_healthy_day(mended)
    Tampering(mended, day).ledger(lambda ledger: ledger.sums.update({"A": 12 * 10**9}))
    # The engine writes no such record itself.
    message = load_event("stream-batch-failed")
    message["DDBStreamBatchInfo"] |= _range_of(mended, day)
    url = mended.clients.sqs.get_queue_url(QueueName=mended.names.dead_letters)["QueueUrl"]
    name = mended.clients.sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message))["MessageId"]

    redriven = mended.run("dead-letters", "redrive", name, "--yes", "--output", "json").json()

    (done,) = redriven["redriven"]
    assert (done["outcome"], day in done["note"]) == ("its days were rebuilt", True)
    assert mended.totals(day) == TOTALS
    wait_until("all hops to agree", lambda: look_at(mended, day, settle=0)[0].ok)


def _stream_of(stack: DeployedStack) -> str:
    return stack.clients.dynamodb.describe_table(TableName=stack.names.snapshots)["Table"]["LatestStreamArn"]


def _range_of(stack: DeployedStack, day: str) -> dict[str, Any]:
    """Return where the stream holds the records of a day."""
    streams, arn = stack.clients.dynamodb_streams, _stream_of(stack)
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records: list[Any] = []
    while page := streams.get_records(ShardIterator=iterator):
        records += page["Records"]
        if not page["Records"]:
            break
        iterator = page["NextShardIterator"]
    numbers = [
        each["dynamodb"]["SequenceNumber"] for each in records if each["dynamodb"]["Keys"]["Date"]["S"] == day
    ]
    return {
        "streamArn": arn,
        "shardId": shard["ShardId"],
        "startSequenceNumber": numbers[0],
        "endSequenceNumber": numbers[-1],
    }


def _letters(stack: DeployedStack, key: str) -> list[Any]:
    found = stack.run("dead-letters", "list", "--output", "json").json()
    return [each for each in found["messages"] if each["key"] == key]


def _wait_for_letter(stack: DeployedStack, key: str) -> Any:
    found: list[Any] = []

    def arrived() -> bool:
        found.extend(_letters(stack, key))
        return bool(found)

    wait_until(f"dead letter of {key}", arrived)
    return found[0]
