"""What a batch of the totals table's stream records asks to be published.

Of all the versions in a batch, two are decoded at a time: a version of many long names takes a hundred times its
compressed size, and a batch has forty of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import Any, Final

from countagg.core.errors import CorruptDocument, CountaggError, InvalidEvent, shorten
from countagg.core.ledger import changed_counters, decode_ledger
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.data.ledgers import StoredDay, TotalsChange, parse_totals_record

GONE_AT_ONCE: Final = 10_000
"""Names that came or went within a batch, and are remembered; with more, what follows is another publication."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published of one day.

    Attributes:
        day: YYYY-MM-DD.
        base: the version from which on the batch tells every change; what is published is at least of this
            version, unless records were lost.
        version: of the ledger.
        updated_at: when that version was stored, UTC, ISO 8601.
        totals: counter -> sum in units of 10^-9, all of them.
        changed: the counters whose sum changed since `base`; those that are not in `totals` have no instance
            left.
        layout: of the day. Where it is split, the batch tells of some partitions only: `totals` are empty and
            `base` and `version` 0 until they are read.
        expires_at: when the ledger expires, and with it the day's counters and alerts; seconds since 1970, None
            if it does not.
    """

    day: str
    base: int
    version: int
    updated_at: str
    totals: Mapping[str, int]
    changed: frozenset[str]
    layout: Layout
    expires_at: int | None = None

    def including(self, counters: Iterable[str]) -> Publication:
        """Return it with more counters taken for changed."""
        return replace(self, changed=self.changed.union(counters))

    def without(self, written: AbstractSet[str]) -> Publication:
        """Return it with counters left out that the outputs have by now."""
        return replace(self, changed=self.changed - written) if written else self

    def going_on_with(self, due: Publication) -> Publication:
        """Return what a later attempt is to go on with: of a split day, what was read."""
        return due if self.layout.is_split else replace(self, changed=due.changed)

    def as_read(self, read: StoredDay) -> Publication:
        """Return it with the totals of all partitions.

        Raises:
            CorruptDocument: one of the ledgers cannot be read.
        """
        return replace(self, version=read.version, updated_at=read.updated_at, totals=read.decode().sums)

    def overtaken_by(self, published: PublishedTotals) -> Publication:
        """Return it with its counters as a newer version has them, which another invocation published."""
        if not published.readable:
            return self.with_nothing_changed()
        newer = replace(self, version=published.version, updated_at=published.updated_at)
        return replace(newer, totals=published.totals)

    def with_nothing_changed(self) -> Publication:
        """Return it as one that the outputs need not write."""
        return replace(self, changed=frozenset())


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


def publications(
    changes: Changes, on_unreadable: OnUnreadable, gone_at_once: int = GONE_AT_ONCE
) -> Iterator[Publication]:
    """Turn a day's changes into a publication of its newest version, or several where very many names went.

    A version that cannot be read is left out: the next readable one then shows a gap, and heals it. Waiting for
    it would keep every other day from being published.

    Args:
        changes: of the day.
        on_unreadable: told about versions that are left out.
        gone_at_once: with so many more changed names than totals, what follows is another publication.
    """
    decoder, fold = _Decoder(), _Fold()
    for change in changes.changes:
        try:
            fold.add(change, decoder)
        except CorruptDocument as error:
            on_unreadable(change.partition, change.version, error)
        if len(fold.changed) > len(fold.totals) + gone_at_once:
            complete, fold = list(fold.publications()), _Fold()
            yield from complete
            del complete
    yield from fold.publications()


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


@dataclass(slots=True)
class _Fold:
    """Changes of a day, folded one after the other into what they ask to be published."""

    newest: TotalsChange | None = None
    totals: Mapping[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    bases: dict[int, int] = field(default_factory=dict)

    def add(self, change: TotalsChange, decoder: _Decoder) -> None:
        """Add a change.

        Raises:
            CorruptDocument: the version that it leads to cannot be read.
        """
        before: Mapping[str, int] | None
        try:
            before, base = decoder.sums(change.old), change.replaced
        except CorruptDocument:
            # Nobody knows what changed: the chain of versions begins here.
            before, base = None, change.version
        after = decoder.sums(change.new)
        if before is not None:
            self.changed |= changed_counters(before, after)
        if base < change.version:
            self.bases[change.version] = base
        if self.newest is None or change.version > self.newest.version:
            self.newest, self.totals = change, after

    def publications(self) -> Iterator[Publication]:
        """Yield what is to be published; nothing if no version could be read."""
        newest = self.newest
        if newest is None:
            return
        changed, expires_at = frozenset(self.changed), newest.expires_at
        if newest.layout.is_split:
            yield Publication(newest.day, 0, 0, "", {}, changed, newest.layout, expires_at)
            return
        base = newest.version
        while base in self.bases:
            base = self.bases[base]
        yield Publication(
            day=newest.day,
            base=base,
            version=newest.version,
            updated_at=newest.updated_at,
            totals=self.totals,
            changed=changed,
            layout=newest.layout,
            expires_at=expires_at,
        )
