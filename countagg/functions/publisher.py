"""Publisher: totals to the outside world.

Sees each new version of a day's ledger and brings the outputs to the newest one that there is by then (`outputs`
has the rules); then it sends the alerts about limits that are due for that.

Days do not wait for one another. The smallest are published first, and those that failed last time come last; what
keeps one from being published ends its try alone, and the batch comes again for it. A day that fails a few times
without getting any further is given up: it goes to the dead letters, and its next version, a redrive or a repair
publishes it. One that is only too large for an invocation goes on in the next one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.errors import CorruptDocument, CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.limits import parse_test
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.data.letters import UnpublishedDay
from countagg.data.store import Store
from countagg.functions.clients import make_clients, make_sns_client
from countagg.functions.deadline import OutOfTime, RemainingMilliseconds, require_time
from countagg.functions.limits import ALERTS_FAILED, ALERTS_PUT_OFF, ALERTS_SENT, LIMITS_REACHED, LimitAlerts
from countagg.functions.limits_topic import AlertsTopic
from countagg.functions.outputs import COUNTERS_PUBLISHED, OBJECTS_PUBLISHED, Outputs, make_outputs
from countagg.functions.publications import Changes, OnUnreadable, Publication, Told, changes_by_day, tell
from countagg.functions.telemetry import make_telemetry, report, utc_now

VERSIONS_SEEN: Final = "VersionsSeen"
VERSIONS_UNREADABLE: Final = "VersionsUnreadable"
DAYS_GIVEN_UP: Final = "DaysGivenUp"
DAYS_BEYOND: Final = "DaysBeyondMaxCounters"

TRIES: Final = 8
"""Of a day that gets no further; after these it is given up. Lambda waits longer each time, two minutes in all."""

_PROGRESS: Final = (COUNTERS_PUBLISHED, OBJECTS_PUBLISHED, ALERTS_SENT)
_SHOWN: Final = 500

Alerts = Callable[[Sequence[Publication], RemainingMilliseconds], Counter[str]]
"""Sends alerts about what was published; returns what there is to count."""


class AlertsNotSent(Exception):
    """Alerts failed; the batch is retried."""


class AlertsPutOff(Exception):
    """Another invocation may be about to send alerts, or there was no time; the batch is retried."""


@dataclass
class Publisher:
    """Publishes days.

    Attributes:
        outputs: which are brought up to date.
        send_letter: puts a message into the dead letter queue.
        logger: for one line a batch, and one a day that fails.
        metrics: for the counts.
        now: the clock, aware UTC.
        max_counters: that a file may have; a day with more of them takes long to publish.
        alerts: told, when a day is published, what was published; None to send no alerts.
    """

    outputs: Outputs
    send_letter: Callable[[str], None]
    logger: Logger
    metrics: EphemeralMetrics
    now: Callable[[], datetime]
    max_counters: int
    alerts: Alerts | None = None
    _failed: dict[str, int] = field(default_factory=dict, init=False)

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> None:
        """Publish a batch of the totals table's stream records, each day once.

        Raises:
            Exception: a day is to be tried again, or to go on; the first of them that there were. All other days
                are published.
        """
        counts: Counter[str] = Counter()

        def on_unreadable(day: str, version: int | None, error: CountaggError) -> None:
            counts[VERSIONS_UNREADABLE] += 1
            self.logger.error("version left out", day=day, version=version, reason=str(error))

        days = changes_by_day(event["Records"], on_unreadable)
        days.sort(key=lambda each: (self._failed.get(each.day, 0), each.size))
        ends = [self._try(each, counts, context, on_unreadable) for each in days]
        report(self.logger, self.metrics, counts)
        for end in ends:
            if end is not None:
                raise end

    def _try(
        self, changes: Changes, counts: Counter[str], context: LambdaContext, on_unreadable: OnUnreadable
    ) -> Exception | None:
        """Publish a day; return for what the batch is to come again."""
        before = _progress(counts)
        try:
            self._publish(changes, counts, context.get_remaining_time_in_millis, on_unreadable)
        except CorruptDocument:
            # A partition that the batch does not tell of. Once it is mended, its record publishes the day.
            counts[VERSIONS_UNREADABLE] += 1
            self.logger.exception("day left out", day=changes.day)
        except (OutOfTime, AlertsPutOff) as unfinished:
            self.logger.info("day goes on in the next invocation", day=changes.day, reason=str(unfinished))
            return unfinished
        except Exception as error:
            self.logger.exception("day not published", day=changes.day)
            return self._fail(changes.day, error, context, counts, got_further=_progress(counts) > before)
        self._failed.pop(changes.day, None)
        return None

    def _publish(
        self,
        changes: Changes,
        counts: Counter[str],
        remaining: RemainingMilliseconds,
        on_unreadable: OnUnreadable,
    ) -> None:
        for told in tell(changes, on_unreadable):
            counts[VERSIONS_SEEN] += 1
            reached = self.outputs.publish(told, counts, remaining)
            if reached.publication is not None:
                self._warn_if_large(reached.publication, counts)
                if self.alerts is not None:
                    self._alert(self.alerts, reached.publication, told, counts, remaining)
            # Held only now: a day that is held has no alerts due.
            self.outputs.hold(reached)

    def _warn_if_large(self, publication: Publication, counts: Counter[str]) -> None:
        """Tell of a day that names more counters than a file may: many files did that together."""
        if (counters := len(publication.totals)) > self.max_counters:
            counts[DAYS_BEYOND] += 1
            remedy = "look for instances that name counters of their own: countagg query --by-instance"
            self.logger.warning(
                "day has more counters than a file may",
                day=publication.day,
                counters=counters,
                at_most=self.max_counters,
                remedy=remedy,
            )

    def _alert(
        self,
        alerts: Alerts,
        publication: Publication,
        told: Told,
        counts: Counter[str],
        remaining: RemainingMilliseconds,
    ) -> None:
        sent = alerts([publication], remaining)
        counts.update(sent)
        if failed := sent[ALERTS_FAILED]:
            raise AlertsNotSent(f"{failed} alerts of {publication.day}")
        if put_off := sent[ALERTS_PUT_OFF]:
            raise AlertsPutOff(f"{put_off} alerts of {publication.day}")
        if sent[LIMITS_REACHED]:
            require_time(remaining, 1)
            self._alert(alerts, self.outputs.newest(told), told, counts, remaining)

    def _fail(
        self, day: str, error: Exception, context: LambdaContext, counts: Counter[str], *, got_further: bool
    ) -> Exception | None:
        """Count a failed try; give the day up after the last one, and return nothing then."""
        self._failed[day] = 0 if got_further else self._failed.get(day, 0) + 1
        if self._failed[day] < TRIES:
            return error
        reason = f"{type(error).__name__}: {error}"[:_SHOWN]
        given_up_at = self.now().isoformat(timespec="seconds")
        letter = UnpublishedDay(day, reason, context.aws_request_id, given_up_at)
        try:
            require_time(context.get_remaining_time_in_millis, 1)
            self.send_letter(letter.to_message())
        except Exception as unsent:
            self.logger.exception("day not given up", day=day)
            return unsent
        counts[DAYS_GIVEN_UP] += 1
        self.outputs.give_up(day)
        remedy = f"mend what the reason says, then `countagg repair --date {day}`"
        self.logger.error("day given up", day=day, tries=self._failed[day], reason=reason, remedy=remedy)
        return None


def _progress(counts: Counter[str]) -> int:
    return sum(counts[each] for each in _PROGRESS)


@cache
def _publisher() -> tuple[Publisher, LimitAlerts]:
    settings = FunctionSettings.from_environment(os.environ)
    store = Store(settings, make_clients())
    logger, metrics = make_telemetry(Names(settings.stack).publisher)
    topic = AlertsTopic(settings.alerts_topic_arn, make_sns_client())
    alerts = LimitAlerts(settings, store.limits, topic, logger, utc_now)
    outputs = make_outputs(store, logger)
    publisher = Publisher(
        outputs, store.dead_letters.send, logger, metrics, utc_now, settings.max_counters, alerts.send
    )
    return publisher, alerts


def handler(event: dict[str, Any], context: LambdaContext) -> str | None:
    """Entry point of AWS Lambda; returns the id of the message that was sent if an operator asked for a test."""
    publisher, alerts = _publisher()
    if (test := parse_test(event)) is not None:
        return alerts.test(test)
    publisher.handle(event, context)
    return None
