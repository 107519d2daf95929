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
