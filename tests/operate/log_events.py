"""Events of logs as the tests need them, and a reader that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.log_events import LogEvent, LogReader, Period

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSOR: Final = "countagg-processor"
START: Final = 1_795_209_500_000
"""2026-11-20T21:18:20Z."""


def event(
    message: str | dict[str, Any],
    *,
    at: int = 0,
    id_: str = "",
    function: str = PROCESSOR,
    ingested: int | None = None,
) -> LogEvent:
    """Return an event so many milliseconds after START, taken in at once if nothing else is said."""
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    taken_in = START + (at if ingested is None else ingested)
    return LogEvent(function, "2026/11/20/[$LATEST]1", START + at, taken_in, id_, text)


@dataclass
class HeldLogs(LogReader):
    """A reader of events that are held in memory.

    Attributes:
        events: all there are, in any order.
        asked: function and period of each look.
        on_look: called before each look of any function.
    """

    events: list[LogEvent] = field(default_factory=list)
    asked: list[tuple[str, Period]] = field(default_factory=list)
    on_look: Callable[[], None] = lambda: None

    def read(self, function: str, period: Period) -> Iterator[LogEvent]:
        self.asked.append((function, period))
        self.on_look()
        end = float("inf") if period.end is None else period.end
        mine = [each for each in self.events if each.function == function]
        return iter(sorted((e for e in mine if period.start <= e.timestamp <= end), key=lambda e: e.timestamp))
