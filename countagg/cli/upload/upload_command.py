"""The command that uploads an instance's counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from countagg.cli.app import completion
from countagg.cli.app.options import DOCUMENT_FORMS, OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import AnyDateOption
from countagg.cli.terminal.render import counted
from countagg.cli.terminal.result import write_document, write_sentence
from countagg.cli.upload.inclusion import replaced_snapshots, wait_for_totals
from countagg.cli.upload.upload_job import UploadFlags, UploadJob, name_instance, read_job
from countagg.cli.upload.upload_service import serve
from countagg.cli.upload.upload_unit import UnitKind, write_unit
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.operate.upload.day_sums import Values
from countagg.operate.upload.formats import Format
from countagg.operate.upload.readings import Selection
from countagg.operate.upload.remarks import Remarks, remark_text
from countagg.operate.upload.uploader import SentFile

_Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SOURCE",
        help="Files, - for standard input, and exporters: http://HOST:PORT/PATH, https://..., unix:SOCKET:/PATH.",
        show_default=False,
    ),
]
_Bucket = Annotated[str | None, typer.Option(help="Bucket with the counter files.")]
_Prefix = Annotated[str | None, typer.Option(help="Folder of the counter files; counters/ unless said.")]
_InstanceId = Annotated[
    str | None, typer.Option(help="Whose counters they are; by default the EC2 instance's, or the host's.")
]
_Form = Annotated[
    Format,
    typer.Option(
        "--format", help="Of the sources; recognised unless said.", autocompletion=completion.one_of(*Format)
    ),
]
_Include = Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="Only counters of such names: 'pg*'.")]
_Exclude = Annotated[list[str] | None, typer.Option(metavar="PATTERN", help="No counters of such names.")]
_Gauges = Annotated[bool, typer.Option("--gauges", help="Also what is known to be no counter.")]
_Values = Annotated[
    Values,
    typer.Option(
        help="What the numbers are: today's, as they are; or counting since the source began, of which what was "
        "added today (UTC) counts.",
        autocompletion=completion.one_of(*Values),
    ),
]
_State = Annotated[Path | None, typer.Option(metavar="FILE", help="Where to remember what was read and sent.")]
_Every = Annotated[str | None, typer.Option(metavar="TIME", help="Go on, and upload every 60s, 5m or 1h.")]
_Always = Annotated[bool, typer.Option("--always", help="Upload also what has not changed since the last upload.")]
_Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait until the totals include it, for who may read them; implies --always."),
]
_Timeout = Annotated[float, typer.Option(min=0, help="Seconds after which --wait fails.")]
_Withdraw = Annotated[
    bool, typer.Option("--withdraw", help="Delete the file of the day instead, which withdraws the instance.")
]
_PrintUnit = Annotated[
    UnitKind | None,
    typer.Option(
        help="Print what runs this upload every minute, or --every so often, and upload nothing.",
        autocompletion=completion.one_of(*UnitKind),
    ),
]


@command("upload", DOCUMENT_FORMS, changes=True)
def upload(
    session: Session,
    sources: _Sources = None,
    bucket: _Bucket = None,
    prefix: _Prefix = None,
    instance_id: _InstanceId = None,
    date: AnyDateOption = None,
    form: _Form = Format.AUTO,
    include: _Include = None,
    exclude: _Exclude = None,
    gauges: _Gauges = False,
    values: _Values = Values.AS_IS,
    state: _State = None,
    every: _Every = None,
    always: _Always = False,
    wait: _Wait = False,
    timeout: _Timeout = 120.0,
    withdraw: _Withdraw = False,
    print_unit: _PrintUnit = None,
) -> None:
    """Upload this instance's counters, from files, pipes and exporters.

    It needs no right but s3:PutObject on the instance's own files.

    Example: countagg upload /proc/vmstat --values today --exclude 'nr_*' --bucket my-counters
    """
    _check(sources, every, wait=wait, withdraw=withdraw)
    selection = Selection(tuple(include or ()), tuple(exclude or ()), gauges)
    anyway = always or wait
    flags = UploadFlags(
        tuple(sources or ()), bucket, prefix, instance_id, date, form, selection, values, state, anyway
    )
    if print_unit:
        write_unit(session, print_unit, flags, every)
        return
    flags = name_instance(session, flags)
    if withdraw:
        _withdraw(session, flags)
    elif every:
        serve(session, flags, every)
    else:
        _upload(session, read_job(session, flags), timeout if wait else None)


def _check(sources: list[str] | None, every: str | None, *, wait: bool, withdraw: bool) -> None:
    """Refuse options that exclude or need each other.

    Raises:
        UsageError: it names them.
    """
    if withdraw and sources:
        raise UsageError("a withdrawal reads no source", where="--withdraw", hint="leave the sources out")
    if not withdraw and not sources:
        raise UsageError("there is no source", where="SOURCE", hint="name a file, - or an address")
    if wait and (withdraw or every):
        other = "--withdraw" if withdraw else "--every"
        raise UsageError("they exclude each other", where=f"--wait, {other}", hint="leave one of them out")


def _upload(session: Session, job: UploadJob, patience: float | None) -> None:
    """Upload once; with patience, of so many seconds, wait until the totals include it."""
    with job.state_file.held(), session.busy("uploading"):
        uploader = job.uploader(session)
        remarks = uploader.read(session.now)
        for remark, times in remarks.items():
            session.remark(remark_text(remark, times))
        today = session.now().date()
        days = {*uploader.pending(), job.plan.day or today.isoformat()}
        replaced = {} if patience is None else replaced_snapshots(session, job.plan.target, days)
        files = list(uploader.send(today))
    versions = {} if patience is None else wait_for_totals(session, job.plan.target, files, replaced, patience)
    _show(session, job, files, remarks, versions)


def _show(
    session: Session,
    job: UploadJob,
    files: Sequence[SentFile],
    remarks: Remarks,
    versions: Mapping[str, int],
) -> None:
    """Write what was uploaded, and the versions of the totals that include it, if that was waited for."""
    target = job.plan.target
    if session.options.output is OutputForm.JSON:
        listed = [
            {
                "date": each.day,
                "key": each.key,
                "counters": each.counters,
                "bytes": each.size,
                "uploaded": each.etag is not None,
                **({"version": versions[each.day]} if each.day in versions else {}),
            }
            for each in files
        ]
        document: dict[str, Any] = {"instance": target.instance, "bucket": target.bucket, "files": listed}
        write_document(session, document | {"remarks": dict(remarks)})
        return
    for each in files:
        done = "uploaded to" if each.etag else "unchanged, not uploaded again:"
        included = ", included in the totals" if each.day in versions else ""
        session.result_console.print(
            f"{counted(each.counters, 'counter')} {done} s3://{target.bucket}/{each.key}{included}"
        )


def _withdraw(session: Session, flags: UploadFlags) -> None:
    """Delete the file of a day."""
    job, day = read_job(session, flags), resolve_day(flags.date or "today", session.now())
    with job.state_file.held():
        key = job.uploader(session).withdraw(day)
    target = job.plan.target
    told = f"s3://{target.bucket}/{key} deleted: {target.instance} is withdrawn from {day}"
    write_sentence(session, {"instance": target.instance, "bucket": target.bucket, "withdrawn": key}, told)
