"""Counter values: exact decimals, kept as whole numbers of 10^-9.

Sums of any length stay exact, without the rounding context that `decimal.Decimal` arithmetic depends on.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

DECIMALS: Final = 9
INTEGER_DIGITS: Final = 24
SCALE: Final = 10**DECIMALS

_DECIMAL = re.compile(r"([+-]?)([0-9]{1,24})(?:\.([0-9]{1,9}))?")
_SUM = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,9}))?")


def parse_value(text: str) -> int:
    """Read a decimal number such as `42`, `-7` or `0.25`.

    Returns:
        The value in units of 10^-9.

    Raises:
        ValueError: it is not a plain decimal number with at most 24 digits before the point and 9 after it.
    """
    if len(text) <= INTEGER_DIGITS and text.isascii() and text.isdigit():
        return int(text) * SCALE
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise ValueError(_complaint(text))
    return _units(found)


def parse_sum(text: str) -> int:
    """Read a sum that `format_value` wrote. Sums of accepted values may have more digits than a value may.

    Returns:
        The sum in units of 10^-9.

    Raises:
        ValueError: it is not a plain decimal number with at most 9 digits after the point.
    """
    found = _SUM.fullmatch(text)
    if found is None:
        raise ValueError(f"sum {text[:INTEGER_DIGITS]!r} is not a decimal number")
    return _units(found)


def _units(found: re.Match[str]) -> int:
    sign, whole, fraction = found.groups()
    value = int(whole) * SCALE + int((fraction or "").ljust(DECIMALS, "0"))
    return -value if sign == "-" else value


def _complaint(text: str) -> str:
    shown = text if len(text) <= INTEGER_DIGITS else f"{text[:INTEGER_DIGITS]}..."
    if re.fullmatch(r"[+-]?[0-9]{25,}(\.[0-9]+)?", text):
        return f"value {shown!r} is out of range: at most {INTEGER_DIGITS} digits before the point"
    if re.fullmatch(r"[+-]?[0-9]+\.[0-9]{10,}", text):
        return f"value {shown!r} has more than {DECIMALS} decimals"
    return f"value {shown!r} is not a decimal number"


def format_value(value: int) -> str:
    """Write a value in its shortest form: no sign but `-`, no trailing zeros, no point without decimals.

    Args:
        value: in units of 10^-9.
    """
    if value % SCALE == 0:
        return str(value // SCALE)
    whole, fraction = divmod(abs(value), SCALE)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{fraction:09d}".rstrip("0")


def to_number(value: int) -> int | Decimal:
    """Return the value as a number for output: an int when it is whole, else an exact Decimal."""
    if value % SCALE == 0:
        return value // SCALE
    return Decimal(format_value(value))
