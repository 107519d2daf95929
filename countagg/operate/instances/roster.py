"""The instances of a day: when each uploaded last, what its file holds, and who is silent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from countagg.core.counter_file import split_canonical
from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.silence import LastUpload, days_to_look_at, find_silent
from countagg.core.snapshot import unpack_canonical
from countagg.data.snapshots import COUNTERS, ETAG, INSTANCE, SEQUENCER, UPLOADED_AT, StoredSnapshot, moment_of
from countagg.operate.instances.refusals import Refusals

if TYPE_CHECKING:
    from countagg.aws.day_reader import DayReader

_SHOWN: Final = (INSTANCE, SEQUENCER, COUNTERS, ETAG, UPLOADED_AT)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceState:
    """An instance, by its file of a day.

    Attributes:
        instance: its id.
        date: of the file: YYYY-MM-DD.
        uploaded_at: when the file was uploaded or deleted last, aware; None if none was ever taken.
        is_withdrawn: whether the file was deleted.
        is_silent: whether it uploaded nothing for too long.
        counters: how many the file holds; None if it was deleted, or never taken, or the snapshot is damaged.
        bytes: of them in the canonical form; None likewise.
        refused: how many of its files were refused since; None if that is not known.
        lane: which lane of its day it is in, counted from 0.
    """

    instance: str
    date: str
    uploaded_at: datetime | None
    is_withdrawn: bool
    is_silent: bool
    counters: int | None
    bytes: int | None
    refused: int | None
    lane: int

    def age_seconds(self, now: datetime) -> float | None:
        """Return how long ago it uploaded; None if it never did."""
        return None if self.uploaded_at is None else max(0.0, (now - self.uploaded_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Roster:
    """The instances of a day.

    Attributes:
        day: YYYY-MM-DD.
        at: when they were looked at, aware.
        stale: how long an instance may upload nothing; None if nobody asks.
        instances: by id.
        lanes: of the day.
    """

    day: str
    at: datetime
    stale: timedelta | None
    instances: tuple[InstanceState, ...]
    lanes: int = 1

    @property
    def silent(self) -> list[str]:
        """The ids of those that are silent."""
        return [each.instance for each in self.instances if each.is_silent]


@dataclass(frozen=True, slots=True)
class _File:
    """A snapshot, and when its file was uploaded; None if it says no time."""

    snapshot: StoredSnapshot
    at: datetime | None


@dataclass
class RosterReader:
    """Looks at the instances of a stack.

    Args:
        reader: of the stack.
        refusals: of files; None if they may not be read.
    """

    reader: DayReader
    refusals: Refusals | None = None

    def look(self, day: str, now: datetime) -> Roster:
        """Return the instances that have a file of a day, and those of which one was refused."""
        return self._roster(day, now, None, self._files(day))

    def look_for_silent(self, now: datetime, stale: timedelta) -> Roster:
        """Return the instances of today, those that are expected from yesterday, and which of them are silent."""
        today = days_to_look_at(now, stale)[1]
        newest: dict[str, _File] = {}
        uploads: list[LastUpload] = []
        for day in reversed(days_to_look_at(now, stale)):
            for instance, file in self._files(day).items():
                if file.at is not None:
                    uploads.append(LastUpload(instance, file.at, is_withdrawn=not file.snapshot.etag))
                known = newest.get(instance)
                if known is None or known.at is None or (file.at is not None and known.at <= file.at):
                    newest[instance] = file
        silent = find_silent(uploads, now, stale)
        files = {
            instance: file for instance, file in newest.items() if file.snapshot.day >= today or instance in silent
        }
        return self._roster(today, now, stale, files, silent)

    def _files(self, day: str) -> dict[str, _File]:
        return {
            found.instance: _File(found, moment_of(found.uploaded_at))
            for found in self.reader.snapshots(day, *_SHOWN)
        }

    def _roster(
        self,
        day: str,
        now: datetime,
        stale: timedelta | None,
        files: Mapping[str, _File],
        silent: Iterable[str] = (),
    ) -> Roster:
        refused = self._refused_alone(day, files)
        listed = [*(self._state(file, instance in silent) for instance, file in files.items()), *refused]
        listed.sort(key=lambda each: each.instance)
        return Roster(day, now, stale, tuple(listed), self.reader.layout(day).lanes)

    def _state(self, file: _File, is_silent: bool) -> InstanceState:  # noqa: FBT001 - a field of the state
        snapshot = file.snapshot
        content = _content(snapshot) if snapshot.etag else None
        refused = (
            self.refusals.since(snapshot.day, snapshot.instance, snapshot.sequencer) if self.refusals else None
        )
        return InstanceState(
            instance=snapshot.instance,
            date=snapshot.day,
            uploaded_at=file.at,
            is_withdrawn=not snapshot.etag,
            is_silent=is_silent,
            counters=None if content is None else len(split_canonical(content)),
            bytes=None if content is None else len(content),
            refused=refused,
            lane=self.reader.layout(snapshot.day).lane_of(snapshot.instance),
        )

    def _refused_alone(self, day: str, files: Mapping[str, _File]) -> Iterator[InstanceState]:
        """Yield the instances of a day of which no file was ever taken."""
        layout = self.reader.layout(day)
        for instance, count in self.refusals.of_day(day).items() if self.refusals else ():
            if instance not in files:
                yield InstanceState(
                    instance=instance,
                    date=day,
                    uploaded_at=None,
                    is_withdrawn=False,
                    is_silent=False,
                    counters=None,
                    bytes=None,
                    refused=count,
                    lane=layout.lane_of(instance),
                )


def _content(snapshot: StoredSnapshot) -> bytes | None:
    try:
        return unpack_canonical(snapshot.packed)
    except CorruptDocument:
        return None
