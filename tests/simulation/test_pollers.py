"""Lambda's pollers: order, retries, bisecting, dead letters; and invocations that interleave at each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from countagg.provision.differences import Tags
from countagg.provision.states import MappingState
from tools.simulation.faults import Fault, Faults, Strike
from tools.simulation.functions import Function
from tools.simulation.invocations import Invocation, Outcome, Setting
from tools.simulation.mappings import StreamMapping
from tools.simulation.queues import DeadLetters, UploadsQueue
from tools.simulation.streams import Stream
from tools.simulation.timeline import HOUR, Timeline
from tools.simulation.trace import Trace

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
TAGS = Tags({})
STATE = MappingState(
    "arn", enabled=True, batch_size=100, window=0, tags=TAGS, bisect=True, tries=2, on_failure="arn"
)
Handle = Callable[[Any, Callable[[], Invocation]], Any]


class Bench:
    """A function of the test's own making, and what stands before it."""

    def __init__(self, handle: Handle, *strikes: Strike) -> None:
        self.timeline = Timeline(START)
        self.faults = Faults(1, {}, strikes)
        trace = Trace(self.timeline.utc, wanted=True)
        self.setting = Setting(self.timeline, self.faults, Random(1), trace, latency_spread=0.5)
        self.batches: list[list[Any]] = []
        bench = self

        class Handler:
            def __init__(self, running: Callable[[], Invocation]) -> None:
                self._running = running

            def handle(self, event: Any, _context: Any) -> Any:
                bench.batches.append(event["Records"])
                return handle(event["Records"], self._running)

        self.function = Function(self.setting, "function", 60, Handler)
        self.dead_letters = DeadLetters()

    def mapping(self, state: MappingState = STATE, partitions: int = 1, factor: int = 1) -> StreamMapping:
        mapping = StreamMapping(self.setting, state, self.function, self.dead_letters)
        self.stream = Stream("arn", self.timeline, Random(2), partitions)
        mapping.attach(self.stream, factor)
        return mapping

    def change(self, instance: str, version: int) -> None:
        image = {"Date": {"S": "d"}, "Instance": {"S": instance}, "Version": {"N": str(version)}}
        self.stream.append(("d", instance), None, image, by_ttl=False)

    def queue(self) -> UploadsQueue:
        return UploadsQueue(
            self.setting,
            MappingState("arn", enabled=True, batch_size=10, window=0, tags=TAGS, partial_answers=True),
            visibility=360,
            max_receives=5,
            function=self.function,
            dead_letters=self.dead_letters,
        )


def version_of(record: Any) -> int:
    return int(record["dynamodb"]["NewImage"]["Version"]["N"])


def versions(bench: Bench) -> list[list[int]]:
    return [[version_of(record) for record in batch] for batch in bench.batches]


def fail(_records: Any, _running: Any) -> None:
    raise ValueError


def test_a_batch_that_holds_a_bad_record_is_bisected_down_to_it() -> None:
    def handle(records: Any, _running: Any) -> None:
        if 2 in map(version_of, records):
            raise ValueError

    bench = Bench(handle)
    mapping = bench.mapping()
    for version in range(4):
        bench.change("i", version)
    bench.timeline.run()
    assert versions(bench) == [[0, 1, 2, 3], [0, 1], [2, 3], [2], [2], [2], [3]]
    assert [image["Version"]["N"] for image in mapping.lost] == ["2"]
    [letter] = bench.dead_letters.messages
    place = letter.document()["DDBStreamBatchInfo"]
    assert (place["batchSize"], place["startSequenceNumber"]) == (1, place["endSequenceNumber"])


def test_without_bisecting_and_without_a_last_try_a_batch_comes_until_it_expires() -> None:
    bench = Bench(fail)
    mapping = bench.mapping(replace(STATE, bisect=False, tries=-1))
    bench.change("i", 1)
    bench.timeline.run()
    assert 20 < len(bench.batches) < 500
    assert set(map(tuple, versions(bench))) == {(1,)}
    assert bench.faults.injected[Fault.RECORD_EXPIRED] == len(mapping.lost) == 1
    assert bench.dead_letters.messages == []


def test_a_filter_passes_over_what_it_leaves_out() -> None:
    bench = Bench(lambda _records, _running: None)
    bench.mapping(replace(STATE, filters=('{"eventName":["MODIFY"]}',)))
    bench.change("i", 1)
    bench.timeline.run()
    assert bench.batches == []


@pytest.mark.parametrize("factor", [1, 3])
def test_each_record_once_and_each_item_in_order_over_splitting_shards(factor: int) -> None:
    bench = Bench(lambda _records, running: running().pause(1.0))
    bench.mapping(partitions=2, factor=factor)
    for number in range(60):
        bench.timeline.after(number * 0.3, lambda number=number: bench.change(f"i-{number % 5}", number))  # type: ignore[misc]  # a default binds it
        if number % 9 == 4:
            bench.timeline.after(number * 0.3, bench.stream.split)
    bench.timeline.run()
    seen = [record for batch in bench.batches for record in batch]
    assert sorted(map(version_of, seen)) == list(range(60))
    for name in range(5):
        of_item = [version_of(record) for record in seen if version_of(record) % 5 == name]
        assert of_item == sorted(of_item)
    assert bench.faults.injected[Fault.OVERLAPPED] > 0


def test_a_stale_poller_hands_the_same_records_over_beside_its_successor() -> None:
    bench = Bench(lambda _records, running: running().pause(5.0), (Fault.STALE_POLLER, 1))
    bench.mapping()
    bench.change("i", 1)
    bench.timeline.run()
    assert versions(bench) == [[1], [1]]


def test_a_poller_that_begins_again_replays() -> None:
    bench = Bench(lambda _records, _running: None, (Fault.CHECKPOINT_BACK, 1), (Fault.OUTCOME_UNSEEN, 2))
    bench.mapping()
    bench.change("i", 1)
    bench.timeline.run()
    assert versions(bench) == [[1], [1], [1]]


def test_a_message_that_always_fails_is_received_five_times_and_then_dead() -> None:
    bench = Bench(fail)
    bench.queue().send("body", "key")
    bench.timeline.run()
    assert len(bench.batches) == 5
    assert [(letter.body, letter.key) for letter in bench.dead_letters.messages] == [("body", "key")]
    assert bench.timeline.now - START.timestamp() >= 5 * 360


def test_only_the_messages_named_in_the_answer_come_again() -> None:
    def handle(records: Any, _running: Any) -> Any:
        failed = [record for record in records if record["body"] == "bad"]
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in failed]}

    bench = Bench(handle)
    queue = bench.queue()
    for body in ("good", "bad", "good"):
        queue.send(body, "key")
    bench.timeline.run()
    bodies = [record["body"] for batch in bench.batches for record in batch]
    assert (bodies.count("good"), bodies.count("bad")) == (2, 5)


@pytest.mark.parametrize(
    "answer", [{"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"batchItemFailures": [{}]}]
)
def test_an_answer_that_names_no_message_fails_the_batch(answer: Any) -> None:
    bench = Bench(lambda _records, _running: answer)
    bench.queue().send("body", "key")
    bench.timeline.run()
    assert len(bench.batches) == 5


def test_an_event_comes_twice_and_late() -> None:
    bench = Bench(lambda _records, _running: None, (Fault.EVENT_DUPLICATED, 1), (Fault.EVENT_DELAYED, 2))
    bench.queue().notify("key", "01", "body")
    bench.timeline.run()
    assert [record["body"] for batch in bench.batches for record in batch] == ["body", "body"]


def test_invocations_interleave_at_their_calls() -> None:
    order: list[str] = []

    def handle(records: Any, running: Callable[[], Invocation]) -> None:
        for step in range(3):
            running().call("Call", [lambda step=step: order.append(f"{records[0]}{step}")], throttle="Slow")  # type: ignore[misc]  # a default binds it

    bench = Bench(handle)
    ended: list[Outcome] = []
    for name in "ab":
        bench.function.invoke({"Records": [name]}, ended.append)
    bench.timeline.run()
    assert sorted(order) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert order != sorted(order)
    assert [outcome.failure for outcome in ended] == ["", ""]


def test_a_slow_handler_is_killed_by_the_time_out_and_its_environment_is_gone() -> None:
    bench = Bench(lambda _records, running: running().pause(HOUR))
    ended: list[Outcome] = []
    bench.function.invoke({"Records": []}, ended.append)
    bench.timeline.run()
    assert ended[0].killed
    assert bench.timeline.now - START.timestamp() == 60
    assert bench.faults.injected[Fault.KILLED_BY_TIMEOUT] == 1


@pytest.mark.parametrize(
    ("strikes", "landed", "failure"),
    [
        ([], 1, ""),
        ([(Fault.KILLED_BEFORE, 1)], 0, "killed before Call"),
        ([(Fault.KILLED_AFTER, 1)], 1, "killed after Call"),
        ([(Fault.ANSWER_LOST, 1)], 2, ""),
        ([(Fault.ANSWER_LOST, 1), (Fault.CLIENT_GAVE_UP, 1)], 1, "ReadTimeoutError"),
        ([(Fault.REQUEST_LOST, 1)], 1, ""),
        ([(Fault.LANDED_LATE, 1)], 2, ""),
        ([(Fault.THROTTLED, 1), (Fault.THROTTLED, 2)], 1, ""),
        ([(Fault.THROTTLED, number) for number in (1, 2, 3)], 0, "ClientError"),
    ],
)
def test_what_can_happen_to_a_call(strikes: list[Strike], landed: int, failure: str) -> None:
    calls: list[None] = []
    bench = Bench(
        lambda _, running: running().call("Call", [lambda: calls.append(None)], throttle="Slow"), *strikes
    )
    ended: list[Outcome] = []
    bench.function.invoke({"Records": []}, ended.append)
    bench.timeline.run()
    assert len(calls) == landed
    assert ended[0].failure.startswith(failure)
    assert bool(ended[0].failure) == bool(failure)
