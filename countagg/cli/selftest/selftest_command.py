"""The command that shows, on the user's own account, that the pipeline works there."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final

import typer

from countagg.aws.kinds.context import Forced
from countagg.aws.probes import CallMeter
from countagg.cli.app.choice_options import read_choices
from countagg.cli.app.options import DOCUMENT_FORMS
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DIFFERENT, MAX_COST, ExpectAccountOption, MaxCostOption, YesOption
from countagg.cli.cost.cost_command import prices_of_region
from countagg.cli.selftest.selftest_view import Progress, make_report, write_self_test
from countagg.cli.stack.setup_progress import Reporter
from countagg.cli.start import INTERRUPTED
from countagg.cli.terminal.render import write_json
from countagg.core.errors import CountaggError, LeftOver, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import Polling
from countagg.operate.selftest.bench import COUNTER, Bench, WaitLog, find_unused_day
from countagg.operate.selftest.selftest import (
    MOST_CALLS,
    MOST_UPLOADS,
    THROW_AWAY,
    SelfTest,
    Step,
    ceiling,
    run,
    throw_away_bucket,
)
from countagg.operate.selftest.steps import SelfTestSteps
from countagg.operate.stack.deployment import Deployment
from countagg.provision.choices import Chosen
from countagg.provision.reconcile import Action

_REMOVE: Final = "`countagg teardown --delete-objects`"

_KeepOption = Annotated[bool, typer.Option("--keep", help="Leave the throw-away stack standing at the end.")]
_TimeoutOption = Annotated[float, typer.Option(min=0, help="Seconds that an upload may take to show at a hop.")]
_SaveOption = Annotated[
    Path | None, typer.Option(help="Write the report to this file, as JSON without names or account ids.")
]


@command("selftest", forms=DOCUMENT_FORMS, changes=True)
def selftest(
    session: Session,
    keep: _KeepOption = False,
    timeout: _TimeoutOption = 600.0,
    max_cost: MaxCostOption = MAX_COST,
    save: _SaveOption = None,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Show step by step, on a stack made for it, that the pipeline works on this account; exit with 7 if not.

    It sets a throw-away stack up, with a bucket of its own, and tears it down at the end. The option --stack, and
    no variable or setting, names a stack that is there: then it uploads for an unused day, and takes that back.
    Ctrl-C ends the test and cleans up. Exits with 4 if something is left over.

    Example: countagg selftest --save selftest.json
    """
    if save is not None and not save.parent.is_dir():
        raise UsageError(f"there is no folder {str(save.parent)!r}", where="--save", hint="make it first")
    if session.options.stack_flag:
        if keep:
            raise UsageError("the stack that --stack names stays anyway", where="--keep", hint="leave it out")
    else:
        session.options = replace(session.options, stack=THROW_AWAY)
    meter = CallMeter(session.clients, MOST_CALLS)
    session.introduce(expect_account)
    job = _prepare(session, meter)
    usd = _agree(session, job, Decimal(str(max_cost)), keep=keep, yes=yes)
    self_test = _carry_out(session, job, timeout, keep=keep)
    _report(session, job, self_test, usd, save)
    conclude(session, self_test, keep=keep)


@dataclass(frozen=True, slots=True)
class _Job:
    """A self-test that is about to run."""

    bench: Bench
    waits: WaitLog
    throw_away: bool


def _prepare(session: Session, meter: CallMeter) -> _Job:
    """Find out where the test takes place, and touch nothing."""
    reporter = Reporter(lambda: session.progress_console, quiet=session.options.quiet)
    waits = WaitLog(lambda what: session.remark(what, style="dim"))
    deployment = Deployment(session.clients, session.caller, waits.patience)
    throw_away, today = not session.options.stack_flag, session.now().date()
    with session.busy("looking around"):
        if throw_away:
            chosen, day = _choices(session), today.isoformat()
            _refuse_earlier(session, deployment)
        else:
            chosen = Chosen(session.options.stack)
            day = find_unused_day(session.pipeline, today)
    bench = Bench(session.clients, deployment, chosen, day, today, meter, reporter.begun)
    return _Job(bench, waits, throw_away)


def _choices(session: Session) -> Chosen:
    """Return the throw-away stack's choices: the defaults, and what an organisation may demand of every stack."""
    demanded = read_choices(session, {}, ("tags", "permissions_boundary", "role_path"))
    return demanded.but(bucket=throw_away_bucket(session.caller.place), create_bucket=True)


def _refuse_earlier(session: Session, deployment: Deployment) -> None:
    """Stop where an earlier test left its stack, or another one is still at work on it.

    Raises:
        LeftOver: there is something of it.
    """
    stack = session.options.stack
    planned = deployment.plan_removal(stack, None, frozenset(), Forced(objects=True))
    there = sum(change.action is Action.DELETE for change in planned.changes)
    if there:
        raise LeftOver(
            f"{there} resources of an earlier self-test are there, or of one that still runs; nothing was touched",
            where=f"stack {stack}",
            hint=f"{_REMOVE} removes them",
        )


def _agree(session: Session, job: _Job, most: Decimal, *, keep: bool, yes: bool) -> Decimal | None:
    """Say what will be made, and what it may cost; return that, None on the embedded engine.

    Raises:
        UsageError: it may cost more than it is allowed to.
    """
    bench = job.bench
    if job.throw_away:
        session.remark(f"makes      the stack, and the bucket {bench.chosen.bucket}")
        session.remark(f"then       {'keeps' if keep else 'removes'} both; it takes some ten minutes on AWS")
    else:
        session.remark(f"uploads    files of two instances for {bench.day}, which has none, and deletes them")
        session.remark(f"sets       a limit of {COUNTER}, and passes it: an alert goes to the topic's subscribers")
        session.remark("refuses    a malformed file: the alarms on refused files and dead letters may go off")
    if session.options.local:
        session.remark("cost       none, the engine is on this machine")
        usd = None
    else:
        usd = ceiling(prices_of_region(session))
        told = f"at most {usd:.2f} USD by the model of `countagg cost`, with at most {MOST_CALLS:,} calls"
        session.remark(f"cost       {told} and {MOST_UPLOADS} uploads; --max-cost {most}")
        if usd > most:
            hint = "allow more; nothing was touched"
            raise UsageError(f"the test may cost {usd:.2f} USD, more than {most}", where="--max-cost", hint=hint)
    session.confirm("Run the test?", "yes", yes=yes)
    return usd


def _carry_out(session: Session, job: _Job, timeout: float, *, keep: bool) -> SelfTest:
    polling, progress = Polling(timeout), Progress(session)
    steps = SelfTestSteps(job.bench, polling, job.waits, session.now, progress.log_line)
    listed = steps.on_throw_away(keep=keep) if job.throw_away else steps.on_existing()

    def begin(step: Step) -> None:
        # What cleans up has to end, whatever was called before.
        job.bench.meter.limited = not step.cleans_up
        progress.begin(step)

    return run(listed, polling.clock, begin, progress.end)


def _report(session: Session, job: _Job, self_test: SelfTest, usd: Decimal | None, save: Path | None) -> None:
    """Write what came of the test to stdout, and to the file."""
    bench = job.bench
    document = make_report(session, self_test, bench, usd, throw_away=job.throw_away)
    write_self_test(session, self_test, document)
    if save is not None:
        text = io.StringIO()
        write_json(text, document)
        session.save(save, text.getvalue().encode())


def conclude(session: Session, self_test: SelfTest, *, keep: bool) -> None:
    """End with the exit code of the worst that happened.

    Raises:
        LeftOver: something of the test is still there.
    """
    if keep:
        session.remark(f"the stack stays; {_REMOVE} removes it")
    left = self_test.left_over
    error: CountaggError | None = None
    if left is not None:
        error = LeftOver(f"something is left over: {left.got}", where=left.step.name, hint=left.step.hint)
    if self_test.interrupted:
        if error is not None:
            session.remark(f"{error}\n  try: {error.hint}")
        raise typer.Exit(INTERRUPTED)
    if error is not None:
        raise error
    if not self_test.holds:
        raise typer.Exit(DIFFERENT)
