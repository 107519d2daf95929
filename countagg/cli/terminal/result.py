"""The result of a command, in the form that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import (
    with_schema,
    write_csv,
    write_json_line,
    write_json_value,
    write_plain,
)


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

    Raises:
        UsageError: `--query` cannot be applied to the document.
    """
    match session.options.output:
        case OutputForm.JSON:
            write_document(session, document)
        case OutputForm.CSV:
            write_csv(session.stdout, header, rows)
        case _:
            write_text()


def write_sentence(session: Session, document: Mapping[str, Any], sentence: str) -> None:
    """Write a result that has no table: as JSON, or as what people are told of it."""
    write_result(session, document, (), (), lambda: session.result_console.print(sentence))


def write_document(session: Session, document: Mapping[str, Any]) -> None:
    """Write a result as JSON, or of it what `--query` chooses.

    Raises:
        UsageError: `--query` cannot be applied to the document.
    """
    write_foreign_document(session, with_schema(document))


def write_foreign_document(session: Session, document: Mapping[str, Any]) -> None:
    """Write JSON whose form is not ours, such as a policy of IAM, or of it what `--query` chooses.

    Raises:
        UsageError: `--query` cannot be applied to the document.
    """
    _write_chosen(session, document, write_json_value)


def write_document_line(session: Session, document: Mapping[str, Any]) -> None:
    """Write one of many results on a line of its own, or of it what `--query` chooses.

    Raises:
        UsageError: `--query` cannot be applied to the document.
    """
    _write_chosen(session, with_schema(document), write_json_line)


def _write_chosen(session: Session, document: Mapping[str, Any], write: Callable[[Any, Any], None]) -> None:
    query = session.options.query
    if query is None:
        write(session.stdout, document)
    elif query.as_text:
        write_plain(session.stdout, query.answer(document))
    else:
        write(session.stdout, query.answer(document))
