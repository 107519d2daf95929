"""What a repair has to do, out of what a verification found. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from countagg.core.events import ObjectEvent
from countagg.core.object_keys import build_object_key
from countagg.core.sequencer import sequencer_after
from countagg.core.settings import FunctionSettings
from countagg.operate.comparison import INCLUDES_NEWER
from countagg.operate.evidence import DayLook
from countagg.operate.findings import Difference, Hop, Verification


class Action(StrEnum):
    """What is done to mend something."""

    REREAD = "read the file again"
    WITHDRAW = "withdraw the instance"
    REBUILD = "rebuild from the snapshots"
    WRITE = "write what the ledger says"


@dataclass(frozen=True, slots=True)
class Mending:
    """One thing that is mended: where, how, and whose or which; empty where it concerns no single one."""

    hop: Hop
    action: Action
    instance: str = ""
    counter: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a repair has to do.

    Attributes:
        events: instance -> the event that makes the processor look at its file again.
        ledger: whether the ledger is to be rebuilt.
        outputs: whether the outputs are to be written.
        mendings: the same for people.
    """

    events: dict[str, ObjectEvent]
    ledger: bool
    outputs: bool
    mendings: tuple[Mending, ...]


def plan_repair(found: Verification, look: DayLook, settings: FunctionSettings, now: str) -> Plan:
    """Make the plan.

    Args:
        found: the verification.
        look: its last look.
        settings: of the stack.
        now: the time of the events, UTC, ISO 8601.
    """
    instances = sorted({each.instance for each in found.differences if _is_of_file(each)})
    events = {
        instance: _event(instance, look, settings, now)
        for instance in instances
        # The rules would refuse it again.
        if instance not in look.files or look.files[instance].packed is not None
    }
    hops = {each.hop for each in found.differences}
    outputs = bool(hops & {Hop.COUNTERS, Hop.OBJECT})
    # The ledger must not be of an older version than what was published: nothing newer would be published then.
    ledger = bool(events) or Hop.LEDGER in hops or outputs
    return Plan(events, ledger, outputs, tuple(_mendings(found, events)))


def _is_of_file(difference: Difference) -> bool:
    return bool(difference.instance) and (difference.hop is Hop.SNAPSHOTS or difference.what == INCLUDES_NEWER)


def _event(instance: str, look: DayLook, settings: FunctionSettings, now: str) -> ObjectEvent:
    """Return an event that comes after all that is known of an instance, and before any later one of S3's."""
    file, snapshot = look.files.get(instance), look.snapshots.get(instance)
    known = [snapshot.sequencer if snapshot else "", look.ledger.seen.get(instance, "") if look.ledger else ""]
    return ObjectEvent(
        bucket=settings.bucket,
        key=file.key if file else build_object_key(settings.prefix, look.day, instance),
        sequencer=sequencer_after(*filter(None, known)),
        removed=file is None,
        time=now,
    )


def _mendings(found: Verification, events: dict[str, ObjectEvent]) -> Iterator[Mending]:
    for instance, event in events.items():
        yield Mending(Hop.SNAPSHOTS, Action.WITHDRAW if event.removed else Action.REREAD, instance)
    if events or any(each.hop is Hop.LEDGER for each in found.differences):
        yield Mending(Hop.LEDGER, Action.REBUILD)
    for counter in sorted({each.counter for each in found.differences if each.hop is Hop.COUNTERS}):
        yield Mending(Hop.COUNTERS, Action.WRITE, counter=counter)
    if any(each.hop is Hop.OBJECT for each in found.differences):
        yield Mending(Hop.OBJECT, Action.WRITE)
