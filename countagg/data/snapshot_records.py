"""Records of the snapshots table's stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from countagg.core.errors import InvalidEvent, shorten
from countagg.core.ledger import Image, Link
from countagg.core.partitions import LAYOUTS_PARTITION, parse_partition
from countagg.data.attributes import DATE, Item
from countagg.data.snapshots import COUNTERS, INSTANCE, SEQUENCER, content_sequencer


def parse_snapshot_record(record: Mapping[str, Any]) -> Link | None:
    """Read a record of the table's stream, as Lambda hands it over (docs/aws-facts.md#dynamodb).

    Returns:
        None for a removal: TTL clean-up never subtracts. None also for a day's record.

    Raises:
        InvalidEvent: the record lacks what a snapshot has.
    """
    if record.get("eventName") == "REMOVE":
        return None
    try:
        change = record["dynamodb"]
        partition = DATE.read(change["Keys"])
        if partition == LAYOUTS_PARTITION:
            return None
        parse_partition(partition)
        old = change.get("OldImage")
        return Link(
            partition=partition,
            instance=INSTANCE.read(change["Keys"]),
            old=_replaced_image(old) if old else None,
            new=_image(change["NewImage"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidEvent(f"the stream record is not of a snapshot: {shorten(error)}") from error


def _replaced_image(image: Item) -> Image:
    """Return the image that was replaced; one that was damaged continues no chain, so that the day is rebuilt."""
    try:
        return _image(image)
    except (AttributeError, KeyError, TypeError, ValueError):
        return Image("", b"")


def _image(image: Item) -> Image:
    return Image(content_sequencer(image, SEQUENCER.read(image)), COUNTERS.read_event(image))
