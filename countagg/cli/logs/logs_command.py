"""The command that shows what the functions write."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from countagg.aws.log_events import LogReader, Period, milliseconds
from countagg.aws.waiting import USUAL, Patience
from countagg.cli.app import completion
from countagg.cli.app.options import OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.terminal.live import until_interrupted, while_read
from countagg.cli.terminal.result import write_document_line
from countagg.core.errors import CountaggError, UsageError
from countagg.core.names import Names
from countagg.core.polling import FOREVER, Polling
from countagg.core.printable import printable
from countagg.operate.logs.log_lines import Level, LogLine, utc_text
from countagg.operate.logs.logs import Wanted, choose_functions, follow_logs, read_logs
from countagg.operate.moments import parse_moment

if TYPE_CHECKING:
    from rich.text import Text

_FORMS: Final = (OutputForm.TABLE, OutputForm.TEXT, OutputForm.JSON)
_INDENT: Final = "    "
_LOCATION: Final = "location"
_FUNCTION_STYLES: Final = {"processor": "cyan", "aggregator": "magenta", "publisher": "blue"}
_LEVEL_STYLES: Final = {
    "DEBUG": "dim",
    "INFO": "green",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
}


class LevelChoice(StrEnum):
    """Levels to choose from, least grave first."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_FunctionOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only of processor, aggregator or publisher; may be repeated.",
        autocompletion=completion.one_of("processor", "aggregator", "publisher"),
    ),
]
_SinceOption = Annotated[
    str,
    typer.Option(help="An age (30s, 10m, 2h, 1d, 1w), a day or a time (UTC).", autocompletion=completion.moments),
]
_UntilOption = Annotated[
    str | None, typer.Option(help="The same; by default now.", autocompletion=completion.moments)
]
_FollowOption = Annotated[bool, typer.Option("--follow", "-f", help="Keep showing new lines, until Ctrl-C.")]
_FilterOption = Annotated[str, typer.Option("--filter", help="Only lines that contain this text.", metavar="TEXT")]
_LevelOption = Annotated[
    LevelChoice, typer.Option(case_sensitive=False, help="Only lines of at least this level.")
]


@command("logs", forms=_FORMS)
def logs(
    session: Session,
    function: _FunctionOption = None,
    since: _SinceOption = "10m",
    until: _UntilOption = None,
    follow: _FollowOption = False,
    filter_: _FilterOption = "",
    level: _LevelOption = LevelChoice.DEBUG,
) -> None:
    """Show what the functions log, in the order of time.

    With --verbose also the platform's lines on each invocation, metrics, and where in the code a line comes from.

    Example: countagg logs --since 2h --level warning --follow
    """
    now = session.now()
    start = parse_moment(since, now, "--since")
    end = parse_moment(until, now, "--until") if until else None
    if follow and end:
        raise UsageError("they exclude each other", where="--follow, --until", hint="leave one of them out")
    if end and end < start:
        raise UsageError("the end is before the beginning", where="--since, --until", hint="exchange them")
    functions = choose_functions(Names(session.options.stack), function or ())
    wanted = Wanted(filter_, Level[level.name], folded=session.options.verbose)
    period = Period(milliseconds(start), milliseconds(end) if end else None)
    with until_interrupted(session):
        (_follow if follow else _read)(session, functions, period, wanted)


def _read(session: Session, functions: Sequence[str], period: Period, wanted: Wanted) -> None:
    missing: set[str] = set()
    reader = log_reader(session, missing)
    count = 0
    for line in while_read(session, read_logs(reader, functions, period, wanted)):
        _write(session, line)
        count += 1
    _require_logs(session, functions, missing)
    if not count:
        session.remark(f"no such lines since {utc_text(period.start)}", style="dim")


def _follow(session: Session, functions: Sequence[str], period: Period, wanted: Wanted) -> None:
    missing: set[str] = set()
    reader = log_reader(session, missing, FOREVER)
    for line in while_read(session, follow_logs(reader, functions, period.start, wanted)):
        if line is not None:
            _write(session, line)
        else:
            _require_logs(session, functions, missing)


def log_reader(session: Session, missing: set[str], polling: Polling = USUAL) -> LogReader:
    """Return a reader of the functions' logs.

    Args:
        session: of the command.
        missing: gets the names of functions that have no log.
        polling: how long throttling is waited out.
    """

    def note_missing(function: str) -> None:
        if function not in missing:
            session.remark(f"there is no log of {function}")
            missing.add(function)

    patience = Patience(lambda what: session.remark(f"waiting for {what}", style="dim"), polling)
    return LogReader(session.clients, patience, note_missing)


def _require_logs(session: Session, functions: Sequence[str], missing: set[str]) -> None:
    """Fail where none of the functions has a log.

    Raises:
        StackNotFound: nor is there a stack.
        CountaggError: there is a stack.
    """
    if missing >= set(functions):
        stack = session.pipeline.names.stack
        raise CountaggError(
            "there is none to be shown", where=f"logs of the stack {stack!r}", hint="`countagg setup` puts it back"
        )


def _write(session: Session, line: LogLine) -> None:
    if session.options.output is OutputForm.JSON:
        write_document_line(session, _document(line))
    else:
        function = line.event.function.removeprefix(f"{session.options.stack}-")
        text = render_line(line, function, verbose=session.options.verbose)
        session.result_console.print(text, soft_wrap=True)


def _document(line: LogLine) -> dict[str, object]:
    """Return the event as it is, with its time readable."""
    event = line.event
    return {
        "time": line.time,
        "function": event.function,
        "stream": event.stream,
        "id": event.id or None,
        "timestamp": event.timestamp,
        "ingested": event.ingested,
        "message": event.message,
    }


def render_line(line: LogLine, function: str, *, verbose: bool) -> Text:
    """Return a line for people: time, function, level, message, the other keys; below it what follows.

    Args:
        line: what is to be shown.
        function: the name to show.
        verbose: also where in the code it comes from.
    """
    from rich.text import Text

    text = Text()
    text.append(line.time, "dim")
    text.append(f" {printable(function):<10}", _FUNCTION_STYLES.get(function, ""))
    text.append(f" {line.level.name:<8}", _LEVEL_STYLES[line.level.name])
    text.append(f" {printable(line.message)}")
    for name, value in line.fields:
        if verbose or name != _LOCATION:
            text.append(f" {printable(name)}=", "dim")
            text.append(printable(value))
    for following in line.trace:
        text.append(f"\n{_INDENT}{printable(following)}", "dim")
    return text
