"""Whether the ledgers of a day have room left: the judgement of `doctor`. No calls are made here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from countagg.core.errors import CorruptDocument
from countagg.core.partitions import INSTANCES_PER_LANE, MORE_PARTITIONS
from countagg.data.ledgers import StoredDay
from countagg.operate.cost.item_sizes import KB, MAX_ITEM_BYTES
from countagg.operate.cost.spreading import MAX_TRANSACTION_BYTES
from countagg.operate.doctor.checks import Check, passed, problem

NAME: Final = "ledgers"
_WARNED_AT: Final = 0.5
"""Of what an item, and a transaction, holds."""
_FEWER_PARTITIONS: Final = (
    "take no more --lanes and --counter-shards than `countagg cost` recommends, or several stacks"
)


def judge_ledgers(days: Mapping[str, StoredDay]) -> Check:
    """Check that the ledgers of days have room left, and their lanes no more instances than they take well.

    Args:
        days: as stored, by day.
    """
    problems = [found for day, stored in days.items() for found in _problems(day, stored)]
    if problems:
        detail = "; ".join(detail for detail, _ in problems)
        return problem(NAME, detail, "; ".join(dict.fromkeys(fix for _, fix in problems)))
    largest = max((len(part.document) for stored in days.values() for part in stored.parts), default=0)
    return passed(NAME, f"the largest takes {largest / KB:,.0f} of {MAX_ITEM_BYTES // KB} KB")


def _problems(day: str, stored: StoredDay) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a day, each with what to do about it."""
    sizes = {
        partition: len(part.document)
        for partition, part in zip(stored.layout.partitions(day), stored.parts, strict=True)
    }
    largest = max(sizes, key=lambda partition: sizes[partition])
    if sizes[largest] > _WARNED_AT * MAX_ITEM_BYTES:
        taken = f"{sizes[largest] / KB:,.0f} of {MAX_ITEM_BYTES // KB} KB"
        yield f"the ledger of {largest} takes {taken}", MORE_PARTITIONS
    whole = sum(sizes.values())
    if stored.layout.is_split and whole > _WARNED_AT * MAX_TRANSACTION_BYTES:
        taken = f"{whole / KB:,.0f} of {MAX_TRANSACTION_BYTES // KB:,} KB"
        yield f"the ledgers of {day} take {taken} that are read at once", _FEWER_PARTITIONS
    instances = _instances_of_largest_lane(stored)
    if instances > INSTANCES_PER_LANE:
        yield f"a lane of {day} has {instances:,} instances, more than {INSTANCES_PER_LANE:,}", MORE_PARTITIONS


def _instances_of_largest_lane(stored: StoredDay) -> int:
    """Return how many instances the largest lane has; 0 if a ledger cannot be read, which `verify` tells."""
    try:
        return max(len(ledger.seen) for ledger in stored.decode_parts())
    except CorruptDocument:
        return 0
