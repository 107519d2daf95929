"""The outputs of days: each is brought to a publication, and an attempt goes on where the one before it ended.

An output writes counters. It is idempotent and never goes back to an older version, so that the items themselves
say how far an attempt came that ran out of time, or died: what is of its version is written.

The published object is written after the outputs, and so it is the publisher's memory: whatever it says, the
outputs say as well or something newer. An object that is older than the first record of a batch tells that
records were lost; what it holds, compared with the new totals, tells what they would have changed. Where somebody
else's object is in its place, that one stays, and an execution environment remembers what the object would say.

The records of a day that is spread over partitions tell what changed in some of them. Its totals are read, all
partitions at one moment, after its object: so the object is never newer, and versions are in the order of moments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.ledger import changed_counters
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.core.settings import FunctionSettings
from countagg.data.counters import BeforeCall, CountersTable
from countagg.data.ledgers import StoredDay
from countagg.data.store import Store
from countagg.functions.deadline import OutOfTime, RemainingMilliseconds, require_time
from countagg.functions.publications import Publication
from countagg.functions.published_object import RememberedObjects

COUNTERS_PUBLISHED: Final = "CountersPublished"
OBJECTS_PUBLISHED: Final = "ObjectsPublished"
OBJECTS_FOREIGN: Final = "ObjectsForeign"
GAPS_HEALED: Final = "PublishingGapsHealed"

COUNTERS_A_SLICE: Final = 250
"""Ten calls: those whose items are absent are inserted before the next ones are looked at."""

_ATTEMPTS: Final = 10
_DAYS_HELD: Final = 3

Output = Callable[[Publication, BeforeCall], Iterator[tuple[Collection[str], int]]]
"""Publishes slice by slice; yields the counters of each that is done, and how many it wrote."""


class PublishingContended(Exception):
    """Other invocations wrote the published object at every attempt; the batch is retried."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the outputs are, and the ETag of the object that is to be replaced next.

    Attributes:
        version: that the outputs have at least.
        etag: empty if there is no object.
        foreign: why the object is not to be replaced; None if it is.
    """

    version: int
    etag: str
    foreign: str | None = None

    @classmethod
    def of(cls, published: PublishedTotals) -> Position:
        """Return what an object says."""
        return cls(published.version, published.etag, published.foreign)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a day is, and with what it got there; `news` tells whether alerts may be due for that."""

    position: Position
    publication: Publication
    news: bool


@dataclass
class Outputs:
    """Brings the outputs of days up to date.

    It holds how far the days are that it published last, so that a warm function need not read their objects; and
    what it ran out of time with, so that the next attempt goes on with that and not with something newer.

    Attributes:
        writers: the outputs, in the order in which they are written.
        objects: the published objects, written after them.
        read_totals: returns the totals of a day that is spread over partitions.
        written_after: returns the counters of a day that the outputs hold in a later version than the given
            one: an interrupted attempt may have left them.
        logger: for one line a gap.
        asks_from: with more counters than that to write, it is asked first what an earlier attempt has written.
    """

    writers: Sequence[Output]
    objects: RememberedObjects
    read_totals: Callable[[str, Layout], StoredDay]
    written_after: Callable[[str, int], set[str]]
    logger: Logger
    asks_from: int = COUNTERS_A_SLICE
    _held: dict[str, Position] = field(default_factory=dict, init=False)
    _begun: Publication | None = field(default=None, init=False)
    _done: tuple[tuple[str, int], set[str]] = field(default=(("", 0), set()), init=False)

    def publish(self, publication: Publication, counts: Counter[str], remaining: RemainingMilliseconds) -> Reached:
        """Bring a day's outputs to a publication, or to what is newer by now.

        Raises:
            OutOfTime: the next invocation is to go on.
            PublishingContended: others were faster at every attempt.
        """
        begun = self._begun
        if begun is not None and begun.day == publication.day:
            self._begun = None
            self._bring(begun, counts, remaining)
        return self._bring(publication, counts, remaining)

    def hold(self, reached: Reached) -> None:
        """Hold how far a day is of which nothing is left to do."""
        if reached.position.foreign is not None:
            # It is looked at each time: somebody may have moved it away.
            return
        while len(self._held) >= _DAYS_HELD:
            self._held.pop(next(iter(self._held)))
        self._held[reached.publication.day] = reached.position

    def _bring(self, publication: Publication, counts: Counter[str], remaining: RemainingMilliseconds) -> Reached:
        day = publication.day
        held = self._held.get(day)
        require_time(remaining, 1)
        for _ in range(_ATTEMPTS):
            position, due = self._due(publication, counts)
            # What was read shows how far the outputs are, and not whether the alerts are.
            news = bool(due.changed) or position is not held
            if due.changed:
                publication = publication.going_on_with(due)
            try:
                if due.changed:
                    self._write(due, counts, remaining, anew=held is None)
                if position.version >= due.version:
                    return Reached(position, due, news)
                replacing = self._replace(due, position, counts, remaining)
            except OutOfTime:
                self._begun = publication
                raise
            if replacing is not None:
                return Reached(replacing, due, news)
        raise PublishingContended(f"{day}: {_ATTEMPTS} attempts")

    def _write(
        self, due: Publication, counts: Counter[str], remaining: RemainingMilliseconds, *, anew: bool
    ) -> None:
        """Write counters, except those that an earlier attempt has written: this environment's, or another's."""
        attempt = (due.day, due.version)
        if attempt == self._done[0]:
            due = due.without(self._done[1])
        else:
            self._done = (attempt, set())
            if anew and len(due.changed) > self.asks_from:
                due = due.without(self.written_after(due.day, due.version - 1))
        for writer in self.writers:
            for counters, written in writer(due, partial(require_time, remaining, 1)):
                counts[COUNTERS_PUBLISHED] += written
                if writer is self.writers[-1]:
                    # All outputs have them.
                    self._done[1].update(counters)
        self._done = (("", 0), set())

    def _replace(
        self, due: Publication, position: Position, counts: Counter[str], remaining: RemainingMilliseconds
    ) -> Position | None:
        """Write the object; return how far the outputs are then, None if another one was faster."""
        if position.foreign is not None:
            self._leave(due, position.foreign, counts)
        elif due.changed:
            require_time(remaining, 1)
            etag = self.objects.objects.write(due.day, due.version, due.updated_at, due.totals, position.etag)
            counts[OBJECTS_PUBLISHED] += bool(etag)
            return Position(due.version, etag) if etag else None
        return Position(due.version, position.etag, position.foreign)

    def _leave(self, publication: Publication, foreign: str, counts: Counter[str]) -> None:
        """Leave an object alone that is not the stack's own, and go on as if it had been written."""
        counts[OBJECTS_FOREIGN] += 1
        if self.objects.stand_in(publication.day, publication.version, publication.totals):
            # Once in the life of an execution environment, not every few seconds.
            self.logger.warning("object left alone", day=publication.day, reason=foreign)

    def _due(self, publication: Publication, counts: Counter[str]) -> tuple[Position, Publication]:
        """Return how far the day is, and what the outputs are to be brought to."""
        # Taken out: what turns out to be wrong must not be held.
        held = self._held.pop(publication.day, None)
        if publication.layout.is_split:
            return self._due_of_partitions(publication)
        if held is not None and publication.base <= held.version <= publication.version:
            return held, publication if held.version < publication.version else publication.with_nothing_changed()
        published = self.objects.read(publication.day)
        position = Position.of(published)
        if published.version == publication.version:
            return position, publication.with_nothing_changed()
        if published.version > publication.version:
            # An attempt at this older version may have written after the newer one had looked.
            return position, publication.overtaken_by(published)
        if published.version >= publication.base:
            return position, publication
        return position, publication.including(self._missed(published, publication, counts))

    def _due_of_partitions(self, told: Publication) -> tuple[Position, Publication]:
        """Return the same of a day that is split, whose totals are read, unless an attempt had read them.

        What its records tell is written even if the object says it already: who wrote that may not have known of
        a value that an interrupted attempt had left.
        """
        published = self.objects.read(told.day)
        position = Position.of(published)
        publication = told if told.version else told.as_read(self.read_totals(told.day, told.layout))
        if not publication.version:
            # The ledgers were lost since: their table was. The next one of the day is published.
            return position, publication.with_nothing_changed()
        if published.version == publication.version:
            return position, publication
        if published.version > publication.version:
            return position, publication.overtaken_by(published)
        return position, publication.including(self._behind(published, publication))

    def _behind(self, published: PublishedTotals, publication: Publication) -> set[str]:
        """Return the counters that differ from the published object, or that the outputs have newer."""
        differing = changed_counters(published.totals, publication.totals)
        return differing | self.written_after(publication.day, published.version if published.readable else 0)

    def _missed(self, published: PublishedTotals, publication: Publication, counts: Counter[str]) -> set[str]:
        """Return the counters that lost records changed, or may have changed."""
        missed = self._behind(published, publication)
        if not missed <= publication.changed and published.foreign is None:
            counts[GAPS_HEALED] += 1
            self.logger.warning(
                "records were lost, outputs healed",
                day=publication.day,
                published=published.version,
                version=publication.version,
            )
        return missed


def counters_output(
    table: CountersTable, settings: FunctionSettings, counters_a_slice: int = COUNTERS_A_SLICE
) -> Output:
    """Return the output that writes the changed counters into the table.

    Args:
        table: of the counters.
        settings: of the stack, by which an item expires whose ledger does not say when.
        counters_a_slice: how many are written before the next ones are looked at.
    """

    def write(publication: Publication, before_call: BeforeCall) -> Iterator[tuple[Collection[str], int]]:
        names = sorted(publication.changed)
        expires_at = publication.expires_at or settings.expiry_of(publication.day).totals
        for start in range(0, len(names), counters_a_slice):
            # A counter that no instance names any more has the sum 0. Its item stays: without it, a late write of
            # an older version would find no version to lose against.
            values = {name: publication.totals.get(name, 0) for name in names[start : start + counters_a_slice]}
            written = table.write(
                publication.day, publication.version, values, expires_at, before_call=before_call
            )
            yield values.keys(), written

    return write


def make_outputs(store: Store, logger: Logger, counters_a_slice: int = COUNTERS_A_SLICE) -> Outputs:
    """Return the outputs of a stack."""
    return Outputs(
        [counters_output(store.counters, store.settings, counters_a_slice)],
        RememberedObjects(store.published),
        store.ledgers.read,
        store.counters.written_after,
        logger,
        counters_a_slice,
    )
