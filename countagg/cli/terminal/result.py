"""The result of a command, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import write_csv, write_json


def write_result(
    session: Session,
    document: Mapping[str, Any],
    header: Sequence[str],
    rows: Iterable[Sequence[object]],
    write_text: Callable[[], None],
) -> None:
    """Write a result to stdout.

    Args:
        session: whose options name the form.
        document: the result in JSON.
        header: names of the columns in CSV.
        rows: of CSV.
        write_text: writes the result for people.
    """
    match session.options.output:
        case OutputForm.JSON:
            write_json(session.stdout, document)
        case OutputForm.CSV:
            write_csv(session.stdout, header, rows)
        case _:
            write_text()
