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
from countagg.cli.terminal.render import counted, describe_moment, grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.limits import AlertState, Direction, Limit
from countagg.core.printable import printable
from countagg.core.values import format_value, to_number
from countagg.data.limits import LimitsTable, StoredLimit
from countagg.operate.totals.limits import (
    LimitOfDay,
    LimitsOfDay,
    check_limit,
    check_limits_file,
    compare_limits,
    send_test,
)

_HEADER = ("COUNTER", "LIMIT", "DIRECTION", "VALUE", "PASSED", "ALERTED")
_NUMERIC = frozenset({"LIMIT", "VALUE"})
# What begins with a minus sign is a value, unless it is an option.
_NEGATIVE_VALUES = {"ignore_unknown_options": True}

_TEST_HEADER = ("COUNTER", "DIRECTION", "MESSAGE", "CONFIRMED", "UNCONFIRMED")

BelowOption = Annotated[bool, typer.Option("--below", help="The limit below, not the one above.")]
CounterArgument = Annotated[
    str, typer.Argument(metavar="COUNTER", help="The counter's name.", autocompletion=completion.counters)
]


@command("limits set", context_settings=_NEGATIVE_VALUES, changes=True)
def set_limit(
    session: Session,
    counter: CounterArgument,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The largest total that raises no alert.")],
    below: Annotated[bool, typer.Option("--below", help="The smallest one, once a day has reached it.")] = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the limit of a counter's daily total, in place of the one it has.

    When a total is greater, one message goes to the topic STACK-alerts, per day and limit. A total that is greater
    already is told with the day's next change. With --below, it goes when a total falls below the limit after it
    had reached it; a counter may have one limit of each kind.

    Example: countagg limits set COUNTER1 100000
    """
    limit = Limit(counter, check_limit(counter, value), _direction(below))
    session.introduce(expect_account)
    replaced = _limits(session).put(limit)
    _write_change(session, limit.counter, limit.direction, limit.value, replaced)
    if below:
        session.remark(
            "a day begins at nothing: what never reaches the limit is not told; "
            "`countagg limits list --date yesterday` shows it"
        )


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
def unset(
    session: Session,
    counter: CounterArgument,
    below: BelowOption = False,
    expect_account: ExpectAccountOption = None,
) -> None:
    """Delete the limit of a counter.

    Example: countagg limits unset COUNTER1
    """
    session.introduce(expect_account)
    direction = _direction(below)
    _write_change(session, counter, direction, None, _limits(session).delete(counter, direction))


@command("limits test", changes=True)
def send_test_alert(
    session: Session,
    counter: CounterArgument,
    below: BelowOption = False,
    date: DateOption = "today",
    expect_account: ExpectAccountOption = None,
) -> None:
    """Send a message that is marked as a test, as if the counter's limit were passed, and count who hears it.

    The publisher sends it, with its own rights. Nothing that is stored changes, and a real alert still comes.

    Example: countagg limits test COUNTER1
    """
    day = resolve_day(date, session.now())
    session.introduce(expect_account)
    which = (counter, Direction.BELOW if below else None)
    sent = send_test(session.clients, session.pipeline, _limits(session), which, day)
    confirmed, unconfirmed = sent.subscribers.confirmed, sent.subscribers.unconfirmed
    document = {
        "stack": session.options.stack,
        "counter": counter,
        "limit": to_number(sent.alert.limit),
        "direction": sent.alert.direction,
        "subject": sent.alert.subject(),
        "message_id": sent.message_id,
        "subscribers": {
            "confirmed": sum(confirmed.values()),
            "by_protocol": confirmed,
            "unconfirmed": unconfirmed,
        },
    }
    row = (counter, sent.alert.direction, sent.message_id, sum(confirmed.values()), unconfirmed)
    protocols = ", ".join(f"{number} {protocol}" for protocol, number in confirmed.items()) or "nobody"
    told = f"sent: {printable(sent.alert.subject())}\nconfirmed subscribers: {protocols}"
    write_result(session, document, _TEST_HEADER, [row], lambda: session.result_console.print(told))
    if unconfirmed:
        session.remark(f"not confirmed yet, and so not told: {unconfirmed}")
    if not confirmed:
        session.remark("nobody hears alerts; `countagg subscribe email ADDRESS` subscribes somebody")


@command("limits import", changes=True)
def import_limits(
    session: Session,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Lines of COUNTER VALUE; - for the standard input.")
    ],
    expect_account: ExpectAccountOption = None,
) -> None:
    """Set the limits that a file names, in the form of uploaded files; others stay.

    A line `COUNTER VALUE below` sets a limit below. If a line breaks a rule, nothing is set. Interrupted, do it
    again.

    Example: countagg limits import limits.txt
    """
    limits = check_limits_file(str(file), _read(session, file))
    session.introduce(expect_account)
    with progress_bar(session) as progress:
        bar = progress.add_task("limits set", total=len(limits))
        for written in _limits(session).put_all(limits):
            progress.update(bar, completed=written)
    documents = [
        {"counter": each.counter, "limit": to_number(each.value), "direction": each.direction} for each in limits
    ]
    rows = [(each.counter, format_value(each.value), each.direction) for each in limits]
    document = {"stack": session.options.stack, "limits": documents}
    told = f"{counted(len(rows), 'limit')} set"
    write_result(session, document, _HEADER[:3], rows, lambda: session.result_console.print(told))


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


def _direction(below: bool) -> Direction:  # noqa: FBT001 - an option of the command line
    return Direction.BELOW if below else Direction.ABOVE


def _write_change(
    session: Session, counter: str, direction: Direction, limit: int | None, replaced: StoredLimit | None
) -> None:
    previous = replaced.value if replaced else None
    document = {
        "counter": counter,
        "limit": _number(limit),
        "direction": direction,
        "previous": _number(previous),
    }
    before = "" if replaced is None else f", before {_for_people(previous)}"
    kind = "limit below" if direction is Direction.BELOW else "limit"
    told = f"{printable(counter)}: {f'no {kind}' if limit is None else f'{kind} {_for_people(limit)}'}{before}"
    write_result(
        session,
        {"stack": session.options.stack, **document},
        ("COUNTER", "LIMIT", "DIRECTION", "PREVIOUS"),
        [(counter, _plain(limit), direction, _plain(previous))],
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
                "direction": each.direction,
                "value": _number(each.value),
                "reached": each.reached,
                "passed": each.passed,
                "alerted_at": each.alerted_at,
                "problem": each.problem or None,
            }
            for each in limits.limits
        ],
    }


def _row(limit: LimitOfDay, nothing: str, value_of_limit: str, total: str) -> tuple[str, ...]:
    # Claimed, and not yet marked as sent.
    alerted = limit.alerted_at or (str(limit.alert) if limit.alert is AlertState.SENDING else nothing)
    passed = "not reached" if limit.reached is False else "yes" if limit.passed else "no"
    return (limit.counter, value_of_limit, limit.direction, total, passed, alerted)


def _number(value: int | None) -> int | Decimal | None:
    return None if value is None else to_number(value)


def _plain(value: int | None) -> str:
    return "" if value is None else format_value(value)


def _for_people(value: int | None) -> str:
    return "-" if value is None else grouped(to_number(value))
