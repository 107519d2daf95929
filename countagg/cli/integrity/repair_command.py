"""The command that brings days back to what their files say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import AnyDateOption, ExpectAccountOption, SettleOption, YesOption, day_option
from countagg.cli.integrity.verify_command import document_of, look_at_day, observe, tell_refused
from countagg.cli.terminal.progress import stepwise
from countagg.cli.terminal.render import counted, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.days import days_from, resolve_day
from countagg.core.errors import LeftOver, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.data.queues import EventQueue
from countagg.data.store import Store
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Difference, Verification
from countagg.operate.integrity.repair import Repaired, Repairer
from countagg.operate.integrity.repair_plan import Mending, RepairPlan, check_day, plan_repair
from countagg.operate.moments import check_order

_TIMEOUT = 300.0
_HEADER = ("DATE", "HOP", "INSTANCE", "COUNTER", "ACTION")


_SinceOption = Annotated[str | None, day_option("--since", "First of several days.")]
_UntilOption = Annotated[str | None, day_option("--until", "Last of several days.", default="today")]
_DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and touch nothing.")]
_TimeoutOption = Annotated[float, typer.Option(min=0, help="Seconds to wait for the processor.")]


@dataclass(frozen=True)
class _Day:
    """A day, what is wrong with it, and what is done about that."""

    observer: Observer
    found: Verification
    plan: RepairPlan

    @property
    def left(self) -> Sequence[Difference]:
        """What no repair can mend: the snapshot of a refused file is damaged, or the like."""
        return () if self.plan.mendings else self.found.differences


@command("repair", changes=True)
def repair(
    session: Session,
    date: AnyDateOption = None,
    since: _SinceOption = None,
    until: _UntilOption = None,
    dry_run: _DryRunOption = False,
    settle: SettleOption = SETTLE_SECONDS,
    timeout: _TimeoutOption = _TIMEOUT,
    yes: YesOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Bring days back to what their files in the bucket say.

    Missing, stale and damaged files are read again by the processor, the ledger is rebuilt and the outputs are
    written. Uploads may go on meanwhile. It also takes up files that were in the bucket before setup.

    Example: countagg repair --since 2026-11-01
    """
    days = _days(session, date, since, until)
    if not dry_run:
        session.introduce(expect_account)
    plans = {day: _plan(session, day, settle) for day in days}
    wrong = {day: found for day, found in plans.items() if found.plan.mendings}
    if dry_run or not wrong:
        write_mendings(session, date, {day: found.plan.mendings for day, found in plans.items()}, dry_run=dry_run)
        if wrong:
            session.remark("nothing was touched; this is what would be done", style="dim")
        _check_nothing_left({day: found.left for day, found in plans.items()})
        return
    for day, found in wrong.items():
        session.remark(f"{day}: {_summary(found.plan.mendings)}")
    session.confirm(f"Repair {counted(len(wrong), 'day')}?", "yes", yes=yes)
    repaired = {day: _carry_out(session, found, settle, timeout) for day, found in wrong.items()}
    write_mendings(
        session, date, {day: repaired[day].mended if day in repaired else () for day in days}, dry_run=False
    )
    after = {day: found.verification.differences for day, found in repaired.items()}
    _check_nothing_left({day: found.left for day, found in plans.items()} | after)


def _days(session: Session, date: str | None, since: str | None, until: str | None) -> list[str]:
    """Return the days that were asked for, each of which can be repaired."""
    if (date is None) == (since is None) or (until is not None and since is None):
        hint = "such as --date today, or --since 2026-01-30 with or without --until"
        raise UsageError("give either a day or the first of several", where="--date, --since", hint=hint)
    now = session.now()
    first = resolve_day(date or since or "", now)
    last = first if date else resolve_day(until or "today", now)
    check_order(first, last)
    days = days_from(first, last)
    for day in days:
        check_day(session.pipeline.settings, session.pipeline.expiry(day), day, now)
    return days


def _plan(session: Session, day: str, settle: float) -> _Day:
    with stepwise(session) as tell:

        def of_day(what: str, done: int, total: int) -> None:
            tell(f"{day} {what}", done, total)

        observer = observe(session, day, of_day)
        verification, look = look_at_day(observer, settle, of_day)
    tell_refused(session, verification)
    time = session.now().isoformat(timespec="milliseconds")
    return _Day(observer, verification, plan_repair(verification, look, session.pipeline.settings, time))


def _carry_out(session: Session, day: _Day, settle: float, timeout: float) -> Repaired:
    with stepwise(session) as tell:
        repairer = make_repairer(
            session, settle, timeout, lambda what, done, total: tell(f"{day.observer.day} {what}", done, total)
        )
        return repairer.repair(day.observer, day.plan)


def repair_day(session: Session, day: str) -> None:
    """Bring one day back to what its files say, without a question.

    Raises:
        LeftOver: something cannot be mended.
    """
    found = _plan(session, day, SETTLE_SECONDS)
    left = found.left
    if found.plan.mendings:
        session.remark(f"{day}: {_summary(found.plan.mendings)}")
        left = _carry_out(session, found, SETTLE_SECONDS, _TIMEOUT).verification.differences
    elif not left:
        session.remark(f"{day}: all {'other ' if found.found.refused else ''}files are counted")
    _check_nothing_left({day: left})


def make_repairer(
    session: Session, settle: float, timeout: float, tell: Callable[[str, int, int], None]
) -> Repairer:
    """Return what mends days of the deployed stack."""
    clients, settings = session.clients, session.pipeline.settings
    return Repairer(
        reader=session.pipeline,
        store=Store(settings, clients),
        queue=EventQueue(clients, settings.stack),
        settling=Polling(settle),
        now=session.now,
        timeout=timeout,
        on_step=tell,
    )


def _check_nothing_left(differences: Mapping[str, Sequence[Difference]]) -> None:
    left = [(day, each) for day, found in differences.items() for each in found]
    if left:
        shown = "; ".join(
            " ".join(filter(None, (f"{day} {each.hop}: {each.what}", each.instance or each.counter)))
            for day, each in left[:3]
        )
        hint = "`countagg status` shows whether every hop works; a refused file needs a good upload"
        raise LeftOver(f"{counted(len(left), 'difference')} left: {shown}", where="totals", hint=hint)


def write_mendings(
    session: Session, date: str | None, mended: Mapping[str, Sequence[Mending]], *, dry_run: bool
) -> None:
    """Write what is mended, by day: of the one day that was asked for, or of several."""
    documents = [{"date": day, "repaired": [document_of(each) for each in found]} for day, found in mended.items()]
    document = (documents[0] if date else {"days": documents}) | ({"dry_run": True} if dry_run else {})
    rows = [
        (day, str(each.hop), each.instance or "", each.counter or "", str(each.action))
        for day, found in mended.items()
        for each in found
    ]

    def write_text() -> None:
        if rows:
            write_table(session.result_console, _HEADER, rows)
        else:
            session.result_console.print(f"{', '.join(mended)}: nothing to repair")

    write_result(session, document, _HEADER, rows, write_text)


def _summary(mendings: Sequence[Mending]) -> str:
    counts = Counter((str(each.hop), str(each.action)) for each in mendings)
    return ", ".join(f"{hop}: {action} ({count})" for (hop, action), count in counts.items())
