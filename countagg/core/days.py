"""Days: the UTC dates that counter files and totals belong to."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

from countagg.core.errors import InvalidObjectKey, UsageError

DAYS_AHEAD: Final = 1
"""An instance whose clock is ahead, or east of Greenwich, may name tomorrow."""

# What was accepted last may wait in the queue or in a stream for a day; its day must still be whole then.
_EXPIRY_MARGIN_DAYS: Final = 2

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_date(text: str) -> date | None:
    """Return the real calendar date written as YYYY-MM-DD, or None if it is none."""
    if _ISO_DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def resolve_day(text: str, now: datetime) -> str:
    """Turn what an operator typed into a day.

    Args:
        text: `YYYY-MM-DD`, `today` or `yesterday` (UTC).
        now: the current time, aware.

    Raises:
        UsageError: it is none of these.
    """
    today = now.astimezone(UTC).date()
    if text == "today":
        return today.isoformat()
    if text == "yesterday":
        return (today - timedelta(days=1)).isoformat()
    day = parse_date(text)
    if day is None:
        raise UsageError(f"{text!r} is not a date", hint="give YYYY-MM-DD, today or yesterday (UTC)")
    return day.isoformat()


def days_from(first: str, last: str) -> list[str]:
    """Return the days from the first to the last, both included; none if the last comes before the first."""
    begin = date.fromisoformat(first)
    count = (date.fromisoformat(last) - begin).days + 1
    return [(begin + timedelta(days=number)).isoformat() for number in range(count)]


def check_upload_day(day: str, today: date, retention_days: int) -> None:
    """Refuse a day that lies too far ahead, or whose snapshots are past their retention.

    Raises:
        InvalidObjectKey: with the reason.
    """
    uploaded = date.fromisoformat(day)
    if uploaded > today + timedelta(days=DAYS_AHEAD):
        raise InvalidObjectKey(f"the date {day} is more than {DAYS_AHEAD} day ahead of {today} (UTC)")
    if is_past_retention(day, today, retention_days):
        raise InvalidObjectKey(f"the date {day} is more than {retention_days} days before {today} (UTC)")


def is_past_retention(day: str, today: date, retention_days: int) -> bool:
    """Tell whether items of that day are due for removal."""
    return date.fromisoformat(day) < today - timedelta(days=retention_days)


def expiry_epoch_seconds(day: str, retention_days: int) -> int:
    """Return when items of that day expire: some days after its files are no longer accepted."""
    last = date.fromisoformat(day) + timedelta(days=retention_days + 1 + _EXPIRY_MARGIN_DAYS)
    return (last - date(1970, 1, 1)).days * 86_400
