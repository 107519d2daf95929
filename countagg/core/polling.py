"""Polling: look, pause and look again, until something is so or nobody waits any longer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Final

from countagg.core.lazy_dataclass import dataclass

SETTLE_SECONDS: Final = 30.0
"""After which what is still on its way through the pipeline counts as wrong, if nobody says otherwise."""
_GROWTH: Final = 1.6


@dataclass(frozen=True, slots=True)
class Polling:
    """How long to wait, and by which clock.

    Attributes:
        timeout: seconds after the first look at which the last one is.
        sleep: pauses for so many seconds.
        clock: seconds from any start, never going back.
    """

    timeout: float = math.inf
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def looks(self, pause: float, longest: float = 0.0) -> Iterator[None]:
        """Yield before each look. The first is at once; whoever has seen enough leaves off.

        Args:
            pause: seconds between the first two looks.
            longest: to which later pauses grow; those are as long as the first if it is less.
        """
        yield
        end = self.clock() + self.timeout
        while (now := self.clock()) < end:
            self.sleep(min(pause, end - now))
            yield
            pause = max(pause, min(pause * _GROWTH, longest))

    def until(self, ready: Callable[[], bool], pause: float, longest: float = 0.0) -> bool:
        """Look until something is ready; tell whether it was in time. Pauses are those of `looks`."""
        return any(ready() for _ in self.looks(pause, longest))


FOREVER: Final = Polling()
