"""Reports as values: of a day like many, and of days that lack something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from countagg.core.object_keys import build_object_key
from countagg.core.values import parse_value
from countagg.data.letters import Refusal
from countagg.data.queues import HeldMessage
from countagg.operate.dead_letters.dead_letters import decode
from countagg.operate.health.status import HopHealth
from countagg.operate.instances.roster import InstanceState, Roster
from countagg.operate.report.report import DayReport
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay
from tests.fakes.health import healthy_stack

NOW: Final = datetime(2026, 11, 21, 7, 0, 12, tzinfo=UTC)
DAY: Final = "2026-11-20"
BEFORE: Final = "2026-11-19"
HOSTILE: Final = (
    "<script>hacked=1</script>",
    "\"onmouseover='hacked=1'x=\"",
    "</title></style><img/src=x/onerror=hacked=1>",
    "<svg/onload=hacked=1>",
    "&lt;b&gt;&#60;",
    "javascript:hacked=1",
    "]]><!--",
    "</table></section></main><h1>all-is-well</h1>",
)
"""Names that a counter may have: no white space, at most 255 bytes."""
SERIES: Final[Mapping[str, Sequence[str | None]]] = {
    "http_get": ("18120", "20544", "19877", "26310", "22100", "23415", "24985"),
    "http_put": ("412", "498", "455", "610", "530", "501", "387"),
    "http_5xx": ("31", "28", "40", "35", "29", "33", "121"),
    "cache_hits": ("9120", "9544", "9877", "12310", "9985", "10112", "10590"),
    "queue_seconds": ("1201.25", "1190.5", "1302.75", None, "1277", "1250.125", "1251.500000001"),
    "balance": ("-120", "80", "-35", "0", "60", "-90", "45"),
    "logins": (None, None, None, None, None, None, "1204"),
    "legacy_calls": ("90", "75", "61", "42", "20", "7", None),
}


def history_of(series: Mapping[str, Sequence[str | None]] = SERIES, last: str = DAY) -> History:
    """Return the totals of days, of which the last is named."""
    count = len(next(iter(series.values())))
    days = []
    for at in range(count):
        day = (datetime.fromisoformat(last) - timedelta(days=count - 1 - at)).date().isoformat()
        values = {name: parse_value(text) for name, texts in series.items() if (text := texts[at]) is not None}
        ordered = dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))
        days.append(
            TotalsOfDay(day, (1 << 20) + 5 if values else 0, f"{day}T23:59:58Z" if values else None, ordered)
        )
    return History(tuple(days))


def instance(name: str, minutes: float | None, refused: int | None = 0, **known: Any) -> InstanceState:
    """Return an instance that uploaded so many minutes before the day's end."""
    at = None if minutes is None else datetime(2026, 11, 21, tzinfo=UTC) - timedelta(minutes=minutes)
    counted = None if at is None else 100
    whole: dict[str, Any] = {
        "is_withdrawn": False,
        "counters": counted,
        "bytes": counted and 2_312,
        "lane": 0,
        **known,
    }
    return InstanceState(instance=name, date=DAY, uploaded_at=at, is_silent=False, refused=refused, **whole)


def refused(name: str, reason: str, line: int | None = 7, day: str = DAY) -> HeldMessage:
    """Return a dead letter about a refused file."""
    key = build_object_key("counters/", day, name)
    letter = Refusal("b", key, "0" * 32, reason, line, "e", "r", f"{day}T21:14:03Z")
    sent = datetime.fromisoformat(f"{day}T21:14:03+00:00")
    return HeldMessage(f"id-of-{name}", "h", letter.to_message(), sent, 1, {})


def make_report(**parts: Any) -> DayReport:
    """Return the report of a day like many, but for what is given."""
    states = [
        *(instance(f"i-{number:04x}", 1 + number % 3) for number in range(11)),
        instance("i-flub", 165, refused=2),
        instance("i-gone", 411, is_withdrawn=True, counters=None, bytes=None),
        instance("i-new", None, refused=1),
    ]
    messages = (
        refused("i-flub", "value 'twelve' is not a decimal number"),
        refused("i-new", "counter 'http_get' is there twice", 12),
        refused("i-old", "the file is empty", None, day="2026-11-18"),
    )
    known: dict[str, Any] = {
        "stack": "countagg",
        "bucket": "my-counters",
        "prefix": "counters/",
        "day": DAY,
        "patterns": (),
        "at": NOW,
        "is_closed": False,
        "history": history_of(),
        "roster": Roster(DAY, NOW, None, tuple(states)),
        "letters": tuple(decode(each) for each in messages),
        "hops": ailing(healthy_stack().look()),
    }
    return DayReport(**{**known, **parts})


def ailing(hops: Sequence[HopHealth]) -> tuple[HopHealth, ...]:
    """Return the hops, of which the dead letters hold something."""
    return tuple(
        replace(hop, healthy=False, detail="3 held") if hop.name == "queue/dead-letters" else hop for hop in hops
    )
