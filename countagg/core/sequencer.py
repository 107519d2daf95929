"""S3 sequencers in a form whose string order is the order of events of one key.

AWS's user guide says to pad the shorter of two sequencers on the left, its knowledge centre says on the right
(AWS-FACTS section 1). Observed values begin with the time in seconds, so that only padding on the right keeps
time aligned; for equal lengths both rules agree. The rule stands here alone.
"""

from __future__ import annotations

import re
from typing import Final

from countagg.core.errors import InvalidEvent

WIDTH: Final = 32
"""Hex digits of a normalised sequencer; observed ones have 18."""

_HEX = re.compile(r"[0-9A-Fa-f]{1,32}")


def normalise_sequencer(text: str) -> str:
    """Return the sequencer in upper case, padded with zeros on the right to `WIDTH` digits.

    Raises:
        InvalidEvent: it is not a hexadecimal number of at most `WIDTH` digits.
    """
    if _HEX.fullmatch(text) is None:
        raise InvalidEvent(f"sequencer {text[:64]!r} is not a hexadecimal number of 1 to {WIDTH} digits")
    return text.upper().ljust(WIDTH, "0")


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
