"""Days: the UTC dates that counter files and totals belong to."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self

from countagg.core.errors import InvalidObjectKey, UsageError
from countagg.core.lazy_dataclass import dataclass

DAYS_AHEAD: Final = 1
"""An instance whose clock is ahead, or east of Greenwich, may name tomorrow."""

_HANDLING_DAYS: Final = 1
"""What was uploaded on the last day of its date's retention may wait in the queue for so long, and counts."""

_SETTLING_DAYS: Final = 2
"""What was taken last passes a stream, which keeps records for a day, before the first snapshot may expire; the
totals expire another stream later (docs/aws-facts.md#dynamodb)."""

_EPOCH: Final = date(1970, 1, 1)
_SECONDS_A_DAY: Final = 86_400

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_date(text: str) -> date | None:
    """Return the real calendar date written as YYYY-MM-DD, or None if it is none."""
    if _ISO_DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


DAYS_SAID: Final = "YYYY-MM-DD, today, yesterday or tomorrow (UTC)"
"""What an operator may type for a day."""
_DAYS_AHEAD: Final = {"today": 0, "yesterday": -1, "tomorrow": 1}


def resolve_day(text: str, now: datetime) -> str:
    """Turn what an operator typed into a day.

    Args:
        text: `YYYY-MM-DD`, `today`, `yesterday` or `tomorrow` (UTC): files are taken a day ahead.
        now: the current time, aware.

    Raises:
        UsageError: it is none of these.
    """
    ahead = _DAYS_AHEAD.get(text)
    day = parse_date(text) if ahead is None else now.astimezone(UTC).date() + timedelta(days=ahead)
    if day is None:
        raise UsageError(f"{text!r} is not a date", hint=f"give {DAYS_SAID}")
    return day.isoformat()


def days_from(first: str, last: str) -> list[str]:
    """Return the days from the first to the last, both included; none if the last comes before the first."""
    begin = date.fromisoformat(first)
    count = (date.fromisoformat(last) - begin).days + 1
    return [(begin + timedelta(days=number)).isoformat() for number in range(count)]


@dataclass(frozen=True, slots=True)
class Expiry:
    """When what is stored of a day expires. Its first write fixes both, whatever is chosen later.

    So all snapshots of a day expire together, and so do its ledgers, counters and alerts: a day is whole or gone.

    Attributes:
        snapshots: seconds since 1970.
        totals: the same of ledgers, counters and alerts; later than that of the snapshots.
    """

    snapshots: int
    totals: int

    @classmethod
    def chosen(cls, day: str, snapshot_days: int, totals_days: int) -> Self:
        """Return what days of retention give a day that begins now."""
        snapshots = expiry_epoch_seconds(day, snapshot_days)
        return cls(snapshots, max(expiry_epoch_seconds(day, totals_days), snapshots + _SECONDS_A_DAY))


def check_upload_day(
    day: str, uploaded: date, today: date, retention_days: int, fixed: Expiry | None = None
) -> None:
    """Refuse a day of which no file is taken: it lies too far ahead, too far back, or is closed.

    Args:
        day: that the file names, YYYY-MM-DD.
        uploaded: the date (UTC) of the event, which may be handled some time later.
        today: the date (UTC) by now.
        retention_days: of snapshots, as chosen now.
        fixed: what the day's record says; None if it has none yet.

    Raises:
        InvalidObjectKey: with the reason.
    """
    named = date.fromisoformat(day)
    if (named - today).days > DAYS_AHEAD:
        raise InvalidObjectKey(f"the date {day} is more than {DAYS_AHEAD} day ahead of {today} (UTC)")
    if (uploaded - named).days > retention_days:
        raise InvalidObjectKey(f"the date {day} is more than {retention_days} days before {uploaded} (UTC)")
    if is_closed(day, today, retention_days, fixed):
        closing = _EPOCH + timedelta(days=_closing(day, retention_days, fixed))
        raise InvalidObjectKey(
            f"the date {day} has been closed since {closing} (UTC), before its snapshots expire"
        )


def is_closed(day: str, today: date, retention_days: int, fixed: Expiry | None = None) -> bool:
    """Tell whether files of a day are taken no more: its snapshots are about to expire, or are gone.

    A day that is not closed is whole. Fewer days of retention close it earlier; more never open it again.
    """
    return (today - _EPOCH).days >= _closing(day, retention_days, fixed)


def closes_at(day: str, retention_days: int, fixed: Expiry) -> int:
    """Return when a day closes, in seconds since 1970."""
    return _closing(day, retention_days, fixed) * _SECONDS_A_DAY


def _closing(day: str, retention_days: int, fixed: Expiry | None) -> int:
    """Return on which day since 1970 a day closes."""
    expiry = expiry_epoch_seconds(day, retention_days)
    earliest = expiry if fixed is None else min(expiry, fixed.snapshots)
    return earliest // _SECONDS_A_DAY - _SETTLING_DAYS


def expiry_epoch_seconds(day: str, retention_days: int) -> int:
    """Return when items of that day expire: some days after its files are no longer accepted."""
    begins = (date.fromisoformat(day) - _EPOCH).days
    return (begins + retention_days + 1 + _HANDLING_DAYS + _SETTLING_DAYS) * _SECONDS_A_DAY
