"""The outputs of days: each day is brought to its newest ledger, and an attempt goes on where the last one ended.

A batch of records says that a day has changed. Published is not what it says, but the ledger as it is by now, all
partitions at one moment: the records that follow in a burst find nothing left to do. Published is what differs
from the object, which is written after the counters and so is the publisher's memory: whatever it says, the
counters table says as well, or something newer.

One thing only the records tell. An attempt that was interrupted, or whose calls land late, may have left a value
of a version that nobody published, and by now the counter may be back at the sum that the object has. So whatever
a record says has changed is written in its version or a later one, unless this environment knows that it has
been. Writes never go back to an older version, so that the last one stands.

An environment that knows nothing of a day, or finds that records were lost, compares all of the day's counters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from functools import partial
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import changed_counters
from countagg.core.published import PublishedTotals
from countagg.core.settings import FunctionSettings
from countagg.core.values import to_number
from countagg.data.attributes import VERSION
from countagg.data.counters import COUNTER, VALUE, CountersTable
from countagg.data.ledgers import LedgersTable
from countagg.data.store import Store
from countagg.functions.deadline import RemainingMilliseconds, require_time
from countagg.functions.publications import Publication, Told, WrittenDay
from countagg.functions.published_object import RememberedObjects

COUNTERS_PUBLISHED: Final = "CountersPublished"
OBJECTS_PUBLISHED: Final = "ObjectsPublished"
OBJECTS_FOREIGN: Final = "ObjectsForeign"
GAPS_HEALED: Final = "PublishingGapsHealed"

COUNTERS_A_SLICE: Final = 250
"""Ten calls: those whose items are absent are inserted before the next ones are looked at."""

_ATTEMPTS: Final = 10
_DAYS_HELD: Final = 3
_HELD_NAMES: Final = 40_000
"""Of counters; they take 12 MB if all are as long as can be."""


class PublishingContended(Exception):
    """Other invocations wrote the published object at every attempt; the batch is retried."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a day is, and with what it got there; no publication if nothing was left to do."""

    day: str
    held: WrittenDay | None
    publication: Publication | None


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be done at a day: what its records tell, and how far it is known to be, if that is known."""

    told: Told
    held: WrittenDay | None
    counts: Counter[str]
    remaining: RemainingMilliseconds

    @property
    def changed(self) -> set[str]:
        """The counters that are to be written because a record tells of them."""
        return self.told.changed if self.held is None else self.told.unwritten(self.held)

    @property
    def is_new_ground(self) -> bool:
        """Whether more may differ than the records tell and the object shows."""
        return self.held is None or self.told.is_behind_a_gap(self.held)


@dataclass(slots=True)
class _Attempt:
    """An attempt at a publication.

    Attributes:
        publication: that the outputs are brought to.
        versions: partition -> version of its ledger.
        changed: the counters that have to be of this version, or of a later one.
        left: those of them that are not written yet.
        absent: those that seem to have no item.
    """

    publication: Publication
    versions: Mapping[str, int]
    changed: set[str]
    left: set[str]
    absent: set[str]

    @property
    def names(self) -> int:
        """How many names of counters it has."""
        return len(self.publication.totals) + len(self.changed - self.publication.totals.keys())


@dataclass
class Outputs:
    """Brings the outputs of days up to date.

    It holds how far the days are that it published last, so that a warm function makes no call for what it has
    published already; and what it has begun with, so that the next attempt goes on with that and not with
    something newer: a day may change faster than it is written.

    Attributes:
        counters: the table, written first.
        objects: the published objects, written after it.
        ledgers: where the totals are read.
        settings: of the stack, by which an item expires whose ledger does not say when.
        logger: for one line a gap.
        counters_a_slice: how many are written before the next ones are looked at.
    """

    counters: CountersTable
    objects: RememberedObjects
    ledgers: LedgersTable
    settings: FunctionSettings
    logger: Logger
    counters_a_slice: int = COUNTERS_A_SLICE
    _held: dict[str, WrittenDay] = field(default_factory=dict, init=False)
    _begun: dict[str, _Attempt] = field(default_factory=dict, init=False)

    def publish(self, told: Told, counts: Counter[str], remaining: RemainingMilliseconds) -> Reached:
        """Bring a day's outputs to its newest ledger, if they have not what the records tell.

        Raises:
            CorruptDocument: a ledger of the day cannot be read.
            OutOfTime: the next invocation is to go on (`functions.deadline`).
            PublishingContended: others were faster at every attempt.
        """
        # Taken out: what turns out to be wrong must not be held.
        held, publication = self._held.pop(told.day, None), None
        if held is not None and told.goes_back(held):
            # Records come again, or a hand gave the ledger a later version than it has now: versions tell nothing.
            held = None
        if (begun := self._begun.pop(told.day, None)) is not None:
            held, publication = self._bring(_Task(told, None, counts, remaining), begun)
        task = _Task(told, held, counts, remaining)
        if task.changed or task.is_new_ground:
            held, publication = self._bring(task)
        return Reached(told.day, None if held is None else held.having(told), publication)

    def newest(self, told: Told) -> Publication:
        """Read what there is to publish of a day by now.

        Raises:
            CorruptDocument: a ledger of the day cannot be read.
        """
        return self._newest(told)[0]

    def hold(self, reached: Reached) -> None:
        """Hold how far a day is of which nothing is left to do."""
        if reached.held is None:
            return
        self._held[reached.day] = reached.held
        while len(self._held) > 1 and (
            len(self._held) > _DAYS_HELD or sum(len(held.written) for held in self._held.values()) > _HELD_NAMES
        ):
            self._held.pop(next(iter(self._held)))

    def give_up(self, day: str) -> None:
        """Begin anew at a day, next time."""
        self._begun.pop(day, None)

    def _begin(self, attempt: _Attempt) -> None:
        """Remember what is to go on."""
        self._begun[attempt.publication.day] = attempt
        while len(self._begun) > 1 and sum(each.names for each in self._begun.values()) > _HELD_NAMES:
            self._begun.pop(next(iter(self._begun)))

    def _bring(self, task: _Task, attempt: _Attempt | None = None) -> tuple[WrittenDay | None, Publication]:
        """Bring a day to its newest ledger, or to what an attempt at it has begun with.

        Returns:
            How far it is then, None if that is not known; and with what it got there.
        """
        day, changed = task.told.day, task.changed
        for _ in range(_ATTEMPTS):
            require_time(task.remaining, 1)
            published = self.objects.read(day)
            if attempt is None or attempt.publication.version <= published.version:
                attempt = self._look(task, published, changed)
            version = attempt.publication.version
            if version < published.version or not version:
                # The ledgers are not what they were: they were lost since. Nothing newer may be replaced.
                return None, attempt.publication
            try:
                self._write(attempt, task)
                replaced = self._replace(attempt, published, task)
            except Exception:
                self._begin(attempt)
                raise
            if replaced:
                return WrittenDay(attempt.versions, frozenset(attempt.changed)), attempt.publication
            # Whoever was faster may have looked before this was written.
            changed, attempt = changed | attempt.changed, None
        raise PublishingContended(f"{day}: {_ATTEMPTS} attempts")

    def _newest(self, told: Told) -> tuple[Publication, Mapping[str, int]]:
        """Read a day's ledgers; return what they say, and partition -> version."""
        stored = self.ledgers.read(told.day, told.layout)
        sums = stored.decode().sums
        publication = Publication(told.day, stored.version, stored.updated_at, sums, stored.expires_at)
        parts = (part.version for part in stored.parts)
        return publication, dict(zip(told.layout.partitions(told.day), parts, strict=True))

    def _look(self, task: _Task, published: PublishedTotals, changed: set[str]) -> _Attempt:
        """Return the attempt that is due now, given what is published."""
        told = task.told
        require_time(task.remaining, 1)
        # Read after the object, they are never older than that.
        publication, versions = self._newest(told)
        totals = publication.totals
        due, known = changed | changed_counters(published.totals, totals), set(published.totals)
        done: set[str] = set()
        if task.is_new_ground or not published.readable:
            require_time(task.remaining, 1)
            done = self._compare(publication, due, known)
        self._tell_of_gap(task, published, versions, due - done)
        return _Attempt(publication, versions, due | done, due - done, due - known)

    def _compare(self, publication: Publication, due: set[str], known: set[str]) -> set[str]:
        """Compare all of a day's items with its totals: add to what is due, and to the items that are known.

        Returns:
            The counters that are of this version already, or of a later one. The index lags behind the table: it
            may show an older version than there is, and no later one.
        """
        done, unseen = set(), set(publication.totals)
        for item in self.counters.read(publication.day, COUNTER, VALUE, VERSION):
            unseen.discard(item.counter)
            known.add(item.counter)
            if item.version is not None and item.version >= publication.version:
                done.add(item.counter)
            elif item.value != to_number(publication.totals.get(item.counter, 0)):
                due.add(item.counter)
        due |= unseen
        return done

    def _tell_of_gap(
        self, task: _Task, published: PublishedTotals, versions: Mapping[str, int], due: set[str]
    ) -> None:
        """Tell of counters that lost records changed, where it is sure that no other record explains them."""
        told = task.told
        newest = {key: part.newest for key, part in told.partitions.items()}
        if newest != versions or published.foreign is not None or due <= told.changed:
            return
        if told.is_behind_a_gap(task.held or WrittenDay(dict.fromkeys(versions, published.version))):
            task.counts[GAPS_HEALED] += 1
            self.logger.warning(
                "records were lost, outputs healed",
                day=told.day,
                published=published.version,
                version=max(versions.values()),
            )

    def _write(self, attempt: _Attempt, task: _Task) -> None:
        """Write the counters that are left, slice by slice."""
        publication, names = attempt.publication, sorted(attempt.left)
        expires_at = publication.expires_at or self.settings.expiry_of(publication.day).totals
        for start in range(0, len(names), self.counters_a_slice):
            # A counter that no instance names any more has the sum 0. Its item stays: without it, a late write of
            # an older version would find no version to lose against.
            names_of_slice = names[start : start + self.counters_a_slice]
            task.counts[COUNTERS_PUBLISHED] += self.counters.write(
                publication.day,
                publication.version,
                {name: publication.totals.get(name, 0) for name in names_of_slice},
                expires_at,
                absent=attempt.absent,
                before_call=partial(require_time, task.remaining, 1),
            )
            attempt.left.difference_update(names_of_slice)

    def _replace(self, attempt: _Attempt, published: PublishedTotals, task: _Task) -> bool:
        """Write the object, unless nothing changed; return False if another one was faster."""
        publication = attempt.publication
        day, version, totals = publication.day, publication.version, publication.totals
        if published.foreign is not None:
            task.counts[OBJECTS_FOREIGN] += 1
            if self.objects.stand_in(day, version, totals):
                # Once in the life of an execution environment, not every few seconds.
                self.logger.warning("object left alone", day=day, reason=published.foreign)
            return True
        is_sound = published.readable and bool(published.version) == bool(published.etag)
        # Where totals changed and came back, an attempt in between must find another object than it has read.
        if is_sound and published.totals == totals and (not attempt.changed or published.version == version):
            return True
        require_time(task.remaining, 1)
        etag = self.objects.objects.write(day, version, publication.updated_at, totals, published.etag)
        task.counts[OBJECTS_PUBLISHED] += bool(etag)
        return bool(etag)


def make_outputs(store: Store, logger: Logger, counters_a_slice: int = COUNTERS_A_SLICE) -> Outputs:
    """Return the outputs of a stack."""
    objects = RememberedObjects(store.published)
    return Outputs(store.counters, objects, store.ledgers, store.settings, logger, counters_a_slice)
