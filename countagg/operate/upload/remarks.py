"""Remarks: what happened to numbers on their way, so that none is changed or left out without a word."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Remark(StrEnum):
    """What happened, as JSON calls it."""

    ROUNDED = "rounded"
    NOT_FINITE = "not_finite"
    NO_NUMBER = "no_number"
    NO_COUNTER = "no_counter"
    NEGATIVE = "negative"
    RESTARTED = "restarted"
    FROM_NOW_ON = "from_now_on"
    DAYS_GIVEN_UP = "days_given_up"


Remarks = Mapping[Remark, int]
"""How often each happened."""

_TEXTS: Final = {
    Remark.ROUNDED: "rounded to nine decimals",
    Remark.NOT_FINITE: "left out, NaN or infinite",
    Remark.NO_NUMBER: "left out, not a number",
    Remark.NO_COUNTER: "left out, not a counter (--gauges takes them)",
    Remark.NEGATIVE: "left out, negative and so not a counter",
    Remark.RESTARTED: "below the last reading, counting from zero",
    Remark.FROM_NOW_ON: "counting from now on, as their source began before today or does not say when",
    Remark.DAYS_GIVEN_UP: "days given up, too long over to be uploaded",
}


def remark_text(remark: Remark, times: int) -> str:
    """Return a remark in words."""
    return f"{_TEXTS[remark]}: {times:,}"
