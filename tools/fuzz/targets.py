"""What is fuzzed: every place where something from outside is read or shown, and what must hold there.

A check raises for any input that is neither read nor refused as it should be. A refusal is short and printable
once it is shown.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final

from hypothesis import strategies as st

from countagg.cli.app.registry import explain
from countagg.cli.terminal.render import with_schema, write_csv, write_json_line, write_json_value
from countagg.core.counter_file import check_counter_name, parse_counter_file, read_canonical, render_counters
from countagg.core.days import check_upload_day, parse_date
from countagg.core.errors import (
    CorruptDocument,
    CountaggError,
    InvalidCounterFile,
    InvalidEvent,
    InvalidObjectKey,
)
from countagg.core.events import parse_s3_message
from countagg.core.ledger import GapInChain, Image, Ledger, Link, decode_ledger, encode_ledger, fold, rebuild
from countagg.core.limits import MAX_SUBJECT, Alert, Direction
from countagg.core.object_keys import build_object_key, parse_object_key
from countagg.core.published import VERSION_KEY, parse_published
from countagg.core.sequencer import WIDTH
from countagg.core.snapshot import pack_counters, unpack_canonical
from countagg.data.ledgers import parse_totals_record
from countagg.data.limits import parse_alert, parse_limit
from countagg.data.queues import HeldMessage
from countagg.data.snapshot_records import parse_snapshot_record
from countagg.operate.dead_letters.dead_letters import decode
from countagg.operate.logs.log_lines import read_line
from countagg.operate.upload.formats import Format
from countagg.operate.upload.readings import Reader, Selection
from countagg.operate.upload.sources import Fetched
from tests.cli.running import Terminal
from tests.operate.log_events import event
from tools.fuzz import inputs
from tools.fuzz.functions import handle_messages, handle_snapshot_records, handle_totals_records

LONGEST_REFUSAL: Final = 600
DAY: Final = "2026-11-20"


@dataclass(frozen=True)
class Target:
    """Something that is fuzzed: its inputs, and a check that raises for one that is not dealt with rightly."""

    name: str
    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], None]


def _is_fine_refusal(error: CountaggError) -> None:
    shown = explain(error, verbose=True)
    assert len(shown) < LONGEST_REFUSAL, f"{len(shown)} characters"
    assert shown.replace("\n", "").isprintable()


def _is_short(error: ValueError) -> None:
    assert len(str(error)) < LONGEST_REFUSAL


def _counter_file(content: bytes) -> None:
    try:
        counters = parse_counter_file(content)
    except InvalidCounterFile as error:
        _is_fine_refusal(error)
        return
    for name in counters:
        check_counter_name(name)
    assert read_canonical(render_counters(counters)) == counters
    assert read_canonical(unpack_canonical(pack_counters(counters))) == counters


def _object_key(key: str) -> None:
    try:
        found = parse_object_key(key, "counters/")
        if found is None:
            return
        assert build_object_key("counters/", found.day, found.instance) == key
        assert parse_date(found.day) is not None
        assert found.instance.isascii()
        assert not set(found.instance) & set("/\\ \0%")
        today = datetime(2026, 11, 20, tzinfo=UTC).date()
        check_upload_day(found.day, today, today, 35)
    except InvalidObjectKey as error:
        _is_fine_refusal(error)


def _s3_message(body: str) -> None:
    try:
        events = parse_s3_message(body)
    except InvalidEvent as error:
        _is_fine_refusal(error)
        return
    for each in events:
        assert len(each.sequencer) == WIDTH
        assert isinstance(each.key, str)


def _snapshot_record(record: Any) -> None:
    try:
        link = parse_snapshot_record(record)
    except InvalidEvent as error:
        _is_fine_refusal(error)
        return
    assert link is None or isinstance(link.new.packed, bytes)


def _totals_record(record: Any) -> None:
    try:
        change = parse_totals_record(record)
    except InvalidEvent as error:
        _is_fine_refusal(error)
        return
    assert change is None or isinstance(change.new, bytes)


def _ledger(document: bytes) -> None:
    try:
        ledger = decode_ledger(document)
    except CorruptDocument as error:
        _is_fine_refusal(error)
        return
    assert decode_ledger(encode_ledger(ledger)) == ledger


def _snapshots(blobs: tuple[bytes, bytes]) -> None:
    old, new = (Image(f"{number:0{WIDTH}X}", blob) for number, blob in enumerate(blobs))
    ledger = Ledger()
    try:
        fold(ledger, [Link(DAY, "i-1", None, old)])
        fold(ledger, [Link(DAY, "i-1", old, new)])
        again = rebuild([("i-1", new)])
    except CorruptDocument as error:
        _is_fine_refusal(error)
        return
    except GapInChain as error:
        raise AssertionError("the links follow one another") from error
    assert {name for name in ledger.sums if ledger.sums[name]} == {name for name in again.sums if again.sums[name]}


def _unfitting_link(parts: tuple[bytes, bytes, bytes]) -> None:
    """Fold a link whose old image is not what the ledger includes, as only somebody's hand could bring about."""
    included, old, new = (Image("0" * WIDTH, parts[0]), Image("0" * WIDTH, parts[1]), Image("F" * WIDTH, parts[2]))
    ledger = Ledger()
    try:
        fold(ledger, [Link(DAY, "i-1", None, included)])
        fold(ledger, [Link(DAY, "i-1", old, new)])
    except CorruptDocument as error:
        _is_fine_refusal(error)


def _published(parts: tuple[bytes, str]) -> None:
    content, version = parts
    found = parse_published(content, {VERSION_KEY: version}, "etag", "countagg")
    assert found.version >= 0
    assert found.readable or not found.totals


def _limit(item: Any) -> None:
    try:
        parse_limit(item)
    except ValueError as error:
        _is_short(error)


def _alert(item: Any) -> None:
    try:
        alert = parse_alert(item, DAY).alert
    except ValueError as error:
        _is_short(error)
        return
    _is_fine_alert(alert)


def _alert_text(counter: str) -> None:
    try:
        check_counter_name(counter)
    except ValueError:
        return
    _is_fine_alert(Alert(DAY, counter, 10**33, 10**33 + 1, 1))


def _is_fine_alert(alert: Alert) -> None:
    for direction, is_test in product(Direction, (False, True)):
        told = replace(alert, direction=direction, is_test=is_test)
        subject = told.subject()
        assert len(subject.encode(errors="replace")) <= MAX_SUBJECT
        assert subject.isprintable()
        assert told.to_messages("countagg").isascii()
        forms = json.loads(told.to_messages("countagg"))
        assert json.loads(forms["default"])["counter"] == alert.counter
        notification = json.loads(forms["https"])
        assert notification["metadata"]["additionalContext"]["counter"] == alert.counter
        # A name within a code span can neither end it nor mention or link anything.
        _, shown, _ = notification["content"]["description"].split("`")
        assert not set("&<>@") & set(shown)


def _dead_letter(parts: tuple[str, dict[str, str]]) -> None:
    body, attributes = parts
    letter = decode(HeldMessage("id", "receipt", body, datetime(2026, 11, 20, tzinfo=UTC), 1, attributes))
    if letter.events:
        parse_s3_message(letter.events)
    if letter.batch is not None:
        assert letter.batch.days


def _log_line(message: str) -> None:
    line = read_line(event(message))
    assert "\n" not in line.message
    assert all(isinstance(each, str) for each in (*line.pairs(), *line.trace))


def _shown(names: list[str]) -> None:
    """Write names in every form; on a terminal nothing may come through that it obeys."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        return
    document = with_schema({"totals": dict.fromkeys(names, 1), "names": names})
    for form in (write_json_value, write_json_line):
        terminal, pipe = Terminal(), io.StringIO()
        form(terminal, document)
        form(pipe, document)
        assert terminal.getvalue().replace("\n", "").isprintable()
        assert json.loads(terminal.getvalue()) == json.loads(pipe.getvalue()) == document
    terminal = Terminal()
    write_csv(terminal, ("NAME", "VALUE"), [(name, 1) for name in names])
    assert terminal.getvalue().replace("\n", "").isprintable()


_canonical = st.one_of(
    st.dictionaries(st.sampled_from("ABC"), st.integers(-5, 5), max_size=3).map(render_counters),
    inputs.counter_files,
)
_keys = st.one_of(
    st.builds(
        "{}{}/values_{}".format,
        st.sampled_from(["counters/", "counters", "totals/"]),
        st.one_of(st.just(DAY), inputs.texts),
        st.one_of(st.just("i-1"), inputs.texts),
    ),
    inputs.texts,
)
_letters = st.one_of(
    inputs.spoilt_text(inputs.refusals),
    inputs.spoilt_text(inputs.failed_batches),
    inputs.spoilt_text(inputs.s3_messages),
)

_PIECES: Final = st.sampled_from(
    [
        *(
            "# TYPE a counter\n",
            "# TYPE a histogram\n",
            "# HELP a b\n",
            "# EOF\n",
            "a_total",
            "a",
            "a_bucket",
            "a_created",
        ),
        *(
            '{b="c"}',
            '{le="+Inf"}',
            '{b="\\"}',
            '{"',
            '"',
            ":",
            "=",
            " ",
            "\t",
            "\n",
            "\r",
            "Ip:",
            "Ip: A B\nIp: 1 2\n",
        ),
        *(
            "1",
            "-1",
            "1.5",
            "1e300",
            "1e-20",
            "NaN",
            "+Inf",
            "0x1",
            "1_0",
            "true",
            "null",
            "[",
            "]",
            "{",
            "}",
            ",",
        ),
        *("process_start_time_seconds 1\n", "process_start_time_seconds NaN\n", "\ufeff", "\x00", "ü", "x" * 300),
    ]
)
_SOURCES: Final = st.one_of(
    inputs.counter_files,
    st.lists(st.one_of(_PIECES, inputs.texts), max_size=12).map(
        lambda parts: "".join(parts).encode(errors="replace")
    ),
    st.lists(_PIECES, max_size=8).map(lambda parts: gzip.compress("".join(parts).encode())),
)
_FORMATS: Final = st.tuples(st.sampled_from(Format), st.booleans(), st.sampled_from(["", "openmetrics", "json"]))


def _source(given: tuple[bytes, tuple[Format, bool, str]]) -> None:
    content, (form, gauges, kind) = given
    reader = Reader(("/proc/x",), lambda _: Fetched(content, kind), form, Selection(gauges=gauges), lambda: None)
    try:
        counters = reader().counters
    except InvalidCounterFile as error:
        _is_fine_refusal(error)
        return
    assert parse_counter_file(render_counters(counters)) == counters


TARGETS: Final = (
    Target("source", st.tuples(_SOURCES, _FORMATS), _source),
    Target("counter-file", inputs.counter_files, _counter_file),
    Target("object-key", _keys, _object_key),
    Target("s3-message", inputs.spoilt_text(inputs.s3_messages), _s3_message),
    Target("snapshot-record", inputs.spoilt(inputs.snapshot_records), _snapshot_record),
    Target("totals-record", inputs.spoilt(inputs.totals_records), _totals_record),
    Target(
        "ledger-document",
        inputs.packed(inputs.spoilt_text(inputs.ledger_documents).map(lambda text: text.encode(errors="replace"))),
        _ledger,
    ),
    Target("snapshot-blobs", st.tuples(inputs.packed(_canonical), inputs.packed(_canonical)), _snapshots),
    Target("unfitting-link", st.tuples(*3 * [_canonical.map(zlib.compress)]), _unfitting_link),
    Target("published-object", st.tuples(inputs.counter_files, inputs.numbers), _published),
    Target("limit-item", inputs.spoilt(inputs.limit_items), _limit),
    Target("alert-item", inputs.spoilt(inputs.alert_items), _alert),
    Target("alert-text", inputs.texts, _alert_text),
    Target(
        "dead-letter", st.tuples(_letters, st.dictionaries(inputs.texts, inputs.texts, max_size=2)), _dead_letter
    ),
    Target("log-line", inputs.spoilt_text(inputs.log_messages), _log_line),
    Target("shown", st.lists(inputs.texts, max_size=4), _shown),
    Target(
        "processor",
        st.tuples(
            st.lists(inputs.spoilt_text(inputs.s3_messages), min_size=1, max_size=4),
            st.one_of(st.none(), inputs.counter_files),
        ),
        handle_messages,
    ),
    Target("aggregator", st.lists(inputs.spoilt(inputs.snapshot_records), max_size=3), handle_snapshot_records),
    Target("publisher", st.lists(inputs.spoilt(inputs.totals_records), max_size=3), handle_totals_records),
)
"""Everything that is fuzzed."""
