"""The command that uploads counters."""

from __future__ import annotations

from typing import Annotated

import typer

from countagg.cli.app.options import OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DateOption
from countagg.cli.terminal.progress import progress_bar
from countagg.cli.terminal.render import write_json
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.polling import Polling
from countagg.operate.totals.uploads import (
    Round,
    Uploaded,
    check_day,
    make_fleet,
    read_sample_rounds,
    upload_rounds,
    wait_until_included,
)
from countagg.provision.packaged import packaged_folder


@command("upload-sample", changes=True)
def upload_sample(
    session: Session,
    date: DateOption = "today",
    instances: Annotated[int | None, typer.Option(min=1, help="Make a fleet of this many instances.")] = None,
    counters: Annotated[int | None, typer.Option(min=1, help="Counters of each instance of the fleet.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same fleet.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the totals include everything.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds after which --wait fails.")] = 120.0,
) -> None:
    """Upload test counters: the four sample instances, or a fleet.

    Example: countagg upload-sample --instances 100 --counters 100 --wait
    """
    day = resolve_day(date, session.now())
    if instances is None and (counters is not None or seed is not None):
        raise UsageError("they describe a fleet", where="--counters, --seed", hint="give --instances too")
    rounds: list[Round] = (
        read_sample_rounds(packaged_folder("sample_data"))
        if instances is None
        else [make_fleet(instances, counters or 100, seed or 0)]
    )
    check_day(session.pipeline, day, session.now())
    total = sum(map(len, rounds))
    with progress_bar(session) as progress:
        bar = progress.add_task("uploaded", total=total)
        uploads = upload_rounds(session.pipeline, day, rounds, lambda: progress.advance(bar))
    version = _wait(session, day, uploads, timeout) if wait else None
    if session.options.output is OutputForm.JSON:
        document = {"date": day, "uploaded": total, "instances": len(uploads), "included": wait}
        write_json(session.stdout, document | ({"version": version} if wait else {}))
    else:
        included = ", all included in the totals" if wait else ""
        session.result_console.print(f"{total} files of {len(uploads)} instances uploaded for {day}{included}")


def _wait(session: Session, day: str, uploads: list[Uploaded], timeout: float) -> int:
    """Wait until all uploads are included; return the version of the ledger."""
    version = 0
    with progress_bar(session) as progress:
        bar = progress.add_task("included", total=len(uploads))
        for inclusion in wait_until_included(session.pipeline, day, uploads, Polling(timeout)):
            progress.update(bar, completed=inclusion.included)
            version = inclusion.version
    return version
