"""Streams of tables: shards that split, each with the changes of its items in order, for 24 hours.

Promised are only (docs/aws-facts.md#event-source-mappings and docs/aws-facts.md#dynamodb): each change once, the
changes of one item in order, a parent shard read before its children. Sequence numbers of different shards, a
child and its parent among them, say nothing.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from random import Random
from typing import Any, Final

from tests.fakes.conditions import Item
from tests.functions.world import as_event
from tools.simulation.timeline import DAY, Timeline

Key = tuple[str, ...]

RETENTION: Final = DAY
_HASHES: Final = 2**32
_TIME = attrgetter("time")


def hash_of(key: Key) -> int:
    """Return the place of an item in the space of hashes."""
    return zlib.crc32("\0".join(key).encode())


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """A change of one item; `event` is how Lambda shows it."""

    key: Key
    hash: int
    time: float
    sequence_number: int
    event: dict[str, Any]


@dataclass(eq=False, slots=True)
class Shard:
    """A part of the space of hashes, from `low` up to and without `high`."""

    id: str
    low: int
    high: int
    number: int
    parent: Shard | None = None
    records: list[StreamRecord] = field(default_factory=list)
    closed: bool = False

    def first_readable(self, now: float) -> int:
        """Return the position of the oldest record that is younger than 24 hours."""
        return bisect_left(self.records, now - RETENTION, key=_TIME)


class Stream:
    """One stream of a table.

    Args:
        arn: tells it from an earlier stream of the table.
        timeline: when things happen.
        random: of the run.
        partitions: how many shards it begins with.
    """

    def __init__(self, arn: str, timeline: Timeline, random: Random, partitions: int) -> None:
        self.arn = arn
        self.shards: list[Shard] = []
        self.readers: list[Callable[[Shard], None]] = []
        self._timeline = timeline
        self._random = random
        edges = [_HASHES * part // partitions for part in range(partitions + 1)]
        for low, high in pairwise(edges):
            self._add_shard(low, high, None)

    def _add_shard(self, low: int, high: int, parent: Shard | None) -> None:
        shard_id = f"shardId-{int(self._timeline.now * 1000):020d}-{len(self.shards):08x}"
        # Nothing says that the numbers of a child lie above its parent's (docs/aws-facts.md#dynamodb).
        shard = Shard(shard_id, low, high, self._random.randrange(10**20, 10**22), parent)
        self.shards.append(shard)

    def append(self, key: Key, old: Item | None, new: Item | None, *, by_ttl: bool) -> None:
        """Write down a change of an item."""
        number = hash_of(key)
        shard = next(each for each in self.shards if not each.closed and each.low <= number < each.high)
        shard.number += self._random.randrange(1, 1000)
        name = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
        event: dict[str, Any] = {
            "eventName": name,
            "eventSource": "aws:dynamodb",
            "eventVersion": "1.1",
            "eventSourceARN": self.arn,
            "dynamodb": {
                "ApproximateCreationDateTime": float(int(self._timeline.now)),
                "SequenceNumber": str(shard.number),
                "StreamViewType": "NEW_AND_OLD_IMAGES",
                **({} if old is None else {"OldImage": as_event(old)}),
                **({} if new is None else {"NewImage": as_event(new)}),
            },
        }
        image = event["dynamodb"].get("NewImage") or event["dynamodb"]["OldImage"]
        event["dynamodb"]["Keys"] = {name: image[name] for name in ("Date", "Instance") if name in image}
        if by_ttl:
            event["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        shard.records.append(StreamRecord(key, number, self._timeline.now, shard.number, event))
        for wake in self.readers:
            wake(shard)

    def split(self) -> None:
        """Close one open shard and go on with two halves, or with one whole, as at a roll-over."""
        shard = self._random.choice([each for each in self.shards if not each.closed])
        middle = self._random.randrange(shard.low, shard.high) if self._random.random() < 0.7 else shard.low
        shard.closed = True
        if middle > shard.low:
            self._add_shard(shard.low, middle, shard)
        self._add_shard(middle, shard.high, shard)
        for wake in self.readers:
            wake(shard)
