"""Verify: recompute a day from the files in the bucket, and compare every hop with the one before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import Polling
from countagg.operate.integrity.comparison import Comparer
from countagg.operate.integrity.evidence import DayLook, Observer
from countagg.operate.integrity.findings import Difference, Verification

WAITING: Final = "waiting for it to settle"
"""What is done between two looks, for people."""
_LOOKS: Final = 4
"""After so many it ends although uploads go on, if all that differed at one look was right at the next."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0


@dataclass
class _Judge:
    """Tells what is wrong from what is under way."""

    settle_seconds: float
    _first_seen: dict[tuple[str | None, ...], float] = field(default_factory=dict)
    _before: frozenset[tuple[str | None, ...]] = frozenset()

    def judge(self, differences: list[Difference], now: float) -> tuple[list[Difference], list[Difference], bool]:
        """Return what is wrong, what may be under way, and whether any of the latter stands still."""
        seen = {each.identity: self._first_seen.get(each.identity, now) for each in differences}
        wrong: list[Difference] = []
        open_: list[Difference] = []
        for each in differences:
            repeated = each.identity in self._before
            settled = now - seen[each.identity] >= self.settle_seconds
            (wrong if settled or (each.certain and repeated) else open_).append(each)
        standing = any(each.identity in self._before for each in open_)
        self._first_seen, self._before = seen, frozenset(seen)
        return wrong, open_, standing


def verify(
    observer: Observer, polling: Polling, on_wait: Callable[[int], None] = lambda _count: None
) -> tuple[Verification, DayLook]:
    """Look at a day until everything agrees, or what differs is known to be wrong or to be on its way.

    Args:
        observer: of the day.
        polling: what has not changed until its time is up, and is still not what it should be, is wrong.
        on_wait: told, after each look that is not the last for sure, how many things differ.

    Returns:
        The verification, and the last look.
    """
    judge, comparer = _Judge(polling.timeout), Comparer()
    for number, _ in enumerate(polling.looks(_FIRST_PAUSE, _LONGEST_PAUSE), start=1):
        look = observer.look()
        wrong, open_, standing = judge.judge(comparer.compare(look), polling.clock())
        moving_on = number >= _LOOKS and not standing
        if not open_ or moving_on:
            break
        on_wait(len(wrong) + len(open_))
    version, differences, in_flight = look.stored.version, tuple(wrong), tuple(open_)
    return Verification(look.day, len(look.files), version, differences, in_flight, look.refused), look
