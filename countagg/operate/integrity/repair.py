"""Repair: bring a day back to what its files say, on the ways on which the pipeline itself writes.

Files are read again by the processor, under a sequencer that any later event of S3's comes after. What keeps the
processor from that is corrected before: a sequencer that no event can have, a layout that cannot be read. The
ledger is rebuilt from the snapshots and stored by compare-and-set; the outputs are written on the condition that
they are what was read. So uploads may go on all the while, and nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from countagg.core.errors import AwsCallFailed, CorruptDocument, CountaggError
from countagg.core.events import ObjectEvent, make_s3_message
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import Image, Ledger, encode_ledger, is_encoding, rebuild
from countagg.core.polling import Polling
from countagg.core.versions import is_beginning, version_after
from countagg.data.attributes import DATE
from countagg.data.counters import CounterItem
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.data.queues import EventQueue
from countagg.data.store import Store
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Verification
from countagg.operate.integrity.repair_plan import Mending, RepairPlan, check_day, plan_repair
from countagg.operate.integrity.stored_forms import (
    Terms,
    counter_problems,
    item_problems,
    ledger_problems,
    object_problems,
)
from countagg.operate.integrity.sums import exact
from countagg.operate.integrity.verify import WAITING, verify
from countagg.operate.parallel import in_parallel

if TYPE_CHECKING:
    from countagg.aws.day_reader import DayReader

WAIT_SECONDS: Final = 300.0
ROUNDS: Final = 3
_LEAST_ATTEMPTS: Final = 20
"""However little time there is."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0

OnStep = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and out of how much."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of a repair: what was mended, and the verification after it."""

    mended: tuple[Mending, ...]
    verification: Verification


@dataclass(frozen=True, slots=True)
class Repairer:
    """Mends a day.

    Attributes:
        reader: where it is read.
        store: where it is written, each time on the condition that what is there was read before.
        queue: where events for the processor are sent.
        settling: how long to wait before something counts as wrong.
        now: the time, aware UTC.
        timeout: seconds to wait for the processor, and to try to write what others change all the while.
        may_leave_out: whether instances may be left out of a ledger whose snapshots somebody deleted.
        on_step: told about progress.
    """

    reader: DayReader
    store: Store
    queue: EventQueue
    settling: Polling
    now: Callable[[], datetime]
    timeout: float = WAIT_SECONDS
    may_leave_out: bool = True
    on_step: OnStep = lambda _what, _done, _total: None

    def repair(self, observer: Observer, plan: RepairPlan) -> Repaired:
        """Carry a plan out, look again, and mend what is still wrong."""
        mended: list[Mending] = []
        for _ in range(ROUNDS):
            self._carry_out(observer.day, plan)
            mended += [each for each in plan.mendings if each not in mended]
            verification, look = verify(observer, self.settling, lambda count: self.on_step(WAITING, 0, count))
            if verification.ok:
                break
            plan = plan_repair(verification, look, self.reader.settings, self._time())
        return Repaired(tuple(mended), verification)

    def _carry_out(self, day: str, plan: RepairPlan) -> None:
        if plan.record is not None:
            # One that was written meanwhile stays; the verification after it sees.
            self.store.records.replace(day, self.reader.record(day).item, plan.record)
        _write_snapshots(self.reader, self.store, plan, self._terms(day))
        self._send(plan.events)
        self._await_snapshots(day, {name: event.sequencer for name, event in plan.events.items()})
        if plan.ledger:
            self.rebuild_ledger(day)
        if plan.outputs:
            self.write_outputs(day)

    def _send(self, events: dict[str, ObjectEvent]) -> None:
        bodies, sent = [make_s3_message(event) for event in events.values()], 0
        for accepted in self.queue.send(bodies):
            if not all(accepted):
                raise AwsCallFailed("a message was not accepted", where="uploads queue", hint="repair again")
            sent += len(accepted)
            self.on_step("files sent to the processor", sent, len(bodies))

    def _await_snapshots(self, day: str, sent: dict[str, str]) -> None:
        """Wait until the snapshots are written; what does not come in time, the verification after it finds."""

        def are_written() -> bool:
            held = self.reader.sequencers(day)
            written = sum(held.get(instance, "") >= sequencer for instance, sequencer in sent.items())
            self.on_step("snapshots written", written, len(sent))
            return written == len(sent)

        if sent:
            self._patience.until(are_written, _FIRST_PAUSE, _LONGEST_PAUSE)

    def rebuild_ledger(self, day: str) -> None:
        """Replace the ledger of each of a day's partitions by the sum of its snapshots, if it is anything else."""
        highest = self._published_version(day)
        for index, partition in enumerate(self.reader.layout(day).partitions(day)):
            highest = self._rebuild(day, index, partition, highest)

    def _rebuild(self, day: str, index: int, partition: str, highest: int) -> int:
        """Do so in one partition; return the highest version that is known to be published."""
        for _ in self._attempts():
            stored = self.reader.ledger(day)
            own = stored.parts[index]
            snapshots = self.reader.snapshots_of(partition, day)
            ledger = rebuild((each.instance, Image(each.content_sequencer, each.packed)) for each in snapshots)
            is_behind, held = highest > stored.version, _decode(own)
            begins = is_beginning(own.version)
            if not is_behind and not begins and ledger == held and self._is_sound(day, partition, stored, own):
                return highest
            if held is not None and not self.may_leave_out:
                _check_complete(partition, held, ledger)
            # Once snapshots expire, a rebuild would take what is gone for what never was.
            check_day(self.reader.settings, self.reader.expiry(day), day, self.now())
            version = max(version_after(own.version, self.now()), highest + 1 if is_behind else 0)
            expires_at = self.reader.expiry(day).totals
            if not self.store.ledgers.save(
                partition, own, StoredLedger(version, self._time(), encode_ledger(ledger), expires_at)
            ):
                highest = self._published_version(day)
                continue
            if not own.exists:
                # A ledger begins in two writes (`core.versions`).
                continue
            self.on_step("ledger rebuilt", 1, 1)
            if held is not None and not _goes_back(held, ledger):
                return highest
            # While the ledger said that it includes something newer, the aggregator passed over what came: what
            # came after the snapshots were read is in them by now.
        raise self._contended(f"totals of {partition}")

    def _is_sound(self, day: str, partition: str, stored: StoredDay, own: StoredLedger) -> bool:
        """Tell whether nothing but its sums can be wrong with a ledger."""
        if not own.exists:
            return True
        if any(partition == wrong for wrong, _ in ledger_problems(stored, self._terms(day))):
            return False
        held = _decode(own)
        return held is not None and is_encoding(own.document, held)

    def _published_version(self, day: str) -> int:
        """Return the highest version that is published.

        Read before the ledger, it is never ahead of that, unless the ledger was lost.
        """
        published = self.reader.published(day).version
        return max([published, *(item.version or 0 for item in self.reader.counters(day))])

    def write_outputs(self, day: str) -> None:
        """Bring the counters table and the published object to what the ledger says."""
        self._write_counters(day)
        self._write_object(day)

    def _write_counters(self, day: str) -> None:
        expires_at = self.reader.expiry(day).totals

        def replace_item(pair: tuple[CounterItem | None, CounterItem]) -> bool:
            return self.store.counters.replace(day, *pair, expires_at)

        for _ in self._attempts():
            stored = self.reader.ledger(day)
            sums = stored.decode().sums
            terms = self._terms(day)
            names = sums.keys() | {item.counter for item in self.reader.counters(day)}
            items = {item.counter: item for item in self.reader.counters_exactly(day, sorted(names))}
            wrong = [
                (items.get(name), wanted)
                for name in sorted(names)
                for wanted in [CounterItem(name, exact(sums.get(name, 0)), stored.version)]
                if _is_wrong(items.get(name), wanted, terms, named=name in sums)
            ]
            done = 0
            for count, (_, wrote) in enumerate(in_parallel(replace_item, wrong), start=1):
                done += wrote
                self.on_step("counters written", count, len(wrong))
            if done == len(wrong):
                return
        raise self._contended(f"counters of {day}")

    def _write_object(self, day: str) -> None:
        """Write the published object, unless it is foreign.

        The counters were written before: it must never say more than they do.
        """
        for _ in self._attempts():
            published = self.reader.published(day)
            if published.foreign is not None:
                return
            stored = self.reader.ledger(day)
            sums = stored.decode().sums
            wrong = any(object_problems(published, stored, self._terms(day)))
            if published.readable and published.totals == sums and not wrong:
                return
            if self.store.published.write(day, stored.version, stored.updated_at, sums, published.etag):
                self.on_step("object written", 1, 1)
                return
        raise self._contended(f"published object of {day}")

    @property
    def _patience(self) -> Polling:
        return replace(self.settling, timeout=self.timeout)

    def _attempts(self) -> Iterator[None]:
        """Yield before each attempt to write what uploads that never pause may have changed since it was read."""
        yield from [None] * _LEAST_ATTEMPTS
        yield from self._patience.looks(_FIRST_PAUSE)

    def _contended(self, where: str) -> CountaggError:
        what = f"others changed it at every attempt, and there is no end of it after {self.timeout:g} seconds"
        return CountaggError(what, where=where, hint="repair again, with a longer `--timeout`")

    def _terms(self, day: str) -> Terms:
        return Terms(self.reader.settings, day, self.now().astimezone(UTC).date(), self.reader.expiry(day))

    def _time(self) -> str:
        return self.now().isoformat(timespec="milliseconds")


def _write_snapshots(reader: DayReader, store: Store, plan: RepairPlan, terms: Terms) -> None:
    """Correct and withdraw what a plan says, where it still is wrong: the snapshots that the processor leaves.

    Each keeps its counters, or is withdrawn with a change that the aggregator follows, so that the totals are
    those of some versions of the files at every moment. What others change meanwhile stays as it is then; the
    verification after the repair sees it.
    """
    for instance, changed in plan.corrections.items():
        for item in reader.snapshot_items(terms.day, instance):
            wrong = {name for name, _ in item_problems(item, terms)}
            if found := {name: value for name, value in changed.items() if name in wrong}:
                store.snapshots.replace(DATE.find(item), instance, item, found)
    for instance, changed in plan.withdrawals.items():
        held = {DATE.find(item): item for item in reader.snapshot_items(terms.day, instance)}
        for partition in reader.layout(terms.day).partitions_of(terms.day, instance):
            store.snapshots.replace(partition, instance, held.get(partition), changed)


def _is_wrong(item: CounterItem | None, wanted: CounterItem, terms: Terms, *, named: bool) -> bool:
    if item is None:
        return named
    # What is newer was written meanwhile, out of a newer ledger.
    newer = (item.version or 0) > (wanted.version or 0)
    return not newer and (item.value != wanted.value or bool(counter_problems(item, terms)))


def _decode(stored: StoredLedger) -> Ledger | None:
    try:
        return stored.decode()
    except CorruptDocument:
        return None


def _check_complete(partition: str, before: Ledger, rebuilt: Ledger) -> None:
    missing = sorted(before.seen.keys() - rebuilt.seen.keys())
    if missing:
        raise CountaggError(
            f"{len(missing)} instances that are included have no snapshot, such as {missing[0]}",
            where=f"totals of {partition}",
            hint="upload their files again, or leave them out: `countagg repair`",
        )


def _goes_back(held: Ledger, ledger: Ledger) -> bool:
    """Tell whether a ledger includes older versions than the one before."""
    return any(sequencer > ledger.seen.get(instance, "") for instance, sequencer in held.seen.items())
