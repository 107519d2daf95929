"""How long a call waits before it is given up and tried again.

Ten seconds are much for a small request, and not enough to send a large one on a slow line: the kernel takes a
megabyte into its buffers at once, and what is waited for is then the answer to a request most of which has not yet
left this machine. botocore's time-out of connecting also holds while the request is sent (urllib3's `Timeout`).
"""

from __future__ import annotations

from typing import Final

from countagg.core.lazy_dataclass import dataclass

SLOWEST_LINE: Final = 32_000
"""Bytes a second that a line carries at least: half of what a line of 512 kbit/s does."""


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """Time-outs in seconds, and how often a call is tried.

    Attributes:
        connect: for the connection, and for each part of a request to leave.
        read: for the answer to begin, and for each part of it to follow.
        attempts: of each call. They are set because botocore's default changed in 2026 (docs/aws-facts.md#boto3).
    """

    connect: int = 3
    read: int = 10
    attempts: int = 5


USUAL: Final = TimeOuts()
_ATTEMPTS: Final = 3
"""Of a large request, which takes minutes where it fails for slowness: another time it would not be quicker."""


def time_outs_of(size: int) -> TimeOuts:
    """Return the time-outs for a request.

    They double until the slowest line has time enough, so that a fleet of files of all sizes needs few clients.

    Args:
        size: bytes that are sent.
    """
    needed, seconds = size / SLOWEST_LINE, USUAL.read
    if needed <= seconds:
        return USUAL
    while seconds < USUAL.read + needed:
        seconds *= 2
    return TimeOuts(connect=seconds, read=seconds, attempts=_ATTEMPTS)
