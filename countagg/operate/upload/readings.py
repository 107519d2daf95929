"""Readings: the counters that the sources have at one moment, checked, and chosen by name."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Final

from countagg.core.counter_file import check_counter_name
from countagg.core.errors import InvalidCounterFile
from countagg.core.lazy_dataclass import dataclass
from countagg.core.values import round_value
from countagg.operate.upload.formats import Format, SourceDocument, WrittenCounter, read_document
from countagg.operate.upload.remarks import Remark, Remarks, remark_text
from countagg.operate.upload.sources import STDIN, Fetched, is_address

_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_OF_THE_KERNEL: Final = ("/proc/", "/sys/")
_BOOTED = re.compile(r"^btime (\d+)$", re.MULTILINE)
_EXCLUDE: Final = "mend the source, or leave the counter out by --exclude"
_SAY_FORMAT: Final = "mend the source, or say by --format what it is"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which counters are wanted, by patterns as a shell has them. Without `include` all are, but the excluded.

    Attributes:
        include: patterns of names.
        exclude: the same; they win.
        gauges: whether also what is known to be no counter.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gauges: bool = False

    def takes(self, name: str) -> bool:
        """Tell whether a counter is wanted."""
        return (not self.include or _matches(name, self.include)) and not _matches(name, self.exclude)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class SourceReading:
    """What one source has.

    Attributes:
        source: as it was named.
        counters: values in units of 10^-9.
        started: since when they count, in seconds since 1970; None if nobody knows.
    """

    source: str
    counters: Mapping[str, int]
    started: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What all sources have at one moment.

    Attributes:
        sources: each with its counters, of which no two have the same.
        remarks: how many of what were rounded or left out.
    """

    sources: tuple[SourceReading, ...]
    remarks: Remarks = field(default_factory=dict)

    @property
    def counters(self) -> dict[str, int]:
        """The counters of all sources."""
        return {name: value for each in self.sources for name, value in each.counters.items()}


def read_boot_time(stat: Path = Path("/proc/stat")) -> float | None:
    """Return when the machine has begun, in seconds since 1970; None where the kernel does not say."""
    try:
        found = _BOOTED.search(stat.read_text())
    except OSError:
        return None
    return float(found[1]) if found else None


class Reader:
    """Reads all sources at once.

    Args:
        sources: as they were named.
        read: reads one.
        form: of all sources.
        selection: which counters are wanted.
        boot: tells when the machine has begun, in seconds since 1970; None where nobody knows.
    """

    def __init__(
        self,
        sources: Sequence[str],
        read: Callable[[str], Fetched],
        form: Format = Format.AUTO,
        selection: Selection = Selection(),
        boot: Callable[[], float | None] = read_boot_time,
    ) -> None:
        self._sources = sources
        self._read = read
        self._form = form
        self.selection = selection
        self._boot = boot

    @property
    def digest(self) -> str:
        """A text that is another one where other counters, or other names of them, are read."""
        return hashlib.sha256(repr((self._form, self.selection)).encode()).hexdigest()[:16]

    def __call__(self) -> Reading:
        """Read.

        Raises:
            CountaggError: a source cannot be read.
            InvalidCounterFile: one breaks a rule, or has no counter; with source and line.
        """
        places: dict[str, str] = {}
        remarks: Counter[Remark] = Counter()
        readings = tuple(self._read_one(source, places, remarks) for source in self._sources)
        return Reading(readings, dict(remarks))

    def _read_one(self, source: str, places: dict[str, str], remarks: Counter[Remark]) -> SourceReading:
        fetched, title = self._read(source), "standard input" if source == STDIN else source
        try:
            document = read_document(fetched.content, self._form, gauges=self.selection.gauges, kind=fetched.kind)
        except InvalidCounterFile as error:
            raise _placed(error, _place(title, error.line), _SAY_FORMAT) from error
        left_out = document.left_out.copy()
        counters = dict(self._counters(title, document, places, left_out))
        if not counters:
            raise _empty(title, left_out)
        remarks.update(left_out)
        return SourceReading(source, counters, self._started(source, document))

    def _counters(
        self, title: str, document: SourceDocument, places: dict[str, str], remarks: Counter[Remark]
    ) -> Iterator[tuple[str, int]]:
        for entry in document.entries:
            if not self.selection.takes(entry.name):
                continue
            place = _place(title, entry.line)
            if _NOT_FINITE.fullmatch(entry.number):
                remarks[Remark.NOT_FINITE] += 1
                continue
            value, rounded = _value(entry, place)
            remarks[Remark.ROUNDED] += rounded
            if entry.name in places:
                reason = f"the counter {entry.name!r} is named by {places[entry.name]} too"
                raise _placed(InvalidCounterFile(reason), place)
            places[entry.name] = place
            yield entry.name, value

    def _started(self, source: str, document: SourceDocument) -> float | None:
        if document.started is None and not is_address(source) and source.startswith(_OF_THE_KERNEL):
            return self._boot()
        return document.started


def _value(entry: WrittenCounter, place: str) -> tuple[int, bool]:
    """Return an entry's value under the rules of names and values, and whether it was rounded."""
    try:
        check_counter_name(entry.name)
        return round_value(entry.number)
    except ValueError as error:
        raise _placed(InvalidCounterFile(f"{error} ({entry.name[:100]!r})"), place) from error


def _place(title: str, line: int | None) -> str:
    return title if line is None else f"{title}:{line}"


def _placed(error: InvalidCounterFile, place: str, hint: str = _EXCLUDE) -> InvalidCounterFile:
    placed = InvalidCounterFile(error.reason, error.line)
    placed.where, placed.hint = place, hint
    return placed


def _empty(title: str, remarks: Remarks) -> InvalidCounterFile:
    left_out = "; ".join(remark_text(*each) for each in remarks.items() if each[1])
    error = InvalidCounterFile(f"there is no counter in it{f' ({left_out})' if left_out else ''}")
    error.where = title
    error.hint = "did a command in a pipe fail? Nothing was uploaded; --withdraw withdraws the instance"
    return error
