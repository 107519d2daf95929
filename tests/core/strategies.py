"""Hypothesis strategies for the values of `countagg.core`."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from hypothesis import strategies as st

from countagg.core.counter_file import MAX_NAME_BYTES
from countagg.core.ledger import Image, Link
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import pack_counters
from countagg.core.values import DECIMALS, INTEGER_DIGITS, SCALE, format_value

DAY = "2026-11-20"
LARGEST_VALUE = 10 ** (INTEGER_DIGITS + DECIMALS) - 1

_BYTE_ORDER_MARK = codecs.BOM_UTF8.decode()
_TRICKY_NAMES = [
    "a",
    "0",
    "-1",
    "1e5",
    "'",
    '"quoted"',
    "\\n",
    "\0",
    "a\u200bb",  # zero width space, which is no white space
    "e\u0301",  # a letter in two code points; its composed form is another counter
    "\u00e9",
    "\U0001f4c8" * 63,
    "n" * MAX_NAME_BYTES,
    "\u20ac" * (MAX_NAME_BYTES // 3),
]


def _is_name(text: str) -> bool:
    return (
        0 < len(text.encode()) <= MAX_NAME_BYTES
        and text.split() == [text]
        and not text.startswith(_BYTE_ORDER_MARK)
    )


def names() -> st.SearchStrategy[str]:
    """Counter names: few short ones that meet often, ASCII, any Unicode, edges."""
    return st.one_of(
        st.sampled_from("abc"),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
        st.text(st.characters(exclude_categories=("Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=12),
        st.sampled_from(_TRICKY_NAMES),
    ).filter(_is_name)


def values() -> st.SearchStrategy[int]:
    """Values in units of 10^-9, whole and broken, up to the edges of the range."""
    return st.one_of(
        st.integers(-20, 20).map(lambda whole: whole * SCALE),
        st.integers(-3 * SCALE, 3 * SCALE),
        st.integers(-LARGEST_VALUE, LARGEST_VALUE),
        st.sampled_from([0, 1, -1, LARGEST_VALUE, -LARGEST_VALUE]),
    )


def value_texts() -> st.SearchStrategy[str]:
    """Every spelling of a value that the rules accept."""
    return st.one_of(
        st.from_regex(r"[+-]?[0-9]{1,24}(?:\.[0-9]{0,9}0{0,3})?", fullmatch=True),
        st.from_regex(r"[+-]?0{0,3}[0-9]{0,9}\.[0-9]{1,4}[eE](?:[+]?0?[0-9]|1[0-5]|-0?[0-5])", fullmatch=True),
        st.from_regex(r"[+-]?\.[0-9]{1,9}", fullmatch=True),
    )


def counter_sets(max_size: int = 6) -> st.SearchStrategy[dict[str, int]]:
    """Contents of files, the empty one among them."""
    return st.dictionaries(names(), values(), max_size=max_size)


def raw_sequencers() -> st.SearchStrategy[str]:
    """Sequencers as S3 may write them: of any length, in either case."""
    return st.text("0123456789ABCDEFabcdef", min_size=1, max_size=32)


def days() -> st.SearchStrategy[str]:
    """Dates of any year that leaves room for retention on both sides."""
    return st.dates(date(1000, 1, 1), date(9000, 12, 31)).map(date.isoformat)


@dataclass(frozen=True)
class WrittenFile:
    """A file as somebody might write it, and what it says."""

    content: bytes
    counters: dict[str, int]


@st.composite
def written_files(draw: st.DrawFn) -> WrittenFile:
    """Files with a byte order mark or without, CRLF or LF, blank lines, odd spacing and odd spelling."""
    counters = draw(counter_sets())
    line_ends = st.sampled_from(["\n", "\r\n"])
    blanks = st.lists(st.sampled_from(["", " ", "\t"]), max_size=2)
    gaps = st.sampled_from([" ", "  ", "\t", " \t "])
    margins = st.sampled_from(["", " ", "\t"])
    lines: list[str] = []
    for name in draw(st.permutations(sorted(counters))):
        lines.extend(draw(blanks))
        lines.append(f"{draw(margins)}{name}{draw(gaps)}{_spelled(draw, counters[name])}{draw(margins)}")
    lines.extend(draw(blanks))
    text = "".join(line + draw(line_ends) for line in lines)
    last_line_is_open = draw(st.booleans())
    if last_line_is_open:
        text = text.removesuffix("\n").removesuffix("\r")
    mark = codecs.BOM_UTF8 if draw(st.booleans()) else b""
    return WrittenFile(mark + text.encode(), counters)


def _spelled(draw: st.DrawFn, value: int) -> str:
    sign, digits = ("-", format_value(-value)) if value < 0 else ("", format_value(value))
    if not sign and draw(st.booleans()):
        sign = "+"
    whole, _, fraction = digits.partition(".")
    exponent = draw(st.integers(-5, 5)) if draw(st.booleans()) else None
    if exponent is not None:
        # The digits of the same number, with the point elsewhere.
        point = len(whole) - exponent
        every = (whole + fraction).rjust(len(whole + fraction) + max(0, -point), "0")
        point = max(point, 0)
        whole, fraction = every[:point].ljust(point, "0"), every[point:]
        return f"{sign}{whole}.{fraction or '0'}e{exponent}"
    whole = whole.zfill(draw(st.integers(len(whole), INTEGER_DIGITS + 3)))
    fraction = fraction.ljust(draw(st.integers(len(fraction), DECIMALS + 3)), "0")
    return f"{sign}{whole}.{fraction}" if fraction or draw(st.booleans()) else f"{sign}{whole}"


def image(number: int, counters: Mapping[str, int]) -> Image:
    """Return the snapshot of an instance's event of that number."""
    return Image(normalise_sequencer(f"{number:018X}"), pack_counters(counters))


def chain(instance: str, contents: Sequence[Mapping[str, int]], day: str = DAY) -> list[Link]:
    """Return the links of an instance whose file had these contents, one after the other."""
    images = [image(number, counters) for number, counters in enumerate(contents, start=1)]
    return [Link(day, instance, old, new) for old, new in zip([None, *images[:-1]], images, strict=True)]


@dataclass(frozen=True)
class Upload:
    """An instance writes its file: its snapshot goes from one image to the next, and a link is emitted."""

    instance: str
    counters: dict[str, int]


@dataclass(frozen=True)
class Delivery:
    """The stream hands over links: positions in all that was emitted so far (modulo their number).

    Any link may be missing, repeated, stale or out of order.
    """

    positions: tuple[int, ...]
    lost_answer: bool
    """The ledger is not stored: another aggregator was faster, or the invocation died."""


def histories() -> st.SearchStrategy[list[Upload | Delivery]]:
    """What happens to a day: uploads of several instances and deliveries by a stream that promises nothing."""
    small = st.dictionaries(
        st.sampled_from(["a", "b", "c"]), st.integers(-3, 3).map(lambda whole: whole * SCALE), max_size=3
    )
    uploads = st.builds(Upload, st.sampled_from(["i-1", "i-2", "i-3"]), st.one_of(small, counter_sets(3)))
    deliveries = st.builds(
        Delivery,
        st.lists(st.integers(0, 11), max_size=6).map(tuple),
        st.sampled_from([False, False, False, True]),
    )
    return st.lists(st.one_of(uploads, deliveries), max_size=20)
