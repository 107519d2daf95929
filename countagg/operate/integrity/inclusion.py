"""What the ledger of a day includes of each instance, where its shards may be at different versions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from countagg.core.counter_file import read_canonical
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger, merge
from countagg.core.partitions import Layout
from countagg.core.snapshot import pack_counters, unpack_canonical
from countagg.data.ledgers import StoredDay

Versions = tuple[str, ...]
"""Sequencers of the included versions, by shard; empty where none is included."""


@dataclass(frozen=True, slots=True)
class IncludedDay:
    """A day's ledger, and what it includes.

    Attributes:
        ledger: of the whole day.
        torn: instances of which the shards include different versions: one after the other they get to the newest.
        layout: of the day.
        parts: the ledgers of the day's partitions.
    """

    ledger: Ledger
    torn: Mapping[str, Versions]
    layout: Layout
    parts: Sequence[Ledger]

    @property
    def instances(self) -> set[str]:
        """Those of which something is included."""
        return self.ledger.seen.keys() | self.torn.keys()

    def versions(self, instance: str) -> Versions:
        """Return which versions of an instance's file are included."""
        return self.torn.get(instance) or (self.ledger.seen.get(instance, ""),) * self.layout.shards

    def of_counter(self, counter: str) -> Mapping[str, str]:
        """Return which version of each instance's file a counter's sum includes: instance -> sequencer."""
        if not self.torn:
            return self.ledger.seen
        shard = next(shard for shard, share in enumerate(self.layout.split({counter: 0})) if share)
        own = {instance: versions[shard] for instance, versions in self.torn.items()}
        return {instance: version for instance, version in {**self.ledger.seen, **own}.items() if version}

    def share(self, packed: bytes, shard: int) -> bytes:
        """Return the share of a packed file that a shard has.

        Raises:
            CorruptDocument: it cannot be read.
        """
        return pack_counters(self.layout.split(read_canonical(unpack_canonical(packed)))[shard])


def find_inclusion(stored: StoredDay) -> IncludedDay:
    """Find out what a day's ledger includes.

    Raises:
        CorruptDocument: the ledger of a partition cannot be read.
    """
    ledgers, layout = stored.decode_parts(), stored.layout
    torn = dict(_torn(ledgers, layout.shards)) if layout.shards > 1 else {}
    return IncludedDay(merge(ledgers, layout.shards), torn, layout, ledgers)


def _torn(ledgers: Sequence[Ledger], shards: int) -> Iterator[tuple[str, Versions]]:
    for start in range(0, len(ledgers), shards):
        lane = ledgers[start : start + shards]
        for instance in set[str]().union(*(ledger.seen for ledger in lane)):
            versions = tuple(ledger.seen.get(instance, "") for ledger in lane)
            if len(set(versions)) > 1:
                yield instance, versions
