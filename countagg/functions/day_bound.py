"""The bound of a day (`core.day_bound`), kept by the processor.

A file that would take its day beyond is refused. Only one that names counters which the snapshot before it does
not can do that. What the day names is read from its ledgers, which follow the uploads within a second or two, so
files that arrive together may go a little beyond.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.counter_file import split_canonical
from countagg.core.day_bound import check_day_bound
from countagg.core.errors import CorruptDocument
from countagg.core.partitions import Layout
from countagg.core.snapshot import unpack_canonical
from countagg.data.ledgers import LedgersTable

REMEMBERED: Final = timedelta(minutes=1)
"""For so long the counters of a day are not asked for again by files that name no other ones: the first uploads of
a fleet's day mostly name the same."""


class DayBound:
    """Refuses files that would take their day beyond the bound.

    Args:
        ledgers: which say what a day names.
        most: counters that a day may have.
        logger: for a day that cannot be asked.
        now: the clock, aware UTC.
    """

    def __init__(self, ledgers: LedgersTable, most: int, logger: Logger, now: Callable[[], datetime]) -> None:
        self._ledgers = ledgers
        self._most = most
        self._logger = logger
        self._now = now
        self._known: dict[str, tuple[datetime, frozenset[str]]] = {}

    def check(self, day: str, layout: Layout, replaced: Collection[bytes], counters: Collection[str]) -> None:
        """Refuse a file that would take its day beyond the bound.

        Args:
            day: YYYY-MM-DD.
            layout: of the day.
            replaced: the packed counters of the snapshot before it, one a shard.
            counters: that the file names.

        Raises:
            InvalidCounterFile: it would.
        """
        before = _names(replaced)
        new = set(counters) - before
        if not new or self._are_known(day, new):
            return
        try:
            named = self._read(day, layout)
        except Exception:
            # No upload waits for the totals.
            self._logger.exception("ledger not read, the bound of the day is not checked", extra={"day": day})
            return
        after = check_day_bound(day, named, before, counters, self._most)
        self._known = {day: (self._now(), after)}

    def _are_known(self, day: str, names: set[str]) -> bool:
        read_at, known = self._known.get(day, (None, frozenset[str]()))
        return read_at is not None and self._now() - read_at < REMEMBERED and names <= known

    def _read(self, day: str, layout: Layout) -> Mapping[str, int]:
        """Return the counters of a day, each with how many instances name it."""
        named: Counter[str] = Counter()
        for ledger in self._ledgers.read_one_by_one(day, layout).decode_parts():
            named.update(ledger.contributors)
        return named


def _names(packed: Collection[bytes]) -> set[str]:
    names: set[str] = set()
    for part in packed:
        try:
            names.update(split_canonical(unpack_canonical(part)))
        except (CorruptDocument, ValueError):
            continue
    return names
