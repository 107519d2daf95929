"""Lineages in all forms: of a total, and of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from rich.console import Console

from countagg.cli.app.options import OutputForm
from countagg.cli.app.session import Session
from countagg.cli.integrity.verify_command import as_number, for_people, format_amount
from countagg.cli.logs.logs_command import render_line
from countagg.cli.terminal.render import (
    describe_moment,
    fits,
    grouped,
    to_the_second,
    write_csv,
    write_json,
    write_table,
)
from countagg.core.printable import printable
from countagg.core.published import published_key
from countagg.core.versions import changes_of
from countagg.operate.integrity.file_lineage import FileLineage, Share
from countagg.operate.integrity.file_log import LogExcerpt
from countagg.operate.integrity.lineage import CounterLineage, Part
from countagg.operate.permitted import NotAllowed

_PARTS: Final = ("INSTANCE", "VALUE", "UPLOADED", "SEQUENCER", "STATE")
_SHARES: Final = ("COUNTER", "FILE", "SNAPSHOT", "TOTAL", "SHARE")
_SUM: Final = "sum"
_DIGITS: Final = 18
_NUMERIC: Final = frozenset({"VALUE", "FILE", "SNAPSHOT", "TOTAL", "SHARE", "VERSION"})


# Of a total


def write_counter(session: Session, found: CounterLineage) -> None:
    """Write where a total comes from."""
    if session.options.output is OutputForm.JSON:
        write_json(session.stdout, _counter_document(session, found))
    elif session.options.output is OutputForm.CSV:
        header = ("INSTANCE", "KEY", "VALUE", "ETAG", "SEQUENCER", "UPLOADED", "PENDING", "PENDING_VALUE")
        write_csv(session.stdout, header, map(_part_cells, found.parts))
    else:
        _write_counter_tables(session, found)


def _counter_document(session: Session, found: CounterLineage) -> dict[str, object]:
    item = found.item
    return {
        "kind": "counter",
        "date": found.day,
        "counter": found.counter,
        "adds_up": found.adds_up,
        "sum": as_number(found.sum),
        "parts": [_part_document(part) for part in found.parts],
        "unknown": list(found.unknown),
        "expired": found.expired,
        "ledger": {
            "version": found.version,
            "updated_at": found.updated_at or None,
            "value": as_number(found.total),
            "instances": found.contributors,
        },
        "counters_table": {
            "version": item.version if item else None,
            "value": as_number(item.value) if item else None,
        },
        "object": {
            "key": published_key(session.pipeline.settings.output_prefix, found.day),
            "version": found.published_version or None,
            "value": as_number(found.published),
        },
    }


def _part_document(part: Part) -> dict[str, object]:
    return {
        "instance": part.instance,
        "key": part.key,
        "included": part.included,
        "value": as_number(part.value),
        "etag": part.etag or None,
        "sequencer": part.sequencer or None,
        "uploaded_at": part.uploaded_at or None,
        "pending": part.pending or None,
        "pending_value": as_number(part.pending_value) if part.pending else None,
    }


def _part_cells(part: Part) -> tuple[str, ...]:
    pending = format_amount(part.pending_value) if part.pending else ""
    value = format_amount(part.value)
    return part.instance, part.key, value, part.etag, part.sequencer, part.uploaded_at, part.pending, pending


def _write_counter_tables(session: Session, found: CounterLineage) -> None:
    console, settings = session.result_console, session.pipeline.settings
    rows = [
        (
            part.instance,
            for_people(part.value),
            describe_moment(part.uploaded_at, session.now()),
            _short(part.sequencer),
            f"{'included' if part.included else 'not included'}{' *' if part.pending else ''}",
        )
        for part in found.parts
    ]
    state = {True: "adds up", False: "DOES NOT ADD UP", None: "? *"}[found.adds_up]
    _write_parts(console, [*rows, (_SUM, for_people(found.sum), "", "", state)])
    for name, note in _notes(found):
        console.print(f"* {printable(name)}: {printable(note)}", soft_wrap=True)
    console.print()
    item = found.item
    hops = [
        ("ledger", for_people(found.total), _version(found.version), f"of {found.contributors} instances"),
        ("counters", for_people(item.value if item else None), _version(item.version if item else None), ""),
        (
            "object",
            for_people(found.published),
            _version(found.published_version),
            f"s3://{settings.bucket}/{published_key(settings.output_prefix, found.day)}",
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


def _notes(found: CounterLineage) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of single files and of the sum, and of which."""
    for part in found.parts:
        if part.pending:
            newer = f" ({for_people(part.pending_value)})" if part.pending_value != part.value else ""
            yield part.instance, f"{part.pending}{newer}"
    if found.adds_up is None:
        yield _SUM, f"of {len(found.unknown)} files another version is included"


# Of a file


def write_file(session: Session, found: FileLineage) -> None:
    """Write where a file goes."""
    if session.options.output is OutputForm.JSON:
        write_json(session.stdout, _file_document(found))
    elif session.options.output is OutputForm.CSV:
        rows = (
            (each.counter, *map(format_amount, (each.file, each.snapshot, each.total, each.share)))
            for each in found.shares
        )
        write_csv(session.stdout, _SHARES, rows)
    else:
        _write_file_tables(session, found)


def _file_document(found: FileLineage) -> dict[str, object]:
    snapshot, object_ = found.snapshot, found.found
    return {
        "kind": "file",
        "key": found.key,
        "date": found.file_key.day if found.file_key else None,
        "instance": found.file_key.instance if found.file_key else None,
        "pending": found.pending or None,
        "object": object_
        and {
            "etag": object_.etag,
            "size": object_.size,
            "modified_at": to_the_second(object_.modified_at),
            "counters": found.counters,
        },
        "refused": found.refused and {"reason": found.refused.reason, "line": found.refused.line},
        "snapshot": snapshot
        and {
            "etag": snapshot.etag or None,
            "sequencer": snapshot.sequencer,
            "uploaded_at": snapshot.uploaded_at or None,
            "same_content": found.same_content,
        },
        "expired": found.expired,
        "ledger": {
            "version": found.version,
            "updated_at": found.updated_at or None,
            "included": found.is_included,
            "sequencer": found.included or None,
        },
        "totals": [_share_document(each) for each in found.shares],
        "log": found.log and _log_document(found.log),
    }


def _share_document(each: Share) -> dict[str, object]:
    return {
        "counter": each.counter,
        "file": as_number(each.file),
        "snapshot": as_number(each.snapshot),
        "total": as_number(each.total),
        "share": each.share,
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


def _write_file_tables(session: Session, found: FileLineage) -> None:
    console = session.result_console
    write_table(console, ("HOP", "STATE", "DETAIL"), _hop_rows(found, session.now()))
    if found.shares:
        console.print()
        rows = [
            (each.counter, *map(for_people, (each.file, each.snapshot, each.total)), _percent(each.share))
            for each in found.shares
        ]
        write_table(console, _SHARES, rows, _NUMERIC)
    if found.log:
        console.print()
        _write_log(session, found.log)


def _version(version: int | None) -> str:
    return str(changes_of(version)) if version else "-"


def _hop_rows(found: FileLineage, now: datetime) -> Iterator[tuple[str, str, str]]:
    object_, snapshot = found.found, found.snapshot
    if object_ is None:
        yield "object", "absent", ""
    elif found.refused:
        line = "" if found.refused.line is None else f"line {found.refused.line}: "
        yield "object", "refused", f"{line}{found.refused.reason}"
    else:
        written = describe_moment(object_.modified_at.isoformat(), now)
        size = f"{object_.size:,} bytes, {found.counters or 0:,} counters"
        yield "object", "present", f"ETag {object_.etag}, {written}, {size}"
    if found.file_key is None:
        return
    if snapshot is None:
        yield "snapshot", "expired" if found.expired else "absent", ""
    else:
        state = {True: "same", False: "other", None: "present"}[found.same_content]
        state = state if snapshot.etag else "withdrawn"
        yield (
            "snapshot",
            state,
            f"{describe_moment(snapshot.uploaded_at, now)}, sequencer {_short(snapshot.sequencer)}",
        )
    included = "included" if found.is_included else "not included"
    detail = f"version {changes_of(found.version)}" if found.version else "there is none"
    # Why a file is refused stands above.
    pending = "" if found.refused else found.pending
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
