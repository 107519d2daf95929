"""Differences of what the stored forms have beside values: each attribute as `stored_forms` says. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from countagg.core.ledger import is_encoding
from countagg.data.counters import CounterItem
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.integrity.findings import Difference, Hop
from countagg.operate.integrity.stored_forms import (
    counter_problems,
    is_allowed,
    ledger_problems,
    object_problems,
    record_problems,
    snapshot_problems,
    upload_problem,
)
from countagg.operate.integrity.sums import lines_or_none

if TYPE_CHECKING:
    from countagg.operate.integrity.evidence import DayLook

NOT_ALLOWED: Final = "an instance cannot have this id"


def of_snapshots(look: DayLook) -> Iterator[Difference]:
    """Yield what is wrong with the day's record and its snapshots, unless they are past their retention."""
    if look.expired:
        return
    for problem in record_problems(look.record, look.terms):
        yield Difference(Hop.SNAPSHOTS, problem)
    for snapshot in look.snapshots.values():
        yield from _of_snapshot(snapshot, look)


def _of_snapshot(snapshot: StoredSnapshot, look: DayLook) -> Iterator[Difference]:
    """Compare what a snapshot has beside its counters with its file, and with what it may have at all."""
    instance, file = snapshot.instance, look.files.get(snapshot.instance)
    layout = look.stored.layout
    for name, problem in snapshot_problems(snapshot, layout, look.terms):
        yield Difference(Hop.SNAPSHOTS, f"{name} {problem}", instance, state=snapshot.sequencer, certain=True)
    state = f"{file.etag if file else None} {snapshot.sequencer}"
    if (why := upload_problem(snapshot, file, look.terms)) is not None:
        yield Difference(Hop.SNAPSHOTS, f"UploadedAt {why}", instance, state=state)
    if file is not None and file.refused and not snapshot.etag and lines_or_none(snapshot.packed):
        yield Difference(Hop.SNAPSHOTS, "ETag is empty", instance, state=state)
    if (snapshot.etag or lines_or_none(snapshot.packed) != {}) and not is_allowed(instance, look.terms):
        yield Difference(Hop.SNAPSHOTS, NOT_ALLOWED, instance, state=state)


def of_ledger(look: DayLook) -> Iterator[Difference]:
    """Yield what is wrong with the ledgers beside what they include."""
    for partition, (name, problem) in ledger_problems(look.stored, look.terms):
        where = f" of {partition}" if look.stored.layout.is_split else ""
        state = str(look.stored.version)
        yield Difference(Hop.LEDGER, f"{name}{where} {problem}", state=state, certain=True)
    if look.inclusion is None:
        return
    for part, ledger in zip(look.stored.parts, look.inclusion.parts, strict=True):
        if part.exists and not is_encoding(part.document, ledger):
            what = "the ledger is not as the aggregator writes it"
            yield Difference(Hop.LEDGER, what, state=str(look.stored.version), certain=True)


def of_counter(item: CounterItem, expected: Decimal | None, look: DayLook) -> Iterator[Difference]:
    """Yield what is wrong with an item of the counters table beside its value."""
    for name, problem in counter_problems(item, look.terms):
        yield Difference(
            Hop.COUNTERS,
            f"{name} {problem}",
            counter=item.counter,
            expected=expected,
            found=item.value,
            certain=True,
        )


def of_object(look: DayLook, state: str) -> Iterator[Difference]:
    """Yield what is wrong with the published object beside its totals."""
    for problem in object_problems(look.published, look.stored, look.terms):
        yield Difference(Hop.OBJECT, problem, state=state)
