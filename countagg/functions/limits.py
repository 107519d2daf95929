"""The publisher's last output: an alert for each total that passed its limit.

Level-triggered: all limits are compared with all totals of a version, so that versions that were lost and limits
that were set later are made up for by the next version. An alert is written down before it is sent, and is sent by
whoever finds it written down and not yet sent, also when the total has come back below its limit since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.limits import Alert, AlertState, passed_limits
from countagg.core.settings import FunctionSettings
from countagg.data.attributes import DATE, Item
from countagg.data.limits import Claim, LimitsTable, parse_alert
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS
from countagg.functions.deadline import RemainingMilliseconds
from countagg.functions.limits_topic import AlertsTopic, NotPublished
from countagg.functions.publications import Publication

ALERTS_SENT: Final = "AlertsSent"
ALERTS_FAILED: Final = "AlertsFailed"
ALERTS_PUT_OFF: Final = "AlertsPutOff"
LIMITS_INVALID: Final = "LimitsInvalid"

_CALLS_PER_ALERT: Final = 3
"""It is claimed, sent, and marked as sent."""

_CLOCKS_DIFFER_BY: Final = 5_000
"""Milliseconds; between the machines that invocations run on."""


class LimitAlerts:
    """Sends alerts.

    Args:
        settings: of the stack.
        table: where limits are, and alerts are written down.
        topic: where they are sent to.
        logger: for one line an alert.
        now: the clock, aware UTC.
    """

    def __init__(
        self,
        settings: FunctionSettings,
        table: LimitsTable,
        topic: AlertsTopic,
        logger: Logger,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._table = table
        self._topic = topic
        self._logger = logger
        self._now = now
        self._complained_of: set[str] = set()

    def send(self, publications: Sequence[Publication], remaining: RemainingMilliseconds) -> Counter[str]:
        """Send what is due after these publications.

        Returns:
            How many alerts were sent, failed or were put off, and how many limits are invalid. Unless none failed
            or was put off, it is to be called again, in another invocation.
        """
        counts: Counter[str] = Counter()
        limits = self._limits(counts)
        for publication in publications:
            expires_at = publication.expires_at or self._settings.expiry_of(publication.day).totals
            for alert in self._due(publication, limits):
                counts.update(self._send(alert, expires_at, remaining))
        return counts

    def _limits(self, counts: Counter[str]) -> dict[str, int]:
        limits = {}
        for stored in self._table.read():
            if stored.value is not None:
                limits[stored.counter] = stored.value
            else:
                counts[LIMITS_INVALID] += 1
                self._complain("limit left out", stored.counter, stored.problem)
        return limits

    def _due(self, publication: Publication, limits: Mapping[str, int]) -> Iterator[Alert]:
        """Yield what was written down and not sent, and then what has passed since."""
        known = set()
        for item in self._table.alert_items(publication.day):
            known.add(DATE.read(item))
            yield from self._unsent(item, publication.day)
        for alert in passed_limits(publication.day, publication.version, publication.totals, limits):
            if alert.name not in known:
                yield alert

    def _unsent(self, item: Item, day: str) -> Iterator[Alert]:
        try:
            stored = parse_alert(item, day)
        except ValueError as error:
            self._complain("alert left out", DATE.read(item), str(error))
        else:
            if stored.state is AlertState.SENDING:
                yield stored.alert

    def _complain(self, what: str, name: str, reason: str) -> None:
        """Warn once in the life of an execution environment, not every few seconds."""
        if name not in self._complained_of:
            self._complained_of.add(name)
            self._logger.warning(what, item=name, reason=reason)

    def _send(self, alert: Alert, expires_at: int, remaining: RemainingMilliseconds) -> list[str]:
        """Send an alert, if it is for us to send; return what is to be counted."""
        left = remaining()
        if left < _CALLS_PER_ALERT * SLOWEST_CALL_MILLISECONDS:
            return [ALERTS_PUT_OFF]
        now = int(self._now().timestamp() * 1_000)
        until = now + left + _CLOCKS_DIFFER_BY
        claim = self._table.claim(alert, now, until, expires_at)
        if claim is not Claim.OURS:
            return [] if claim is Claim.DONE else [ALERTS_PUT_OFF]
        try:
            message = self._topic.publish(alert.subject(), alert.to_message(self._settings.stack))
        except NotPublished:
            self._table.release(alert, until, expires_at)
            self._logger.exception("alert not sent", day=alert.day, alert=alert.name)
            return [ALERTS_FAILED]
        self._table.mark_sent(alert, self._now().isoformat(timespec="seconds"), expires_at)
        self._logger.info("alert sent", day=alert.day, alert=alert.name, message_id=message)
        return [ALERTS_SENT]
