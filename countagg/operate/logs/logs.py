"""Logs: what the functions write, as one stream in the order of time."""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final

from countagg.aws.log_events import LogEvent, LogReader, Period
from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.core.polling import FOREVER, Polling
from countagg.operate.logs.log_lines import Level, LogLine, read_line

OVERLAP_MILLISECONDS: Final = 60_000
"""How much of what was read is read again: events of one function come from many places, some seconds late."""

SECONDS_BETWEEN_LOOKS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are wanted.

    Attributes:
        text: has to stand in them, as it is; empty for all.
        level: they are at least so grave.
        folded: also what the platform tells of each invocation, and metrics.
    """

    text: str = ""
    level: Level = Level.DEBUG
    folded: bool = False

    def takes(self, line: LogLine) -> bool:
        """Tell whether the line is wanted."""
        return (
            line.level >= self.level
            and (self.folded or not line.folded)
            and (not self.text or line.contains(self.text))
        )


@dataclass
class Seen:
    """Knows the events that were shown already.

    An event is known by its id. Where there is none, it is the n-th of its text in its millisecond and stream.
    """

    _shown: dict[Hashable, int] = field(default_factory=dict)

    def new(self, events: Iterable[LogEvent]) -> Iterator[LogEvent]:
        """Yield the events that were not shown yet.

        Args:
            events: of one look, which holds whole milliseconds.
        """
        alike: Counter[Hashable] = Counter()
        for event in events:
            key: Hashable = event.id
            if not event.id:
                text = (event.function, event.stream, event.timestamp, event.message)
                alike[text] += 1
                key = (text, alike[text])
            if key not in self._shown:
                self._shown[key] = event.timestamp
                yield event

    def forget(self, before: int) -> None:
        """Forget events from before that millisecond, which no look reads again."""
        self._shown = {key: timestamp for key, timestamp in self._shown.items() if timestamp >= before}


def choose_functions(names: Names, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the full names of the functions that are meant.

    Args:
        names: of the stack.
        chosen: short names such as `processor`, or full ones; all if empty.

    Raises:
        UsageError: the stack has no such function.
    """
    known = names.functions
    for each in chosen:
        if each not in known and each not in known.values():
            hint = f"use {', '.join(known)}"
            raise UsageError(f"the pipeline has no function {each!r}", where="--function", hint=hint)
    return tuple(name for short, name in known.items() if not chosen or short in chosen or name in chosen)


def read_logs(reader: LogReader, functions: Sequence[str], period: Period, wanted: Wanted) -> Iterator[LogLine]:
    """Yield the lines of a period, oldest first; no more than a page of each function is held."""
    streams = [reader.read(function, period) for function in functions]
    merged = heapq.merge(*streams, key=lambda event: event.timestamp)
    return _lines(merged, wanted)


def follow_logs(  # noqa: PLR0913, PLR0917 - the last two are clocks
    reader: LogReader,
    functions: Sequence[str],
    start: int,
    wanted: Wanted,
    polling: Polling = FOREVER,
    now: Callable[[], float] = time.time,
) -> Iterator[LogLine | None]:
    """Yield lines as they come, for ever, those of a look at a time, oldest first; None after each look.

    What comes late is shown when it comes, if it is at most a minute older than the newest of its function.

    Args:
        reader: of the log groups.
        functions: full names.
        start: where the first look begins, in milliseconds since 1970.
        wanted: which lines.
        polling: by which clock pauses are made.
        now: seconds since 1970.
    """
    logs = [_FollowedLog(reader, function, start, now) for function in functions]
    for _ in polling.looks(SECONDS_BETWEEN_LOOKS):
        merged = heapq.merge(*(log.look() for log in logs), key=lambda event: event.timestamp)
        yield from _lines(merged, wanted)
        yield None


class _FollowedLog:
    """A function's log, and how far it was read."""

    def __init__(self, reader: LogReader, function: str, start: int, now: Callable[[], float]) -> None:
        self._reader = reader
        self._function = function
        self._start = start
        self._now = now
        self._begin = self._forgotten = start
        self._seen = Seen()

    def look(self) -> Iterator[LogEvent]:
        """Yield what is new."""
        for event in self._seen.new(self._reader.read(self._function, Period(self._begin))):
            yield event
            self._begin = max(self._begin, self._happened(event) - OVERLAP_MILLISECONDS)
            if self._begin > self._forgotten + OVERLAP_MILLISECONDS:
                self._seen.forget(self._begin)
                self._forgotten = self._begin

    def _happened(self, event: LogEvent) -> int:
        """Return the latest that an event can have happened, in milliseconds since 1970.

        One that is dated ahead must not hide what comes until then. The service's clock tells what is ahead, and
        this machine's, unless it is so wrong that it was before the first look.
        """
        now = int(self._now() * 1000)
        happened = min(event.timestamp, event.ingested)
        return min(happened, now) if now >= self._start else happened


def _lines(events: Iterable[LogEvent], wanted: Wanted) -> Iterator[LogLine]:
    return filter(wanted.takes, map(read_line, events))
