"""Reads what a report tells, each part once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from countagg.core.days import days_from, is_closed
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.dead_letters.dead_letters import decode
from countagg.operate.instances.refusals import Refusals, look_at_letters
from countagg.operate.instances.roster import Roster, RosterReader
from countagg.operate.permitted import NotAllowed, attempt
from countagg.operate.report.report import DayReport
from countagg.operate.totals.history import History, read_history
from countagg.operate.totals.query import Choice

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline
    from countagg.data.queues import DeadLetterQueue, HeldMessage
    from countagg.operate.health.status import Inspector

_READ_ITEM: Final = "dynamodb:GetItem"


@dataclass(frozen=True, slots=True)
class ReportReader:
    """Reads a stack for a report.

    Attributes:
        pipeline: the deployed stack.
        dead: its dead letters.
        inspector: looks at its hops.
        patterns: names of counters, or patterns of them; all counters if empty.
    """

    pipeline: Pipeline
    dead: DeadLetterQueue
    inspector: Inspector
    patterns: tuple[str, ...] = ()

    def read(self, day: str, days: int, now: datetime) -> DayReport:
        """Read a day.

        Args:
            day: YYYY-MM-DD.
            days: of history, the day included.
            now: the time, aware.

        Raises:
            CorruptDocument: a ledger cannot be read.
        """
        settings = self.pipeline.settings
        messages = attempt("sqs:ReceiveMessage", lambda: look_at_letters(self.dead))
        letters = (
            messages
            if isinstance(messages, NotAllowed)
            else tuple(
                sorted(
                    (decode(each, self.pipeline.names.uploads) for each in messages),
                    key=lambda each: each.message.sent_at,
                )
            )
        )
        return DayReport(
            stack=settings.stack,
            bucket=settings.bucket,
            prefix=settings.prefix,
            day=day,
            patterns=self.patterns,
            at=now,
            is_closed=attempt(_READ_ITEM, lambda: self._is_closed(day, now)),
            history=attempt(_READ_ITEM, lambda: self._history(day, days)),
            roster=attempt("dynamodb:Query", lambda: self._roster(day, now, messages)),
            letters=letters,
            hops=self.inspector.look(),
        )

    def _history(self, day: str, days: int) -> History:
        last = date.fromisoformat(day)
        first = date.fromordinal(max(1, last.toordinal() - days + 1))
        choice = Choice(self.patterns, by_value=True)
        return read_history(self.pipeline, days_from(first.isoformat(), day), choice)

    def _roster(self, day: str, now: datetime, messages: list[HeldMessage] | NotAllowed) -> Roster:
        refusals = None
        if not isinstance(messages, NotAllowed):
            refusals = Refusals.of((each.body for each in messages), self.pipeline.settings.prefix)
        return RosterReader(self.pipeline, refusals).look(day, now)

    def _is_closed(self, day: str, now: datetime) -> bool:
        today, retention = now.astimezone(UTC).date(), self.pipeline.settings.snapshot_retention_days
        return is_closed(day, today, retention, self.pipeline.expiry(day))
