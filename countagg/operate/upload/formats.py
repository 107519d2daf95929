"""Formats of counters: recognised by their content, and read into names with numbers as they are written.

This module knows text. What a number may be, and which names are wanted, is decided by whoever reads on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, Final

from countagg.core.errors import InvalidCounterFile
from countagg.core.gzipped import GZIP_MAGIC, gunzip
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.upload.exposition import Exposition, read_exposition
from countagg.operate.upload.remarks import Remark
from countagg.operate.upload.series import plain_name

MAX_SOURCE_BYTES: Final = 32 * 1024 * 1024
"""Of a source, also of what a compressed one holds. What exporters write is several times what is made of it."""

_DEEPEST: Final = 50
_SHOWN: Final = 60

_GAUGES_OF_PROC: Final = frozenset(
    {
        "Ip.Forwarding",
        "Ip.DefaultTTL",
        "Tcp.RtoAlgorithm",
        "Tcp.RtoMin",
        "Tcp.RtoMax",
        "Tcp.MaxConn",
        "Tcp.CurrEstab",
    }
)
"""What counts nothing in /proc/net/snmp: the INTEGER and Gauge32 objects of RFC 4293 and RFC 4022."""

_COMMENT = re.compile(r"#\s*(?:TYPE|HELP|UNIT|EOF)\b")
_PROC = re.compile(r"(\w+):((?:\s+[A-Za-z]\w*)+)\s*")
_COUNTER = re.compile(r"\S*[^\s=:]\s+[+-]?(?:[.0-9]|inf|nan)\S*\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:(?=\.?[0-9])[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?|inf|infinity|nan)", re.IGNORECASE)


class Format(StrEnum):
    """How a source writes its counters."""

    AUTO = "auto"
    COUNTERS = "counters"
    PROMETHEUS = "prometheus"
    JSON = "json"
    KEYVALUE = "keyvalue"
    PROC = "proc"


@dataclass(frozen=True, slots=True)
class WrittenCounter:
    """A counter as a source writes it.

    Attributes:
        name: of the counter.
        number: as it is written.
        line: in the source, counted from 1; None where the format has no lines.
    """

    name: str
    number: str
    line: int | None = None


@dataclass(slots=True)
class SourceDocument:
    """What a source says.

    Attributes:
        entries: in the source's order.
        started: since when its numbers count, in seconds since 1970; None if it does not say.
        left_out: how many of what kind were left out.
    """

    entries: list[WrittenCounter] = field(default_factory=list)
    started: float | None = None
    left_out: Counter[Remark] = field(default_factory=Counter)


def read_document(
    content: bytes, form: Format = Format.AUTO, *, gauges: bool = False, kind: str = ""
) -> SourceDocument:
    """Read what a source says.

    Args:
        content: as it came, maybe compressed by gzip.
        form: of the content; by default it is recognised.
        gauges: whether to take what is known to be no counter, too.
        kind: the media type that came with it; empty if there was none.

    Raises:
        InvalidCounterFile: it cannot be read; with the line where one is to blame.
    """
    text = _decode(_unzip(content))
    if form is Format.AUTO:
        form = recognise(text, kind)
    if form is Format.PROMETHEUS:
        exposition = read_exposition(text, openmetrics="openmetrics" in kind or _ends_as_openmetrics(text))
        return _of_exposition(exposition, gauges=gauges)
    document = SourceDocument()
    try:
        _READERS[form](text, document)
    except InvalidCounterFile as error:
        raise InvalidCounterFile(f"{error.reason}; it was read as {form}", error.line) from error
    if form is Format.PROC and not gauges:
        taken = [each for each in document.entries if each.name not in _GAUGES_OF_PROC]
        document.left_out[Remark.NO_COUNTER] += len(document.entries) - len(taken)
        document.entries = taken
    return document


def recognise(text: str, kind: str = "") -> Format:
    """Return the format of a text, by the first lines that tell.

    Args:
        text: of the source.
        kind: the media type that came with it; empty if there was none.
    """
    begin = text.lstrip()
    if begin.startswith("{") or "json" in kind:
        return Format.JSON
    if "openmetrics" in kind or "version=0.0.4" in kind:
        return Format.PROMETHEUS
    for _, line in _lines(begin):
        if _COMMENT.match(line):
            return Format.PROMETHEUS
        if line.startswith("#"):
            continue
        if _PROC.fullmatch(line):
            return Format.PROC
        return Format.KEYVALUE if not _COUNTER.fullmatch(line) and _split_pair(line) else Format.COUNTERS
    return Format.COUNTERS


def _ends_as_openmetrics(text: str) -> bool:
    return text.endswith(("# EOF", "# EOF\n"))


def _unzip(content: bytes) -> bytes:
    try:
        return gunzip(content, MAX_SOURCE_BYTES) if content.startswith(GZIP_MAGIC) else content
    except ValueError as error:
        raise InvalidCounterFile(str(error)) from error


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCounterFile("it is not UTF-8", content.count(b"\n", 0, error.start) + 1) from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not blank, with their numbers."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.strip()


def _shorten(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def _read_counters(text: str, document: SourceDocument) -> None:
    for number, line in _lines(text):
        words = line.split(None, 2)
        if len(words) != 2:  # noqa: PLR2004 - a name and a value
            raise InvalidCounterFile(f"{_shorten(line)} is not NAME VALUE", number)
        document.entries.append(WrittenCounter(words[0], words[1], number))


def _read_pairs(text: str, document: SourceDocument) -> None:
    for number, line in _lines(text):
        if line.startswith("#"):
            continue
        pair = _split_pair(line)
        if pair is None:
            raise InvalidCounterFile(f"{_shorten(line)} is neither name=value nor name: value", number)
        name, value = pair
        if _NUMBER.fullmatch(value):
            document.entries.append(WrittenCounter(plain_name(name), value, number))
        else:
            document.left_out[Remark.NO_NUMBER] += 1


def _split_pair(line: str) -> tuple[str, str] | None:
    """Return name and value of a line; None if it has no sign between them, or no name before it."""
    at = min((found for found in map(line.find, "=:") if found >= 0), default=0)
    name = line[:at].strip()
    return (name, line[at + 1 :].strip()) if name else None


def _read_proc(text: str, document: SourceDocument) -> None:
    lines = _lines(text)
    for number, line in lines:
        header = line.split()
        at, values = next(lines, (number, ""))
        words = values.split()
        if not header[0].endswith(":") or words[:1] != header[:1] or len(words) != len(header):
            raise InvalidCounterFile(f"{_shorten(line)} has no line of as many values below it", at)
        for name, word in zip(header[1:], words[1:], strict=True):
            document.entries.append(WrittenCounter(f"{header[0][:-1]}.{name}", word, at))


def _read_json(text: str, document: SourceDocument) -> None:
    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        entries = dict(found)
        if len(entries) != len(found):
            [repeated, *_] = (name for name, times in Counter(name for name, _ in found).items() if times > 1)
            raise InvalidCounterFile(f"the key {_shorten(repeated)} is repeated")
        return entries

    try:
        # Numbers stay as they are written.
        content = json.loads(
            text,
            parse_int=_WrittenNumber,
            parse_float=_WrittenNumber,
            parse_constant=_WrittenNumber,
            object_pairs_hook=pairs,
        )
    except json.JSONDecodeError as error:
        raise InvalidCounterFile(error.msg, error.lineno) from error
    except RecursionError as error:
        raise InvalidCounterFile(_TOO_DEEP) from error
    if not isinstance(content, dict):
        raise InvalidCounterFile("the JSON is not an object")
    _read_object(content, (), document)


_TOO_DEEP: Final = f"the JSON is nested more than {_DEEPEST} deep"


class _WrittenNumber(str):
    """A number of JSON's, as it is written."""

    __slots__ = ()


def _read_object(content: Mapping[str, Any], above: tuple[str, ...], document: SourceDocument) -> None:
    if len(above) >= _DEEPEST:
        raise InvalidCounterFile(_TOO_DEEP)
    for key, value in content.items():
        path = (*above, key)
        if isinstance(value, dict):
            _read_object(value, path, document)
        elif isinstance(value, _WrittenNumber):
            document.entries.append(WrittenCounter(plain_name(".".join(path)), str(value)))
        else:
            document.left_out[Remark.NO_NUMBER] += 1


_READERS: Final[Mapping[Format, Callable[[str, SourceDocument], None]]] = {
    Format.COUNTERS: _read_counters,
    Format.JSON: _read_json,
    Format.KEYVALUE: _read_pairs,
    Format.PROC: _read_proc,
}


def _of_exposition(exposition: Exposition, *, gauges: bool) -> SourceDocument:
    document = SourceDocument(started=exposition.started)
    for each in exposition.entries:
        if each.is_counter or gauges:
            document.entries.append(WrittenCounter(each.name, each.number))
        else:
            document.left_out[Remark.NO_COUNTER] += 1
    return document
