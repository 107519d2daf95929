"""The service: a reading and an upload every so often, and a reading at midnight, which ends the day.

Every instance has its own second of the interval, so that a fleet is spread over it. What cannot be sent waits on
disk, and is tried again after longer and longer pauses; readings go on meanwhile.
"""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.upload.day_sums import midnight_before
from countagg.operate.upload.remarks import Remarks, remark_text
from countagg.operate.upload.uploader import Uploader

SHORTEST_INTERVAL: Final = 10
LONGEST_INTERVAL: Final = 86_400
LONGEST_PAUSE: Final = 900.0
"""Seconds between two tries to send, however long S3 has refused."""
_LONGEST_WAIT: Final = 60.0
"""The clock may be set while nobody looks at it."""
_BEFORE_MIDNIGHT: Final = timedelta(seconds=30)
"""An upload that hangs for so long would make the reading at midnight late; so it waits for that reading."""
_DAY: Final = timedelta(days=1)


class Tell(Protocol):
    """Writes a line about an event."""

    def __call__(self, text: str, *, failed: bool = False) -> None:
        """Write it; what failed also if nobody wants to hear of the rest."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When one instance uploads.

    Attributes:
        every: seconds from one upload to the next.
        instance: whose second of the interval it is.
    """

    every: int
    instance: str

    @property
    def offset(self) -> int:
        """Seconds after the beginning of each interval, counted from 1970."""
        return int.from_bytes(hashlib.sha256(self.instance.encode()).digest()[:8]) % self.every

    def next_upload(self, moment: datetime) -> datetime:
        """Return when the next upload is due, after a moment."""
        passed = (moment.timestamp() - self.offset) % self.every
        return moment + timedelta(seconds=self.every - passed)

    def pause(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures in a row; not the same for each of a fleet."""
        longest = max(LONGEST_PAUSE, self.every)
        share = 0.5 + self.offset / self.every / 2
        return timedelta(seconds=min(self.every * 2.0 ** min(failures, 20), longest) * share)


class Service:
    """Uploads until a signal says otherwise.

    Args:
        uploader: reads and sends.
        timetable: when.
        now: the clock.
        wait: waits for so many seconds; returns the signal that came meanwhile, or None.
        tell: writes what happens.
    """

    def __init__(
        self,
        uploader: Uploader,
        timetable: Timetable,
        now: Callable[[], datetime],
        wait: Callable[[float], signal.Signals | None],
        tell: Tell,
    ) -> None:
        self._uploader = uploader
        self._timetable = timetable
        self._now = now
        self._wait = wait
        self._tell = tell
        self._failures = 0
        self._not_before: datetime | None = None
        self._is_overdue = False
        self._told: Remarks = {}

    def run(self) -> signal.Signals:
        """Work until a signal comes, and return it; what was read is on disk then."""
        self._read()
        upload, midnight = self._due_after(self._now())
        while True:
            moment = self._now()
            if moment >= min(upload, midnight):
                self._read()
                if moment >= upload or self._is_overdue:
                    self._send_unless_too_early(self._now())
                # After when this began: what was due while it took its time is due now.
                upload, midnight = self._due_after(moment)
            elif (upload - moment).total_seconds() > self._timetable.every:
                # The clock was set back.
                upload, midnight = self._due_after(moment)
            else:
                seconds = (min(upload, midnight) - moment).total_seconds()
                if (came := self._wait(min(seconds, _LONGEST_WAIT))) is not None:
                    return came

    def _due_after(self, moment: datetime) -> tuple[datetime, datetime]:
        """Return when the next upload, and the next reading at midnight, are due."""
        upload = self._timetable.next_upload(moment)
        return upload, midnight_before(moment) + _DAY if self._uploader.ends_days else upload

    def finish(self) -> list[str]:
        """Read and send once more; return the days that are still to be sent."""
        self._read()
        self._send()
        return self._uploader.pending()

    def _read(self) -> None:
        try:
            remarks = self._uploader.read(self._now)
        except CountaggError as error:
            self._tell(_sentence(error), failed=True)
            return
        # What is the same in each reading is no event.
        for what in remarks.keys() - self._told.keys():
            self._tell(remark_text(what, remarks[what]))
        self._told = remarks

    def _send_unless_too_early(self, moment: datetime) -> None:
        if self._not_before is not None and moment < self._not_before:
            return
        to_midnight = midnight_before(moment) + _DAY - moment
        self._is_overdue = self._uploader.ends_days and to_midnight < _BEFORE_MIDNIGHT
        if not self._is_overdue:
            self._send()

    def _send(self) -> None:
        try:
            for sent in self._uploader.send(self._now().astimezone(UTC).date()):
                if sent.etag is not None:
                    self._tell(f"{sent.day}: sent; counters: {sent.counters:,}, bytes: {sent.size:,}")
        except CountaggError as error:
            pause = self._timetable.pause(self._failures)
            self._failures += 1
            self._not_before = self._now() + pause
            self._tell(f"{_sentence(error)}; the next try is in {pause.total_seconds():.0f} s", failed=True)
            return
        if self._failures:
            self._tell(f"sent again; failures before: {self._failures}")
        self._failures, self._not_before = 0, None


def _sentence(error: CountaggError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)
