"""Counter files: lines of `COUNTER VALUE`, read under the input rules and written in one canonical form.

The rules: UTF-8, as it is or gzip'd; a byte order mark, CRLF and blank lines are fine. A name has 1 to 255 bytes
and no white space; a value is a decimal number (`values`). A malformed line or a repeated counter refuses the
whole file, and so does a file without a counter: a command that failed leaves it, not an instance that withdraws.
There are no comments: `#` is a character like any other, so that no line is left out without a word.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Final

from countagg.core.errors import InvalidCounterFile
from countagg.core.gzipped import GZIP_MAGIC, gunzip
from countagg.core.values import SCALE, format_value, parse_value

MAX_FILE_BYTES: Final = 5 * 1024 * 1024
"""Largest file that is read at all, also once it is decompressed; about 200,000 counters."""

MAX_LINES: Final = 250_000
"""More counters than fit into a snapshot, and no more than the processor has memory for."""

DEFAULT_MAX_COUNTERS: Final = 20_000
"""Counters of a file, unless the operator chooses otherwise: as many as are published within one invocation."""

MAX_NAME_BYTES: Final = 255

_USUAL: Final = re.compile(rb"(?:[!-~]{1,255} [0-9]{1,24}\n)*+")
"""What instances write day in, day out: visible ASCII names, whole numbers, no line to complain of but a repeated
one. It is read at four times the speed."""

_OTHER_FORMS: Final = {
    GZIP_MAGIC: "the file is compressed by gzip twice: once is enough",
    b"\x28\xb5\x2f\xfd": "the file is compressed by zstd: upload it as it was before",
    b"BZh": "the file is compressed by bzip2: upload it as it was before",
    b"\xfd7zXZ": "the file is compressed by xz: upload it as it was before",
    b"PK\x03\x04": "the file is a zip archive: upload what is in it",
    codecs.BOM_UTF16_LE: "the file is UTF-16: save it as UTF-8",
    codecs.BOM_UTF16_BE: "the file is UTF-16: save it as UTF-8",
}
"""What a file that is not UTF-8 is instead, by its first bytes."""

_OTHER_LINES: Final = (
    (re.compile(r".*\0"), "the file looks like UTF-16; save it as UTF-8"),
    (re.compile(r"#"), "counter files have no comments"),
    (re.compile(r"[{\[]"), "counter files are not JSON"),
    (re.compile(r"\S+?\s*[:=,;]\s*[+-]?\.?[0-9]"), "write NAME VALUE, with a space between them and nothing else"),
    (re.compile(r"\S+\s+[+-]?\.?[0-9]\S*\s+\S"), "a line has no third word, such as a unit or a time"),
)
"""What a line that is not COUNTER VALUE may be instead; the first that fits counts."""

_BYTE_ORDER_MARK: Final = codecs.BOM_UTF8.decode()
_PROBED: Final = 300
_SHOWN: Final = 40


def parse_counter_file(content: bytes, max_counters: int = MAX_LINES) -> dict[str, int]:
    """Read a counter file, which names one counter at least.

    Args:
        content: of the file, as it is or gzip'd.
        max_counters: how many it may have.

    Returns:
        Counter names with their values in units of 10^-9, in the file's order.

    Raises:
        InvalidCounterFile: a rule is broken; with the line number where one line is to blame.
    """
    counters = parse_counters(content, max_counters)
    if not counters:
        raise InvalidCounterFile(
            "the file has no counter; to withdraw an instance, delete its object: `countagg upload --withdraw`"
        )
    return counters


def parse_counters(content: bytes, max_counters: int = MAX_LINES) -> dict[str, int]:
    """Read lines in the form of a counter file, or none.

    Args:
        content: of the file, as it is or gzip'd.
        max_counters: how many it may have.

    Returns:
        Counter names with their values in units of 10^-9, in the file's order.

    Raises:
        InvalidCounterFile: a rule is broken; with the line number where one line is to blame.
    """
    if len(content) > MAX_FILE_BYTES:
        raise InvalidCounterFile(f"the file has {len(content)} bytes; at most {MAX_FILE_BYTES} are read")
    if content.startswith(GZIP_MAGIC):
        content = _decompress(content)
    lines = content.count(b"\n")
    if lines > MAX_LINES:
        raise InvalidCounterFile(f"the file has {lines} lines; at most {MAX_LINES} are read")
    if _USUAL.fullmatch(content) is not None:
        # A line each, so that one with too many is not read at all.
        _check_count(lines, max_counters)
        words = content.decode().split()
        counters = dict(zip(words[::2], [int(text) * SCALE for text in words[1::2]], strict=True))
        if 2 * len(counters) == len(words):
            return counters
    return _parse_lines(_decode(content), max_counters)


def _decompress(content: bytes) -> bytes:
    try:
        return gunzip(content, MAX_FILE_BYTES)
    except ValueError as error:
        raise InvalidCounterFile(str(error)) from error


def _check_count(counters: int, max_counters: int) -> None:
    if counters > max_counters:
        raise InvalidCounterFile(
            f"the file has more than {max_counters} counters; raise it with `setup --max-counters`"
        )


def _parse_lines(text: str, max_counters: int) -> dict[str, int]:
    """Read line by line, for files that are unusual, and to tell which line is to blame."""
    counters: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        # Two words and the rest: a line of millions of words is one wrong line.
        words = line.split(None, 2)
        if not words:
            continue
        if len(words) != 2:  # noqa: PLR2004 - a name and a value
            raise InvalidCounterFile(f"{_shorten(line)!r} is not COUNTER VALUE{_likely_cause(line)}", number)
        name, text = words
        if name in counters:
            raise InvalidCounterFile(f"the counter {_shorten(name)!r} is repeated", number)
        try:
            if len(name) > MAX_NAME_BYTES or not name.isascii():
                check_counter_name(name)
            counters[name] = parse_value(text)
            _check_count(len(counters), max_counters)
        except ValueError as error:
            raise InvalidCounterFile(f"{error}{_likely_cause(line)}", number) from error
    return counters


def _likely_cause(line: str) -> str:
    """Return what a refused line may be instead, as the end of a sentence; empty if there is nothing to say."""
    begin = line.strip()[:_PROBED]
    return next((f": {cause}" for form, cause in _OTHER_LINES if form.match(begin)), "")


def check_counter_name(name: str) -> None:
    """Refuse a name that no counter can have.

    Raises:
        ValueError: with the reason.
    """
    if name.split() != [name]:
        raise ValueError(f"the name {_shorten(name)!r} is empty or has white space in it")
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        raise ValueError(f"the name {_shorten(name)!r} is not UTF-8") from error
    if size > MAX_NAME_BYTES:
        raise ValueError(f"the name {_shorten(name)!r} has more than {MAX_NAME_BYTES} bytes")
    # At the start of a published file it would be lost.
    if name.startswith(_BYTE_ORDER_MARK):
        raise ValueError(f"the name {_shorten(name)!r} begins with a byte order mark")


def _decode(content: bytes) -> str:
    body = content.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        for start, reason in _OTHER_FORMS.items():
            if content.startswith(start):
                raise InvalidCounterFile(reason) from error
        line = body.count(b"\n", 0, error.start) + 1
        raise InvalidCounterFile("the line is not UTF-8", line) from error


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def render_counters(counters: Mapping[str, int]) -> bytes:
    r"""Write counters in the canonical form: `NAME VALUE\n`, sorted by name, values in their shortest form."""
    return b"".join(f"{name} {format_value(counters[name])}\n".encode() for name in sorted(counters))


def read_canonical(content: bytes) -> dict[str, int]:
    """Read what `render_counters` wrote, without checking the rules again."""
    return {name: read_canonical_value(text) for name, text in split_canonical(content).items()}


def split_canonical(content: bytes) -> dict[str, str]:
    """Split what `render_counters` wrote into names with their values as they are written.

    Raises:
        ValueError: it is something else.
    """
    words = content.decode().split()
    return dict(zip(words[::2], words[1::2], strict=True))


def read_canonical_value(text: str) -> int:
    """Read a value in its shortest form, in units of 10^-9."""
    return int(text) * SCALE if text.isdigit() else parse_value(text)
