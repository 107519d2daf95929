"""Counter values: exact decimals, kept as whole numbers of 10^-9.

Sums of any length stay exact, without the rounding context that `decimal.Decimal` arithmetic depends on.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

DECIMALS: Final = 9
INTEGER_DIGITS: Final = 24
SCALE: Final = 10**DECIMALS

_NUMBER = re.compile(r"[+-]?(?=\.?[0-9])[0-9]*(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,4})?")
_LONGEST: Final = 255
"""Characters of a value; with them, and with four digits of exponent, arithmetic stays small and exact."""
_EXACT: Final = Context(prec=2 * _LONGEST)
_OUT_OF_RANGE: Final = f"is out of range: at most {INTEGER_DIGITS} digits before the point"
_SUM = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,9}))?")


def parse_value(text: str) -> int:
    """Read a decimal number in any usual form, such as `42`, `-7`, `.25`, `5.` or `1e5`. Nothing is rounded.

    Returns:
        The value in units of 10^-9.

    Raises:
        ValueError: it is no decimal number, has more than 24 digits before the point, or does not end with the
            ninth decimal.
    """
    if len(text) <= INTEGER_DIGITS and text.isascii() and text.isdigit():
        return int(text) * SCALE
    units = _in_units(text)
    if units != units.to_integral_value():
        raise ValueError(f"value {_shown(text)} has more than {DECIMALS} decimals")
    return int(units)


def round_value(text: str) -> tuple[int, bool]:
    """Read a decimal number as `parse_value` does, and round what goes beyond the ninth decimal half to even.

    Returns:
        The value in units of 10^-9, and whether it was rounded.

    Raises:
        ValueError: it is no decimal number, or has more than 24 digits before the point.
    """
    units = _in_units(text)
    rounded = units.to_integral_value(ROUND_HALF_EVEN)
    if rounded.adjusted() >= INTEGER_DIGITS + DECIMALS:
        raise ValueError(f"value {_shown(text)} {_OUT_OF_RANGE}")
    return int(rounded), rounded != units


def _in_units(text: str) -> Decimal:
    if len(text) > _LONGEST:
        raise ValueError(f"value {_shown(text)} has more than {_LONGEST} characters")
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"value {_shown(text)} is not a decimal number")
    units = Decimal(text).scaleb(DECIMALS, _EXACT)
    if units and units.adjusted() >= INTEGER_DIGITS + DECIMALS:
        raise ValueError(f"value {_shown(text)} {_OUT_OF_RANGE}")
    return units


def parse_sum(text: str) -> int:
    """Read a sum that `format_value` wrote. Sums of accepted values may have more digits than a value may.

    Returns:
        The sum in units of 10^-9.

    Raises:
        ValueError: it is not a plain decimal number with at most 9 digits after the point.
    """
    match = _SUM.fullmatch(text)
    if match is None:
        raise ValueError(f"sum {text[:INTEGER_DIGITS]!r} is not a decimal number")
    sign, whole, fraction = match.groups()
    value = int(whole) * SCALE + int((fraction or "").ljust(DECIMALS, "0"))
    return -value if sign == "-" else value


def _shown(text: str) -> str:
    return repr(text if len(text) <= INTEGER_DIGITS else f"{text[:INTEGER_DIGITS]}...")


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
