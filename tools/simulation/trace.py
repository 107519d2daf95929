"""A readable account of a run: one line a happening, with its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime


class Trace:
    """Collects lines, if anybody wants them.

    Args:
        utc: the clock.
        wanted: whether lines are kept; without it nothing is done.

    Attributes:
        lines: what happened so far.
    """

    def __init__(self, utc: Callable[[], datetime], *, wanted: bool) -> None:
        self._utc = utc
        self.wanted = wanted
        self.lines: list[str] = []

    def tell(self, who: str, what: str) -> None:
        """Write down what happened."""
        if self.wanted:
            self.lines.append(f"{self._utc():%m-%d %H:%M:%S.%f}  {who:<16} {what}")
