"""Over how many lanes and counter shards a fleet's days should be spread. Pure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from countagg.core.partitions import INSTANCES_PER_LANE, MAX_PARTITIONS, UPLOADS_PER_LANE, Layout
from countagg.core.snapshot import MAX_PACKED_BYTES
from countagg.operate.cost.fleet_sizes import DoesNotFit, check_counters, size_ledger
from countagg.operate.cost.item_sizes import KB

MAX_TRANSACTION_BYTES: Final = 4 * KB * KB
"""Of all items that are read at one moment, those of a day's ledgers (docs/aws-facts.md#dynamodb)."""

_FILLED: Final = 0.5
"""Of what an item, or a transaction, holds: days differ."""


@lru_cache(maxsize=64)
def recommend_layout(instances: int, counters: int, per_second: float) -> Layout:
    """Return how the days of a fleet should be spread.

    A lane has as many instances and uploads as one partition takes well, where an upload of more than a write unit
    counts as so many; a shard has as many counters as half a ledger takes beside the instances of its lane. A
    snapshot takes about as much as a ledger that names its counters.

    Args:
        instances: of the fleet.
        counters: of each instance.
        per_second: uploads of the whole fleet.

    Raises:
        DoesNotFit: no layout takes such a fleet.
    """
    check_counters(counters)
    names = size_ledger(0, counters)
    units_per_second = per_second * math.ceil(names / KB)
    lanes = max(1, math.ceil(instances / INSTANCES_PER_LANE), math.ceil(units_per_second / UPLOADS_PER_LANE))
    if lanes > MAX_PARTITIONS:
        raise _too_large(instances, counters)
    own = size_ledger(math.ceil(instances / lanes), 0)
    shards = max(1, math.ceil(names / (_FILLED * MAX_PACKED_BYTES - own)))
    if lanes * shards > MAX_PARTITIONS or lanes * (names + shards * own) > _FILLED * MAX_TRANSACTION_BYTES:
        raise _too_large(instances, counters)
    return Layout(lanes, shards)


def describe_lack(layout: Layout, wanted: Layout) -> str:
    """Tell what a day that is spread like this lacks for a fleet; empty if nothing."""
    if wanted.lanes <= layout.lanes and wanted.shards <= layout.shards:
        return ""
    return (
        f"such a fleet should have --lanes {wanted.lanes} and --counter-shards {wanted.shards}; "
        f"the day has {layout.lanes} and {layout.shards}, and `countagg setup` changes the next one"
    )


def _too_large(instances: int, counters: int) -> DoesNotFit:
    return DoesNotFit(
        f"{instances} instances with {counters} counters are too many for the partitions of one day",
        where="--instances, --counters",
        hint="use several stacks",
    )
