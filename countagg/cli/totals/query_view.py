"""A day's totals in all forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import describe_moment, for_reader, grouped, write_csv, write_table
from countagg.cli.terminal.result import write_document
from countagg.core.values import format_value, to_number
from countagg.core.versions import changes_of
from countagg.operate.totals.query import TotalsOfDay

if TYPE_CHECKING:
    from countagg.operate.totals.waiting_files import WaitingFiles


def write_day(session: Session, totals: TotalsOfDay, waiting: WaitingFiles | None = None) -> None:
    """Write a day's totals in the form that is asked for.

    Args:
        session: whose options name the form.
        totals: of the day.
        waiting: files that they do not include yet; None if nobody looked.
    """
    form = session.options.output
    if form is OutputForm.JSON:
        beside = {} if waiting is None else {"files_not_included": waiting.count}
        write_document(session, day_document(totals) | beside)
    elif form is OutputForm.CSV:
        rows = [(*names, format_value(value)) for names, value in _lines(totals)]
        write_csv(session.stdout, _header(totals), rows)
    elif form is OutputForm.TEXT:
        for name, value in totals.totals.items():
            session.stdout.write(f"{for_reader(session.stdout, name)} {format_value(value)}\n")
    elif form is OutputForm.PROMETHEUS:
        _write_metrics(session, totals)
    elif totals.version:
        shown = [(*names, grouped(to_number(value))) for names, value in _lines(totals)]
        header = _header(totals)
        write_table(session.result_console, header, shown, frozenset({"VALUE"}), titles=len(header) - 1)
        if totals.updated_at:
            updated = describe_moment(totals.updated_at, session.now())
            session.remark(f"{totals.day}, version {changes_of(totals.version)}, updated {updated}", style="dim")


def _write_metrics(session: Session, totals: TotalsOfDay) -> None:
    # In OpenMetrics, of which each reader of the text format understands what is needed here.
    from countagg.operate.serve.exposition import ExpositionForm, render_whole
    from countagg.operate.serve.families import totals_families

    for line in render_whole(totals_families(totals), ExpositionForm.OPENMETRICS).splitlines():
        session.stdout.write(f"{for_reader(session.stdout, line)}\n")


def day_document(totals: TotalsOfDay) -> dict[str, object]:
    """Return the totals as JSON has them."""
    document: dict[str, object] = {
        "date": totals.day,
        "version": totals.version,
        "updated_at": totals.updated_at,
        "totals": {name: to_number(value) for name, value in totals.totals.items()},
    }
    if totals.instances is not None:
        document["instances"] = {
            instance: {name: to_number(value) for name, value in counters.items()}
            for instance, counters in totals.instances.items()
        }
    return document


def _header(totals: TotalsOfDay) -> tuple[str, ...]:
    return ("COUNTER", "VALUE") if totals.instances is None else ("COUNTER", "INSTANCE", "VALUE")


def _lines(totals: TotalsOfDay) -> list[tuple[tuple[str, ...], int]]:
    """Return the lines of the table: names, and the value in units of 10^-9.

    By instance, the lines of a counter's instances stand below its total, which has no instance.
    """
    if totals.instances is None:
        return [((name,), value) for name, value in totals.totals.items()]
    lines: list[tuple[tuple[str, ...], int]] = []
    for name, value in totals.totals.items():
        lines.append(((name, ""), value))
        lines += [
            ((name, instance), counters[name])
            for instance, counters in totals.instances.items()
            if name in counters
        ]
    return lines
