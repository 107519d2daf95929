"""Silence: which instances have stopped uploading.

An instance that has uploaded is expected to go on, until its file is deleted or the day is over. Who uploaded last
shortly before midnight is expected in the new day too, for long enough that its silence is noticed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from countagg.core.lazy_dataclass import dataclass

LOOKS: Final = 3
"""Looks within the time after which an instance is silent."""
_SHORTEST_INTERVAL: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class LastUpload:
    """The last that an instance did on a day.

    Attributes:
        instance: which.
        at: when it uploaded its file, or that was deleted, aware.
        is_withdrawn: whether it was deleted.
    """

    instance: str
    at: datetime
    is_withdrawn: bool


def interval_of_looks(after: timedelta) -> timedelta:
    """Return how often to look for instances that are silent after some time."""
    return max(after / LOOKS, _SHORTEST_INTERVAL)


def days_to_look_at(now: datetime, after: timedelta) -> list[str]:
    """Return the days whose files tell who is silent: YYYY-MM-DD.

    Tomorrow's too, which instances write whose clocks, or time zones, are ahead.

    Args:
        now: aware.
        after: how long an instance may say nothing.
    """
    today = now.astimezone(UTC).date()
    days = [today + timedelta(days=1), today]
    if now - _midnight(now) < 2 * after:
        days.append(today - timedelta(days=1))
    return [day.isoformat() for day in days]


def find_silent(uploads: Iterable[LastUpload], now: datetime, after: timedelta) -> dict[str, datetime]:
    """Return the silent instances with their last uploads, the longest silent first.

    Args:
        uploads: of the days to look at; an instance may have one of each.
        now: aware.
        after: how long an instance may say nothing.
    """
    last: dict[str, LastUpload] = {}
    for each in uploads:
        known = last.get(each.instance)
        if known is None or known.at < each.at:
            last[each.instance] = each
    # Who said nothing at the end of yesterday was silent then.
    expected_since = _midnight(now) - after
    silent = [
        (each.at, each.instance)
        for each in last.values()
        if not each.is_withdrawn and expected_since <= each.at < now - after
    ]
    return {instance: at for at, instance in sorted(silent)}


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
