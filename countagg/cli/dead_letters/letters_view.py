"""Dead letters in all forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.render import describe_age, write_table
from countagg.cli.terminal.result import write_result
from countagg.core.printable import printable
from countagg.operate.dead_letters.dead_letters import DeadLetter

_HEADER: Final = ("ID", "AGE", "HOP", "KEY", "LINE", "REASON")
SHORT: Final = 8
"""Characters of an id that people are shown."""


def write_letters(session: Session, letters: Sequence[DeadLetter]) -> None:
    """Write dead letters in the form that is asked for."""
    now = session.now()

    def write_text() -> None:
        if letters:
            rows = [_row(letter, now) for letter in letters]
            write_table(session.result_console, _HEADER, rows, titles=_HEADER.index("KEY"))
        else:
            session.result_console.print("no dead letters")

    document = {"stack": session.options.stack, "messages": [letter_document(letter, now) for letter in letters]}
    write_result(session, document, _HEADER, [_row(letter, now, whole=True) for letter in letters], write_text)


def letter_document(letter: DeadLetter, now: datetime) -> dict[str, object]:
    """Return a dead letter as JSON has it."""
    message, batch = letter.message, letter.batch
    return {
        "id": message.id,
        "kind": str(letter.kind),
        "hop": letter.hop,
        "age_seconds": int((now - message.sent_at).total_seconds()),
        "sent_at": message.sent_at.isoformat(timespec="seconds"),
        "receives": message.receives,
        "bucket": letter.bucket,
        "key": letter.key,
        "date": letter.day,
        "reason": letter.reason,
        "line": letter.line,
        "before": letter.before,
        "request_id": letter.request_id,
        "records": batch.records if batch else None,
        "shard": batch.shard if batch else None,
        "first": batch.first if batch else None,
        "last": batch.last if batch else None,
    }


def _row(letter: DeadLetter, now: datetime, *, whole: bool = False) -> tuple[str, ...]:
    message = letter.message
    seconds = int((now - message.sent_at).total_seconds())
    return (
        message.id if whole else message.id[:SHORT],
        str(seconds) if whole else describe_age(seconds),
        letter.hop or "",
        letter.key or ("" if letter.batch or letter.day else printable(message.body)[:40]),
        "" if letter.line is None else str(letter.line),
        letter.reason,
    )
