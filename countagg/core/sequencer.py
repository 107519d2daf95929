"""S3 sequencers in a form whose string order is the order of events of one key.

AWS's user guide says to pad the shorter of two sequencers on the left, its knowledge centre says on the right
(docs/aws-facts.md#s3-events). Observed values begin with the time in seconds, so that only padding on the right
keeps time aligned; for equal lengths both rules agree. The rule stands here alone.

Here is also when a sequencer comes after every event that S3 can tell of by now. Somebody wrote it by hand then,
and it freezes its instance: no upload would ever replace that snapshot. A sequencer of S3's begins with `00` and
the time in seconds, so the first ten digits are seconds, for many centuries. Some engines that speak S3's language
begin with eight digits of seconds, or with sixteen of nanoseconds; such a time counts if S3 existed then. Whatever
has neither form, or a time that is yet to come, comes after every event.
"""

from __future__ import annotations

import re
from typing import Final

from countagg.core.errors import InvalidEvent

WIDTH: Final = 32
"""Hex digits of a normalised sequencer; observed ones have 18."""

_HEX = re.compile(r"[0-9A-Fa-f]{1,32}")
_NORMALISED = re.compile(r"[0-9A-F]{32}")

_SINCE: Final = 1_136_073_600
"""Seconds since 1970: the year in which S3 began, 2006."""
_NANOSECONDS: Final = 10**9


def normalise_sequencer(text: str) -> str:
    """Return the sequencer in upper case, padded with zeros on the right to `WIDTH` digits.

    Raises:
        InvalidEvent: it is not a hexadecimal number of at most `WIDTH` digits.
    """
    if _HEX.fullmatch(text) is None:
        raise InvalidEvent(f"sequencer {text[:64]!r} is not a hexadecimal number of 1 to {WIDTH} digits")
    return text.upper().ljust(WIDTH, "0")


def is_normalised(text: str) -> bool:
    """Tell whether a text has the form of a normalised sequencer."""
    return _NORMALISED.fullmatch(text) is not None


def sequencer_after(*known: str) -> str:
    """Return the normalised sequencer that comes right after the latest of the given ones.

    S3's own have fewer than `WIDTH` digits, so that any later one of S3's comes after it too.

    Args:
        known: normalised sequencers; after none comes the first of all.

    Raises:
        InvalidEvent: there is none after it.
    """
    number = max((int(each, 16) for each in known), default=0) + 1
    return normalise_sequencer(f"{number:0{WIDTH}X}")


def sequencer_before(sequencer: str) -> str:
    """Return the normalised sequencer right before a given one, and after any earlier one of S3's."""
    return f"{max(0, int(sequencer, 16) - 1):0{WIDTH}X}"


def sequencer_problem(text: str, until: int) -> str | None:
    """Tell why a stored sequencer cannot be that of an event; None if it can.

    Args:
        text: as it is stored.
        until: seconds since 1970, later than any event by now, however wrong a clock is.
    """
    if not is_normalised(text) or not int(text, 16):
        return "is no normalised sequencer"
    if int(text[:10], 16) <= until:
        return None
    seconds, nanoseconds = int(text[:8], 16), int(text[:16], 16)
    if _SINCE <= seconds <= until or _SINCE <= nanoseconds // _NANOSECONDS <= until:
        return None
    return "is later than any event"
