"""Moments that an operator types: ages such as `10m`, days, and times in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from countagg.core.ages import parse_age
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError

_TIME_HINT: Final = "give an age such as 10m, 2h or 1d, or a time in UTC such as 2026-11-20T10:00"
_DAY_HINT: Final = "give YYYY-MM-DD, today, yesterday, or an age in days or weeks such as 30d (UTC)"


def parse_moment(text: str, now: datetime, where: str) -> datetime:
    """Turn what an operator typed into a moment.

    Args:
        text: an age (`30s`, `10m`, `2h`, `1d`, `1w`), a time as ISO 8601 has it (UTC, unless it names an offset),
            or a day (`YYYY-MM-DD`, `today`, `yesterday`), which begins at midnight UTC.
        now: the current time, aware.
        where: the option, for the message.

    Returns:
        The moment, in UTC.

    Raises:
        UsageError: it is none of these.
    """
    age = parse_age(text)
    try:
        if age is not None:
            return now.astimezone(UTC) - age
        if text in {"today", "yesterday"}:
            return datetime.combine(date.fromisoformat(resolve_day(text, now)), time(), UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is not a time", where=where, hint=_TIME_HINT) from error


def parse_past_day(text: str, now: datetime, where: str) -> date:
    """Turn what an operator typed into a day.

    Args:
        text: `YYYY-MM-DD`, `today`, `yesterday`, or an age in whole days (`30d`, `4w`).
        now: the current time, aware.
        where: the option, for the message.

    Raises:
        UsageError: it is none of these.
    """
    try:
        age = parse_age(text)
        if age is None or age % timedelta(days=1):
            return date.fromisoformat(resolve_day(text, now))
        return now.astimezone(UTC).date() - age
    except (UsageError, OverflowError) as error:
        raise UsageError(f"{text!r} is not a day", where=where, hint=_DAY_HINT) from error


def check_order(since: str, until: str) -> None:
    """Refuse days, YYYY-MM-DD, whose last lies before their first.

    Raises:
        UsageError: it does.
    """
    if until < since:
        raise UsageError(
            f"{until} lies before {since}",
            where="--since, --until",
            hint="give --since the earlier day; without --until the last one is today",
        )


def parse_period(text: str, where: str) -> timedelta:
    """Turn what an operator typed into a length of time, such as `10m`.

    Args:
        text: an age of at least a second.
        where: the option, for the message.

    Raises:
        UsageError: it is none.
    """
    age = parse_age(text)
    if not age:
        raise UsageError(f"{text!r} is not a length of time", where=where, hint="give one such as 90s, 10m or 2h")
    return age
