"""One instance's uploads: what was read becomes a file a day, checked as the pipeline does, and sent if new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Protocol

from countagg.core.counter_file import DEFAULT_MAX_COUNTERS, parse_counter_file, render_counters
from countagg.core.days import check_upload_day
from countagg.core.errors import InvalidCounterFile, InvalidObjectKey, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.core.partitions import Layout
from countagg.core.snapshot import pack_counters
from countagg.operate.upload.day_sums import (
    SentContent,
    UploadState,
    Values,
    add_gains,
    check_clock,
    forget_past_days,
    take_as_is,
)
from countagg.operate.upload.readings import Reader
from countagg.operate.upload.remarks import Remark, Remarks
from countagg.operate.upload.state_file import StateFile

_SAY_CHOICES: Final = (
    "if the stack takes more, say so here too: by COUNTAGG_MAX_COUNTERS and COUNTAGG_COUNTER_SHARDS, or by the "
    "settings file that `countagg outputs --output toml` prints"
)
RETENTION_DAYS: Final = 35
"""Days back that a file may name, unless the stack says otherwise."""


class FileBucket(Protocol):
    """Where counter files go."""

    def address(self, key: str) -> str:
        """Return where an object is, endpoint and all."""

    def put(self, key: str, content: bytes) -> str:
        """Upload a file; return its ETag."""

    def delete(self, key: str) -> None:
        """Delete a file."""


@dataclass(frozen=True, slots=True)
class FileRules:
    """What the stack takes, as far as its operator may choose.

    Attributes:
        max_counters: of a file.
        counter_shards: that a day's counters are spread over; each has to fit into an item.
        retention_days: how many days back a file may name.
    """

    max_counters: int = DEFAULT_MAX_COUNTERS
    counter_shards: int = 1
    retention_days: int = RETENTION_DAYS

    def check(self, counters: Mapping[str, int]) -> bytes:
        """Return the file, as the pipeline reads it.

        Raises:
            InvalidCounterFile: the pipeline would refuse it.
        """
        content = render_counters(counters)
        if parse_counter_file(content, self.max_counters) != counters:
            raise InvalidCounterFile("the file does not read back as it was written")
        for share in Layout(1, self.counter_shards).split(counters):
            pack_counters(share)
        return content

    def check_day(self, day: str, today: date) -> None:
        """Refuse a day of which the pipeline takes no file.

        Raises:
            UsageError: with the reason.
        """
        try:
            check_upload_day(day, today, today, self.retention_days)
        except InvalidObjectKey as error:
            raise UsageError(
                error.what, where="--date", hint="choose another day: the pipeline would refuse such files"
            ) from error


@dataclass(frozen=True, slots=True)
class Target:
    """Whose file it is, and where it goes.

    Attributes:
        bucket: its name.
        prefix: of the counter files, with its slash.
        instance: the instance id.
    """

    bucket: str
    prefix: str
    instance: str

    def key(self, day: str) -> str:
        """Return the object key of a day's file.

        Raises:
            InvalidObjectKey: the instance id cannot be one.
        """
        key = build_object_key(self.prefix, day, self.instance)
        parse_object_key(key, self.prefix)
        return key


@dataclass(frozen=True, slots=True)
class SentFile:
    """A day's file, which was uploaded, or had been before.

    Attributes:
        day: YYYY-MM-DD.
        key: of the object.
        counters: how many it has.
        size: in bytes.
        etag: that S3 gave it; None if it had been uploaded before.
    """

    day: str
    key: str
    counters: int
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What is to be uploaded.

    Attributes:
        target: whose files, and where they go.
        values: what the sources' numbers are.
        day: that the numbers are of, as they are; None for the day that it is.
        rules: what the stack takes.
        always: whether to upload the file of the day also if it is what was uploaded last.
    """

    target: Target
    values: Values = Values.AS_IS
    day: str | None = None
    rules: FileRules = FileRules()
    always: bool = False


class Uploader:
    """Reads, remembers and uploads.

    Args:
        plan: what is to be uploaded.
        reader: reads the sources.
        bucket: where the files go.
        state_file: what is remembered.
    """

    def __init__(self, plan: UploadPlan, reader: Reader, bucket: FileBucket, state_file: StateFile) -> None:
        self._plan = plan
        self._reader = reader
        self._bucket = bucket
        self._state_file = state_file
        self._state: UploadState = state_file.load()

    @property
    def ends_days(self) -> bool:
        """Whether a reading at midnight ends a day. Numbers that are today's may then still be yesterday's."""
        return self._plan.values is Values.TODAY

    def read(self, now: Callable[[], datetime]) -> Remarks:
        """Read the sources, and remember what they say; return what is worth a remark.

        Args:
            now: the clock, which is looked at when all has been read.

        Raises:
            CountaggError: a source cannot be read or breaks a rule, or the state cannot be written. Nothing is
                remembered of the reading then, and the next one makes up for it.
        """
        reading = self._reader()
        moment = now().astimezone(UTC)
        check_clock(self._state, moment)
        remarks = {**reading.remarks, **self._give_up(moment.date())}
        if self._plan.values is Values.TODAY:
            state, more = add_gains(self._state, reading, self._reader.digest, moment)
            remarks |= more
        else:
            state = take_as_is(self._state, reading, self._plan.day or moment.date().isoformat())
        for day, counters in state.days.items():
            if counters != self._state.days.get(day) and (wanted := self._wanted(counters)):
                self._check(wanted)
        self._remember(state)
        return {what: times for what, times in remarks.items() if times}

    def pending(self) -> list[str]:
        """Return the days with a file that was not uploaded as it is now."""
        return [day for day, _, sent in self._files() if self._state.sent.get(day) != sent]

    def send(self, today: date) -> Iterator[SentFile]:
        """Upload the files of all days that differ from what was uploaded last; yield each file.

        Args:
            today: by now, UTC.

        Raises:
            CountaggError: S3 refuses; what was not uploaded is pending.
        """
        for day, counters, sent in self._files():
            content, key = render_counters(counters), self._plan.target.key(day)
            is_current = day in {self._plan.day, today.isoformat()}
            if self._state.sent.get(day) == sent and not (self._plan.always and is_current):
                if is_current:
                    yield SentFile(day, key, len(counters), len(content), None)
                continue
            etag = self._bucket.put(key, content)
            self._remember(replace(self._state, sent={**self._state.sent, day: sent}))
            yield SentFile(day, key, len(counters), len(content), etag)
        self._remember(forget_past_days(self._state, today))

    def withdraw(self, day: str) -> str:
        """Delete a day's file, which withdraws the instance; return its key."""
        key = self._plan.target.key(day)
        self._bucket.delete(key)
        days = {each: counters for each, counters in self._state.days.items() if each != day}
        sent = {each: where for each, where in self._state.sent.items() if each != day}
        self._remember(replace(self._state, days=days, sent=sent))
        return key

    def _files(self) -> Iterator[tuple[str, Mapping[str, int], SentContent]]:
        """Yield each day with the counters that are wanted, and what is remembered once they are uploaded."""
        for day, remembered in sorted(self._state.days.items()):
            counters = self._wanted(remembered)
            if counters:
                digest = hashlib.sha256(render_counters(counters)).hexdigest()
                yield day, counters, SentContent(self._bucket.address(self._plan.target.key(day)), digest)

    def _check(self, counters: Mapping[str, int]) -> None:
        try:
            self._plan.rules.check(counters)
        except InvalidCounterFile as error:
            error.hint = _SAY_CHOICES
            raise

    def _give_up(self, today: date) -> Remarks:
        """Forget the days that the pipeline takes no more; return how many, as a remark."""
        first = (today - timedelta(days=self._plan.rules.retention_days)).isoformat()
        days = {day: counters for day, counters in self._state.days.items() if day >= first}
        given_up = len(self._state.days) - len(days)
        self._state = replace(self._state, days=days)
        return {Remark.DAYS_GIVEN_UP: given_up} if given_up else {}

    def _wanted(self, counters: Mapping[str, int]) -> dict[str, int]:
        return {name: value for name, value in counters.items() if self._reader.selection.takes(name)}

    def _remember(self, state: UploadState) -> None:
        if state != self._state:
            self._state_file.save(state)
            self._state = state
