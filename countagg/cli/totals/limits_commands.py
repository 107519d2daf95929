"""Commands for limits of totals."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from countagg.cli.app import completion
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DateOption, ExpectAccountOption
from countagg.cli.terminal.progress import progress_bar
from countagg.cli.terminal.render import describe_moment, grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.printable import printable
from countagg.core.values import format_value, to_number
from countagg.data.limits import LimitsTable, StoredLimit
from countagg.operate.totals.limits import LimitOfDay, LimitsOfDay, check_limit, check_limits_file, compare_limits

_HEADER = ("COUNTER", "LIMIT", "VALUE", "PASSED", "ALERTED")
_NUMERIC = frozenset({"LIMIT", "VALUE"})
# What begins with a minus sign is a value, unless it is an option.
_NEGATIVE_VALUES = {"ignore_unknown_options": True}

CounterArgument = Annotated[
    str, typer.Argument(metavar="COUNTER", help="The counter's name.", autocompletion=completion.counters)
]


@command("limits set", context_settings=_NEGATIVE_VALUES, changes=True)
def set_limit(
    session: Session,
    counter: CounterArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The largest total that raises no alert.")],
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the limit of a counter's daily total, in place of the one it has.

    When a total is greater, one message goes to the topic STACK-alerts, per day and limit. A total that is greater
    already is told with the day's next change.

    Example: countagg limits set COUNTER1 100000
    """
    limit = check_limit(counter, value)
    session.introduce(expect_account)
    replaced = _limits(session).put(counter, limit)
    _write_change(session, counter, limit, replaced)


@command("limits list")
def list_limits(session: Session, date: DateOption = "today") -> None:
    """List all limits beside the totals of a day: which are passed, and when that was told.

    Example: countagg limits list
    """
    day = resolve_day(date, session.now())
    compared = compare_limits(session.pipeline, _limits(session), day)
    rows = [_row(each, "", _plain(each.limit), _plain(each.value)) for each in compared.limits]
    write_result(session, _document(compared), _HEADER, rows, lambda: _write_text(session, compared))
    for each in compared.limits:
        if each.problem:
            session.remark(f"invalid: {printable(each.counter)}: {printable(each.problem)}")
    if any(each.passed and not each.alerted_at for each in compared.limits):
        session.remark(f"what is passed and not yet told is told with the next change of {day}")


def _write_text(session: Session, compared: LimitsOfDay) -> None:
    if not compared.limits:
        session.result_console.print("no limits")
        return
    now = session.now()
    rows = [
        _row(
            replace(each, alerted_at=each.alerted_at and describe_moment(each.alerted_at, now)),
            "-",
            _for_people(each.limit),
            _for_people(each.value),
        )
        for each in compared.limits
    ]
    write_table(session.result_console, _HEADER, rows, _NUMERIC)


@command("limits unset", changes=True)
def unset(session: Session, counter: CounterArgument, expect_account: ExpectAccountOption = None) -> None:
    """Delete the limit of a counter.

    Example: countagg limits unset COUNTER1
    """
    session.introduce(expect_account)
    _write_change(session, counter, None, _limits(session).delete(counter))


@command("limits import", changes=True)
def import_limits(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Lines of COUNTER VALUE; - for the standard input.")
    ],
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the limits that a file names, in the form of uploaded files; others stay.

    If a line breaks a rule, nothing is set. Interrupted, do it again.

    Example: countagg limits import limits.txt
    """
    limits = check_limits_file(str(file), _read(session, file))
    session.introduce(expect_account)
    with progress_bar(session) as progress:
        bar = progress.add_task("limits set", total=len(limits))
        for written in _limits(session).put_all(limits):
            progress.update(bar, completed=written)
    documents = [{"counter": counter, "limit": to_number(limit)} for counter, limit in sorted(limits.items())]
    rows = [(counter, format_value(limit)) for counter, limit in sorted(limits.items())]
    document = {"stack": session.options.stack, "limits": documents}
    told = f"{len(rows)} limits set"
    write_result(session, document, _HEADER[:2], rows, lambda: session.result_console.print(told))


def _limits(session: Session) -> LimitsTable:
    return LimitsTable(session.clients, session.pipeline.names.counters)


def _read(session: Session, file: Path) -> bytes:
    if str(file) == "-":
        return session.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"it cannot be read: {error.strerror}", where=str(file), hint="name another file, or - for stdin"
        ) from error


def _write_change(session: Session, counter: str, limit: int | None, replaced: StoredLimit | None) -> None:
    previous = replaced.value if replaced else None
    document = {"counter": counter, "limit": _number(limit), "previous": _number(previous)}
    before = "" if replaced is None else f", before {_for_people(previous)}"
    told = f"{printable(counter)}: {'no limit' if limit is None else f'limit {_for_people(limit)}'}{before}"
    write_result(
        session,
        {"stack": session.options.stack, **document},
        ("COUNTER", "LIMIT", "PREVIOUS"),
        [(counter, _plain(limit), _plain(previous))],
        lambda: session.result_console.print(told),
    )


def _document(limits: LimitsOfDay) -> dict[str, object]:
    return {
        "date": limits.day,
        "version": limits.version,
        "limits": [
            {
                "counter": each.counter,
                "limit": _number(each.limit),
                "value": _number(each.value),
                "passed": each.passed,
                "alerted_at": each.alerted_at,
                "problem": each.problem or None,
            }
            for each in limits.limits
        ],
    }


def _row(limit: LimitOfDay, nothing: str, *numbers: str) -> tuple[str, ...]:
    # Claimed, and not yet marked as sent.
    alerted = limit.alerted_at or (str(limit.alert) if limit.alert else nothing)
    return (limit.counter, *numbers, "yes" if limit.passed else "no", alerted)


def _number(value: int | None) -> int | Decimal | None:
    return None if value is None else to_number(value)


def _plain(value: int | None) -> str:
    return "" if value is None else format_value(value)


def _for_people(value: int | None) -> str:
    return "-" if value is None else grouped(to_number(value))
