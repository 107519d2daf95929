"""Reading again and again what is told as metrics, and what becomes of a read that fails.

The parts are read one by one, so that one that fails costs no other; what was read of it before stands, with its
age.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from countagg.aws.errors import was_throttled
from countagg.core.errors import CountaggError, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.permitted import NotAllowed, attempt
from countagg.operate.totals.query import EVERYTHING, Choice, TotalsOfDay, pick_totals
from countagg.operate.totals.waiting_files import WaitingFiles, compare_files, list_files

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline
    from countagg.operate.health.status import HopHealth

LONGEST_PAUSE: Final = 900.0
"""Seconds between two reads, however often AWS has said that there were too many."""
_LIST: Final = "s3:ListBucket"
T = TypeVar("T")


class ReadPart(StrEnum):
    """What is read by itself."""

    TOTALS = "totals"
    FILES = "files"
    HOPS = "hops"


@dataclass(frozen=True, slots=True)
class PartState:
    """How reading a part went.

    Attributes:
        reads: how many there were.
        errors: how many of them failed.
        failed: whether the last one did.
        read_at: when it succeeded last, aware; None if it never did.
    """

    reads: int = 0
    errors: int = 0
    failed: bool = False
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastRead:
    """What is known by now.

    Attributes:
        totals: None before they were read.
        waiting: files on their way; None before they were looked for, and if nobody may list them.
        hops: None before they were looked at.
        parts: how reading each went.
    """

    totals: TotalsOfDay | None = None
    waiting: WaitingFiles | None = None
    hops: Sequence[HopHealth] | None = None
    parts: Mapping[ReadPart, PartState] = field(
        default_factory=lambda: MappingProxyType({part: PartState() for part in ReadPart})
    )


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read.

    Attributes:
        find: finds the deployed stack, as it is set up by now.
        look: looks at its hops.
        day: tells which day it is about.
        choice: of its counters.
    """

    find: Callable[[], Pipeline]
    look: Callable[[Pipeline], Sequence[HopHealth]]
    day: Callable[[], str]
    choice: Choice = EVERYTHING


class StackReader:
    """Reads, and keeps what was read. One thread reads; any may look at `last`, which is replaced as a whole.

    Args:
        subject: what to read.
        interval: seconds between two reads.
        now: the clock, aware.
        tell: writes a line about reads that fail, or that succeed again.
    """

    def __init__(
        self, subject: Subject, interval: float, now: Callable[[], datetime], tell: Callable[[str], None]
    ) -> None:
        self._subject = subject
        self._interval = interval
        self._now = now
        self._tell = tell
        self._throttled_reads = 0
        self._told: frozenset[str] = frozenset()
        self.last = LastRead()

    @property
    def pause(self) -> float:
        """Seconds until the next read: longer and longer where AWS says that there are too many."""
        longest = max(LONGEST_PAUSE, self._interval)
        return min(self._interval * 2.0 ** min(self._throttled_reads, 20), longest)

    def read(self) -> None:
        """Read everything once; what cannot be read stays as it was."""
        failures: dict[ReadPart, Exception] = {}
        read = self._read_parts(failures)
        now, states = self._now(), self.last.parts
        parts = {part: _after(states[part], now, failed=part in failures) for part in ReadPart}
        self.last = replace(read, parts=MappingProxyType(parts))
        self._throttled_reads = self._throttled_reads + 1 if any(map(was_throttled, failures.values())) else 0
        self._tell_failures(failures)

    def _read_parts(self, failures: dict[ReadPart, Exception]) -> LastRead:
        pipeline = _try(self._subject.find, failures, *ReadPart)
        if pipeline is None:
            return self.last
        read = self._read_day(pipeline, failures)
        hops = _try(lambda: self._subject.look(pipeline), failures, ReadPart.HOPS)
        return read if hops is None else replace(read, hops=hops)

    def _read_day(self, pipeline: Pipeline, failures: dict[ReadPart, Exception]) -> LastRead:
        before, day = self.last, self._subject.day()
        # Before the totals: what is included meanwhile does not wait.
        listed = _try(lambda: attempt(_LIST, lambda: list_files(pipeline, day)), failures, ReadPart.FILES)
        found = _try(lambda: pipeline.totals(day), failures, ReadPart.TOTALS)
        if found is None:
            failures[ReadPart.FILES] = failures[ReadPart.TOTALS]
            return before
        totals = pick_totals(found, self._subject.choice)
        if isinstance(listed, NotAllowed):
            return replace(before, totals=totals, waiting=None)
        waiting = None
        if listed is not None:
            waiting = _try(lambda: compare_files(pipeline, listed, found), failures, ReadPart.FILES)
        if waiting is None and before.totals is not None and before.totals.day == day:
            waiting = before.waiting
        return replace(before, totals=totals, waiting=waiting)

    def _tell_failures(self, failures: Mapping[ReadPart, Exception]) -> None:
        """Say what fails otherwise than at the read before."""
        told = frozenset(map(_sentence, failures.values()))
        for sentence in sorted(told - self._told):
            self._tell(f"{sentence}; what was read before is served, with its age")
        if self._told and not told:
            self._tell("everything can be read again")
        self._told = told


def _try(read: Callable[[], T], failures: dict[ReadPart, Exception], *parts: ReadPart) -> T | None:
    """Read; if that fails return None, and write down why, for each of the parts that it was about."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001 - whatever it is, the next read may succeed, and is counted until then
        failures.update(dict.fromkeys(parts, error))
        return None


def _after(state: PartState, now: datetime, *, failed: bool) -> PartState:
    if failed:
        return replace(state, reads=state.reads + 1, errors=state.errors + 1, failed=True)
    return replace(state, reads=state.reads + 1, failed=False, read_at=now)


def _sentence(error: Exception) -> str:
    if isinstance(error, CountaggError):
        return f"{error}; {error.hint}" if error.hint else str(error)
    return f"unexpected {type(error).__name__}: {shorten(str(error))}"
