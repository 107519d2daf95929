"""Which files the processor refuses because they would take their day beyond its bound (`core.day_bound`)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from countagg.core.day_bound import check_day_bound
from countagg.core.errors import InvalidCounterFile
from countagg.operate.integrity.findings import RefusedFile
from countagg.operate.integrity.sums import lines_or_none

if TYPE_CHECKING:
    from countagg.core.ledger import Ledger
    from countagg.core.snapshot import Snapshot
    from countagg.operate.integrity.evidence import CounterFile


def within_bound(file: CounterFile, snapshot: Snapshot | None, ledger: Ledger, day: str, most: int) -> CounterFile:
    """Return a file that was not applied as a refused one, if it would take its day beyond the bound.

    Args:
        file: as it was read.
        snapshot: of its instance; None if there is none.
        ledger: of the whole day.
        day: YYYY-MM-DD.
        most: different counters that a day may have.
    """
    if file.packed is None or (snapshot is not None and snapshot.etag == file.etag):
        return file
    before = lines_or_none(snapshot.packed) if snapshot else None
    try:
        check_day_bound(day, ledger.contributors, before or {}, lines_or_none(file.packed) or {}, most)
    except InvalidCounterFile as error:
        return replace(file, packed=None, refused=RefusedFile(file.key, error.what, None))
    return file
