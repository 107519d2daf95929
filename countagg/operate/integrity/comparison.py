"""Compares the hops of one look, each with the one before it. Pure: looks in, differences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Final

from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger
from countagg.core.published import MOVE_AWAY
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.integrity.attributes import of_counter, of_ledger, of_object, of_snapshots
from countagg.operate.integrity.evidence import CounterFile, DayLook
from countagg.operate.integrity.findings import Difference, Hop
from countagg.operate.integrity.inclusion import IncludedDay
from countagg.operate.integrity.stored_forms import canonical
from countagg.operate.integrity.sums import add_up, exact, in_units, lines_of, lines_or_none

NAMED_COUNTERS: Final = 20
"""So many differing counters of one file are named one by one."""

NOT_FOUND: Final = "the file is listed, but S3 does not show it yet"
UNREADABLE: Final = "the snapshot cannot be read"
NOT_CHECKED: Final = "its file cannot be read, nor the sums be checked without it"
INCLUDES_NEWER: Final = "a newer snapshot is included than is stored"


@dataclass
class Comparer:
    """Compares one look after the other.

    It remembers what the look before saw: a ledger or an output that is a moment old is compared with what
    belonged to it.
    """

    _contents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _ledgers: dict[int, Ledger] = field(default_factory=dict)

    def compare(self, look: DayLook) -> list[Difference]:
        """Return everything that differs in a look."""
        differences = [
            *of_snapshots(look),
            *_snapshots(look),
            *of_ledger(look),
            *self._ledger(look),
            *self._outputs(look),
        ]
        self._contents = {(each.instance, each.content_sequencer): each.packed for each in look.snapshots.values()}
        self._ledgers = {look.stored.version: look.ledger} if look.ledger is not None else {}
        return differences

    def _ledger(self, look: DayLook) -> list[Difference]:
        if look.inclusion is None:
            if look.stored.exists:
                state = str(look.stored.version)
                unreadable = Difference(Hop.LEDGER, "the ledger cannot be read", state=state, certain=True)
                return [unreadable]
            return [Difference(Hop.LEDGER, "there is no ledger")] if look.snapshots else []
        return [*_chain(look.inclusion, look), *self._sums(look.inclusion, look)]

    def _sums(self, inclusion: IncludedDay, look: DayLook) -> Iterator[Difference]:
        """Compare the sums with the contents that the ledger says it includes, whatever came later."""
        ledger = inclusion.ledger
        contents = [
            (instance, shard, self._content_of(instance, included, look))
            for instance, shard, included in _included(inclusion)
        ]
        unknown = [instance for instance, _, packed in contents if packed is None]
        if look.expired and (unread := sorted(set(unknown) & look.files.keys())):
            # Nothing but these files could tell what the sums are made of.
            for instance in unread:
                yield Difference(Hop.LEDGER, NOT_CHECKED, instance)
            return
        try:
            expected = add_up(
                packed if shard is None else inclusion.share(packed, shard)
                for _, shard, packed in contents
                if packed is not None
            )
            open_ = self._named_by(unknown, look)
        except CorruptDocument:
            # Told already, by the hop before.
            return
        for counter in sorted((ledger.sums.keys() | expected.values.keys()) - open_):
            sums = expected.values.get(counter), _sum_of(ledger, counter)
            files = expected.files.get(counter, 0), ledger.contributors.get(counter, 0)
            if sums[0] != sums[1]:
                yield _off("the sum is wrong", counter, *sums, certain=not unknown)
            elif files[0] != files[1]:
                what = "the number of instances is wrong"
                yield _off(what, counter, *map(Decimal, files), certain=not unknown)

    @staticmethod
    def _named_by(instances: list[str], look: DayLook) -> set[str]:
        """Return the counters of instances of which another version is included than there is."""
        there = [look.snapshots[instance].packed for instance in instances if instance in look.snapshots]
        return set(add_up(there).values)

    def _content_of(self, instance: str, included: str, look: DayLook) -> bytes | None:
        """Return what the ledger includes of an instance; None if no look saw it."""
        snapshot = look.snapshots.get(instance)
        if snapshot is None:
            # Without a snapshot, the file is the best witness.
            file = look.files.get(instance)
            return None if file is None else file.packed
        if snapshot.is_included(included):
            return snapshot.packed
        return self._contents.get((instance, included))

    def _outputs(self, look: DayLook) -> Iterator[Difference]:
        if look.ledger is None:
            return
        published = look.published.version
        # What is published by now is at least of this version: nothing under way explains what differs from it.
        settled = max(
            (version for version in (*self._ledgers, look.stored.version) if version <= published), default=0
        )
        certain = settled > 0
        version = settled or look.stored.version
        ledger = look.ledger if version == look.stored.version else self._ledgers[version]
        yield from _counters(ledger, version, look, certain=certain)
        yield from _object(ledger, version, look)


def _included(inclusion: IncludedDay) -> Iterator[tuple[str, int | None, str]]:
    """Yield what the sums include: instance, shard and sequencer; no shard where they include the same version."""
    for instance, included in inclusion.ledger.seen.items():
        if instance not in inclusion.torn:
            yield instance, None, included
    for instance, versions in inclusion.torn.items():
        for shard, included in enumerate(versions):
            if included:
                yield instance, shard, included


def _sum_of(ledger: Ledger, counter: str) -> Decimal | None:
    return exact(ledger.sums[counter]) if counter in ledger.sums else None


def _off(what: str, counter: str, expected: Decimal | None, found: Decimal | None, *, certain: bool) -> Difference:
    # While uploads change both, what stays the same is by how much they differ.
    state = f"off by {in_units(found or Decimal(0)) - in_units(expected or Decimal(0))}"
    return Difference(
        Hop.LEDGER, what, counter=counter, expected=expected, found=found, state=state, certain=certain
    )


def _snapshots(look: DayLook) -> Iterator[Difference]:
    for instance, good in look.files.items():
        if good.packed is not None:
            yield from _snapshot(good, good.packed, look.snapshots.get(instance))
        elif not good.refused and (instance not in look.snapshots or look.snapshots[instance].etag != good.etag):
            yield Difference(Hop.SNAPSHOTS, NOT_FOUND, instance, state=good.etag)
    for instance, snapshot in look.snapshots.items():
        file = look.files.get(instance)
        # A tombstone has no ETag.
        if snapshot.etag and file is None:
            what = "the snapshot's file is gone"
            yield Difference(Hop.SNAPSHOTS, what, instance, state=snapshot.sequencer)
        elif (file is None or file.packed is None) and lines_or_none(snapshot.packed) is None:
            yield Difference(Hop.SNAPSHOTS, UNREADABLE, instance, state=snapshot.sequencer)
        elif file is None and lines_of(snapshot.packed):
            yield Difference(
                Hop.SNAPSHOTS, "a snapshot without a file has counters", instance, state=snapshot.sequencer
            )


def _snapshot(file: CounterFile, packed: bytes, snapshot: StoredSnapshot | None) -> Iterator[Difference]:
    if snapshot is None:
        yield Difference(Hop.SNAPSHOTS, "the file has no snapshot", file.instance, state=file.etag)
        return
    state = f"{file.etag} {snapshot.sequencer}"
    if snapshot.packed == packed and snapshot.etag == file.etag:
        return
    if lines_or_none(snapshot.packed) is None:
        yield Difference(Hop.SNAPSHOTS, UNREADABLE, file.instance, state=state)
        return
    lines = lines_of(snapshot.packed)
    what = (
        "the snapshot is not of this file"
        if snapshot.etag != file.etag
        else "the snapshot is not what the file says"
    )
    expected = lines_of(packed)
    if lines == expected:
        if snapshot.etag != file.etag:
            yield Difference(Hop.SNAPSHOTS, "ETag is not that of the file", file.instance, state=state)
        elif canonical(snapshot.packed) is None:
            what = "Counters are not as the processor writes them"
            yield Difference(Hop.SNAPSHOTS, what, file.instance, state=state)
        return
    differing = sorted({name for name, _ in expected.items() ^ lines.items()})
    for counter in differing[:NAMED_COUNTERS]:
        yield Difference(
            Hop.SNAPSHOTS, what, file.instance, counter, expected.get(counter), lines.get(counter), state
        )
    if len(differing) > NAMED_COUNTERS:
        more = f"{what}: {len(differing) - NAMED_COUNTERS} more counters differ"
        yield Difference(Hop.SNAPSHOTS, more, file.instance, state=state)


def _chain(inclusion: IncludedDay, look: DayLook) -> Iterator[Difference]:
    for instance, snapshot in look.snapshots.items():
        versions = inclusion.versions(instance)
        if all(map(snapshot.is_included, versions)):
            continue
        included = max(versions) if max(versions) > snapshot.sequencer else min(versions)
        state = f"{included or None} {snapshot.content_sequencer}"
        if included > snapshot.sequencer:
            yield Difference(Hop.LEDGER, INCLUDES_NEWER, instance, state=state)
        elif included:
            yield Difference(Hop.LEDGER, "an older snapshot is included", instance, state=state)
        else:
            yield Difference(Hop.LEDGER, "the snapshot is not included", instance, state=state)
    for instance in () if look.expired else inclusion.instances - look.snapshots.keys():
        what = "an instance is included that has no snapshot"
        yield Difference(Hop.LEDGER, what, instance, state=max(inclusion.versions(instance)))


def _counters(ledger: Ledger, version: int, look: DayLook, *, certain: bool) -> Iterator[Difference]:
    for counter in sorted(ledger.sums.keys() | look.counters.keys()):
        item = look.counters.get(counter)
        value = _sum_of(ledger, counter)
        if item is not None:
            yield from of_counter(item, value, look)
        if item is None:
            yield Difference(
                Hop.COUNTERS,
                "the counter has no item",
                counter=counter,
                expected=value,
                certain=certain,
            )
        elif item.value is None:
            continue
        elif (item.version or 0) > version:
            if (item.version or 0) > look.stored.version:
                what = f"the item has version {item.version}, the ledger {look.stored.version}"
                yield Difference(Hop.COUNTERS, what, counter=counter, expected=value, found=item.value)
        # A counter that no instance names any more has the value 0.
        elif item.value != (value or Decimal(0)):
            yield Difference(
                Hop.COUNTERS,
                "the item is wrong",
                counter=counter,
                expected=value,
                found=item.value,
                state=str(item.version),
                certain=certain,
            )


def _object(ledger: Ledger, version: int, look: DayLook) -> Iterator[Difference]:
    published = look.published
    state = f"{published.version} {published.etag}"
    if published.foreign is not None:
        what = f"the object is left alone: {published.foreign}; {MOVE_AWAY}"
        yield Difference(Hop.OBJECT, what, state=state, certain=True)
        return
    yield from of_object(look, state)
    if not published.etag:
        if ledger.sums:
            yield Difference(Hop.OBJECT, "there is no object", state=state)
    elif not published.readable:
        yield Difference(Hop.OBJECT, "the object cannot be read", state=state)
    elif published.version > look.stored.version:
        what = f"the object has version {published.version}, the ledger {look.stored.version}"
        yield Difference(Hop.OBJECT, what, state=state)
    elif published.version <= version:
        yield from _lines(ledger, published.totals, state, certain=published.version == version)


def _lines(ledger: Ledger, totals: Mapping[str, int], state: str, *, certain: bool) -> Iterator[Difference]:
    for counter in sorted({name for name, _ in ledger.sums.items() ^ totals.items()}):
        yield Difference(
            Hop.OBJECT,
            "the line is wrong",
            counter=counter,
            expected=_sum_of(ledger, counter),
            found=exact(totals[counter]) if counter in totals else None,
            state=state,
            certain=certain,
        )
