"""Lineages in all forms: of a total, and of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from countagg.cli.app.session import Session
from countagg.cli.integrity.verify_command import as_number, document_of, for_people, format_amount
from countagg.cli.logs.logs_command import render_line
from countagg.cli.terminal.render import (
    counted,
    describe_moment,
    fits,
    grouped,
    to_the_second,
    write_table,
)
from countagg.cli.terminal.result import write_result
from countagg.core.printable import printable
from countagg.core.published import published_key
from countagg.core.versions import changes_of
from countagg.operate.integrity.file_lineage import FileLineage
from countagg.operate.integrity.file_log import LogExcerpt
from countagg.operate.integrity.lineage import CounterLineage, Part
from countagg.operate.permitted import NotAllowed

if TYPE_CHECKING:
    from rich.console import Console

_PARTS: Final = ("INSTANCE", "VALUE", "UPLOADED", "SEQUENCER", "STATE")
_CSV: Final = ("INSTANCE", "KEY", "VALUE", "ETAG", "SEQUENCER", "UPLOADED", "PENDING", "PENDING_VALUE")
_SHARES: Final = ("COUNTER", "FILE", "SNAPSHOT", "TOTAL", "SHARE")
_SUM: Final = "sum"
_DIGITS: Final = 18
_NUMERIC: Final = frozenset({"VALUE", "FILE", "SNAPSHOT", "TOTAL", "SHARE", "VERSION"})


# Of a total


def write_counter(session: Session, lineage: CounterLineage) -> None:
    """Write where a total comes from."""
    document, rows = _counter_document(session, lineage), map(_part_cells, lineage.parts)
    write_result(session, document, _CSV, rows, lambda: _write_counter_tables(session, lineage))


def _counter_document(session: Session, lineage: CounterLineage) -> dict[str, object]:
    item = lineage.item
    return {
        "kind": "counter",
        "date": lineage.day,
        "counter": lineage.counter,
        "adds_up": lineage.adds_up,
        "sum": as_number(lineage.sum),
        "parts": [
            document_of(part if part.pending else replace(part, pending_value=None)) | {"included": part.included}
            for part in lineage.parts
        ],
        "unknown": list(lineage.unknown),
        "expired": lineage.expired,
        "ledger": {
            "version": lineage.version,
            "updated_at": lineage.updated_at,
            "value": as_number(lineage.total),
            "instances": lineage.contributors,
        },
        "counters_table": {
            "version": item.version if item else None,
            "value": as_number(item.value) if item else None,
        },
        "object": {
            "key": published_key(session.pipeline.settings.output_prefix, lineage.day),
            "version": lineage.published_version or None,
            "value": as_number(lineage.published),
        },
    }


def _part_cells(part: Part) -> tuple[str | None, ...]:
    pending = format_amount(part.pending_value) if part.pending else ""
    value = format_amount(part.value)
    return part.instance, part.key, value, part.etag, part.sequencer, part.uploaded_at, part.pending, pending


def _write_counter_tables(session: Session, lineage: CounterLineage) -> None:
    console, settings = session.result_console, session.pipeline.settings
    rows = [
        (
            part.instance,
            for_people(part.value),
            describe_moment(part.uploaded_at, session.now()) if part.uploaded_at else "",
            _short(part.sequencer) if part.sequencer else "",
            f"{'included' if part.included else 'not included'}{' *' if part.pending else ''}",
        )
        for part in lineage.parts
    ]
    state = {True: "adds up", False: "DOES NOT ADD UP", None: "? *"}[lineage.adds_up]
    _write_parts(console, [*rows, (_SUM, for_people(lineage.sum), "", "", state)])
    for name, note in _notes(lineage):
        console.print(f"* {printable(name)}: {printable(note)}", soft_wrap=True)
    console.print()
    item = lineage.item
    hops = [
        (
            "ledger",
            for_people(lineage.total),
            _version(lineage.version),
            f"of {counted(lineage.contributors, 'instance')}",
        ),
        ("counters", for_people(item.value if item else None), _version(item.version if item else None), ""),
        (
            "object",
            for_people(lineage.published),
            _version(lineage.published_version),
            f"s3://{settings.bucket}/{published_key(settings.output_prefix, lineage.day)}",
        ),
    ]
    write_table(console, ("HOP", "VALUE", "VERSION", ""), hops, _NUMERIC)


def _write_parts(console: Console, rows: Sequence[tuple[str, ...]]) -> None:
    """Write the files; their sequencers only where the lines have room for them."""
    if fits(console, _PARTS, rows):
        write_table(console, _PARTS, rows, _NUMERIC)
        return
    left_out = _PARTS.index("SEQUENCER")
    header, *shown = (row[:left_out] + row[left_out + 1 :] for row in (_PARTS, *rows))
    write_table(console, header, shown, _NUMERIC)


def _notes(lineage: CounterLineage) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of single files and of the sum, and of which."""
    for part in lineage.parts:
        if part.pending:
            newer = f" ({for_people(part.pending_value)})" if part.pending_value != part.value else ""
            yield part.instance, f"{part.pending}{newer}"
    if lineage.adds_up is None:
        yield _SUM, f"of {counted(len(lineage.unknown), 'file')} another version is included"


# Of a file


def write_file(session: Session, lineage: FileLineage) -> None:
    """Write where a file goes."""
    rows = (
        (each.counter, *map(format_amount, (each.file, each.snapshot, each.total, each.share)))
        for each in lineage.shares
    )
    write_result(session, _file_document(lineage), _SHARES, rows, lambda: _write_file_tables(session, lineage))


def _file_document(lineage: FileLineage) -> dict[str, object]:
    snapshot, object_ = lineage.snapshot, lineage.found
    return {
        "kind": "file",
        "key": lineage.key,
        "date": lineage.file_key.day if lineage.file_key else None,
        "instance": lineage.file_key.instance if lineage.file_key else None,
        "pending": lineage.pending,
        "object": object_
        and {
            "etag": object_.etag,
            "size": object_.size,
            "modified_at": to_the_second(object_.modified_at),
            "counters": lineage.counters,
        },
        "refused": lineage.refused and document_of(lineage.refused, "key"),
        "snapshot": snapshot
        and {
            "etag": snapshot.etag or None,
            "sequencer": snapshot.sequencer,
            "content_sequencer": snapshot.content_sequencer,
            "uploaded_at": snapshot.uploaded_at or None,
            "same_content": lineage.same_content,
        },
        "expired": lineage.expired,
        "ledger": {
            "version": lineage.version,
            "updated_at": lineage.updated_at,
            "included": lineage.is_included,
            "sequencer": lineage.included,
        },
        "totals": [document_of(each) | {"share": each.share} for each in lineage.shares],
        "log": lineage.log and _log_document(lineage.log),
    }


def _log_document(log: LogExcerpt) -> dict[str, object]:
    denied = isinstance(log.lines, NotAllowed)
    return {
        "since": to_the_second(log.since),
        "until": to_the_second(log.until),
        "not_allowed": [log.lines.action] if isinstance(log.lines, NotAllowed) else [],
        "lines": None
        if denied
        else [
            {
                "time": line.time,
                "function": line.event.function,
                "level": line.level.name,
                "message": line.event.message,
            }
            for line in log.lines  # type: ignore[union-attr]
        ],
    }


def _write_file_tables(session: Session, lineage: FileLineage) -> None:
    console = session.result_console
    write_table(console, ("HOP", "STATE", "DETAIL"), _hop_rows(lineage, session.now()))
    if lineage.shares:
        console.print()
        rows = [
            (each.counter, *map(for_people, (each.file, each.snapshot, each.total)), _percent(each.share))
            for each in lineage.shares
        ]
        write_table(console, _SHARES, rows, _NUMERIC)
    if lineage.log:
        console.print()
        _write_log(session, lineage.log)


def _version(version: int | None) -> str:
    return str(changes_of(version)) if version else "-"


def _hop_rows(lineage: FileLineage, now: datetime) -> Iterator[tuple[str, str, str]]:
    object_, snapshot = lineage.found, lineage.snapshot
    if object_ is None:
        yield "object", "absent", ""
    elif lineage.refused:
        line = "" if lineage.refused.line is None else f"line {lineage.refused.line}: "
        yield "object", "refused", f"{line}{lineage.refused.reason}"
    else:
        written = describe_moment(object_.modified_at.isoformat(), now)
        size = f"{counted(object_.size, 'byte')}, {counted(lineage.counters or 0, 'counter')}"
        yield "object", "present", f"ETag {object_.etag}, {written}, {size}"
    if lineage.file_key is None:
        return
    if snapshot is None:
        yield "snapshot", "expired" if lineage.expired else "absent", ""
    else:
        state = {True: "same", False: "other", None: "present"}[lineage.same_content]
        state = state if snapshot.etag else "withdrawn"
        since = snapshot.unchanged_since
        unchanged = "" if since is None else f", unchanged since {_short(since)}"
        told = f"{describe_moment(snapshot.uploaded_at, now)}, sequencer {_short(snapshot.sequencer)}{unchanged}"
        yield "snapshot", state, told
    included = "included" if lineage.is_included else "not included"
    detail = f"version {changes_of(lineage.version)}" if lineage.version else "there is none"
    # Why a file is refused stands above.
    pending = None if lineage.refused else lineage.pending
    yield "ledger", included, "; ".join(filter(None, (detail, pending)))


def _write_log(session: Session, log: LogExcerpt) -> None:
    period = f"from {to_the_second(log.since)} to {to_the_second(log.until)}"
    if isinstance(log.lines, NotAllowed):
        session.result_console.print(f"log {period}: {printable(log.lines.text)}")
        return
    told = ", what mentions the file:" if log.lines else ": no line mentions the file"
    session.result_console.print(f"log {period}{told}")
    for line in log.lines:
        function = line.event.function.removeprefix(f"{session.options.stack}-")
        text = render_line(line, function, verbose=session.options.verbose)
        session.result_console.print(text, soft_wrap=True)


def _percent(share: Decimal | None) -> str:
    return "-" if share is None else f"{grouped(round(share * 100, 1))} %"


def _short(sequencer: str) -> str:
    """Return a sequencer without the zeros by which it was padded; S3's own have 18 digits."""
    return sequencer[:_DIGITS] + sequencer[_DIGITS:].rstrip("0")
