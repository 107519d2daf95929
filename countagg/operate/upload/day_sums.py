"""Day sums: what counters that run since their source began have added since midnight UTC.

Pure: from one state and one reading follows the next state. The rules:

- What a counter has gained since the last reading is added to the day. A value below the last one is that of a
  source that began anew: it counts from zero. So does one that was missing when its source had begun anew.
- A counter that a source did not have at the last reading counts whole. One of a source that is read for the first
  time counts whole if the source began today, and otherwise from now on.
- What was gained between the last reading of a day and the first of the next belongs to the day in which more of
  the time between them lies. A reading at midnight so ends the day.
- A reading older than yesterday is no baseline: nobody knows on which day the rest was counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from countagg.core.days import parse_date
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.upload.readings import Reading, SourceReading
from countagg.operate.upload.remarks import Remark, Remarks

_DAY: Final = timedelta(days=1)


class Values(StrEnum):
    """What the numbers of a source are."""

    AS_IS = "as-is"
    TODAY = "today"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a source had at the last reading.

    Attributes:
        selection: digest of which counters were wanted.
        counters: values in units of 10^-9.
    """

    selection: str
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SentContent:
    """What was uploaded last of a day: where to, and the digest of its content."""

    where: str
    digest: str


@dataclass(frozen=True, slots=True)
class UploadState:
    """What is remembered from one reading to the next.

    Attributes:
        values: what its numbers are, as of `Values`; None if there was no reading.
        read_at: of the last reading of running counters, seconds since 1970; None if there was none.
        sources: baselines by source.
        days: counters of each day that is not over, or not uploaded, by YYYY-MM-DD.
        sent: what was uploaded last of each of these days.
    """

    values: str | None = None
    read_at: float | None = None
    sources: Mapping[str, Baseline] = field(default_factory=dict)
    days: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sent: Mapping[str, SentContent] = field(default_factory=dict)

    def latest_day(self) -> str | None:
        """Return the last day that something is remembered of."""
        return max(self.days, default=None)


def midnight_before(moment: datetime) -> datetime:
    """Return the midnight, UTC, at which the day of a moment began."""
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def check_clock(state: UploadState, now: datetime) -> None:
    """Refuse a clock that went back by more than a day: sums of days that are over would begin anew.

    Raises:
        CountaggError: it did.
    """
    latest = parse_date(state.latest_day() or "")
    if latest is not None and latest - now.astimezone(UTC).date() > _DAY:
        raise CountaggError(
            f"the clock says {now:%Y-%m-%d}, and the state on disk goes up to {latest}",
            where="clock",
            hint="set the clock; if it is right now, remove the state: --state names it",
        )


def take_as_is(state: UploadState, reading: Reading, day: str) -> UploadState:
    """Return the state after a reading whose numbers are those of a day."""
    return UploadState(Values.AS_IS, None, {}, {**state.days, day: reading.counters}, state.sent)


def add_gains(state: UploadState, reading: Reading, selection: str, now: datetime) -> tuple[UploadState, Remarks]:
    """Return the state after a reading of counters that run since their source began, and remarks.

    Args:
        state: before it.
        reading: whose it is.
        selection: digest of which counters are wanted.
        now: when the reading was made.
    """
    if state.values != Values.TODAY:
        # What was uploaded of today as it was is no sum to go on from.
        today = now.astimezone(UTC).date().isoformat()
        days = {day: counters for day, counters in state.days.items() if day != today}
        state = UploadState(days=days, sent=state.sent)
    gains = _Gains(state, selection, now)
    for source in reading.sources:
        gains.add(source)
    return gains.state(), dict(gains.remarks)


def forget_past_days(state: UploadState, today: date) -> UploadState:
    """Return the state, all of which is uploaded, without the days that are over.

    Yesterday's stays, in case the clock is set back.
    """
    first = (today - _DAY).isoformat()
    days = {day: counters for day, counters in state.days.items() if day >= first}
    return replace(state, days=days, sent={day: each for day, each in state.sent.items() if day in days})


class _Gains:
    """One reading after another."""

    def __init__(self, state: UploadState, selection: str, now: datetime) -> None:
        self._before = state
        self._selection = selection
        self._now = now
        self._midnight = midnight_before(now)
        self._today = self._midnight.date().isoformat()
        self._last = None if state.read_at is None else datetime.fromtimestamp(state.read_at, UTC)
        self._days = {day: dict(counters) for day, counters in state.days.items()}
        self._sums = self._days.setdefault(self._today, {})
        self._gaining = self._days.setdefault(self._gaining_day(), {})
        self._baselines: dict[str, Baseline] = {}
        self.remarks: Counter[Remark] = Counter()

    def _gaining_day(self) -> str:
        """Return the day that what was gained since the last reading belongs to."""
        last = self._last
        if last is None or not self._midnight - _DAY <= last < self._midnight:
            return self._today
        before, after = self._midnight - last, self._now - self._midnight
        return last.date().isoformat() if before >= after else self._today

    def _is_baseline(self) -> bool:
        return self._last is not None and self._last >= self._midnight - _DAY

    def add(self, source: SourceReading) -> None:
        known = self._before.sources.get(source.source) if self._is_baseline() else None
        last = {} if known is None else known.counters
        for name, value in source.counters.items():
            if value < 0:
                self.remarks[Remark.NEGATIVE] += 1
                continue
            self._sums.setdefault(name, 0)
            if name in last:
                self.remarks[Remark.RESTARTED] += value < last[name]
                self._gain(self._gaining, name, value if value < last[name] else value - last[name])
            elif known is not None and known.selection == self._selection:
                self._gain(self._gaining, name, value)
            elif source.started is not None and source.started >= self._midnight.timestamp():
                self._gain(self._sums, name, value)
            else:
                self.remarks[Remark.FROM_NOW_ON] += 1
        counters = {name: value for name, value in source.counters.items() if value >= 0}
        self._baselines[source.source] = Baseline(self._selection, {**dict(self._kept(source, last)), **counters})

    @staticmethod
    def _gain(sums: dict[str, int], name: str, gained: int) -> None:
        sums[name] = sums.get(name, 0) + gained

    def _kept(self, source: SourceReading, last: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """Yield what is remembered of counters, also of those that are missing.

        Some programs show a counter once it counts. So one that is missing when its source has begun anew counts
        from zero when it comes back; and one that gained nothing on the day that ends is not remembered for ever.
        """
        if self._last is None or (source.started is not None and source.started >= self._last.timestamp()):
            return
        ends = self._last < self._midnight
        closing = self._before.days.get(self._last.date().isoformat(), {})
        for name, value in last.items():
            if not ends or closing.get(name):
                yield name, value

    def state(self) -> UploadState:
        # A source that is read no more has no baseline: nobody would know of which days what it gains is.
        return UploadState(Values.TODAY, self._now.timestamp(), self._baselines, self._days, self._before.sent)
