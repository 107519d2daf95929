"""The snapshots that a batch of messages concerns, read in one call ahead instead of one with each file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from aws_lambda_powertools import Logger

from countagg.core.errors import InvalidEvent, InvalidObjectKey
from countagg.core.events import ObjectEvent, parse_s3_message
from countagg.data.attributes import Item
from countagg.data.calls import ITEMS_TOGETHER
from countagg.data.snapshots import SEQUENCER, SnapshotPlace, SnapshotsTable

WORTH_A_CALL: Final = 2
"""So many snapshots at least are read ahead; one alone is read with its file."""


class SnapshotsAhead:
    """Gives each snapshot out once: what comes later in the batch may find what this batch has written.

    Args:
        snapshots: where they are.
        logger: for a reading that fails; then each snapshot is read with its file.
    """

    def __init__(self, snapshots: SnapshotsTable, logger: Logger) -> None:
        self._snapshots = snapshots
        self._logger = logger
        self._read: dict[SnapshotPlace, Item | None] = {}

    def read(self, bodies: Iterable[str], find: Callable[[ObjectEvent], SnapshotPlace | None]) -> None:
        """Read ahead, in the place of what was read ahead before.

        Args:
            bodies: of the messages; one that cannot be read is left to its own turn.
            find: tells where the snapshot of an event is; None for one that is no item alone.
        """
        self._read = {}
        try:
            places = dict.fromkeys(_places(bodies, find))
            if len(places) >= WORTH_A_CALL:
                self._read = self._snapshots.read_together(list(places)[:ITEMS_TOGETHER])
        except Exception:
            # It only saves calls. What stands in the way of a file is told with that file.
            self._logger.exception("snapshots not read ahead")

    def parts(self, partitions: Sequence[str], instance: str, sequencer: str) -> list[Item]:
        """Return the items of a snapshot, as they were when the batch began or are now, strongly consistent.

        One that would make the event an old one is read again: a repair may have replaced it since.
        """
        place = (partitions[0], instance)
        if place in self._read:
            item = self._read.pop(place)
            if item is None or SEQUENCER.find(item) < sequencer:
                return [] if item is None else [item]
        return self._snapshots.parts(partitions, instance)


def _places(bodies: Iterable[str], find: Callable[[ObjectEvent], SnapshotPlace | None]) -> Iterator[SnapshotPlace]:
    for body in bodies:
        try:
            found = [find(event) for event in parse_s3_message(body)]
        except (InvalidEvent, InvalidObjectKey):
            continue
        yield from (place for place in found if place is not None)
