"""Versions of a day's totals: numbers that only grow, also when a ledger is lost and begins anew.

A version holds the moment at which its ledger began and how often the ledger has changed since, in this order. So
a ledger of a table that was made again is newer than all that the one before it has published, and whoever keeps
to the newer version, as all outputs do, keeps to the living table.

A ledger begins in two writes. Between reading the clock and the first of them the table may have been lost and
made again, with a newer ledger in between. The second is made over the first: its moment is later than that.

Versions stay below 2^53 until the year 2052: every reader of JSON takes them exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(2025, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(milliseconds=100)
_CHANGE_BITS: Final = 20
"""A ledger that changes every second of its two days stays far below; more changes would count as moments."""
_CHANGES: Final = (1 << _CHANGE_BITS) - 1

_BEGINNING: Final = 1
"""Changes of a ledger that was written once."""

MAX_VERSION: Final = (1 << 53) - 1
"""A greater number is of no ledger: somebody wrote it by hand."""


def version_after(version: int, now: datetime) -> int:
    """Return the version after the given one.

    Args:
        version: the stored one; 0 if there is none, which is followed by one that begins.
        now: aware; when the ledger is read whose version this is, or a later moment.
    """
    if not is_beginning(version):
        return version + 1
    moment = max(0, (now - _EPOCH) // _TICK) << _CHANGE_BITS
    return max(moment + _BEGINNING, version) + 1 if version else moment + _BEGINNING


def is_beginning(version: int) -> bool:
    """Tell whether it is the version of no ledger (0) or of one that was written once.

    After 2^20 changes there is another version like that; its ledger is taken for one that begins once more.
    """
    return changes_of(version) <= _BEGINNING


def version_before_all(version: int) -> int:
    """Return the version that a ledger has before its first change: greater than any of a ledger before it."""
    return version - changes_of(version)


def changes_of(version: int) -> int:
    """Return how often the ledger had changed: what people are told of a version."""
    return version & _CHANGES


def version_of_day(versions: Iterable[int]) -> int:
    """Return the version of a day out of those of its partitions, read at one moment; 0 if there is none.

    Of two moments, the later one has the greater version, or all partitions are the same: each partition's grows,
    and one that begins, or begins anew, is the youngest of all.
    """
    known = [version for version in versions if version]
    began = max((version_before_all(version) for version in known), default=0)
    return began + sum(map(changes_of, known))
