"""Virtual time: what happens when. Nothing sleeps; the clock jumps to the next happening."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 3_600.0
DAY: Final = 86_400.0

_HAPPENINGS_AT_MOST: Final = 400_000


class Runaway(BaseException):
    """The world does not come to rest: something happens again and again."""


class Timeline:
    """Happenings in order of time; those of one moment in the order in which they were arranged.

    Attributes:
        now: seconds since the epoch.
    """

    def __init__(self, start: datetime) -> None:
        self.now = start.timestamp()
        self._arranged: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def at(self, moment: float, action: Callable[[], object]) -> None:
        """Arrange something for a moment; one that has passed means now."""
        self._count += 1
        heapq.heappush(self._arranged, (max(moment, self.now), self._count, action))

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Arrange something for later."""
        self.at(self.now + seconds, action)

    def run(self) -> None:
        """Let everything happen, until nothing is left to happen.

        Raises:
            Runaway: there is no end to it.
        """
        while self._arranged:
            self.now, number, action = heapq.heappop(self._arranged)
            action()
            if number > _HAPPENINGS_AT_MOST:
                raise Runaway(f"{number} happenings")

    def utc(self) -> datetime:
        """Return the time, aware."""
        return datetime.fromtimestamp(self.now, UTC)
