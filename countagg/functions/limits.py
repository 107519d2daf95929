"""The publisher's last output: an alert for each total that passed a limit.

Level-triggered: all limits are compared with all totals of a version, so that versions that were lost and limits
that were set later are made up for by the next version. An alert is written down before it is sent, and is sent by
whoever finds it written down and not yet sent, also when the total has come back across its limit since.

A limit below is passed by a fall, of which there are two versions: one whose total had reached the limit, which is
written down, and a later one whose total is below it. The order of versions decides, not that of invocations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.limits import Alert, AlertState, Direction, Limit
from countagg.core.settings import FunctionSettings
from countagg.data.attributes import DATE, Item
from countagg.data.limits import Claim, LimitsTable, StoredAlert, parse_alert
from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS
from countagg.functions.deadline import RemainingMilliseconds
from countagg.functions.limits_topic import AlertsTopic, NotPublished
from countagg.functions.publications import Publication

ALERTS_SENT: Final = "AlertsSent"
ALERTS_FAILED: Final = "AlertsFailed"
ALERTS_PUT_OFF: Final = "AlertsPutOff"
LIMITS_REACHED: Final = "LimitsReached"
LIMITS_INVALID: Final = "LimitsInvalid"

_CALLS_PER_ALERT: Final = 3
"""It is claimed, sent, and marked as sent. That a limit is reached is one call."""

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
            How many alerts were sent, failed or were put off, and how many limits are invalid, or were reached.
            Unless none failed or was put off, it is to be called again, in another invocation. Where a limit was
            reached, it is to be called again with what is newest by then: another invocation may have seen a fall
            before it could know that it is one.
        """
        counts: Counter[str] = Counter()
        limits = self._limits(counts)
        for publication in publications:
            expires_at = publication.expires_at or self._settings.expiry_of(publication.day).totals
            for alert, state in self._due(publication, limits):
                bring = self._reach if state is AlertState.REACHED else self._send
                counts.update(bring(alert, expires_at, remaining))
        return counts

    def test(self, alert: Alert) -> str:
        """Send a message that only tries the way; nothing is written down, and nothing is tried again.

        Returns:
            The id that SNS gave it.

        Raises:
            NotPublished: with SNS's reason.
        """
        message = self._topic.publish(alert.subject(), alert.to_messages(self._settings.stack))
        self._logger.info("test alert sent", day=alert.day, alert=alert.name, message_id=message)
        return message

    def _limits(self, counts: Counter[str]) -> list[Limit]:
        limits = []
        for stored in self._table.read():
            if stored.limit is not None:
                limits.append(stored.limit)
            else:
                counts[LIMITS_INVALID] += 1
                self._complain("limit left out", stored.counter, stored.problem)
        return limits

    def _due(self, publication: Publication, limits: Sequence[Limit]) -> Iterator[tuple[Alert, AlertState]]:
        """Yield what was written down and not sent, and then what has come since; with what is to become of it."""
        day, version = publication.day, publication.version
        known: dict[str, StoredAlert | None] = {}
        for item in self._table.alert_items(day):
            known[DATE.read(item)] = stored = self._parse(item, day)
            if stored is not None and stored.state is AlertState.SENDING:
                yield stored.alert, AlertState.SENDING
        for limit in limits:
            total = publication.totals.get(limit.counter)
            alert = limit.alert(day, total, version)
            if limit.name not in known:
                if limit.is_reached_by(total):
                    yield alert, AlertState.REACHED
                elif limit.direction is Direction.ABOVE and limit.is_passed_by(total):
                    yield alert, AlertState.SENDING
            elif limit.is_passed_by(total) and _was_reached_before(known[limit.name], version):
                yield alert, AlertState.SENDING

    def _parse(self, item: Item, day: str) -> StoredAlert | None:
        try:
            return parse_alert(item, day)
        except ValueError as error:
            self._complain("alert left out", DATE.read(item), str(error))
            return None

    def _complain(self, what: str, name: str, reason: str) -> None:
        """Warn once in the life of an execution environment, not every few seconds."""
        if name not in self._complained_of:
            self._complained_of.add(name)
            self._logger.warning(what, item=name, reason=reason)

    def _reach(self, alert: Alert, expires_at: int, remaining: RemainingMilliseconds) -> list[str]:
        """Write down that a total has reached a limit below; return what is to be counted."""
        if remaining() < SLOWEST_CALL_MILLISECONDS:
            return [ALERTS_PUT_OFF]
        return [LIMITS_REACHED] if self._table.reach(alert, expires_at) else []

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
            message = self._topic.publish(alert.subject(), alert.to_messages(self._settings.stack))
        except NotPublished:
            self._table.release(alert, until, expires_at)
            self._logger.exception("alert not sent", day=alert.day, alert=alert.name)
            return [ALERTS_FAILED]
        self._table.mark_sent(alert, self._now().isoformat(timespec="seconds"), expires_at)
        self._logger.info("alert sent", day=alert.day, alert=alert.name, message_id=message)
        return [ALERTS_SENT]


def _was_reached_before(stored: StoredAlert | None, version: int) -> bool:
    return stored is not None and stored.state is AlertState.REACHED and stored.alert.version < version
