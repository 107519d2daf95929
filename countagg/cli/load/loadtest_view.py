"""What came of a load, as text and as documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.render import counted, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.core.versions import changes_of
from countagg.operate.integrity.findings import Verification
from countagg.operate.load.cost import Estimate
from countagg.operate.load.figures import BINS, EXPLANATIONS, StepFigures, histogram, percentile
from countagg.operate.load.loadtest import Load, LoadOutcome

_SHARES: Final = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
_BAR: Final = 40
_STEPS: Final = ("STEP", "DUE/S", "SENT/S", "INCLUDED/S", "BEHIND", "GROWTH/S", "CPU")


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a load.

    Attributes:
        load: what was to be done.
        estimate: what it would take, by the model.
        outcome: what was measured.
        dead_letters: how many more there are than before, as SQS counts them.
        verification: of the day; None if not everything was included.
        withdrawn: whether the totals came to be without the deleted files; None if they were to stay.
    """

    load: Load
    estimate: Estimate
    outcome: LoadOutcome
    dead_letters: int
    verification: Verification | None
    withdrawn: bool | None

    @property
    def throughput(self) -> float:
        """Files that the totals included a second, from the beginning to the last of them."""
        seconds = self.outcome.seconds
        return len(self.outcome.latencies) / seconds if seconds else 0.0

    @property
    def write_units(self) -> float:
        """Write units of what was sent, by the model."""
        sent = [step.due - step.unsent for step in self.outcome.steps]
        return self.estimate.write_units(sent, self.outcome.sent)

    @property
    def percentiles(self) -> dict[str, float | None]:
        """Of the latencies, in seconds."""
        return {name: percentile(self.outcome.latencies, share) for name, share in _SHARES.items()}


def write_report(session: Session, report: Report) -> None:
    """Write what came of a load."""
    steps = [_step_row(*each) for each in enumerate(report.outcome.steps, start=1)]
    write_result(session, _document(session, report), _STEPS, steps, lambda: _write_text(session, report, steps))


def _write_text(session: Session, report: Report, steps: Sequence[Sequence[str]]) -> None:
    console, outcome = session.result_console, report.outcome
    rows = [(name, _seconds(value)) for name, value in report.percentiles.items()]
    write_table(console, ("PUT TO TOTAL", "SECONDS"), rows, frozenset({"SECONDS"}))
    bars = _bars(outcome.latencies, ascii_only=console.options.ascii_only)
    if bars:
        console.print("\n" + "\n".join(bars))
    if len(report.load.steps) > 1:
        console.print()
        write_table(console, _STEPS, steps, frozenset(_STEPS))
        console.print(_knee_text(report))
    console.print()
    for name, value in _facts(report):
        console.print(f"{name:14} {session.in_place(value)}")


def _bars(latencies: Sequence[float], *, ascii_only: bool) -> list[str]:
    """Return a histogram, a line a part of the range."""
    block = "#" if ascii_only else "█"
    parts = histogram(latencies)
    most = max((count for _, _, count in parts), default=0)
    return [
        f"{begin:8.3f} - {end:<8.3f} {block * round(_BAR * count / most):<{_BAR}} {count:,}".rstrip()
        for begin, end, count in parts
    ]


def _facts(report: Report) -> list[tuple[str, str]]:
    outcome = report.outcome
    facts = [
        ("sent", _sent(report)),
        ("included", f"{len(outcome.latencies):,}, {outcome.overtaken:,} of them overtaken by a newer one"),
        ("throughput", f"{report.throughput:,.1f} files/s over {outcome.seconds:,.1f} s"),
        ("write units", f"{report.write_units:,.0f}, estimated by the model of `countagg cost`"),
        ("dead letters", f"{report.dead_letters:,} more than before, as SQS counts them"),
    ]
    if outcome.not_sent:
        facts.append(("left out", f"{outcome.not_sent:,} files that were due: the uploader was late"))
    if outcome.failed_uploads:
        facts.append(("failed", f"{outcome.failed_uploads:,} uploads; {printable(outcome.failures[0])}"))
    facts.append(("verification", _verified(report.verification)))
    if report.withdrawn is not None:
        told = "the fleet's files are deleted and out of the totals"
        facts.append(("clean-up", told if report.withdrawn else "deleted, and not yet out of the totals"))
    return facts


def _sent(report: Report) -> str:
    outcome, load = report.outcome, report.load
    of_those = f" of {outcome.due:,}" if outcome.sent < outcome.due else ""
    return (
        f"{outcome.sent:,}{of_those} files that were due, of {counted(load.instances, 'instance')} for {load.day}"
    )


def _verified(verification: Verification | None) -> str:
    if verification is None:
        return "not done: not everything is included"
    if verification.ok:
        files = counted(verification.files, "file")
        return f"{files}, version {changes_of(verification.version):,}: all totals are right"
    differences = counted(len(verification.differences), "difference")
    return f"{differences}; `countagg verify --date {verification.day}` tells which"


def _knee_text(report: Report) -> str:
    knee = report.outcome.knee
    if knee is None:
        return "no knee: the totals kept up at every rate"
    kept = "below the first rate" if knee.sustained is None else f"at about {knee.sustained:,.1f} files/s"
    return f"knee in step {knee.step + 1}, sustained {kept}\nthe limit is {EXPLANATIONS[knee.limit]}"


def _step_row(number: int, step: StepFigures) -> tuple[str, ...]:
    return (
        str(number),
        f"{step.rate:.1f}",
        f"{step.sent_rate:.1f}",
        f"{step.included_rate:.1f}",
        str(step.lag),
        f"{step.growth:.1f}",
        f"{step.busy:.0%}",
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.3f}"


def _document(session: Session, report: Report) -> dict[str, object]:
    load, outcome = report.load, report.outcome
    verification = report.verification
    return {
        "stack": session.options.stack,
        "date": load.day,
        "instances": load.instances,
        "counters": load.counters,
        "seed": load.seed,
        "due": outcome.due,
        "sent": outcome.sent,
        "included": len(outcome.latencies),
        "overtaken": outcome.overtaken,
        "not_sent": outcome.not_sent,
        "failed_uploads": outcome.failed_uploads,
        "interrupted": outcome.interrupted,
        "drained": outcome.drained,
        "missing": outcome.missing,
        "seconds": round(outcome.seconds, 3),
        "files_per_second": round(report.throughput, 3),
        "latency_seconds": {name: _rounded(value) for name, value in report.percentiles.items()},
        "histogram": [
            {"from": round(begin, 6), "to": round(end, 6), "count": count}
            for begin, end, count in histogram(outcome.latencies, BINS)
        ],
        "write_units_estimated": round(report.write_units),
        "usd_estimated": None if session.options.local else round(report.estimate.usd, 6),
        "dead_letters": report.dead_letters,
        "steps": [_step_document(each) for each in outcome.steps],
        "knee": _knee_document(report),
        "verification": None
        if verification is None
        else {
            "ok": verification.ok,
            "files": verification.files,
            "version": verification.version,
            "differences": len(verification.differences),
        },
        "cleaned_up": report.withdrawn,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _step_document(step: StepFigures) -> dict[str, object]:
    return {
        "due_per_second": round(step.rate, 3),
        "sent_per_second": round(step.sent_rate, 3),
        "included_per_second": round(step.included_rate, 3),
        "behind": step.lag,
        "growth_per_second": round(step.growth, 3),
        "cpu": round(step.busy, 3),
    }


def _knee_document(report: Report) -> dict[str, object] | None:
    knee = report.outcome.knee
    if knee is None:
        return None
    sustained = _rounded(knee.sustained)
    return {"step": knee.step + 1, "sustained_per_second": sustained, "limit": str(knee.limit)}
