"""Sums by plain decimal arithmetic, independent of the functions' own."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Context, Decimal, localcontext
from typing import Final

from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.snapshot import unpack_canonical

_WIDE: Final = Context(prec=200)
"""More digits than the sum of any number of values has."""

_DECIMALS: Final = 9


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of a day: counter -> sum, and counter -> number of files that name it."""

    values: Mapping[str, Decimal]
    files: Mapping[str, int]


def lines_of(packed: bytes) -> dict[str, Decimal]:
    """Return the counters of a packed file.

    Raises:
        CorruptDocument: it cannot be read.
    """
    try:
        words = unpack_canonical(packed).decode().split()
        return dict(zip(words[::2], map(Decimal, words[1::2]), strict=True))
    except (ValueError, ArithmeticError) as error:
        raise CorruptDocument(f"the lines cannot be read: {error!r}") from error


def lines_or_none(packed: bytes) -> dict[str, Decimal] | None:
    """Return the counters of a packed file; None if it cannot be read."""
    try:
        return lines_of(packed)
    except CorruptDocument:
        return None


def add_up(files: Iterable[bytes]) -> Sums:
    """Add up packed files."""
    values: defaultdict[str, Decimal] = defaultdict(Decimal)
    named: Counter[str] = Counter()
    with localcontext(_WIDE):
        for packed in files:
            lines = lines_of(packed)
            named.update(lines.keys())
            for counter, value in lines.items():
                values[counter] += value
    return Sums(dict(values), dict(named))


def total_of(values: Iterable[Decimal]) -> Decimal:
    """Add up values."""
    with localcontext(_WIDE):
        return sum(values, Decimal(0))


def share_of(value: Decimal, total: Decimal) -> Decimal:
    """Return how much of a total, which is not 0, a value is; 1 for all of it, rounded to six places."""
    return _WIDE.divide(value, total).quantize(Decimal("0.000001"), context=_WIDE)


def exact(value: int) -> Decimal:
    """Return a value in units of 10^-9 as a decimal."""
    return Decimal(value).scaleb(-_DECIMALS, _WIDE)


def in_units(value: Decimal) -> int:
    """Return a decimal of at most nine places as a value in units of 10^-9."""
    return int(value.scaleb(_DECIMALS, _WIDE))
