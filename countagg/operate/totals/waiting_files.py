"""Files of a day that are uploaded, and that its totals do not include yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from countagg.core.errors import InvalidObjectKey
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import parse_object_key
from countagg.data.snapshots import moment_of

if TYPE_CHECKING:
    from countagg.aws.pipeline import DayTotals, Pipeline
    from countagg.data.files import ListedObject

MOST_LISTED: Final = 1_000
"""Objects; S3 lists as many in one call (ListObjectsV2 in the API reference of Amazon S3)."""
_FEW_CHANGED: Final = 5
"""Files whose snapshots are looked at. Of a fleet at work, more are newer than the totals at any time."""
_WHOLE_SECOND: Final = timedelta(seconds=1)
"""S3 tells in whole seconds when a file was uploaded."""


@dataclass(frozen=True, slots=True)
class WaitingFiles:
    """Files that the totals do not include yet.

    Attributes:
        count: how many.
        oldest: when the first of them was uploaded, aware; None if there is none.
        is_all: whether every file of the day was looked at.
    """

    count: int
    oldest: datetime | None
    is_all: bool


def find_waiting_files(pipeline: Pipeline, day: str) -> WaitingFiles:
    """Compare what the bucket lists of a day with what the totals include by then.

    A file that was uploaded again counts only where few were: whether its new content is included stands in its
    snapshot alone.
    """
    listed = list_files(pipeline, day)
    # After the listing: what is included meanwhile does not wait.
    return compare_files(pipeline, listed, pipeline.totals(day))


def list_files(pipeline: Pipeline, day: str) -> list[ListedObject]:
    """Return what the bucket lists of a day: of more than `MOST_LISTED` objects, one beyond them."""
    return list(islice(pipeline.list_objects(day), MOST_LISTED + 1))


def compare_files(pipeline: Pipeline, listed: list[ListedObject], totals: DayTotals) -> WaitingFiles:
    """Compare what `list_files` found with totals that were read after it."""
    files = list(_counter_files(pipeline, listed[:MOST_LISTED]))
    waiting = [file for instance, file in files if instance not in totals.ledger.seen]
    waiting += _changed(pipeline, totals, [each for each in files if each[0] in totals.ledger.seen])
    oldest = min((file.modified_at for file in waiting), default=None)
    return WaitingFiles(len(waiting), oldest, is_all=len(listed) <= MOST_LISTED)


def _counter_files(pipeline: Pipeline, listed: list[ListedObject]) -> Iterator[tuple[str, ListedObject]]:
    for found in listed:
        with suppress(InvalidObjectKey):
            if (key := parse_object_key(found.key, pipeline.settings.prefix)) is not None:
                yield key.instance, found


def _changed(
    pipeline: Pipeline, totals: DayTotals, files: list[tuple[str, ListedObject]]
) -> Iterator[ListedObject]:
    updated = moment_of(totals.updated_at or "")
    newer = [each for each in files if updated is None or each[1].modified_at + _WHOLE_SECOND > updated]
    for instance, file in newer if len(newer) <= _FEW_CHANGED else ():
        snapshot = pipeline.snapshot(totals.day, instance)
        is_included = (
            snapshot is not None
            and snapshot.etag == file.etag
            and snapshot.content_sequencer <= totals.ledger.seen[instance]
        )
        if not is_included:
            yield file
