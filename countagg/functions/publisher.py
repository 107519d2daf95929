"""Publisher: totals to the outside world.

Sees each new version of a day's ledger and brings the outputs to the newest one of the batch. An output is a
callable that takes a `Publication`; each one is idempotent and never goes back to an older version.

The published object is written after the outputs, and so it is the publisher's memory: whatever it says, the
outputs say as well or something newer. An object that is older than the first record of a batch tells that
records were lost; what it holds, compared with the new totals, tells what they would have changed. Where somebody
else's object is in its place, that one stays, and an execution environment remembers what the object would say.

The records of a day that is spread over partitions tell what changed in some of them. Its totals are read, all
partitions at one moment, after its object: so the object is never newer, and versions are in the order of moments.

Alerts about limits come last: whatever keeps them from being sent fails the batch only when all else is published.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.errors import CorruptDocument, CountaggError
from countagg.core.names import Names
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.core.settings import FunctionSettings
from countagg.functions.clients import make_clients, make_sns_client
from countagg.functions.counters_table import CountersTable
from countagg.functions.limits import ALERTS_FAILED, ALERTS_PUT_OFF, LimitAlerts, RemainingMilliseconds
from countagg.functions.limits_table import LimitsTable
from countagg.functions.limits_topic import AlertsTopic
from countagg.functions.publications import Publication, publications
from countagg.functions.published_object import PublishedObjects
from countagg.functions.telemetry import make_telemetry, report, utc_now
from countagg.functions.totals_table import DayTotals, TotalsTable

VERSIONS_SEEN: Final = "VersionsSeen"
VERSIONS_UNREADABLE: Final = "VersionsUnreadable"
COUNTERS_PUBLISHED: Final = "CountersPublished"
OBJECTS_PUBLISHED: Final = "ObjectsPublished"
OBJECTS_FOREIGN: Final = "ObjectsForeign"
GAPS_HEALED: Final = "PublishingGapsHealed"

_ATTEMPTS: Final = 10
_DAYS_HELD: Final = 3

Output = Callable[[Publication], int]
"""Publishes; returns how many counters it wrote."""

Alerts = Callable[[Sequence[Publication], RemainingMilliseconds], Counter[str]]
"""Sends alerts about what was published; returns what there is to count."""


class AlertsNotSent(Exception):
    """Alerts failed, or another invocation may be about to send them; the batch is retried."""


class PublishingContended(Exception):
    """Other invocations wrote the published object at every attempt; the batch is retried."""


@dataclass(frozen=True, slots=True)
class _Position:
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
    def of(cls, found: PublishedTotals) -> _Position:
        """Return what an object says."""
        return cls(found.version, found.etag, found.foreign)


@dataclass(frozen=True, slots=True)
class _Reached:
    """How far a day is, and with what it got there; `news` tells whether alerts may be due for that."""

    day: str
    position: _Position
    publication: Publication
    news: bool


@dataclass
class Publisher:
    """Brings the outputs up to date.

    It holds how far the days are that it published last, so that a warm function need not read their objects.

    Attributes:
        outputs: in the order in which they are written.
        objects: the published objects, written after them.
        read_totals: returns the totals of a day that is spread over partitions.
        written_after: returns the counters of a day that the outputs hold in a later version than the given
            one: an interrupted attempt may have left them.
        logger: for one line a batch and one a gap.
        metrics: for the counts.
        alerts: told, when all that is done, what was published; None to send no alerts.
    """

    outputs: Sequence[Output]
    objects: PublishedObjects
    read_totals: Callable[[str, Layout], DayTotals]
    written_after: Callable[[str, int], set[str]]
    logger: Logger
    metrics: EphemeralMetrics
    alerts: Alerts | None = None
    _held: dict[str, _Position] = field(default_factory=dict, init=False)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Publish a batch of the totals table's stream records, each day once.

        Raises:
            AlertsNotSent: all is published, but alerts are not sent.
        """
        counts: Counter[str] = Counter()

        def on_unreadable(day: str, version: int | None, error: CountaggError) -> None:
            counts[VERSIONS_UNREADABLE] += 1
            self.logger.error("version left out", day=day, version=version, reason=str(error))

        reached = []
        for publication in publications(event["Records"], on_unreadable):
            counts[VERSIONS_SEEN] += 1
            try:
                reached.append(self._publish(publication, counts))
            except CorruptDocument:
                # A partition that the batch does not tell of. Once it is mended, its record publishes the day.
                counts[VERSIONS_UNREADABLE] += 1
                self.logger.exception("day left out", day=publication.day)
        news = [each.publication for each in reached if each.news]
        if self.alerts is not None and news:
            counts += self.alerts(news, context.get_remaining_time_in_millis)
        report(self.logger, self.metrics, counts)
        if unsent := counts[ALERTS_FAILED] + counts[ALERTS_PUT_OFF]:
            raise AlertsNotSent(f"{unsent} alerts")
        # Held only now: a day that is held has no alerts due.
        for each in reached:
            self._hold(each.day, each.position)

    def _publish(self, publication: Publication, counts: Counter[str]) -> _Reached:
        day = publication.day
        held = self._held.get(day)
        for _ in range(_ATTEMPTS):
            position, due = self._due(publication, counts)
            # What was read shows how far the outputs are, and not whether the alerts are.
            news = bool(due.changed) or position is not held
            if due.changed:
                counts[COUNTERS_PUBLISHED] += sum(output(due) for output in self.outputs)
                publication = publication.including(due.changed)
            if position.version >= due.version:
                return _Reached(day, position, due, news)
            etag = position.etag
            if position.foreign is not None:
                self._leave(due, position.foreign, counts)
            elif due.changed:
                etag = self.objects.write(day, due.version, due.updated_at, due.totals, position.etag)
                counts[OBJECTS_PUBLISHED] += bool(etag)
            if etag or position.foreign is not None or not due.changed:
                return _Reached(day, _Position(due.version, etag, position.foreign), due, news)
        raise PublishingContended(f"{day}: {_ATTEMPTS} attempts")

    def _leave(self, publication: Publication, foreign: str, counts: Counter[str]) -> None:
        """Leave an object alone that is not the stack's own, and go on as if it had been written."""
        counts[OBJECTS_FOREIGN] += 1
        if self.objects.stand_in(publication.day, publication.version, publication.totals):
            # Once in the life of an execution environment, not every few seconds.
            self.logger.warning("object left alone", day=publication.day, reason=foreign)

    def _due(self, publication: Publication, counts: Counter[str]) -> tuple[_Position, Publication]:
        """Return how far the day is, and what the outputs are to be brought to."""
        # Taken out: what turns out to be wrong must not be held.
        held = self._held.pop(publication.day, None)
        if publication.layout.is_split:
            return self._due_of_partitions(publication)
        if held is not None and publication.base <= held.version <= publication.version:
            return held, publication if held.version < publication.version else publication.with_nothing_changed()
        found = self.objects.read(publication.day)
        position = _Position.of(found)
        if found.version == publication.version:
            return position, publication.with_nothing_changed()
        if found.version > publication.version:
            # An attempt at this older version may have written after the newer one had looked.
            return position, publication.overtaken_by(found)
        if found.version >= publication.base:
            return position, publication
        return position, publication.including(self._missed(found, publication, counts))

    def _due_of_partitions(self, told: Publication) -> tuple[_Position, Publication]:
        """Return the same of a day that is split, whose totals are read.

        What its records tell is written even if the object says it already: who wrote that may not have known of
        a value that an interrupted attempt had left.
        """
        found = self.objects.read(told.day)
        position = _Position.of(found)
        publication = told.as_read(self.read_totals(told.day, told.layout))
        if not publication.version:
            # The ledgers were lost since: their table was. The next one of the day is published.
            return position, publication.with_nothing_changed()
        if found.version == publication.version:
            return position, publication
        if found.version > publication.version:
            return position, publication.overtaken_by(found)
        return position, publication.including(self._behind(found, publication))

    def _behind(self, found: PublishedTotals, publication: Publication) -> set[str]:
        """Return the counters that differ from the published object, or that the outputs have newer."""
        differing = {name for name, _ in found.totals.items() ^ publication.totals.items()}
        return differing | self.written_after(publication.day, found.version if found.readable else 0)

    def _missed(self, found: PublishedTotals, publication: Publication, counts: Counter[str]) -> set[str]:
        """Return the counters that lost records changed, or may have changed."""
        missed = self._behind(found, publication)
        if missed - publication.changed and found.foreign is None:
            counts[GAPS_HEALED] += 1
            self.logger.warning(
                "records were lost, outputs healed",
                day=publication.day,
                published=found.version,
                version=publication.version,
            )
        return missed

    def _hold(self, day: str, position: _Position) -> None:
        if position.foreign is not None:
            # It is looked at each time: somebody may have moved it away.
            return
        while len(self._held) >= _DAYS_HELD:
            self._held.pop(next(iter(self._held)))
        self._held[day] = position


def counters_output(table: CountersTable) -> Output:
    """Return the output that writes the changed counters into the table."""

    def write(publication: Publication) -> int:
        # A counter that no instance names any more has the sum 0. Its item stays: without it, a late write of an
        # older version would find no version to lose against.
        values = {name: publication.totals.get(name, 0) for name in sorted(publication.changed)}
        return table.write(publication.day, publication.version, values, publication.expires_at)

    return write


@cache
def _publisher() -> Publisher:
    settings = FunctionSettings.from_environment(os.environ)
    names, clients = Names(settings.stack), make_clients()
    logger, metrics = make_telemetry(names.publisher)
    table = CountersTable(names.counters, settings.totals_retention_days, clients.dynamodb)
    objects = PublishedObjects(settings, clients.s3)
    alerts = LimitAlerts(
        settings.stack,
        LimitsTable(names.counters, settings.totals_retention_days, clients.dynamodb),
        AlertsTopic(settings.alerts_topic_arn, make_sns_client()),
        logger,
        utc_now,
    )
    totals = TotalsTable(names.totals, clients.dynamodb)
    return Publisher(
        [counters_output(table)], objects, totals.read, table.written_after, logger, metrics, alerts.send
    )


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point of AWS Lambda."""
    _publisher().handle(event, context)
