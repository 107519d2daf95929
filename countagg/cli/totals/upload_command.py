"""The command that uploads counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from countagg.cli.app.options import DOCUMENT_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DateOption, YesOption
from countagg.cli.terminal.progress import progress_bar
from countagg.cli.terminal.render import counted
from countagg.cli.terminal.result import write_sentence
from countagg.core.days import resolve_day
from countagg.core.errors import TimedOut, UsageError
from countagg.core.polling import Polling
from countagg.core.printable import printable
from countagg.operate.totals.uploads import (
    Uploaded,
    check_day,
    instances_of,
    make_fleet,
    others_of,
    read_sample_rounds,
    upload_rounds,
    wait_until_included,
)
from countagg.operate.totals.withdrawals import await_withdrawn, those_there, withdraw
from countagg.provision.packaged import packaged_folder

_TIMEOUT = 120.0


@command("upload-sample", DOCUMENT_FORMS, changes=True)
def upload_sample(
    session: Session,
    date: DateOption = "today",
    instances: Annotated[int | None, typer.Option(min=1, help="Make a fleet of this many instances.")] = None,
    counters: Annotated[int | None, typer.Option(min=1, help="Counters of each instance of the fleet.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same fleet.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the totals include everything.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds after which --wait fails.")] = _TIMEOUT,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete the same files instead, out of the totals too.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Upload test counters: the four sample instances, or a fleet.

    They count as any others do. On a day that has counters of other instances it asks first.

    Example: countagg upload-sample --instances 100 --counters 100 --wait
    """
    day = resolve_day(date, session.now())
    if instances is None and (counters is not None or seed is not None):
        raise UsageError("they describe a fleet", where="--counters, --seed", hint="give --instances too")
    samples = read_sample_rounds(packaged_folder("sample_data"))
    rounds = samples if instances is None else [make_fleet(instances, counters or 100, seed or 0)]
    if remove:
        remove_instances(session, day, those_there(session.pipeline, day, instances_of(rounds)), timeout)
        return
    check_day(session.pipeline, day, session.now())
    heads = list(session.pipeline.snapshot_heads(day))
    _ask_of_others(session, day, others_of(heads, instances_of([*samples, *rounds])), yes=yes)
    total = sum(map(len, rounds))
    with progress_bar(session) as progress:
        bar = progress.add_task("uploaded", total=total)
        uploads = upload_rounds(session.pipeline, day, rounds, heads, lambda: progress.advance(bar))
    version = _wait(session, day, uploads, timeout) if wait else None
    document = {"date": day, "uploaded": total, "instances": len(uploads), "included": wait}
    included = ", all included in the totals" if wait else ""
    files = f"{counted(total, 'file')} of {counted(len(uploads), 'instance')}"
    told = f"{files} uploaded for {day}{included}"
    write_sentence(session, document | ({"version": version} if wait else {}), told)


def _ask_of_others(session: Session, day: str, others: Sequence[str], *, yes: bool) -> None:
    """Have it agreed to that test counters come beside what others count."""
    if others:
        session.remark(
            f"{day} has counters of {counted(len(others), 'other instance')}, such as {printable(others[0])}"
        )
        session.confirm("Add test counters to their totals?", "yes", yes=yes)


def remove_instances(session: Session, day: str, instances: Sequence[str], timeout: float) -> None:
    """Take instances out of a day's totals, and tell of it.

    Raises:
        TimedOut: the totals still include some of them; their files are deleted.
    """
    if instances and not take_out(session, day, instances, timeout):
        raise TimedOut(
            f"the totals still include some of {counted(len(instances), 'instance')} after {timeout:.0f} s",
            where=f"totals of {day}",
            hint="their files are deleted; see `countagg status`",
        )
    taken = f"{counted(len(instances), 'instance')} taken" if instances else "nothing to take"
    told = f"{taken} out of the totals of {day}"
    write_sentence(session, {"date": day, "removed": len(instances)}, told)


def take_out(session: Session, day: str, instances: Sequence[str], timeout: float) -> bool:
    """Delete the files of instances; return whether the totals came to be without them in time."""
    count = 0
    with progress_bar(session) as progress:
        bar = progress.add_task("files deleted", total=len(instances))
        withdraw(session.pipeline, day, instances, lambda: progress.advance(bar))
        bar = progress.add_task("out of the totals", total=len(instances))
        for count in await_withdrawn(session.pipeline, day, instances, Polling(timeout)):
            progress.update(bar, completed=count)
    return count == len(instances)


def _wait(session: Session, day: str, uploads: list[Uploaded], timeout: float) -> int:
    """Wait until all uploads are included; return the version of the ledger."""
    version = 0
    with progress_bar(session) as progress:
        bar = progress.add_task("included", total=len(uploads))
        for inclusion in wait_until_included(session.pipeline, day, uploads, Polling(timeout)):
            progress.update(bar, completed=inclusion.included)
            version = inclusion.version
    return version
