"""`upload --wait`: until the totals include what was uploaded, for operators who may read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from countagg.cli.app.session import Session
from countagg.core.errors import UsageError
from countagg.core.polling import Polling
from countagg.operate.totals.uploads import Uploaded, wait_until_included
from countagg.operate.upload.uploader import SentFile, Target


def replaced_snapshots(session: Session, target: Target, days: Iterable[str]) -> dict[str, str]:
    """Return, by day, the sequencer of the snapshot that stands before an upload; empty where none does.

    Raises:
        UsageError: the stack reads another bucket, or other files of it.
        StackNotFound: there is no stack.
    """
    settings = session.pipeline.settings
    if (settings.bucket, settings.prefix) != (target.bucket, target.prefix):
        raise UsageError(
            f"the stack {settings.stack} reads s3://{settings.bucket}/{settings.prefix}, and this would go to "
            f"s3://{target.bucket}/{target.prefix}",
            where="--wait",
            hint="name the stack with --stack, or leave --wait out",
        )
    stand = {day: session.pipeline.snapshot(day, target.instance) for day in days}
    return {day: "" if snapshot is None else snapshot.sequencer for day, snapshot in stand.items()}


def wait_for_totals(
    session: Session, target: Target, files: Sequence[SentFile], replaced: Mapping[str, str], seconds: float
) -> dict[str, int]:
    """Return, by day, the version of the ledger that includes the file that was uploaded.

    Raises:
        TimedOut: one is still missing.
    """
    versions: dict[str, int] = {}
    with session.busy("waiting for the totals"):
        for file in files:
            if file.etag is not None:
                uploaded = [Uploaded(target.instance, file.etag, replaced.get(file.day, ""))]
                for found in wait_until_included(session.pipeline, file.day, uploaded, Polling(seconds)):
                    versions[file.day] = found.version
    return versions
