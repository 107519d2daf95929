"""What a batch of the totals table's stream records asks to be published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from countagg.core.errors import CorruptDocument, CountaggError, InvalidEvent, shorten
from countagg.core.events import TotalsChange, parse_totals_record
from countagg.core.ledger import Ledger, changed_counters, decode_ledger
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.functions.totals_table import DayTotals


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

    def as_read(self, read: DayTotals) -> Publication:
        """Return it with the totals of all partitions."""
        return replace(self, version=read.version, updated_at=read.updated_at, totals=read.ledger.sums)

    def overtaken_by(self, published: PublishedTotals) -> Publication:
        """Return it with its counters as a newer version has them, which another invocation published."""
        if not published.readable:
            return self.with_nothing_changed()
        return replace(self, version=published.version, totals=published.totals)

    def with_nothing_changed(self) -> Publication:
        """Return it as one that the outputs need not write."""
        return replace(self, changed=frozenset())


@dataclass(frozen=True, slots=True)
class _Step:
    base: int
    version: int
    updated_at: str
    expires_at: int | None
    before: Ledger
    after: Ledger


OnUnreadable = Callable[[str, int | None, CountaggError], None]
"""Told about a version that cannot be read: which partition's, its number if that can be read, and why."""


def publications(records: Sequence[Mapping[str, Any]], on_unreadable: OnUnreadable) -> Iterator[Publication]:
    """Turn a batch of stream records into one publication a day, of its newest version.

    A version that cannot be read is left out: the next readable one then shows a gap, and heals it. Waiting for
    it would keep every other day from being published.
    """
    steps: defaultdict[tuple[str, Layout], list[_Step]] = defaultdict(list)
    for record in records:
        change = None
        try:
            change = parse_totals_record(record)
            if change is None:
                continue
            step = _step(change)
        except (InvalidEvent, CorruptDocument) as error:
            on_unreadable(_day(record), None if change is None else change.version, error)
        else:
            steps[change.day, change.layout].append(step)
    for (day, layout), steps_of_day in steps.items():
        if layout.is_split:
            expires_at = steps_of_day[-1].expires_at
            yield Publication(day, 0, 0, "", {}, _changed(steps_of_day), layout, expires_at)
        else:
            yield _publication(day, steps_of_day)


def _day(record: Mapping[str, Any]) -> str:
    """Return the key of the item that a record tells of; all of it if it tells of none."""
    try:
        return str(record["dynamodb"]["Keys"]["Date"]["S"])
    except (KeyError, TypeError):
        return shorten(record)


def _step(change: TotalsChange) -> _Step:
    after = _decode(change.new)
    try:
        before, base = _decode(change.old), change.replaced
    except CorruptDocument:
        # Nobody knows what changed: the chain of versions begins here.
        before, base = after, change.version
    return _Step(base, change.version, change.updated_at, change.expires_at, before, after)


def _publication(day: str, steps: Sequence[_Step]) -> Publication:
    newest = max(steps, key=lambda step: step.version)
    bases = {step.version: step.base for step in steps if step.base < step.version}
    base = newest.version
    while base in bases:
        base = bases[base]
    return Publication(
        day=day,
        base=base,
        version=newest.version,
        updated_at=newest.updated_at,
        totals=newest.after.sums,
        changed=_changed(steps),
        layout=Layout(),
        expires_at=newest.expires_at,
    )


def _changed(steps: Sequence[_Step]) -> frozenset[str]:
    return frozenset(changed_counters([(step.before, step.after) for step in steps]))


# The document after one change is the one before the next.
@lru_cache(maxsize=4)
def _decode(document: bytes | None) -> Ledger:
    return Ledger() if document is None else decode_ledger(document)
