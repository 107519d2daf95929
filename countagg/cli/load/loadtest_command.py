"""The command that puts a made-up fleet's load on a deployed stack."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

import typer

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import (
    DIFFERENT,
    MAX_COST,
    DateOption,
    ExpectAccountOption,
    MaxCostOption,
    SettleOption,
    YesOption,
)
from countagg.cli.cost.cost_command import prices_of_region
from countagg.cli.integrity.verify_command import look_at_day, observe
from countagg.cli.load.loadtest_progress import load_progress
from countagg.cli.load.loadtest_view import Report, write_report
from countagg.cli.start import INTERRUPTED
from countagg.cli.terminal.progress import stepwise
from countagg.cli.terminal.render import counted
from countagg.cli.totals.upload_command import remove_instances, take_out
from countagg.core.days import resolve_day
from countagg.core.errors import CountaggError, LeftOver, TimedOut, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.operate.cost.model import DEFAULTS, spread
from countagg.operate.cost.spreading import describe_lack, recommend_layout
from countagg.operate.integrity.findings import Verification
from countagg.operate.load.cost import Estimate, estimate
from countagg.operate.load.loadtest import Load, LoadTest
from countagg.operate.load.schedule import INSTANCE_PREFIX, MOST_PER_SECOND, steady
from countagg.operate.load.schedule import ramp as rising
from countagg.operate.totals.uploads import check_day
from countagg.operate.totals.withdrawals import instances_with_files

_SHOWN: Final = 5
_FLEET: Final = "Fleet"
_RAMP: Final = "Ramp"


_InstancesOption = Annotated[
    int, typer.Option(min=1, max=20_000, help="Instances of the fleet.", rich_help_panel=_FLEET)
]
_CountersOption = Annotated[int, typer.Option(min=1, help="Counters in each file.", rich_help_panel=_FLEET)]
_IntervalOption = Annotated[
    float,
    typer.Option(
        min=0.05,
        help="Seconds between two files of an instance, give or take a tenth.",
        rich_help_panel=_FLEET,
    ),
]
_DurationOption = Annotated[float, typer.Option(min=1, help="Seconds for which the fleet uploads.")]
_RampOption = Annotated[
    bool,
    typer.Option(
        "--ramp", help="Raise the rate step by step until the lag grows without bound.", rich_help_panel=_RAMP
    ),
]
_StepOption = Annotated[float, typer.Option(min=1, help="Seconds of a step of --ramp.", rich_help_panel=_RAMP)]
_FactorOption = Annotated[
    float, typer.Option(min=1.1, help="Factor by which --ramp raises the rate.", rich_help_panel=_RAMP)
]
_SeedOption = Annotated[
    int,
    typer.Option(min=0, help="The same seed makes the same load and the same instances.", rich_help_panel=_FLEET),
]
_WorkersOption = Annotated[
    int, typer.Option(min=1, max=30, help="Uploads at the same time.", rich_help_panel=_FLEET)
]
_DrainTimeoutOption = Annotated[
    float, typer.Option(min=0, help="Seconds to wait after the last upload until everything is included.")
]
_CleanupOption = Annotated[
    bool, typer.Option("--cleanup", help="Delete the fleet's files at the end, out of the totals too.")
]


_RemoveOption = Annotated[
    bool,
    typer.Option("--remove", help="Delete the files of all load tests of the day instead, out of the totals too."),
]


@dataclass(frozen=True, slots=True)
class _Waits:
    """Seconds to wait for the last files, and for what differs."""

    drain: float
    settle: float


@command("loadtest", changes=True)
def loadtest(
    session: Session,
    instances: _InstancesOption = 100,
    counters: _CountersOption = 100,
    interval: _IntervalOption = 60.0,
    duration: _DurationOption = 60.0,
    ramp: _RampOption = False,
    step: _StepOption = 15.0,
    factor: _FactorOption = 1.5,
    date: DateOption = "today",
    seed: _SeedOption = 0,
    workers: _WorkersOption = 20,
    drain_timeout: _DrainTimeoutOption = 120.0,
    settle: SettleOption = SETTLE_SECONDS,
    max_cost: MaxCostOption = MAX_COST,
    cleanup: _CleanupOption = False,
    remove: _RemoveOption = False,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Upload as a fleet does, measure the time from each PUT to the totals, and verify the day at the end.

    The instances are called loadtest-..., their counters loadtest_...; they count in the day's totals like any
    others. Ctrl-C ends the uploads, a second one the wait. Exits with 9 if not everything was included in time,
    with 7 if the verification finds a difference, with 4 if uploads failed.

    Example: countagg loadtest --instances 1000 --interval 60 --duration 300 --cleanup
    """
    day = resolve_day(date, session.now())
    if remove:
        session.introduce(expect_account)
        remove_instances(session, day, _fleets_of(session, day), drain_timeout)
        return
    check_day(session.pipeline, day, session.now())
    shortest = instances / MOST_PER_SECOND
    steps = rising(interval, duration, step, factor, shortest) if ramp else steady(interval, duration)
    load = Load(day, instances, counters, steps, seed, workers, until_knee=ramp)
    estimate = _agree(session, load, drain_timeout, Decimal(str(max_cost)), expect_account, yes=yes)
    report = _carry_out(session, load, estimate, _Waits(drain_timeout, settle), cleanup=cleanup)

    write_report(session, report)
    _tell_what_stays(session, report)
    end(report, drain_timeout)


def _fleets_of(session: Session, day: str) -> list[str]:
    """Return the instances of all load tests of a day that have a file."""
    names = instances_with_files(session.pipeline, day)
    return [name for name in names if name.startswith(INSTANCE_PREFIX)]


def _agree(
    session: Session,
    load: Load,
    drain: float,
    ceiling: Decimal,
    expect_account: str | None,
    *,
    yes: bool,
) -> Estimate:
    """Show what the load will take, and have the operator agree; the embedded engine costs nothing.

    Raises:
        UsageError: it may cost more than it is allowed to.
    """
    session.introduce(expect_account)
    layout = session.pipeline.layout_of_files(load.day)
    estimated = estimate(load, drain, prices_of_region(session), spread(DEFAULTS, layout))
    rates = f"{load.steps[0].rate(load.instances):,.1f}"
    if len(load.steps) > 1:
        rates += f" to {load.steps[-1].rate(load.instances):,.1f}"
    files = f"{'up to ' if load.until_knee else ''}{estimated.files:,.0f} files"
    rate = load.steps[0].rate(load.instances)
    if lack := describe_lack(layout, recommend_layout(load.instances, load.counters, rate)):
        session.remark(f"layout     {lack}")
    session.remark(f"load       {files} on {load.day}, {rates} a second, {counted(load.counters, 'counter')} each")
    if session.options.local:
        session.remark("cost       none, the engine is on this machine")
        return estimated
    session.remark(
        f"cost       at most {estimated.usd:,.4f} USD by the model, see `countagg cost`; --max-cost {ceiling}"
    )
    if estimated.usd > ceiling:
        raise UsageError(
            f"the load may cost {estimated.usd:,.2f} USD, more than {ceiling}",
            where="--max-cost",
            hint="take fewer instances, a shorter --duration or a higher ceiling; nothing was touched",
        )
    session.confirm("Upload?", "yes", yes=yes)
    return estimated


def _carry_out(session: Session, load: Load, estimate: Estimate, patience: _Waits, *, cleanup: bool) -> Report:
    letters = _dead_letters(session)
    with load_progress(session, load) as tell:
        outcome = LoadTest(session.pipeline, load, tell, Polling(patience.drain)).run()
    verification = _verify(session, load.day, patience.settle) if outcome.drained else None
    withdrawn = take_out(session, load.day, load.instance_ids, patience.drain) if cleanup else None
    arrived = max(0, _dead_letters(session) - letters)
    return Report(load, estimate, outcome, arrived, verification, withdrawn)


def _dead_letters(session: Session) -> int:
    depth = session.pipeline.queue_depth(session.pipeline.names.dead_letters)
    return depth.waiting + depth.in_flight if depth else 0


def _verify(session: Session, day: str, settle: float) -> Verification:
    with stepwise(session) as tell:
        verification, _ = look_at_day(observe(session, day, tell), settle, tell)
    return verification


def _tell_what_stays(session: Session, report: Report) -> None:
    settings, load = session.pipeline.settings, report.load
    if report.withdrawn is None:
        remove = f"`countagg loadtest --remove --date {load.day}`"
        session.remark(f"the fleet's files stay and count; {remove} takes them out, as a test with --cleanup does")
        return
    session.remark(
        f"what stays: an empty snapshot of each instance for {counted(settings.snapshot_retention_days, 'day')}, "
        f"and the fleet's counters with the value 0 in {session.pipeline.names.counters} for "
        f"{counted(settings.totals_retention_days, 'day')}",
        style="dim",
    )


def end(report: Report, drain_timeout: float) -> None:
    """End with the exit code of the worst that happened.

    Raises:
        CountaggError: nothing was sent.
        TimedOut: not everything was included, or withdrawn, in time.
        LeftOver: uploads failed.
    """
    outcome = report.outcome
    if outcome.interrupted:
        raise typer.Exit(INTERRUPTED)
    if outcome.missing:
        shown = ", ".join(f"{name} ({count})" for name, count in list(outcome.missing.items())[:_SHOWN])
        more = f" and {len(outcome.missing) - _SHOWN} more" if len(outcome.missing) > _SHOWN else ""
        raise TimedOut(
            f"{sum(outcome.missing.values())} files are not included after {drain_timeout:.0f} s: {shown}{more}",
            where=f"totals of {report.load.day}",
            hint="see `countagg status` and `countagg dead-letters list`; give the engine more --drain-timeout",
        )
    if report.verification is not None and not report.verification.ok:
        raise typer.Exit(DIFFERENT)
    if report.withdrawn is False:
        raise TimedOut(
            f"they still include deleted files after {drain_timeout:.0f} s",
            where=f"totals of {report.load.day}",
            hint="see `countagg status`; give the engine more --drain-timeout",
        )
    if outcome.failed_uploads:
        raise LeftOver(
            f"{outcome.failed_uploads} uploads failed, the first with: {outcome.failures[0]}",
            where="uploads",
            hint="`countagg doctor` looks for the cause",
        )
    if outcome.not_sent and not outcome.sent:
        raise CountaggError(
            f"none of the {outcome.not_sent} files that were due was sent: the uploader was late for each",
            where="uploads",
            hint="take a longer --duration, fewer --instances or more --workers",
        )
