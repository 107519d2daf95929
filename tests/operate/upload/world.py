"""A source that counts, restarts and forgets; a bucket that refuses; a clock; and an uploader that can be killed.

The world writes down what was added on which day, so that the files can be held against it.
"""

from __future__ import annotations

import signal
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from countagg.core.counter_file import parse_counter_file
from countagg.core.errors import AwsCallFailed, CountaggError
from countagg.core.values import SCALE
from countagg.operate.upload.day_sums import UploadState, Values
from countagg.operate.upload.readings import Reader
from countagg.operate.upload.service import Service, Timetable
from countagg.operate.upload.sources import Fetched
from countagg.operate.upload.state_file import StateFile
from countagg.operate.upload.uploader import Target, Uploader, UploadPlan

SOURCE: Final = "http://127.0.0.1/metrics"
TARGET: Final = Target("bucket", "counters/", "i-1")
INTERVAL: Final = 60


class Killed(BaseException):
    """The uploader is killed: nothing catches this."""


@dataclass
class Clock:
    """A clock that goes on when somebody waits."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class CountingSource:
    """A process that counts, and what was added on which day, but for what a restart lost.

    It cannot gain so much after a restart that nobody would see it at the next reading.
    """

    clock: Clock
    started: datetime
    raw: Counter[str] = field(default_factory=Counter)
    added: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    is_known: bool = False
    _read: Counter[str] = field(default_factory=Counter)
    _remembered: Counter[str] = field(default_factory=Counter)
    _fresh: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _has_restarted: bool = False

    def work(self, name: str, times: int) -> None:
        if self._has_restarted:
            times = max(0, min(times, self._remembered[name] - 1 - self.raw[name]))
        self.raw[name] += times
        self._fresh[self.clock.now.date().isoformat()][name] += times

    def restart(self) -> None:
        """Forget all, also what nobody has read yet."""
        self.raw.clear()
        self._fresh.clear()
        self.started = self.clock.now
        self._has_restarted = True

    def text(self) -> str:
        self._read = self.raw.copy()
        lines = [f"# TYPE {name} counter\n{name} {self.raw[name]}\n" for name in self.raw if self.raw[name]]
        start = f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {self.started.timestamp()}\n"
        return "".join([start, "# TYPE up_total counter\nup_total 0\n", *lines])

    def remembered(self) -> None:
        """Note that what was read last is on disk."""
        began_today = self.started.date() == self.clock.now.date()
        for day, counters in self._fresh.items():
            if self.is_known or began_today:
                self.added[day].update(counters)
        self.is_known = True
        self._fresh.clear()
        self._remembered = self._read
        self._has_restarted = False


@dataclass
class RefusingBucket:
    """A bucket that may refuse for some time."""

    clock: Clock
    objects: dict[str, bytes] = field(default_factory=dict)
    refuses_until: datetime | None = None
    puts: list[tuple[datetime, str]] = field(default_factory=list)
    on_step: Callable[[str], None] = lambda _: None
    forward: Callable[[str, bytes], object] = lambda _key, _content: None
    """Puts the file into a real bucket, too."""

    def address(self, key: str) -> str:
        return f"fake/{key}"

    def refuse_until(self, moment: datetime) -> None:
        self.refuses_until = moment

    def put(self, key: str, content: bytes) -> str:
        self.on_step("before a put")
        if self.refuses_until is not None and self.clock.now < self.refuses_until:
            raise AwsCallFailed("PutObject failed: try again")
        self.puts.append((self.clock.now, key))
        self.forward(key, content)
        self.objects[key] = content
        self.on_step("after a put")
        return "etag"

    def delete(self, key: str) -> None:
        self.objects.pop(key, None)

    def totals(self) -> dict[str, dict[str, int]]:
        """Return the counters of each day that are not 0."""
        found = {}
        for key, content in self.objects.items():
            counters = {name: value // SCALE for name, value in parse_counter_file(content).items() if value}
            found[key.split("/")[1]] = counters
        return found


class BreakableFile(StateFile):
    """A state file that the uploader may be killed at, before, within and after each step."""

    def __init__(
        self, path: Path, on_step: Callable[[str], None], on_saved: Callable[[UploadState], None]
    ) -> None:
        super().__init__(path)
        self._on_step = on_step
        self._on_saved = on_saved

    def save(self, state: UploadState) -> None:
        self._saving = state
        super().save(state)

    def _write(self, content: bytes) -> None:
        self._on_step("before a write")
        super()._write(content[: len(content) // 2])
        self._on_step("within a write")
        super()._write(content)
        self._on_step("after a write")

    def _put_in_place(self) -> None:
        super()._put_in_place()
        self._on_saved(self._saving)
        self._on_step("after a rename")


@dataclass(frozen=True)
class Happening:
    """Something that happens at a moment."""

    at: datetime
    what: Callable[[], None]


class World:
    """An instance with its uploader, which is started again whenever it is killed."""

    def __init__(
        self,
        folder: Path,
        begin: datetime,
        started: datetime,
        interval: int = INTERVAL,
        values: Values = Values.TODAY,
    ) -> None:
        self._values = values
        self.clock = Clock(begin)
        self.source = CountingSource(self.clock, started)
        self.bucket = RefusingBucket(self.clock, on_step=self._step)
        self.steps: list[str] = []
        self.told: list[str] = []
        self.read_at: list[datetime] = []
        self.kill_at: set[int] = set()
        self.is_source_down = False
        self.down_until: datetime | None = None
        self.selects = Reader((), self._fetch)
        self._interval = interval
        self._path = folder / "state.json"
        self._read_at: float | None = None
        self._happenings: list[Happening] = []
        self._end = begin

    def happen(self, at: datetime, what: Callable[[], None]) -> None:
        self._happenings.append(Happening(at, what))
        self._happenings.sort(key=lambda each: each.at)

    def stop_until(self, moment: datetime) -> None:
        """Kill the uploader, and start it again at that moment."""
        self.down_until = moment

    def run(self, end: datetime) -> None:
        """Let time pass; at its end all of the world is well, and the uploader is asked to end."""
        self._end = end
        while True:
            if self.down_until is not None:
                self.advance(self.down_until)
                self.down_until = None
            try:
                service = self._service()
                assert service.run() is signal.SIGTERM
                self.bucket.refuses_until = None
                assert service.finish() == []
            except Killed:
                continue
            return

    def reads_late(self, moment: datetime) -> timedelta:
        """Return how long after a moment the next reading was."""
        return min(at for at in self.read_at if at >= moment) - moment

    def tell(self, text: str, *, failed: bool = False) -> None:
        self.told.append(f"{'failed: ' if failed else ''}{text}")

    def _service(self) -> Service:
        state_file = BreakableFile(self._path, self._step, self._saved)
        reader = Reader((SOURCE,), self._fetch)
        uploader = Uploader(UploadPlan(TARGET, self._values), reader, self.bucket, state_file)
        return Service(uploader, Timetable(self._interval, "i-1"), self.clock, self._wait, self.tell)

    def _fetch(self, _: str) -> Fetched:
        if self.is_source_down:
            raise CountaggError("cannot be read: connection refused", where=SOURCE)
        self.read_at.append(self.clock.now)
        return Fetched(self.source.text().encode())

    def _saved(self, state: UploadState) -> None:
        # A state that is saved after an upload holds no new reading.
        if state.read_at != self._read_at:
            self._read_at = state.read_at
            self.source.remembered()

    def _wait(self, seconds: float) -> signal.Signals | None:
        self.advance(self.clock.now + timedelta(seconds=seconds))
        if self.down_until is not None:
            raise Killed
        return signal.SIGTERM if self.clock.now >= self._end else None

    def advance(self, until: datetime) -> None:
        while self._happenings and self._happenings[0].at <= until:
            happening = self._happenings.pop(0)
            self.clock.now = max(self.clock.now, happening.at)
            happening.what()
        self.clock.now = max(self.clock.now, until)

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if len(self.steps) - 1 in self.kill_at:
            raise Killed


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def added_per_day(source: CountingSource) -> dict[str, dict[str, int]]:
    """Return what was added on each day, without zeros."""
    return {day: {name: times for name, times in each.items() if times} for day, each in source.added.items()}
