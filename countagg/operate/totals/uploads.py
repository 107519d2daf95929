"""Uploads of test counters, and the wait until the totals include them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from countagg.core.counter_file import render_counters
from countagg.core.days import check_upload_day
from countagg.core.errors import InvalidObjectKey, TimedOut, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import FILE_NAME_PREFIX, build_object_key
from countagg.core.polling import Polling
from countagg.core.values import SCALE
from countagg.operate.parallel import in_parallel

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline, SnapshotHead
    from countagg.data.snapshots import StoredSnapshot

PARALLEL_UPLOADS: Final = 20
_PAUSE_SECONDS: Final = 0.05
_SMALL: Final = 100
_FEW: Final = 5
_LARGEST_SAMPLE: Final = 1_000_000
_MADE_UP: Final = re.compile("i-000[0-9a-f]{5}")
"""The instances of a fleet of up to a million; EC2 gives longer ids since 2018."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file to upload: whose it is, and its bytes."""

    instance: str
    content: bytes


Round = Sequence[SampleFile]
"""Files that may be uploaded at the same time: at most one an instance."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that was uploaded.

    Attributes:
        instance: whose it is.
        etag: what S3 gave it.
        replaced: normalised sequencer of the snapshot that stood before; empty if there was none. The snapshot
            of this upload is a later one, also where the content is the same.
    """

    instance: str
    etag: str
    replaced: str = ""


def read_sample_rounds(folder: Path) -> list[Round]:
    """Read sample files: a round a folder, by name.

    Raises:
        UsageError: the folder holds no sample files.
    """
    folders = sorted(each for each in folder.iterdir() if each.is_dir())
    rounds = [[_read_sample(path) for path in sorted(each.glob(f"{FILE_NAME_PREFIX}*"))] for each in folders]
    if not any(rounds):
        raise UsageError("there are no sample files", where=str(folder), hint="install countagg again")
    return [each for each in rounds if each]


def _read_sample(path: Path) -> SampleFile:
    return SampleFile(path.name.removeprefix(FILE_NAME_PREFIX), path.read_bytes())


def make_fleet(instances: int, counters: int, seed: int) -> Round:
    """Make one file for each instance of a fleet, the same for the same seed."""
    source = random.Random(seed)  # noqa: S311 - sample data, not secrets
    names = [f"COUNTER{index}" for index in range(1, counters + 1)]
    return [
        SampleFile(
            f"i-{number:08x}", render_counters({name: source.randrange(_LARGEST_SAMPLE) * SCALE for name in names})
        )
        for number in range(1, instances + 1)
    ]


def instances_of(rounds: Sequence[Round]) -> list[str]:
    """Return the ids of the instances that upload in the rounds."""
    return sorted({sample.instance for each in rounds for sample in each})


def others_of(heads: Iterable[SnapshotHead], instances: Sequence[str]) -> list[str]:
    """Return the instances that have counters of a day, except these and those of made-up fleets."""
    there = {head.instance for head in heads if head.etag}
    return sorted(each for each in there.difference(instances) if not _MADE_UP.fullmatch(each))


def check_day(pipeline: Pipeline, day: str, now: datetime) -> None:
    """Refuse a day whose files the processor would refuse.

    Raises:
        UsageError: with its reason.
    """
    today = now.astimezone(UTC).date()
    try:
        check_upload_day(day, today, today, pipeline.settings.snapshot_retention_days, pipeline.expiry(day))
    except InvalidObjectKey as error:
        raise UsageError(
            error.what, where="--date", hint="choose another day: the pipeline would refuse such files"
        ) from error


def upload_rounds(
    pipeline: Pipeline,
    day: str,
    rounds: Sequence[Round],
    heads: Iterable[SnapshotHead],
    on_upload: Callable[[], None],
) -> list[Uploaded]:
    """Upload the rounds one after the other, the files of a round in parallel.

    Args:
        pipeline: where to.
        day: YYYY-MM-DD.
        rounds: the files.
        heads: of the day's snapshots before.
        on_upload: called after each file.

    Returns:
        The last upload of each instance.
    """

    def upload(sample: SampleFile) -> Uploaded:
        key = build_object_key(pipeline.settings.prefix, day, sample.instance)
        etag = pipeline.put_counter_file(key, sample.content)
        on_upload()
        return Uploaded(sample.instance, etag, replaced.get(sample.instance, ""))

    replaced = {head.instance: head.sequencer for head in heads}
    latest: dict[str, Uploaded] = {}
    for each in rounds:
        for _, uploaded in in_parallel(upload, each, PARALLEL_UPLOADS):
            latest[uploaded.instance] = uploaded
    return list(latest.values())


@dataclass(frozen=True, slots=True)
class Inclusion:
    """How far the totals are: the version of the ledger, and how many of the uploads it includes."""

    version: int
    included: int


def look_for(pipeline: Pipeline, day: str, uploads: Sequence[Uploaded]) -> Inclusion:
    """Count the uploads that the totals include: the ledger has seen a later snapshot, of their very content."""
    totals = pipeline.totals(day)
    seen = totals.ledger.seen
    heads = _heads_of(pipeline, day, uploads)

    def is_included(upload: Uploaded) -> bool:
        head = heads.get(upload.instance)
        return (
            head is not None
            and upload.replaced < head.sequencer
            and head.content_sequencer <= seen.get(upload.instance, "")
            and head.etag == upload.etag
        )

    return Inclusion(totals.version, sum(map(is_included, uploads)))


def _heads_of(
    pipeline: Pipeline, day: str, uploads: Sequence[Uploaded]
) -> Mapping[str, SnapshotHead | StoredSnapshot]:
    """Return the snapshots of these instances: one by one if they are few, for a day may have very many."""
    if len(uploads) > _FEW:
        return {head.instance: head for head in pipeline.snapshot_heads(day)}
    found = (pipeline.snapshot(day, each.instance) for each in uploads)
    return {each.instance: each for each in found if each is not None}


def wait_until_included(
    pipeline: Pipeline, day: str, uploads: Sequence[Uploaded], polling: Polling
) -> Iterator[Inclusion]:
    """Yield how far the totals are, until they include all uploads.

    Raises:
        TimedOut: some are still missing.
    """
    # A large fleet takes longer to look for than to count.
    for _ in polling.looks(_PAUSE_SECONDS if len(uploads) <= _SMALL else 10 * _PAUSE_SECONDS):
        inclusion = look_for(pipeline, day, uploads)
        yield inclusion
        if inclusion.included == len(uploads):
            return
    raise TimedOut(
        f"the totals include {inclusion.included} of {len(uploads)} files after {polling.timeout:.0f} s",
        where=f"totals of {day}",
        hint="see `countagg status`; a refused file never counts and lies in the dead letter queue",
    )
