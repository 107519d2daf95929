"""Verify: recompute a day from the files in the bucket, and compare every hop with the one before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from countagg.operate.integrity.comparison import Comparer
from countagg.operate.integrity.evidence import DayLook, Observer
from countagg.operate.integrity.findings import Difference, Verification

SETTLE_SECONDS: Final = 30.0
_LOOKS: Final = 4
"""After so many it ends although uploads go on, if all that differed at one look was right at the next."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True)
class Settling:
    """How long something may be on its way before it counts as wrong, and the clock by which that is told.

    Attributes:
        seconds: what has not changed for so long, and is still not what it should be, is wrong.
        sleep: waits for so many seconds.
        clock: seconds that only grow.
        on_wait: told, before each pause, how many things differ.
    """

    seconds: float = SETTLE_SECONDS
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    on_wait: Callable[[int], None] = lambda _count: None


@dataclass
class _Judge:
    """Tells what is wrong from what is under way."""

    settle_seconds: float
    _first_seen: dict[tuple[str, ...], float] = field(default_factory=dict)
    _before: frozenset[tuple[str, ...]] = frozenset()

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


def verify(observer: Observer, settling: Settling) -> tuple[Verification, DayLook]:
    """Look at a day until everything agrees, or what differs is known to be wrong or to be on its way.

    Returns:
        The verification, and the last look.
    """
    judge, comparer = _Judge(settling.seconds), Comparer()
    look = observer.look()
    start, pause = settling.clock(), _FIRST_PAUSE
    looks = 1
    while True:
        now = settling.clock()
        wrong, open_, standing = judge.judge(comparer.compare(look), now)
        moving_on = looks >= _LOOKS and not standing
        if not open_ or moving_on or now - start >= settling.seconds:
            return _verification(look, observer.day, wrong, open_), look
        settling.on_wait(len(wrong) + len(open_))
        settling.sleep(min(pause, start + settling.seconds - now))
        pause = min(2 * pause, _LONGEST_PAUSE)
        look, looks = observer.look(), looks + 1


def _verification(look: DayLook, day: str, wrong: list[Difference], open_: list[Difference]) -> Verification:
    return Verification(
        day=day,
        files=len(look.files),
        version=look.stored.version,
        differences=tuple(wrong),
        in_flight=tuple(open_),
        refused=look.refused,
    )
