"""Commands that upload counters and read totals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from countagg.cli.options import OutputForm
from countagg.cli.registry import command
from countagg.cli.render import grouped, printable, write_csv, write_json, write_table
from countagg.cli.session import Session
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.values import format_value, to_number

if TYPE_CHECKING:
    from rich.progress import Progress

    from countagg.operate.query import TotalsOfDay
    from countagg.operate.uploads import Round, Uploaded

_PANEL = "Use"

DateOption = Annotated[str, typer.Option("--date", help="YYYY-MM-DD, today or yesterday (UTC).")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    command(app, "upload-sample", _PANEL)(upload_sample)
    command(app, "query", _PANEL)(query)


def upload_sample(
    session: Session,
    date: DateOption = "today",
    instances: Annotated[int | None, typer.Option(min=1, help="Make a fleet of so many instances.")] = None,
    counters: Annotated[int | None, typer.Option(min=1, help="Counters of each instance of the fleet.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed makes the same fleet.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the totals include everything.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds after which --wait fails.")] = 120.0,
) -> None:
    """Upload test counters: the four sample instances, or a fleet.

    Example: countagg upload-sample --instances 100 --counters 100 --wait
    """
    from countagg.operate.uploads import check_day, make_fleet, read_sample_rounds, upload_rounds
    from countagg.provision.packaged import packaged_folder

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
    with _progress(session) as progress:
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
    from countagg.operate.uploads import Wait, wait_until_included

    version = 0
    with _progress(session) as progress:
        bar = progress.add_task("included", total=len(uploads))
        for found in wait_until_included(session.pipeline, day, uploads, Wait(timeout)):
            progress.update(bar, completed=found.included)
            version = found.version
    return version


def _progress(session: Session) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=session.progress_console,
        disable=session.options.quiet or not session.progress_console.is_terminal,
    )


def query(
    session: Session,
    date: DateOption,
    counter: Annotated[list[str] | None, typer.Option(help="Only this counter; may be repeated.")] = None,
    by_instance: Annotated[bool, typer.Option("--by-instance", help="Also who contributes what.")] = False,
) -> None:
    """Show the totals of a day.

    Example: countagg query --date today --counter COUNTER1
    """
    from countagg.operate.query import query as ask

    day = resolve_day(date, session.now())
    found = ask(session.pipeline, day, counter or (), by_instance=by_instance)
    if not found.version:
        session.remark(f"there are no totals for {day} (UTC) yet")
    elif missing := [name for name in counter or () if name not in found.totals]:
        session.remark(f"no instance counts {printable(', '.join(missing))} on {day}")
    if session.options.output is OutputForm.JSON:
        write_json(session.stdout, _document(found))
    elif session.options.output is OutputForm.CSV:
        write_csv(
            session.stdout, _header(found), [(*names, format_value(value)) for names, value in _lines(found)]
        )
    else:
        rows = [(*names, grouped(to_number(value))) for names, value in _lines(found)]
        write_table(session.result_console, _header(found), rows, frozenset({"VALUE"}))
        if found.version:
            session.remark(f"{day}, version {found.version}, updated {found.updated_at}", style="dim")


def _document(found: TotalsOfDay) -> dict[str, object]:
    document: dict[str, object] = {
        "date": found.day,
        "version": found.version,
        "updated_at": found.updated_at or None,
        "totals": {name: to_number(value) for name, value in found.totals.items()},
    }
    if found.instances is not None:
        document["instances"] = {
            instance: {name: to_number(value) for name, value in counters.items()}
            for instance, counters in found.instances.items()
        }
    return document


def _header(found: TotalsOfDay) -> tuple[str, ...]:
    return ("COUNTER", "VALUE") if found.instances is None else ("COUNTER", "INSTANCE", "VALUE")


def _lines(found: TotalsOfDay) -> list[tuple[tuple[str, ...], int]]:
    """Return the lines of the table: names, and the value in units of 10^-9.

    By instance, the lines of a counter's instances stand below its total, which has no instance.
    """
    if found.instances is None:
        return [((name,), value) for name, value in found.totals.items()]
    lines: list[tuple[tuple[str, ...], int]] = []
    for name, value in found.totals.items():
        lines.append(((name, ""), value))
        lines += [
            ((name, instance), counters[name])
            for instance, counters in found.instances.items()
            if name in counters
        ]
    return lines
