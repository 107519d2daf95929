"""What a batch of the totals table's stream records tells of a day: which counters changed, up to which version.

Of all the versions in a batch, two are decoded at a time: a version of many long names takes a hundred times its
compressed size, and a batch has forty of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from countagg.core.errors import CorruptDocument, CountaggError, InvalidEvent, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import changed_counters, decode_ledger
from countagg.core.partitions import Layout
from countagg.core.versions import changes_of
from countagg.data.ledgers import TotalsChange, parse_totals_record

TOLD_AT_ONCE: Final = 10_000
"""Names that came or went within a batch, and are remembered; with more, they are published before the next."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published of one day.

    Attributes:
        day: YYYY-MM-DD.
        version: of the day's ledgers.
        updated_at: when that version was stored, UTC, ISO 8601.
        totals: counter -> sum in units of 10^-9, all of them.
        expires_at: when the ledgers expire, and with them the day's counters and alerts; seconds since 1970, None
            if they do not.
    """

    day: str
    version: int
    updated_at: str
    totals: Mapping[str, int]
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class WrittenDay:
    """How far the outputs of a day are, as far as an execution environment knows.

    Attributes:
        versions: partition -> version of its ledger that was published.
        written: the counters that were written for that: they have what those versions say, whatever changed them.
        told: partition -> version up to which its records have come; whatever they changed is written.
    """

    versions: Mapping[str, int]
    written: frozenset[str] = frozenset()
    told: Mapping[str, int] = field(default_factory=dict)

    def having(self, told: Told) -> WrittenDay:
        """Return it with records that have come since."""
        newest = {key: max(part.newest, self.told.get(key, 0)) for key, part in told.partitions.items()}
        return WrittenDay(self.versions, self.written, {**self.told, **newest})


@dataclass(slots=True)
class ToldPartition:
    """What records tell of one partition's ledger.

    Attributes:
        newest: version of which they tell.
        replaced: version -> the one before it.
        changed: counter -> version in which its sum changed last.
    """

    newest: int = 0
    replaced: dict[int, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)

    @property
    def base(self) -> int:
        """The version from which on every change is told."""
        base = self.newest
        while base in self.replaced:
            base = self.replaced[base]
        return base


@dataclass(slots=True)
class Told:
    """What records tell of a day.

    Attributes:
        day: YYYY-MM-DD.
        layout: of the day; the records are of some of its partitions.
        partitions: partition -> what they tell of it; none if none of them could be read.
    """

    day: str
    layout: Layout
    partitions: defaultdict[str, ToldPartition] = field(default_factory=lambda: defaultdict(ToldPartition))

    @property
    def changed(self) -> set[str]:
        """The counters whose sum changed in some partition, also those that changed back since."""
        return {name for part in self.partitions.values() for name in part.changed}

    def unwritten(self, held: WrittenDay) -> set[str]:
        """Return those of which it is not known that their items have what the change made of them.

        An interrupted attempt may have left a value that only this record tells of.
        """
        return {
            name
            for key, part in self.partitions.items()
            for name, version in part.changed.items()
            if version > held.told.get(key, 0)
            and not (version <= held.versions.get(key, 0) and name in held.written)
        }

    def goes_back(self, held: WrittenDay) -> bool:
        """Tell whether the records are older than those that were told before."""
        return any(part.newest < held.told.get(key, 0) for key, part in self.partitions.items())

    def is_behind_a_gap(self, held: WrittenDay) -> bool:
        """Tell whether records between those that were told before and these were lost, or cannot be read."""
        for key, part in self.partitions.items():
            known, base = held.told.get(key, held.versions.get(key, 0)), part.base
            # A ledger that was not there begins with a version greater than 0, and no gap before it.
            if base > known and (known or changes_of(base)):
                return True
        return False

    @property
    def names(self) -> int:
        """How many names of counters are remembered."""
        return sum(len(part.changed) for part in self.partitions.values())


OnUnreadable = Callable[[str, int | None, CountaggError], None]
"""Told about a version that cannot be read: which partition's, its number if that can be read, and why."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a day that a batch tells of, as they came."""

    day: str
    layout: Layout
    changes: tuple[TotalsChange, ...]

    @property
    def size(self) -> int:
        """Bytes of the largest version, compressed: about how long the day takes to publish."""
        return max(len(change.new) for change in self.changes)


def changes_by_day(records: Sequence[Mapping[str, Any]], on_unreadable: OnUnreadable) -> list[Changes]:
    """Sort a batch of stream records by day. One that is of no ledger is left out."""
    found: defaultdict[tuple[str, Layout], list[TotalsChange]] = defaultdict(list)
    for record in records:
        try:
            change = parse_totals_record(record)
        except InvalidEvent as error:
            on_unreadable(_day(record), None, error)
        else:
            if change is not None:
                found[change.day, change.layout].append(change)
    return [Changes(day, layout, tuple(changes)) for (day, layout), changes in found.items()]


def tell(changes: Changes, on_unreadable: OnUnreadable, at_once: int = TOLD_AT_ONCE) -> Iterator[Told]:
    """Tell what a day's changes are; in several parts where very many names came and went.

    A version that cannot be read is left out: the next readable one then shows a gap. Waiting for it would keep
    every other day from being published.

    Args:
        changes: of the day.
        on_unreadable: told about versions that are left out.
        at_once: with so many more changed names than totals, what follows is another part.
    """
    decoder, told = _Decoder(), Told(changes.day, changes.layout)
    for change in changes.changes:
        try:
            totals = _add(change, told, decoder)
        except CorruptDocument as error:
            on_unreadable(change.partition, change.version, error)
            continue
        if told.names > totals + at_once:
            decoder, complete, told = _Decoder(), told, Told(changes.day, changes.layout)
            yield complete
            del complete
    del decoder
    if told.partitions:
        yield told


def _add(change: TotalsChange, told: Told, decoder: _Decoder) -> int:
    """Add a change to what is told; return how many totals the version has that it leads to.

    Raises:
        CorruptDocument: that version cannot be read.
    """
    before: Mapping[str, int] | None
    try:
        before = decoder.sums(change.old)
    except CorruptDocument:
        # Nobody knows what changed: the chain of versions begins here.
        before = None
    after = decoder.sums(change.new)
    part = told.partitions[change.partition]
    if before is not None:
        for name in changed_counters(before, after):
            part.changed[name] = max(change.version, part.changed.get(name, 0))
        if change.replaced < change.version:
            part.replaced[change.version] = change.replaced
    part.newest = max(part.newest, change.version)
    return len(after)


def _day(record: Mapping[str, Any]) -> str:
    """Return the key of the item that a record tells of; all of it if it tells of none."""
    try:
        return str(record["dynamodb"]["Keys"]["Date"]["S"])
    except (KeyError, TypeError):
        return shorten(record)


class _Decoder:
    """Decodes documents to sums. It keeps the last: the document after one change is the one before the next."""

    def __init__(self) -> None:
        self._document: bytes | None = None
        self._sums: Mapping[str, int] = {}

    def sums(self, document: bytes | None) -> Mapping[str, int]:
        """Return the sums of a document; none where there is no document.

        Raises:
            CorruptDocument: it cannot be read.
        """
        if document != self._document:
            self._document, self._sums = None, {}
            self._sums = {} if document is None else decode_ledger(document).sums
            self._document = document
        return self._sums
