"""Whose turn it is to look for silent instances: one invocation in a while, of all that run.

An item of the snapshots table, beside the days' records, says when one looked last.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from countagg.core.partitions import LAYOUTS_PARTITION
from countagg.data.attributes import NumberAttribute
from countagg.data.calls import DataClients, StoredTable
from countagg.data.snapshots import snapshot_key

LOOKED_AT: Final = NumberAttribute("LookedAt")
TURN_KEY: Final = snapshot_key(LAYOUTS_PARTITION, "silence")


class SilenceTurns:
    """The item.

    Args:
        clients: to work with.
        name: of the snapshots table.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self._table = StoredTable(clients, name)

    def take(self, now: datetime, interval: timedelta) -> bool:
        """Take the turn unless somebody took one within the interval; return whether it was taken."""
        due = int((now - interval).timestamp())
        condition = {
            "ConditionExpression": f"attribute_not_exists({LOOKED_AT}) OR {LOOKED_AT} <= :due",
            "ExpressionAttributeValues": {":due": {"N": str(due)}},
        }
        item = TURN_KEY | LOOKED_AT.put(int(now.timestamp()))
        return self._table.put("turn to look for silent instances", item, condition)
