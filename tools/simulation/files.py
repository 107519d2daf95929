"""Counter files of every kind, each with what it says by the input rules.

A file's counters, or the reason and the line for which it is refused, are known from how it was made; the code
under test is not asked.
"""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.values import format_value

UNITS: Final = 10**9
COUNTERS: Final = ("a", "b", "hits", "gr\u00f6\u00dfe", "e")

_TOO_LARGE: Final = b"n 1\n" + b" " * MAX_FILE_BYTES


@dataclass(frozen=True, slots=True)
class File:
    """A file.

    Attributes:
        content: its bytes.
        counters: what it says, in units of 10^-9; None if it is refused.
        reason: a part of the reason for which it is refused.
        line: the line that is to blame, if one is.
    """

    content: bytes
    counters: Mapping[str, int] | None
    reason: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.counters is None:
            return f"a file that is refused ({self.reason})"
        return shown(self.counters)


def shown(counters: Mapping[str, int]) -> str:
    """Write counters for people, on one line."""
    return " ".join(f"{name}={format_value(value)}" for name, value in sorted(counters.items())) or "nothing"


def good_file(random: Random) -> File:
    """Make a file that the rules accept, in any spelling."""
    count = random.choice((0, 1, 1, 2, 3, len(COUNTERS)))
    lines, counters = [], {}
    for name in random.sample(COUNTERS, count):
        text, value = _spelled(random)
        lines.append(f"{name}{random.choice((' ', '  ', chr(9)))}{text}")
        counters[name] = value
    if random.random() < 0.2:
        lines.insert(random.randint(0, len(lines)), "")
    end = random.choice(("\n", "\n", "\r\n"))
    text = end.join(lines) + random.choice((end, "")) if lines else ""
    mark = codecs.BOM_UTF8 if random.random() < 0.1 else b""
    if not counters:
        text, counters = "e 0", {"e": 0}
    return File(mark + text.encode(), counters)


def _spelled(random: Random) -> tuple[str, int]:
    whole, decimals = random.randint(0, 9), random.choice((0, 0, 0, 1, 9))
    fraction = random.randint(0, 10**decimals - 1)
    sign = random.choice(("", "", "-", "+"))
    value = (whole * 10**decimals + fraction) * 10 ** (9 - decimals)
    digits = f"{whole}.{fraction:0{decimals}d}" if decimals else f"{whole}"
    return f"{sign}{digits}", -value if sign == "-" else value


def in_another_form(random: Random, file: File) -> File:
    """Return a file gzip'd, in one member or two; or one that a failed command left of it, which says nothing."""
    chance = random.random()
    if chance < 0.1:
        return File(random.choice((b"", b"\r\n", gzip.compress(b"", mtime=0))), None, "has no counter")
    # Of a file that is too large, that is told before its end is missed.
    if chance < 0.2 and len(file.content) <= MAX_FILE_BYTES:
        return File(gzip.compress(file.content, mtime=0)[: -random.randint(1, 9)], None, "cut short")
    cut = random.randint(0, len(file.content))
    members = (file.content[:cut], file.content[cut:]) if chance < 0.4 else (file.content,)
    return replace(file, content=b"".join(gzip.compress(each, mtime=0) for each in members))


def changed_file(random: Random) -> File:
    """Make a file with a counter that no other file has."""
    value = random.randint(1, 10**9)
    return File(f"healed{value} {value}\n".encode(), {f"healed{value}": value * UNITS})


def respelled(random: Random, file: File) -> File:
    """Return a file that says the same, now and then in other bytes."""
    if file.counters is None or random.random() < 0.7:
        return file
    return File(file.content + b"\n", file.counters)


def bad_file(random: Random) -> File:
    """Make a file that the rules refuse."""
    return random.choice(_BAD)(random)


def _malformed(random: Random) -> File:
    good = random.randint(0, 3)
    lines = [f"c{number} 1" for number in range(good)] + [random.choice(("alone", "a 1 2"))]
    return File("\n".join(lines).encode(), None, "is not COUNTER VALUE", good + 1)


def _repeated(_: Random) -> File:
    return File(b"a 1\n\na 1\n", None, "is repeated", 3)


def _no_number(random: Random) -> File:
    text = random.choice(("NaN", "inf", "1e", "0x1", "1_0"))
    return File(f"b 1\na {text}\n".encode(), None, "is not a decimal number", 2)


def _not_utf8(_: Random) -> File:
    return File(b"a 1\nb 1\n\xff 3\n", None, "not UTF-8", 3)


def _too_large(random: Random) -> File:
    return File(_TOO_LARGE, None, "at most") if random.random() < 0.05 else _malformed(random)


_BAD: Final[tuple[Callable[[Random], File], ...]] = (_malformed, _repeated, _no_number, _not_utf8, _too_large)
