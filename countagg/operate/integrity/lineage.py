"""Lineage of a total: which files, in which versions, it is the sum of. Pure: looks in, lineage out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Final

from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Ledger
from countagg.core.snapshot import Snapshot
from countagg.data.counters import CounterItem
from countagg.operate.integrity.comparison import INCLUDES_NEWER, NOT_FOUND, UNREADABLE
from countagg.operate.integrity.evidence import CounterFile, DayLook
from countagg.operate.integrity.sums import exact, lines_of, lines_or_none, total_of

TO_SNAPSHOTS: Final = "a newer file is on its way to the snapshots"
TO_LEDGER: Final = "a newer version is on its way to the ledger"
WITHDRAWN: Final = "the file is deleted, and its withdrawal on the way"


@dataclass(frozen=True, slots=True)
class Part:
    """What one instance's file has to do with a counter.

    Attributes:
        instance: whose file.
        key: the object's.
        value: what the included version says; None if none is included, or it does not name the counter.
        etag: of the object that the included version was read from; None if none is included, or it withdraws.
        sequencer: of the included version; None if none is included.
        uploaded_at: of the included version: UTC, ISO 8601; None if that is not known.
        pending: what differs in the bucket or the snapshots from what is included; None if nothing does.
        pending_value: what the newest readable version says; equals `value` if nothing is pending.
    """

    instance: str
    key: str
    value: Decimal | None
    etag: str | None
    sequencer: str | None
    uploaded_at: str | None
    pending: str | None = None
    pending_value: Decimal | None = None

    @property
    def included(self) -> bool:
        """Whether the ledger includes a version of the file."""
        return self.sequencer is not None


@dataclass(frozen=True, slots=True)
class CounterLineage:
    """What the total of a counter is made of, and where it went.

    Attributes:
        day: YYYY-MM-DD.
        counter: which.
        parts: the files that name it, by instance.
        unknown: instances of which a version is included that is stored nowhere any more.
        sum: of the values of the included versions.
        version: of the ledger; 0 if there is none.
        updated_at: of the ledger: UTC, ISO 8601; None if there is none.
        total: in the ledger; None if it does not name the counter.
        contributors: how many instances name it, by the ledger.
        item: of the counters table; None if there is none.
        published_version: of the published object; 0 if there is none.
        published: the value in it; None if it does not name the counter.
        expired: whether the snapshots are past their retention, and the files stand in for them.
    """

    day: str
    counter: str
    parts: tuple[Part, ...]
    unknown: tuple[str, ...]
    sum: Decimal
    version: int
    updated_at: str | None
    total: Decimal | None
    contributors: int
    item: CounterItem | None
    published_version: int
    published: Decimal | None
    expired: bool

    @property
    def adds_up(self) -> bool | None:
        """Whether the files give the total; None while that cannot be told."""
        return None if self.unknown else self.sum == (self.total or Decimal(0))

    @property
    def is_known(self) -> bool:
        """Whether anything at all names the counter. An item with the value 0 stays when nobody does any more."""
        return bool(self.parts) or self.total is not None or self.item is not None or self.published is not None


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of a file that was seen, and what it says of the counter; None if it does not name it."""

    etag: str
    uploaded_at: str
    value: Decimal | None


@dataclass
class Tracer:
    """Traces a counter in one look after the other.

    It remembers every version of a file that a look saw: what a ledger includes may be older by then than what is
    stored.
    """

    counter: str
    _versions: dict[tuple[str, str], _Version] = field(default_factory=dict)

    def trace(self, look: DayLook) -> CounterLineage:
        """Trace the counter in a look."""
        self._remember(look)
        ledger = look.ledger or Ledger()
        seen = _versions(look, look.inclusion.of_counter(self.counter)) if look.inclusion else {}
        unknown = [name for name, included in seen.items() if (name, included) not in self._versions]
        parts = tuple(self._parts(look, seen))
        published = look.published.totals.get(self.counter)
        return CounterLineage(
            day=look.day,
            counter=self.counter,
            parts=parts,
            unknown=tuple(sorted(unknown)),
            sum=total_of(part.value for part in parts if part.value is not None),
            version=look.stored.version,
            updated_at=look.stored.updated_at or None,
            total=exact(ledger.sums[self.counter]) if self.counter in ledger.sums else None,
            contributors=ledger.contributors.get(self.counter, 0),
            item=look.counters.get(self.counter),
            published_version=look.published.version,
            published=None if published is None else exact(published),
            expired=look.expired,
        )

    def _remember(self, look: DayLook) -> None:
        for found in look.snapshots.values():
            if (lines := lines_or_none(found.packed)) is not None:
                version = _Version(found.etag, found.uploaded_at, lines.get(self.counter))
                self._versions[found.instance, found.content_sequencer] = version

    def _parts(self, look: DayLook, seen: Mapping[str, str]) -> Iterator[Part]:
        for instance in sorted(look.files.keys() | look.snapshots.keys()):
            file, snapshot = look.files.get(instance), look.snapshots.get(instance)
            sequencer = seen.get(instance, "")
            included = self._versions.get((instance, sequencer))
            pending = pending_reason(file, snapshot, sequencer)
            newest = self._newest(file, snapshot) if pending else None
            value = included.value if included else None
            if value is None and newest is None:
                continue
            yield Part(
                instance=instance,
                key=file.key if file else snapshot.key if snapshot else "",
                value=value,
                etag=(included.etag or None) if included else None,
                sequencer=sequencer if included else None,
                uploaded_at=(included.uploaded_at or None) if included else None,
                pending=pending,
                pending_value=newest if pending else value,
            )

    def _newest(self, file: CounterFile | None, snapshot: Snapshot | None) -> Decimal | None:
        """Return the value in the file, or else in the snapshot: a refused file leaves that as it is."""
        if file is not None and file.packed is not None:
            return lines_of(file.packed).get(self.counter)
        if snapshot is None or (file is None and snapshot.etag):
            return None
        known = self._versions.get((snapshot.instance, snapshot.content_sequencer))
        return known.value if known else None


def _versions(look: DayLook, seen: Mapping[str, str]) -> dict[str, str]:
    """Return what is included by the versions of the contents."""
    return {
        instance: look.snapshots[instance].content_sequencer
        if instance in look.snapshots and look.snapshots[instance].is_included(sequencer)
        else sequencer
        for instance, sequencer in seen.items()
    }


def unreadable_ledger(day: str, what: str) -> CorruptDocument:
    """Return the error that a day's ledger cannot be read, with what to do about it."""
    return CorruptDocument(what, where=f"totals of {day}", hint=f"`countagg repair --date {day}` mends them")


def pending_reason(file: CounterFile | None, snapshot: Snapshot | None, included: str) -> str | None:
    """Tell what differs between a file, its snapshot and what the ledger includes of it; None if nothing does."""
    if file is not None and file.refused:
        line = "" if file.refused.line is None else f"line {file.refused.line}, "
        return f"the newest file is refused: {line}{file.refused.reason}"
    if file is not None and (snapshot is None or snapshot.etag != file.etag):
        return NOT_FOUND if file.packed is None else TO_SNAPSHOTS
    if file is None and snapshot is not None and snapshot.etag:
        return WITHDRAWN
    if snapshot is not None and lines_or_none(snapshot.packed) is None:
        return UNREADABLE
    if snapshot is None or snapshot.is_included(included):
        return None
    return TO_LEDGER if included < snapshot.sequencer else INCLUDES_NEWER
