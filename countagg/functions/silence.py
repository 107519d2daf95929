"""Counting silent instances, beside the work of the processor, so that an alarm can tell of them.

The processor is called as long as anybody uploads, so nothing else need call it to look. If nobody uploads any
more, there is no metric either, and that raises the same alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from countagg.core.silence import LastUpload, days_to_look_at, find_silent, interval_of_looks
from countagg.data.day_records import layout_of
from countagg.data.store import Store
from countagg.functions.deadline import RemainingMilliseconds, has_time, require_time

INSTANCES_SILENT: Final = "InstancesSilent"
"""The metric; 0 is said too, because none at all means that nobody looks."""

_NAMED: Final = 20
"""Instances that the log names."""


class SilenceWatch:
    """Looks for silent instances now and then, if setup was told to.

    Args:
        store: where snapshots are read.
        logger: for a line if some are silent, or if that cannot be told.
        metrics: for how many they are.
        now: the clock, aware.
    """

    def __init__(
        self, store: Store, logger: Logger, metrics: EphemeralMetrics, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._logger = logger
        self._metrics = metrics
        self._now = now
        self._looked_at: datetime | None = None

    def look(self, remaining: RemainingMilliseconds) -> None:
        """Count silent instances if it is time to, and this invocation's turn. It never fails: files come first.

        Args:
            remaining: how long the invocation may still take.
        """
        after = self._store.settings.silent_after
        if after is None or not self._is_due(interval_of_looks(after)) or not has_time(remaining, 1):
            return
        now = self._now()
        self._looked_at = now
        try:
            if not self._store.silence_turns.take(now, interval_of_looks(after)):
                return
            silent = find_silent(self._uploads(days_to_look_at(now, after), remaining), now, after)
        except Exception:
            self._logger.exception("silent instances not counted")
            return
        if silent:
            named = {instance: at.isoformat() for instance, at in list(silent.items())[:_NAMED]}
            self._logger.warning("instances are silent", silent=len(silent), last_uploads=named)
        self._metrics.add_metric(name=INSTANCES_SILENT, unit=MetricUnit.Count, value=len(silent))
        self._metrics.flush_metrics()

    def _is_due(self, interval: timedelta) -> bool:
        return self._looked_at is None or self._now() - self._looked_at >= interval

    def _uploads(self, days: list[str], remaining: RemainingMilliseconds) -> Iterator[LastUpload]:
        for day in days:
            require_time(remaining, 1)
            record = self._store.records.find(day)
            layout = None if record is None else layout_of(record)
            # Without one no file of the day was taken.
            for partition in layout.first_partitions(day) if layout else ():
                require_time(remaining, 1)
                for upload in self._store.snapshots.last_uploads(partition):
                    # The next page may be asked for now.
                    require_time(remaining, 1)
                    yield upload
