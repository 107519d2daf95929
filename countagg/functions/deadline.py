"""The end of an invocation: what does not fit before it is left to the next one."""

from __future__ import annotations

from collections.abc import Callable

from countagg.functions.clients import SLOWEST_CALL_MILLISECONDS

RemainingMilliseconds = Callable[[], int]
"""How long the invocation may still take."""


class OutOfTime(Exception):
    """The invocation ends soon; what is left of its work is left to the next one."""


def has_time(remaining: RemainingMilliseconds, calls: int) -> bool:
    """Tell whether so many calls fit into what is left, however slow they are."""
    return remaining() >= calls * SLOWEST_CALL_MILLISECONDS


def require_time(remaining: RemainingMilliseconds, calls: int) -> None:
    """Go on only if so many calls fit into what is left.

    Raises:
        OutOfTime: they do not.
    """
    if not has_time(remaining, calls):
        raise OutOfTime(f"{remaining()} ms left; a slow call may take {SLOWEST_CALL_MILLISECONDS}")
