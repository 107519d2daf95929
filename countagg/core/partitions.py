"""Partitions: how the data of one day is spread over partitions and items of the tables.

A *lane* has a share of the instances, chosen by a hash of the instance's id; a *shard* has a share of the
counters, chosen by a hash of the counter's name. Each lane and shard of a day is a partition with a ledger of its
own, so that neither one partition's writes nor one item's 400 KB bound a day (docs/aws-facts.md#dynamodb). A total
is the sum over the ledgers of its day.

How a day is spread, its layout, is fixed by the day's first write and never changes: an instance's snapshot must
not move to another lane. A partition's key says the layout, so that whoever meets one knows the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Self
from zlib import crc32

from countagg.core.days import parse_date
from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass

LAYOUTS_PARTITION: Final = "layout"
"""Partition of the snapshots table with one item a day (`data.day_records`), which says the day's layout."""

MAX_PARTITIONS: Final = 100
"""Of a day: `TransactGetItems` reads as many items at once (docs/aws-facts.md#dynamodb)."""

INSTANCES_PER_LANE: Final = 5_000
UPLOADS_PER_LANE: Final = 700
"""A second: a partition takes 1,000 write units, and a snapshot of 100 counters is one
(docs/aws-facts.md#dynamodb)."""

MORE_PARTITIONS: Final = (
    "`countagg setup` with more --lanes (many instances) or --counter-shards (many counters) "
    "spreads the days from the next one on"
)

_PARTITION = re.compile(r"([0-9-]{10})(?:#([0-9]{1,3})/([0-9]{1,3})#([0-9]{1,3})/([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a day is spread.

    Attributes:
        lanes: over how many shares of the instances.
        shards: over how many shares of the counters.
    """

    lanes: int = 1
    shards: int = 1

    @classmethod
    def checked(cls, lanes: int, shards: int) -> Self:
        """Return the layout that an operator asks for.

        Raises:
            UsageError: a day cannot have as many partitions.
        """
        if lanes < 1 or shards < 1:
            raise UsageError(
                f"{lanes} lanes and {shards} counter shards: there must be at least 1 of each",
                hint=f"give 1 or more, together at most {MAX_PARTITIONS} partitions",
            )
        if lanes * shards > MAX_PARTITIONS:
            raise UsageError(
                f"{lanes} lanes with {shards} counter shards are {lanes * shards} partitions a day",
                hint=f"DynamoDB reads at most {MAX_PARTITIONS} items at once",
            )
        return cls(lanes, shards)

    @property
    def is_split(self) -> bool:
        """Whether a day has more than one partition."""
        return self.lanes * self.shards > 1

    def partitions(self, day: str) -> tuple[str, ...]:
        """Return the keys of all partitions of a day."""
        return tuple(key for lane in self.lanes_of(day) for key in lane)

    def lanes_of(self, day: str) -> tuple[tuple[str, ...], ...]:
        """Return the same by lane: an instance stands in all partitions of one of them."""
        return tuple(self._of_lane(day, lane) for lane in range(self.lanes))

    def partitions_of(self, day: str, instance: str) -> tuple[str, ...]:
        """Return the keys of the partitions of a day that an instance's snapshot goes to, one a shard."""
        return self._of_lane(day, self.lane_of(instance))

    def lane_of(self, instance: str) -> int:
        """Return which lane an instance belongs to, counted from 0."""
        return crc32(instance.encode()) % self.lanes

    def first_partitions(self, day: str) -> tuple[str, ...]:
        """Return the keys of one partition a lane: together they name every instance once."""
        return tuple(first for first, *_ in self.lanes_of(day))

    def _of_lane(self, day: str, lane: int) -> tuple[str, ...]:
        if not self.is_split:
            return (day,)
        return tuple(f"{day}#{lane}/{self.lanes}#{shard}/{self.shards}" for shard in range(self.shards))

    def split(self, counters: Mapping[str, int]) -> tuple[Mapping[str, int], ...]:
        """Return the counters' shares, one a shard; a share may be empty."""
        if self.shards == 1:
            return (counters,)
        shares: tuple[dict[str, int], ...] = tuple({} for _ in range(self.shards))
        for name, value in counters.items():
            shares[crc32(name.encode()) % self.shards][name] = value
        return shares


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition by its key: of which day it is, and how that day is spread."""

    day: str
    layout: Layout


def parse_partition(key: str) -> Partition:
    """Read a partition's key: `YYYY-MM-DD`, or `YYYY-MM-DD#LANE/LANES#SHARD/SHARDS` of a day that is split.

    Raises:
        ValueError: it is none.
    """
    match = _PARTITION.fullmatch(key)
    if match is None or parse_date(match[1]) is None:
        raise ValueError(f"{key!r} is not a partition of a day")
    if match[2] is None:
        return Partition(match[1], Layout())
    lane, lanes, shard, shards = map(int, match.groups()[1:])
    layout = Layout(lanes, shards)
    if not 1 < lanes * shards <= MAX_PARTITIONS or lane >= lanes or shard >= shards:
        raise ValueError(f"{key!r} is not a partition of a day")
    return Partition(match[1], layout)
