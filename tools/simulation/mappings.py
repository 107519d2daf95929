"""Event source mappings of streams: what Lambda's pollers do with the shards of a table's stream.

A mapping reads a shard in one lane, or in several with a parallelization factor, and a shard's children after it
(docs/aws-facts.md#event-source-mappings). What its filter leaves out is passed over; what it gave up is told to
the dead letters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from countagg.provision.states import MappingState
from tests.fakes.unfaithful import Unfaithful
from tools.simulation.faults import Fault
from tools.simulation.functions import Function
from tools.simulation.invocations import Setting
from tools.simulation.lanes import Lane
from tools.simulation.queues import DeadLetters
from tools.simulation.streams import Shard, Stream, StreamRecord


class StreamMapping:
    """One mapping from a stream to a function.

    Args:
        setting: of the world.
        state: how the stack sets it up.
        function: what it invokes.
        dead_letters: where it tells of batches that it gave up.

    Attributes:
        lost: the new image of each record that the function never took.
        gave_up: whether any poller went past a batch that had not been done.
    """

    def __init__(
        self, setting: Setting, state: MappingState, function: Function, dead_letters: DeadLetters
    ) -> None:
        self.setting = setting
        self.state = state
        self.function = function
        self.dead_letters = dead_letters
        self.disabled_until = 0.0
        self.lost: list[Mapping[str, Any]] = []
        self.gave_up = False
        self._patterns = [json.loads(pattern) for pattern in state.filters]
        self._stream: Stream | None = None
        self._lanes: dict[Shard, list[Lane]] = {}
        self._factor = 1
        self._taken: set[tuple[str, int]] = set()

    def attach(self, stream: Stream, factor: int) -> None:
        """Begin at the trim horizon of a stream, instead of what was read before, if anything was."""
        self._detach()
        self._stream, self._factor = stream, factor
        stream.readers.append(self.wake)
        for shard in stream.shards:
            self.wake(shard)

    def _detach(self) -> None:
        for lane in self._all_lanes():
            lane.retire()
        if self._stream is not None:
            self._stream.readers.remove(self.wake)
        self._lanes = {}

    def _all_lanes(self) -> Iterable[Lane]:
        return [lane for lanes in self._lanes.values() for lane in lanes]

    def _open(self, shard: Shard) -> None:
        """Read a shard, if its parent has been read to its end."""
        parent = shard.parent
        if shard in self._lanes or (parent is not None and not self._is_read(parent)):
            return
        self._lanes[shard] = [Lane(self, shard, (number, self._factor), 0) for number in range(self._factor)]
        for lane in self._lanes[shard]:
            lane.wake()

    def _is_read(self, shard: Shard) -> bool:
        lanes = self._lanes.get(shard, ())
        return bool(lanes) and shard.closed and all(lane.position >= len(shard.records) for lane in lanes)

    def wake(self, shard: Shard) -> None:
        """Look at a shard that has something new, and when it has been read, at its children."""
        if self._stream is None or shard not in self._stream.shards:
            return
        self._open(shard)
        for lane in self._lanes.get(shard, ()):
            lane.wake()
        if self._is_read(shard):
            for child in self._stream.shards:
                if child.parent is shard:
                    self.wake(child)

    def change_factor(self, factor: int) -> None:
        """Read with another parallelization factor, each shard from its slowest lane's place on."""
        self._factor = factor
        for shard, lanes in self._lanes.items():
            place = min(lane.position for lane in lanes)
            for lane in lanes:
                lane.retire()
            self._lanes[shard] = [Lane(self, shard, (number, factor), place) for number in range(factor)]
            for lane in self._lanes[shard]:
                lane.wake()

    def unread(self) -> list[StreamRecord]:
        """Return the records of the stream that no lane has passed."""
        if self._stream is None:
            return []
        found: list[StreamRecord] = []
        for shard in self._stream.shards:
            lanes = self._lanes.get(shard)
            place = min((lane.position for lane in lanes), default=0) if lanes else 0
            found += [record for record in shard.records[place:] if self.wants(record)]
        return found

    def wants(self, record: StreamRecord) -> bool:
        """Tell whether the filter lets a record through."""
        return self._passes(record.event)

    def _passes(self, event: Mapping[str, Any]) -> bool:
        return not self._patterns or any(_matches(event, pattern) for pattern in self._patterns)

    def take(self, records: Iterable[StreamRecord]) -> None:
        """Write down that the function has seen these to the end."""
        self._taken.update((record.event["eventSourceARN"], record.sequence_number) for record in records)

    def lose(self, records: Iterable[StreamRecord], fault: Fault) -> None:
        """Write down that the function will never see these, unless it has."""
        for record in records:
            if (record.event["eventSourceARN"], record.sequence_number) in self._taken:
                continue
            self.setting.faults.note(fault)
            self.setting.trace.tell(self.function.name, f"{fault}: {'/'.join(record.key)}")
            self.lost.append(record.event["dynamodb"]["NewImage"])

    def lose_unheard(self, key: str, item: Mapping[str, Any]) -> None:
        """Write down a change that no stream took, if the function would have seen it."""
        if not self._passes({"eventName": "MODIFY", "dynamodb": {"NewImage": item}}):
            return
        self.setting.faults.note(Fault.RECORD_UNREAD)
        self.setting.trace.tell(self.function.name, f"{Fault.RECORD_UNREAD}: {key}")
        self.lost.append(item)

    def give_up(self, shard: Shard, records: Sequence[StreamRecord], *, stale: bool) -> None:
        """Tell the dead letters of a batch, as Lambda does: where it is, not what is in it.

        What a stale poller gives up, its successor may still do.
        """
        self.gave_up = True
        if not stale:
            self.lose(records, Fault.TRIES_EXHAUSTED)
        if not self.state.on_failure:
            raise Unfaithful("a batch is given up although its mapping tells nobody")
        place = {
            "shardId": shard.id,
            "startSequenceNumber": str(records[0].sequence_number),
            "endSequenceNumber": str(records[-1].sequence_number),
            "batchSize": len(records),
            "streamArn": records[0].event["eventSourceARN"],
        }
        body = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": place}
        self.dead_letters.send(json.dumps(body))


def _matches(event: Any, pattern: Mapping[str, Any]) -> bool:
    """Tell whether an event has one of the values that a pattern lists for each of its paths.

    `exists` is about the whole path to a leaf (docs/aws-facts.md#event-source-mappings): an attribute that is not
    there has none.
    """
    for name, wanted in pattern.items():
        found = event.get(name) if isinstance(event, Mapping) else None
        if isinstance(wanted, Mapping):
            if not _matches(found, wanted):
                return False
        elif not any(_is(found, value) for value in wanted):
            return False
    return True


def _is(found: object, wanted: object) -> bool:
    if isinstance(wanted, str):
        return found == wanted
    if wanted != {"exists": False}:
        raise Unfaithful(f"a pattern with {wanted}")
    return found is None
