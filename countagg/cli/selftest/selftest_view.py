"""What a self-test does, as it goes on, and what came of it."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from decimal import Decimal
from importlib.metadata import version
from typing import Any, Final
from urllib.parse import urlsplit

from countagg import __version__
from countagg.cli.app.options import DEFAULT_STACK
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import write_table
from countagg.cli.terminal.result import write_result
from countagg.core.printable import printable
from countagg.operate.selftest.bench import Bench
from countagg.operate.selftest.report import report
from countagg.operate.selftest.selftest import SelfTest, Step, StepOutcome, StepResult
from countagg.provision.settings import DEFAULT_OUTPUT_PREFIX, DEFAULT_PREFIX

_HEADER: Final = ("STEP", "OUTCOME", "SECONDS", "MEASURED")
_NUMERIC: Final = frozenset({"SECONDS"})


class Progress:
    """Tells on stderr what is being shown, and how it ended."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._interrupted = False

    def begin(self, step: Step) -> None:
        """Tell that a step begins."""
        if self._interrupted and step.cleans_up:
            self._session.remark("\ninterrupted, and cleaning up; Ctrl-C again leaves everything as it is")
        self._session.remark(f"{step.name}: {step.shows}?", style="bold")

    def log_line(self, line: str) -> None:
        """Tell a line of a function's log."""
        self._session.remark(f"  | {printable(line)}", style="dim")

    def end(self, result: StepResult) -> None:
        """Tell how a step ended."""
        self._interrupted = self._interrupted or result.outcome is StepOutcome.INTERRUPTED
        if result.outcome is StepOutcome.SKIPPED:
            self._session.remark(f"{result.step.name}: skipped, {result.got}")
            return
        measured = f": {told}" if (told := _measured(result)) else ""
        self._session.remark(f"  {result.outcome} after {result.seconds:.1f} s{measured}")
        if result.outcome is StepOutcome.FAILED:
            for name, text in (("expected", result.expected), ("got", result.got), ("next", result.hint)):
                self._session.remark(f"  {name:<9} {printable(text or '-')}")


def _measured(result: StepResult) -> str:
    hops = [f"{hop} {seconds:.1f} s" for hop, seconds in result.finding.hops.items()]
    facts = [f"{name} {_told(value)}" for name, value in result.finding.facts.items()]
    return ", ".join([*hops, *facts])


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{seconds:.1f} s for {what}" for what, seconds in value.items()) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def make_report(
    session: Session, self_test: SelfTest, bench: Bench, usd: Decimal | None, *, throw_away: bool
) -> dict[str, Any]:
    """Return the report, which names nobody."""
    caller = session.caller
    host = urlsplit(caller.endpoint).hostname or ""
    of_aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    circumstances = {
        "countagg": __version__,
        "libraries": {"python": platform.python_version(), "boto3": version("boto3")},
        "engine": "embedded" if caller.place.embedded else "aws" if of_aws else "other",
        "region": caller.place.region,
        "throw_away": throw_away,
        "calls": bench.meter.total,
        "uploads": bench.uploads,
        "usd_at_most": None if usd is None else round(usd, 4),
    }
    return report(self_test, circumstances, _names(session, bench))


def _names(session: Session, bench: Bench) -> dict[str, str]:
    """Return what must not stand in a report, with what stands for it."""
    caller, stack = session.caller, session.options.stack
    known = [(bench.chosen.bucket or "", "<bucket>")]
    if session.options.stack_flag:
        settings = session.pipeline.settings
        known = [
            (settings.bucket, "<bucket>"),
            (settings.prefix, "<prefix>"),
            (settings.output_prefix, "<prefix>"),
        ]
    # The default names are everybody's; that of the stack is the program's too.
    names = {name: instead for name, instead in known if name not in (DEFAULT_PREFIX, DEFAULT_OUTPUT_PREFIX)}
    return names | {
        caller.principal: "<principal>",
        caller.principal.rpartition("/")[2]: "<principal>",
        caller.place.account: "<account>",
        f"{stack}-" if stack == DEFAULT_STACK else stack: "<stack>-" if stack == DEFAULT_STACK else "<stack>",
        caller.endpoint: "<endpoint>",
        urlsplit(caller.endpoint).netloc: "<endpoint>",
    }


def write_self_test(session: Session, self_test: SelfTest, document: Mapping[str, Any]) -> None:
    """Write what came of a self-test to stdout."""
    rows = [
        (each.step.name, str(each.outcome), f"{each.seconds:.1f}", _measured(each) or each.got or "")
        for each in self_test.results
    ]
    write_result(
        session, document, _HEADER, rows, lambda: write_table(session.result_console, _HEADER, rows, _NUMERIC)
    )
