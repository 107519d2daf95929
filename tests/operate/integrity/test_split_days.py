"""Days that are spread over partitions: what their ledgers include, how that is compared, and how it is mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

import pytest

from countagg.aws.day_reader import DayReader
from countagg.core.days import Expiry
from countagg.core.errors import CountaggError, UsageError
from countagg.core.ledger import Image, Ledger, encode_ledger, rebuild
from countagg.core.partitions import Layout
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.core.published import PublishedTotals
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from countagg.data.attributes import Attribute
from countagg.data.counters import CounterItem
from countagg.data.ledgers import LedgersTable, StoredDay, StoredLedger
from countagg.data.queues import EventQueue
from countagg.data.snapshots import StoredSnapshot
from countagg.data.store import Store
from countagg.operate.integrity.comparison import INCLUDES_NEWER, Comparer
from countagg.operate.integrity.evidence import CounterFile, DayLook
from countagg.operate.integrity.findings import Difference, Hop
from countagg.operate.integrity.inclusion import find_inclusion
from countagg.operate.integrity.lineage import TO_LEDGER, Tracer
from countagg.operate.integrity.repair import Repairer
from countagg.operate.integrity.stored_forms import Terms
from tests.fakes.day import DAY, NOW, SETTINGS

LAYOUT: Final = Layout(2, 2)
TERMS: Final = Terms(SETTINGS, DAY, NOW.date(), SETTINGS.expiry_of(DAY))
LEFT, RIGHT = (
    next(name for name in map(str, range(99)) if LAYOUT.split({name: 0})[shard])  # a counter of each shard
    for shard in (0, 1)
)
OLD: Final = {LEFT: 3 * SCALE, RIGHT: 5 * SCALE}
NEW: Final = {LEFT: 4 * SCALE, RIGHT: 7 * SCALE}
OTHER: Final = {LEFT: SCALE}

Fleet = Mapping[str, tuple[str, Mapping[str, int]]]
"""Instance -> sequencer and counters."""

BEFORE: Final[Fleet] = {"i-1": ("S1", OLD), "i-4": ("S1", OTHER)}
AFTER: Final[Fleet] = {"i-1": ("S2", NEW), "i-4": ("S1", OTHER)}


def ledgers_of(fleet: Fleet) -> list[Ledger]:
    """Return the ledgers of the day's partitions."""
    images: dict[str, list[tuple[str, Image]]] = {partition: [] for partition in LAYOUT.partitions(DAY)}
    for instance, (sequencer, counters) in fleet.items():
        for partition, share in zip(LAYOUT.partitions_of(DAY, instance), LAYOUT.split(counters), strict=True):
            images[partition].append((instance, Image(sequencer, pack_counters(share))))
    return [rebuild(found) for found in images.values()]


def stored(ledgers: list[Ledger], version: int = 1) -> StoredDay:
    return StoredDay(tuple(StoredLedger(version, "then", encode_ledger(each)) for each in ledgers), LAYOUT)


def half_done() -> list[Ledger]:
    """Return the ledgers while the new version of i-1 is included in the first shard alone."""
    before, after = ledgers_of(BEFORE), ledgers_of(AFTER)
    return [after[0], before[1], after[2], before[3]]


def look_at(ledgers: list[Ledger], fleet: Fleet = AFTER) -> DayLook:
    """Return a look at a day of which nothing is published yet."""
    snapshots = {
        name: StoredSnapshot(DAY, name, sequencer, pack_counters(counters), sequencer, name, "then")
        for name, (sequencer, counters) in fleet.items()
    }
    files = {name: CounterFile(name, name, each.etag, each.packed) for name, each in snapshots.items()}
    found = stored(ledgers)
    return DayLook(
        DAY, files, (), snapshots, found, find_inclusion(found), {}, PublishedTotals(), expired=False, terms=TERMS
    )


def of_ledger(differences: list[Difference]) -> list[tuple[str, str, str, bool]]:
    return [
        (each.what, each.instance or "", each.counter or "", each.certain)
        for each in differences
        if each.hop is Hop.LEDGER
    ]


OLDER: Final = ("an older snapshot is included", "i-1", "", False)


def test_what_the_shards_include_in_different_versions_is_known() -> None:
    whole, torn = find_inclusion(stored(ledgers_of(AFTER))), find_inclusion(stored(half_done()))

    assert (whole.torn, whole.of_counter(LEFT)) == ({}, {"i-1": "S2", "i-4": "S1"})
    assert (torn.torn, torn.ledger.seen) == ({"i-1": ("S2", "S1")}, {"i-1": "S1", "i-4": "S1"})
    assert tuple(map(torn.versions, ("i-1", "i-4", "i-9"))) == (
        ("S2", "S1"),
        ("S1", "S1"),
        ("", ""),
    )
    assert torn.of_counter(LEFT) == {"i-1": "S2", "i-4": "S1"}
    assert torn.of_counter(RIGHT) == {"i-1": "S1", "i-4": "S1"}


def test_a_new_instance_that_one_shard_includes_is_included_of_its_counters_only() -> None:
    ledgers = ledgers_of(AFTER)
    del ledgers[1].seen["i-1"], ledgers[3].seen["i-4"]
    found = find_inclusion(stored(ledgers))

    assert found.instances == {"i-1", "i-4"}
    assert found.ledger.seen.keys() < found.instances
    assert "i-1" in found.of_counter(LEFT)
    assert "i-1" not in found.of_counter(RIGHT)


def test_a_version_on_its_way_through_the_shards_falsifies_no_sum() -> None:
    comparer = Comparer()
    comparer.compare(look_at(ledgers_of(BEFORE), BEFORE))

    assert of_ledger(comparer.compare(look_at(half_done()))) == [OLDER]
    assert of_ledger(comparer.compare(look_at(ledgers_of(AFTER)))) == []


@pytest.mark.parametrize("counter", [LEFT, RIGHT])
def test_a_wrong_sum_is_found_while_a_version_is_on_its_way(counter: str) -> None:
    ledgers = half_done()
    holder = next(ledger for ledger in ledgers if counter in ledger.sums)
    holder.sums[counter] += SCALE
    comparer = Comparer()
    comparer.compare(look_at(ledgers_of(BEFORE), BEFORE))

    assert of_ledger(comparer.compare(look_at(ledgers))) == [OLDER, ("the sum is wrong", "", counter, True)]


def test_what_a_shard_includes_of_an_unknown_version_is_not_held_against_the_sums() -> None:
    assert of_ledger(Comparer().compare(look_at(half_done()))) == [OLDER]


def test_a_shard_that_includes_a_newer_version_than_there_is_is_named() -> None:
    ledgers = ledgers_of(BEFORE)
    for ledger in ledgers:
        if RIGHT in ledger.sums:
            ledger.seen["i-1"] = "S9"

    found = of_ledger(Comparer().compare(look_at(ledgers, BEFORE)))

    assert found == [(INCLUDES_NEWER, "i-1", "", False)]


def test_an_instance_that_one_shard_includes_and_nobody_knows_is_named() -> None:
    ledgers = ledgers_of(AFTER)
    ledgers[3].seen["i-9"] = "S1"

    found = of_ledger(Comparer().compare(look_at(ledgers)))

    assert found == [("an instance is included that has no snapshot", "i-9", "", False)]


@pytest.mark.parametrize(("counter", "value", "pending"), [(LEFT, 4, None), (RIGHT, 5, TO_LEDGER)])
def test_a_total_is_explained_by_the_version_that_its_shard_includes(
    counter: str, value: int, pending: str | None
) -> None:
    tracer = Tracer(counter)
    tracer.trace(look_at(ledgers_of(BEFORE), BEFORE))
    found = tracer.trace(look_at(half_done()))

    (part,) = [part for part in found.parts if part.instance == "i-1"]
    assert (part.value, part.pending) == (Decimal(value), pending)
    assert found.adds_up


# Repair


@dataclass
class SplitDay(DayReader, EventQueue):
    """The partitions of a day behind reader and writer.

    Attributes:
        parts: the stored ledgers.
        fleet: what the snapshots say.
        items: versions of the items of the counters table.
        published_version: of the published object.
        on_write: what happens just before each of the next writes.
        wrote: the partitions that were written.
    """

    parts: dict[str, StoredLedger]
    fleet: Fleet = field(default_factory=lambda: AFTER)
    items: tuple[int, ...] = ()
    published_version: int = 0
    on_write: list[Callable[[], object]] = field(default_factory=list)
    wrote: list[str] = field(default_factory=list)
    settings = SETTINGS

    @classmethod
    def of(cls, ledgers: list[Ledger], version: int = 5) -> SplitDay:
        return cls(dict(zip(LAYOUT.partitions(DAY), stored(ledgers, version).parts, strict=True)))

    @property
    def repairer(self) -> Repairer:
        return Repairer(self, _SplitStore(self), self, Polling(SETTLE_SECONDS), lambda: NOW)

    def layout(self, _day: str) -> Layout:
        return LAYOUT

    def expiry(self, day: str) -> Expiry:
        return SETTINGS.expiry_of(day)

    def ledger(self, day: str, *_shown: Attribute, **_how: bool) -> StoredDay:
        assert day == DAY
        return StoredDay(tuple(self.parts.values()), LAYOUT)

    def counters(self, _day: str) -> Iterator[CounterItem]:
        return (CounterItem("c", Decimal(0), version) for version in self.items)

    def published(self, _day: str) -> PublishedTotals:
        return PublishedTotals(self.published_version, "etag")

    def snapshots_of(self, partition: str, day: str) -> Iterator[StoredSnapshot]:
        for name, (sequencer, counters) in self.fleet.items():
            for own, share in zip(LAYOUT.partitions_of(day, name), LAYOUT.split(counters), strict=True):
                if own == partition:
                    yield StoredSnapshot(day, name, sequencer, pack_counters(share), "e", name, "then")


class _SplitStore(Store):
    def __init__(self, day: SplitDay) -> None:
        self.ledgers = _SplitLedgers(day)


class _SplitLedgers(LedgersTable):
    def __init__(self, day: SplitDay) -> None:
        self._day = day

    def save(self, partition: str, replaced: StoredLedger, ledger: StoredLedger) -> bool:
        day = self._day
        if day.on_write:
            day.on_write.pop(0)()
        if day.parts[partition].version != replaced.version:
            return False
        day.parts[partition] = replace(ledger, expires_at=None)
        day.wrote.append(partition)
        return True


def test_only_the_partition_that_is_wrong_is_rebuilt() -> None:
    ledgers = ledgers_of(AFTER)
    ledgers[2].sums[LEFT] += SCALE
    day = SplitDay.of(ledgers)

    day.repairer.rebuild_ledger(DAY)

    assert day.wrote == [LAYOUT.partitions(DAY)[2]]
    assert day.ledger(DAY).decode_parts() == ledgers_of(AFTER)
    assert [part.version for part in day.parts.values()] == [5, 5, 6, 5]


def test_a_day_that_is_right_is_left_alone() -> None:
    day = SplitDay.of(ledgers_of(AFTER))
    day.items, day.published_version = (20, 3), 20

    day.repairer.rebuild_ledger(DAY)

    assert day.wrote == []


def test_a_day_that_is_right_but_behind_what_is_published_goes_on_after_it() -> None:
    day = SplitDay.of(ledgers_of(AFTER))
    day.published_version = 21

    day.repairer.rebuild_ledger(DAY)

    assert day.wrote == [LAYOUT.partitions(DAY)[0]]
    assert day.ledger(DAY).version > 21


@pytest.mark.parametrize("where", ["items", "object"])
def test_the_day_goes_on_after_what_is_published_though_the_ledger_of_a_partition_was_lost(where: str) -> None:
    day = SplitDay.of(ledgers_of(AFTER))
    lost = LAYOUT.partitions(DAY)[1]
    day.parts[lost] = StoredLedger()
    if where == "items":
        day.items = (20, 3)
    else:
        day.published_version = 20

    day.repairer.rebuild_ledger(DAY)

    assert day.ledger(DAY).version > 20
    assert day.ledger(DAY).decode_parts() == ledgers_of(AFTER)


def test_an_aggregator_may_write_between_read_and_write_of_a_partition() -> None:
    ledgers = ledgers_of(BEFORE)
    ledgers[1].sums[RIGHT] += SCALE
    day = SplitDay.of(ledgers)
    second = LAYOUT.partitions(DAY)[1]

    def write() -> None:
        day.parts[second] = StoredLedger(6, "meanwhile", encode_ledger(ledgers[1]))

    day.fleet, day.on_write = BEFORE, [write]
    day.repairer.rebuild_ledger(DAY)

    assert day.parts[second].version == 7
    assert day.ledger(DAY).decode_parts() == ledgers_of(BEFORE)


def test_a_partition_that_others_write_at_every_attempt_is_named() -> None:
    day = SplitDay.of([Ledger()] * 4)
    first = LAYOUT.partitions(DAY)[0]

    def write() -> None:
        before = day.parts[first]
        day.parts[first] = StoredLedger(before.version + 1, "meanwhile", before.document)

    day.fleet = dict.fromkeys(("i-1", "i-2", "i-3", "i-4"), AFTER["i-1"])
    day.on_write = [write] * 99
    with pytest.raises(CountaggError, match=f"totals of {first}: others changed it"):
        replace(day.repairer, timeout=0.0).rebuild_ledger(DAY)


def test_a_damaged_partition_is_rebuilt() -> None:
    day = SplitDay.of(ledgers_of(AFTER))
    damaged = LAYOUT.partitions(DAY)[3]
    day.parts[damaged] = StoredLedger(5, "then", b"garbage")

    day.repairer.rebuild_ledger(DAY)

    assert day.wrote == [damaged]
    assert day.ledger(DAY).decode_parts() == ledgers_of(AFTER)


def test_a_partition_is_not_rebuilt_out_of_snapshots_that_may_have_expired() -> None:
    day = SplitDay.of([Ledger()] * 4)
    later = NOW.replace(year=NOW.year + 1)

    with pytest.raises(UsageError, match="35 days before"):
        Repairer(day, _SplitStore(day), day, Polling(SETTLE_SECONDS), lambda: later).rebuild_ledger(DAY)
    assert day.wrote == []
