"""What a repair has to do, out of what a verification found. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from countagg.core.days import Expiry, check_upload_day, is_closed
from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.core.events import ObjectEvent
from countagg.core.lazy_dataclass import dataclass
from countagg.core.sequencer import sequencer_after
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import SnapshotChange, pack_counters
from countagg.data.attributes import EXPIRES_AT, Item
from countagg.data.day_records import DayRecord
from countagg.data.snapshots import CHANGE, CONTENT_SEQUENCER, COUNTERS, ETAG, KEY, SEQUENCER, UPLOADED_AT
from countagg.operate.integrity.comparison import INCLUDES_NEWER
from countagg.operate.integrity.evidence import DayLook
from countagg.operate.integrity.findings import Difference, Hop, Verification
from countagg.operate.integrity.stored_forms import is_allowed, item_problems, record_problems


def check_day(settings: FunctionSettings, expiry: Expiry, day: str, now: datetime) -> None:
    """Refuse a day that cannot be repaired, because the processor would refuse its files.

    Args:
        settings: of the stack.
        expiry: of the day.
        day: YYYY-MM-DD.
        now: the time, aware.

    Raises:
        UsageError: with the reason.
    """
    today, retention = now.astimezone(UTC).date(), settings.snapshot_retention_days
    try:
        check_upload_day(day, today, today, retention, expiry)
    except InvalidObjectKey as error:
        hint = (
            f"the processor takes files of the last {retention} days only, and their snapshots are not kept longer"
        )
        if is_closed(day, today, retention, expiry):
            hint = "totals are never made again of a day whose snapshots expire"
        raise UsageError(error.what, where=day, hint=hint) from error


class RepairAction(StrEnum):
    """What is done to mend something."""

    RECORD = "write the day's record"
    CORRECT = "correct the snapshot"
    REREAD = "read the file again"
    WITHDRAW = "withdraw the instance"
    REBUILD = "rebuild from the snapshots"
    WRITE = "write what the ledger says"


@dataclass(frozen=True, slots=True)
class Mending:
    """One thing that is mended: where, how, and whose or which; None where it concerns no single one."""

    hop: Hop
    action: RepairAction
    instance: str | None = None
    counter: str | None = None


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair has to do, in this order.

    Attributes:
        record: what is to be written down of the day; None if nothing is.
        corrections: instance -> attributes that its snapshot gets where it has wrong ones.
        withdrawals: instance -> attributes that its snapshot gets in any case, which withdraw it.
        events: instance -> the event that makes the processor look at its file again.
        ledger: whether the ledger is to be rebuilt.
        outputs: whether the outputs are to be written.
        mendings: the same for people.
    """

    events: dict[str, ObjectEvent]
    ledger: bool
    outputs: bool
    mendings: tuple[Mending, ...]
    record: DayRecord | None = None
    corrections: Mapping[str, Item] = field(default_factory=dict)
    withdrawals: Mapping[str, Item] = field(default_factory=dict)


def plan_repair(verification: Verification, look: DayLook, settings: FunctionSettings, now: str) -> RepairPlan:
    """Make the plan.

    Args:
        verification: what was found.
        look: its last look.
        settings: of the stack.
        now: the time of the events, UTC, ISO 8601.
    """
    instances = sorted(
        {
            each.instance
            for each in verification.differences
            if each.instance is not None and _is_of_snapshot(each, each.instance, look)
        }
    )
    allowed = [instance for instance in instances if is_allowed(instance, look.terms)]
    events = {
        instance: _event(instance, look, settings, now)
        for instance in allowed
        # The rules would refuse it again.
        if instance not in look.files or look.files[instance].refused is None
    }
    corrections = {name: changed for name in allowed if (changed := _correction(name, look, events.get(name)))}
    withdrawals = {name: _tombstone(name, look, now) for name in instances if name not in allowed}
    hops = _hops(verification, look)
    outputs = bool(hops & {Hop.COUNTERS, Hop.OBJECT})
    # The ledger must not be of an older version than what was published: nothing newer would be published then.
    ledger = bool(events or corrections or withdrawals) or Hop.LEDGER in hops or outputs
    record = _record(verification, look)
    plan = RepairPlan(events, ledger, outputs, (), record, corrections, withdrawals)
    return replace(plan, mendings=tuple(_mendings(verification, plan, hops)))


def _hops(verification: Verification, look: DayLook) -> set[Hop]:
    """Return the hops at which something is to be mended: a foreign object is left alone."""
    hops = {each.hop for each in verification.differences}
    return hops - {Hop.OBJECT} if look.published.foreign is not None else hops


def _record(verification: Verification, look: DayLook) -> DayRecord | None:
    """Return the record that is to be written: as the day is stored, if the one that is there is wrong."""
    problems = set(record_problems(look.record, look.terms))
    if problems.isdisjoint(each.what for each in verification.differences):
        return None
    layout = look.record.actual or look.record.layout
    return None if layout is None else DayRecord(layout, look.terms.expiry)


def _is_of_snapshot(difference: Difference, instance: str, look: DayLook) -> bool:
    """Tell whether an instance's snapshot is to be written; what the ledger alone has wrong, a rebuild mends."""
    if difference.hop is Hop.SNAPSHOTS:
        return True
    return difference.what == INCLUDES_NEWER and bool(_included(instance, look))


def _included(instance: str, look: DayLook) -> list[str]:
    """Return which versions of an instance are included, of those that may be of an event."""
    versions = look.inclusion.versions(instance) if look.inclusion else ()
    return [each for each in versions if look.terms.sequencer_problem(each) is None]


def _held(instance: str, look: DayLook) -> list[str]:
    """Return which versions an instance's snapshot has in its items, of those that may be of an event."""
    snapshot = look.snapshots.get(instance)
    held = [SEQUENCER.find(item) for item in snapshot.items] or [snapshot.sequencer] if snapshot else []
    return [each for each in held if look.terms.sequencer_problem(each) is None]


def _base(instance: str, look: DayLook) -> str:
    """Return the sequencer right after all that is known of an instance, and before any later one of S3's.

    What no event can have is not counted: nothing would ever come after it.
    """
    return sequencer_after(*_held(instance, look), *_included(instance, look))


def _event(instance: str, look: DayLook, settings: FunctionSettings, now: str) -> ObjectEvent:
    """Return an event that comes after what is known of an instance, and after a correction of its snapshot."""
    file = look.files.get(instance)
    base = _base(instance, look)
    return ObjectEvent(
        bucket=settings.bucket,
        key=file.key if file else look.terms.key_of(instance),
        sequencer=sequencer_after(base) if _sequencer_is_wrong(instance, look) else base,
        removed=file is None,
        time=now,
    )


def _sequencer_is_wrong(instance: str, look: DayLook) -> bool:
    snapshot = look.snapshots.get(instance)
    items = snapshot.items if snapshot else ()
    return any(name == SEQUENCER.name for item in items for name, _ in item_problems(item, look.terms))


def _correction(instance: str, look: DayLook, event: ObjectEvent | None) -> Item:
    """Return what is to be corrected in a snapshot before, or in place of, reading its file again.

    With a sequencer that no event can have, it would take no event. Where the rules refuse the file, the snapshot
    stands, and gets what does not come out of the file.
    """
    changed: dict[str, Any] = {}
    if _sequencer_is_wrong(instance, look):
        # The other shards' items are of the same version.
        changed = SEQUENCER.put(max(_held(instance, look), default=_base(instance, look)))
    if event is None and instance in look.snapshots:
        changed |= _set_by_day(instance, look) | _as_changed(instance, look)
    wrong = (
        {name for item in look.snapshots[instance].items for name, _ in item_problems(item, look.terms)}
        if changed
        else set()
    )
    return {name: value for name, value in changed.items() if name in wrong}


def _set_by_day(instance: str, look: DayLook) -> dict[str, Any]:
    """Return the attributes of a snapshot that day and instance alone determine."""
    return KEY.put(look.terms.key_of(instance)) | EXPIRES_AT.put(look.terms.expiry.snapshots)


def _as_changed(instance: str, look: DayLook) -> dict[str, Any]:
    """Return the attributes by which a snapshot's content is that of its upload."""
    return CONTENT_SEQUENCER.put(look.snapshots[instance].sequencer) | CHANGE.put(SnapshotChange.COUNTERS)


def _tombstone(instance: str, look: DayLook, now: str) -> Item:
    """Return the attributes of a snapshot that withdraws an instance of which the processor takes no event."""
    written = SEQUENCER.put(_base(instance, look)) | COUNTERS.put(pack_counters({})) | ETAG.put("")
    return written | UPLOADED_AT.put(now) | _set_by_day(instance, look)


def _mendings(verification: Verification, plan: RepairPlan, hops: AbstractSet[Hop]) -> Iterator[Mending]:
    if plan.record is not None:
        yield Mending(Hop.SNAPSHOTS, RepairAction.RECORD)
    for instance in plan.corrections:
        yield Mending(Hop.SNAPSHOTS, RepairAction.CORRECT, instance)
    for instance, event in plan.events.items():
        yield Mending(Hop.SNAPSHOTS, RepairAction.WITHDRAW if event.removed else RepairAction.REREAD, instance)
    for instance in plan.withdrawals:
        yield Mending(Hop.SNAPSHOTS, RepairAction.WITHDRAW, instance)
    written = plan.events or plan.corrections or plan.withdrawals
    if written or Hop.LEDGER in hops:
        yield Mending(Hop.LEDGER, RepairAction.REBUILD)
    counters = {each.counter for each in verification.differences if each.hop is Hop.COUNTERS}
    for counter in sorted(filter(None, counters)):
        yield Mending(Hop.COUNTERS, RepairAction.WRITE, counter=counter)
    if Hop.OBJECT in hops:
        yield Mending(Hop.OBJECT, RepairAction.WRITE)
