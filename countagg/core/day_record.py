"""A day's record: what the first write of a day fixes for good.

It is an item of the snapshots table, beside the snapshots, and never expires: without it, a day whose snapshots
are gone would look like one that has not begun, and a late file would make its totals anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from countagg.core.days import Expiry
from countagg.core.partitions import LAYOUTS_PARTITION, Layout

SNAPSHOTS_EXPIRE: Final = "SnapshotsExpireAt"
TOTALS_EXPIRE: Final = "TotalsExpireAt"

IS_ABSENT: Final = "attribute_not_exists(Lanes)"
IS_INCOMPLETE: Final = f"attribute_not_exists({SNAPSHOTS_EXPIRE}) OR attribute_not_exists({TOTALS_EXPIRE})"
"""Conditions of a write: there is no record yet; there is none, or one of the older form."""


@dataclass(frozen=True, slots=True)
class DayRecord:
    """What is fixed of a day.

    Attributes:
        layout: how it is spread.
        expiry: when it expires.
        is_complete: whether the record says so; one of the older form fixes the layout alone.
    """

    layout: Layout
    expiry: Expiry
    is_complete: bool = True

    @classmethod
    def from_item(cls, item: Mapping[str, Any], chosen: Expiry) -> Self:
        """Read an item, in DynamoDB's attribute form.

        One of the older form expires itself, with the last that its day's first write stored. Nothing new may
        outlive that: what was stored before would be gone. Only the totals are kept for longer, if that is chosen.

        Args:
            item: the record.
            chosen: what the settings give a day that begins now.
        """
        layout = layout_of(item)
        if SNAPSHOTS_EXPIRE in item and TOTALS_EXPIRE in item:
            return cls(layout, Expiry(int(item[SNAPSHOTS_EXPIRE]["N"]), int(item[TOTALS_EXPIRE]["N"])))
        last = int(item["ExpiresAt"]["N"]) if "ExpiresAt" in item else chosen.totals
        expiry = Expiry(min(chosen.snapshots, last), max(chosen.totals, last))
        return cls(layout, expiry, is_complete=False)

    def to_item(self, day: str) -> dict[str, Any]:
        """Return the item of a day, complete."""
        return {
            **record_key(day),
            "Lanes": {"N": str(self.layout.lanes)},
            "CounterShards": {"N": str(self.layout.shards)},
            SNAPSHOTS_EXPIRE: {"N": str(self.expiry.snapshots)},
            TOTALS_EXPIRE: {"N": str(self.expiry.totals)},
        }


def record_key(day: str) -> dict[str, Any]:
    """Return the key of a day's record."""
    return {"Date": {"S": LAYOUTS_PARTITION}, "Instance": {"S": day}}


def layout_of(item: Mapping[str, Any]) -> Layout:
    """Return the layout that a record's item fixes, in DynamoDB's attribute form."""
    return Layout(int(item["Lanes"]["N"]), int(item["CounterShards"]["N"]))
