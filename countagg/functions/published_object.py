"""The published objects as the publisher's memory: where somebody else's object is in the place, it is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.published import PublishedTotals
from countagg.data.published import PublishedObjects

_STAND_INS: Final = 3


@dataclass(frozen=True, slots=True)
class RememberedObjects:
    """The published objects of a stack, and what those would say that are foreign.

    Attributes:
        objects: in the bucket.
    """

    objects: PublishedObjects
    _stand_ins: dict[str, PublishedTotals] = field(default_factory=dict, init=False)

    def read(self, day: str) -> PublishedTotals:
        """Read a day's object; version 0 if there is none.

        In place of a foreign one, and of one that S3 refuses to read out, what would be there (`stand_in`), with
        the reason why it is not; version 0 if that is not known.
        """
        published = self.objects.read(day, by_publisher=True)
        if published.foreign is not None:
            return replace(
                self._stand_ins.get(day, PublishedTotals()), etag=published.etag, foreign=published.foreign
            )
        self._stand_ins.pop(day, None)
        return published

    def stand_in(self, day: str, version: int, totals: Mapping[str, int]) -> bool:
        """Remember what a day's object would say, were it not foreign; return whether that is new of the day.

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the totals come from.
            totals: counter -> sum in units of 10^-9.
        """
        known = self._stand_ins.pop(day, None)
        while len(self._stand_ins) >= _STAND_INS:
            self._stand_ins.pop(next(iter(self._stand_ins)))
        self._stand_ins[day] = PublishedTotals(version, totals=totals)
        return known is None
