"""What the tables hold of a day, all its partitions together. Read as it is, without calls and faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from countagg.core.counter_file import read_canonical
from countagg.core.ledger import Ledger, decode_ledger, merge
from countagg.core.partitions import LAYOUTS_PARTITION, Layout, parse_partition
from countagg.core.snapshot import unpack_canonical
from countagg.core.versions import is_beginning
from tests.fakes.conditions import Item
from tools.simulation.streams import Key
from tools.simulation.tables import Table


def content_of(item: Item) -> dict[str, int]:
    """Return what a snapshot says, or the part of it that an item holds."""
    return read_canonical(unpack_canonical(item["Counters"]["B"]))


def version_of(item: Item) -> str:
    """Return the version of what a snapshot says; items of an older countagg do not tell it from the upload's."""
    return str(item.get("ContentSequencer", item["Sequencer"])["S"])


class Stored:
    """The days of two tables.

    Args:
        snapshots: one of them.
        totals: the other.
    """

    def __init__(self, snapshots: Table, totals: Table) -> None:
        self._snapshots = snapshots
        self._totals = totals

    def days(self) -> list[str]:
        """Return the days that have snapshots, or had."""
        partitions = {key[0] for key in self._snapshots.history} | {key for [key] in self._totals.items}
        return sorted({parse_partition(key).day for key in partitions - {LAYOUTS_PARTITION}})

    def layout(self, day: str) -> Layout:
        """Return how a day is spread."""
        item = self._last((LAYOUTS_PARTITION, day))
        return Layout() if item is None else Layout(int(item["Lanes"]["N"]), int(item["CounterShards"]["N"]))

    def instances(self, day: str) -> list[str]:
        """Return the instances that have a snapshot of a day, or had."""
        return sorted({instance for _, instance, _ in self.parts(day)})

    def parts(self, day: str) -> Iterator[tuple[str, str, Item]]:
        """Yield (partition, instance, item) of every part of a snapshot, those among them that TTL removed."""
        partitions = set(self.layout(day).partitions(day))
        for key in self._snapshots.history:
            item = self._last(key) if key[0] in partitions else None
            if item is not None:
                yield key[0], key[1], item

    def content(self, day: str, instance: str) -> dict[str, int]:
        """Return what an instance's snapshot says; nothing if there is none."""
        said: dict[str, int] = {}
        for partition in self.layout(day).partitions_of(day, instance):
            item = self._last((partition, instance))
            said |= {} if item is None else content_of(item)
        return said

    def places(self, day: str) -> list[Key]:
        """Return the keys of the ledgers of a day, of those too that are not there."""
        return [(partition,) for partition in self.layout(day).partitions(day)]

    def ledgers(self, day: str) -> Mapping[str, Ledger]:
        """Return the ledgers of a day, by partition."""
        return {
            partition: Ledger() if item is None else decode_ledger(item["Document"]["B"])
            for partition in self.layout(day).partitions(day)
            for item in [self._totals.items.get((partition,))]
        }

    def ledger(self, day: str) -> Ledger:
        """Return the ledger of the whole day."""
        return merge(list(self.ledgers(day).values()), self.layout(day).shards)

    def versions(self, day: str) -> Mapping[str, int]:
        """Return the versions of a day's ledgers, by partition; those there are."""
        return {
            partition: int(item["Version"]["N"])
            for partition in self.layout(day).partitions(day)
            for item in [self._totals.items.get((partition,))]
            if item is not None
        }

    def changed_at(self, day: str) -> float:
        """Return when a ledger of a day changed last, in seconds since the epoch; 0 if there is none."""
        items = (self._totals.items.get(place) for place in self.places(day))
        changes = (datetime.fromisoformat(item["UpdatedAt"]["S"]) for item in items if item is not None)
        return max((each.timestamp() for each in changes), default=0.0)

    def lost(self, day: str) -> set[str]:
        """Return the partitions whose ledgers were lost with their table, and did not begin anew since.

        A first write may have been under way for long; the second makes the beginning (`core.versions`).
        """
        begun = (key for key, item in self._totals.items.items() if not is_beginning(int(item["Version"]["N"])))
        gone = self._totals.lost.difference(begun)
        return {place for (place,) in self.places(day) if (place,) in gone}

    def _last(self, key: Key) -> Item | None:
        """Return a snapshot's item as it is, or as it was before TTL removed it."""
        past = [item for _, item in self._snapshots.history.get(key, ()) if item is not None]
        return past[-1] if past else None
