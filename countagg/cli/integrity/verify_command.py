"""The command that proves a day's totals, or names what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import typer

from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import DIFFERENT, DateOption, SettleOption
from countagg.cli.terminal.progress import stepwise
from countagg.cli.terminal.render import counted, grouped, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.days import resolve_day
from countagg.core.polling import SETTLE_SECONDS, Polling
from countagg.core.printable import printable
from countagg.core.values import format_value, to_number
from countagg.core.versions import changes_of
from countagg.operate.integrity.evidence import DayLook, Observer
from countagg.operate.integrity.findings import Difference, Verification
from countagg.operate.integrity.sums import in_units
from countagg.operate.integrity.verify import WAITING
from countagg.operate.integrity.verify import verify as compare

_HEADER = ("HOP", "INSTANCE", "COUNTER", "EXPECTED", "FOUND", "WHAT")
_NUMERIC = frozenset({"EXPECTED", "FOUND"})


@command("verify")
def verify(session: Session, date: DateOption, settle: SettleOption = SETTLE_SECONDS) -> None:
    """Recompute a day from the files in the bucket and compare every hop with it; exit with 7 if one differs.

    Files, snapshots, ledger, table of counters and published object are each compared with what comes before.
    What uploads have just changed is looked at again for as long as --settle says.

    Example: countagg verify --date yesterday
    """
    day = resolve_day(date, session.now())
    with stepwise(session) as tell:
        verification, _ = look_at_day(observe(session, day, tell), settle, tell)
    write_verification(session, verification)
    if not verification.ok:
        raise typer.Exit(DIFFERENT)


def observe(session: Session, day: str, tell: Callable[[str, int, int], None]) -> Observer:
    """Return an observer of a day of the deployed stack."""
    return Observer(session.pipeline, day, session.now().date(), lambda done, total: tell("files", done, total))


def look_at_day(
    observer: Observer, settle: float, tell: Callable[[str, int, int], None]
) -> tuple[Verification, DayLook]:
    """Compare a day with its files, and tell what is waited for."""
    return compare(observer, Polling(settle), lambda count: tell(WAITING, 0, count))


def write_verification(session: Session, verification: Verification) -> None:
    """Write what a verification found."""
    rows = _rows(verification.differences, format_amount)
    write_result(session, _document(verification), _HEADER, rows, lambda: _write_text(session, verification))
    tell_refused(session, verification)
    if verification.differences:
        count = counted(len(verification.differences), "difference")
        session.remark(f"{count}; `countagg repair --date {verification.day}` mends what is wrong")


def tell_refused(session: Session, verification: Verification) -> None:
    """Say which files count for nothing, and why."""
    for each in verification.refused:
        line = "" if each.line is None else f" line {each.line},"
        session.remark(f"refused: {printable(each.key)}:{line} {printable(each.reason)}")


def _write_text(session: Session, verification: Verification) -> None:
    if verification.differences:
        write_table(session.result_console, _HEADER, _rows(verification.differences, for_people), _NUMERIC)
    else:
        looked_at = f"{counted(verification.files, 'file')}, version {changes_of(verification.version)}"
        session.result_console.print(f"{verification.day}: {looked_at}: all totals are right")
    if verification.in_flight:
        count = len({(each.hop, each.instance or each.counter) for each in verification.in_flight})
        session.remark(f"still on the way at the last look: {count}; that is no difference yet")


def _document(verification: Verification) -> dict[str, object]:
    document = document_of(verification, "day", "state", "certain")
    return {"date": verification.day, "ok": verification.ok, **document}


def document_of(record: Any, *left_out: str) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    """Return a record as JSON has it: fields by name, numbers exact, whole ones as such, empty texts as null.

    Args:
        record: a dataclass; those that it holds are treated alike.
        left_out: names of fields.
    """

    def as_object(fields: list[tuple[str, Any]]) -> dict[str, object]:
        return {name: _plain(value) for name, value in fields if name not in left_out}

    document: dict[str, object] = asdict(record, dict_factory=as_object)
    return document


def _plain(value: object) -> object:
    return as_number(value) if isinstance(value, Decimal) else None if value == "" else value


def as_number(value: Decimal | None) -> int | Decimal | None:
    """Return a value as JSON has it: whole numbers as such, the others exact."""
    return None if value is None else to_number(in_units(value))


def _rows(differences: Sequence[Difference], shown: Callable[[Decimal | None], str]) -> list[tuple[str, ...]]:
    return [
        (
            str(each.hop),
            each.instance or "",
            each.counter or "",
            shown(each.expected),
            shown(each.found),
            each.what,
        )
        for each in differences
    ]


def format_amount(value: Decimal | None) -> str:
    """Return a value in its shortest form; empty for none."""
    return "" if value is None else format_value(in_units(value))


def for_people(value: Decimal | None) -> str:
    """Return a value with its thousands apart; `-` for none."""
    number = as_number(value)
    return "-" if number is None else grouped(number)
