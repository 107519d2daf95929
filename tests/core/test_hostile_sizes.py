"""Inputs that are small and would become large: memory stays within a few times what is allowed to come in."""

from __future__ import annotations

import itertools
import json
import string
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from countagg.core.counter_file import MAX_FILE_BYTES, MAX_LINES, MAX_NAME_BYTES, parse_counter_file
from countagg.core.errors import CorruptDocument, CountaggError, InvalidCounterFile, InvalidEvent
from countagg.core.events import parse_s3_message
from countagg.core.ledger import MAX_DOCUMENT_BYTES, Image, Ledger, Link, decode_ledger, encode_ledger, fold
from countagg.core.published import VERSION_KEY, parse_published
from countagg.core.snapshot import MAX_PACKED_BYTES, pack_counters
from countagg.core.values import SCALE, parse_sum, parse_value
from countagg.data.limits import parse_limit
from countagg.data.snapshot_records import parse_snapshot_record
from tests.gzipped import gzipped

FILE_TIMES = 20
"""How many times the size of the largest file its reading may take; the processor has 256 MB."""

DIGITS = "9" * 1_000_000
VISIBLE = [each for each in string.printable if not each.isspace()]


def peak(work: Callable[[], object]) -> int:
    """Return how many bytes were allocated at most while something was done, which may be refused."""
    tracemalloc.start()
    try:
        work()
    except CountaggError as error:
        refusal = str(error)
    else:
        refusal = ""
    finally:
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # It is shown to people, logged, and sent to the dead letters.
    assert len(refusal) < 300
    return found


def names(length: int) -> itertools.chain[str]:
    return itertools.chain("".join(letters) for letters in itertools.product(VISIBLE, repeat=length))


def file_of(line: Callable[[str], str], length: int = 3) -> bytes:
    """Return as many lines as a file may have."""
    size = len(line("x" * length))
    count = min(MAX_LINES, MAX_FILE_BYTES // size)
    return "".join(line(name) for name in itertools.islice(names(length), count)).encode()


HOSTILE_FILES: dict[str, Callable[[], bytes]] = {
    "one word": lambda: b"A" * MAX_FILE_BYTES,
    "words": lambda: b"AB " * (MAX_FILE_BYTES // 3),
    "blank lines": lambda: b"\n" * MAX_FILE_BYTES,
    "white space": lambda: b" " * MAX_FILE_BYTES,
    "wide letters": lambda: "\U0001f600".encode() * (MAX_FILE_BYTES // 4),
    "digits": lambda: b"A " + b"9" * (MAX_FILE_BYTES - 2),
    "the same counter": lambda: b"A 1\n" * (MAX_FILE_BYTES // 4),
    "short lines": lambda: "".join(f"{name} 1\n" for name in names(3)).encode()[:MAX_FILE_BYTES],
    "many counters": lambda: file_of("{} 1\n".format),
    "many counters, wide": lambda: file_of("{} 1\n".format) + "\U0001f600 1\n".encode(),
    "long values": lambda: file_of(lambda name: f"{name} 123456789012345678901234.123456789\n"),
    "long names": lambda: file_of(lambda name: f"{name}{'n' * (MAX_NAME_BYTES - 3)} 1\n"),
    "not text": lambda: b"\xff" * MAX_FILE_BYTES,
    "gzip'd": lambda: gzipped(file_of("{} 1\n".format), 1),
    "gzip'd without compression": lambda: gzipped(b"A 1\n" * (MAX_FILE_BYTES // 4), 0)[: MAX_FILE_BYTES - 8],
    "a bomb": lambda: gzipped(b"0" * (300 * 2**20)),
    "many members": lambda: gzipped(b"") * (MAX_FILE_BYTES // 20),
}


@pytest.mark.parametrize("make_content", HOSTILE_FILES.values(), ids=list(HOSTILE_FILES))
def test_reading_a_file_takes_a_few_times_its_size_at_most(make_content: Callable[[], bytes]) -> None:
    content = make_content()
    assert len(content) <= MAX_FILE_BYTES + 10
    assert peak(lambda: pack_counters(parse_counter_file(content[:MAX_FILE_BYTES]))) < FILE_TIMES * MAX_FILE_BYTES


def test_a_file_of_more_lines_than_can_be_stored_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidCounterFile, match=f"has {MAX_LINES + 1} lines; at most {MAX_LINES}") as caught:
        parse_counter_file(b"A\n" * (MAX_LINES + 1))
    assert caught.value.line is None
    assert parse_counter_file(b"\n" * (MAX_LINES - 1) + b"A 1\n") == {"A": SCALE}


def test_no_file_that_can_be_stored_has_so_many_lines() -> None:
    """The names that compress best: each has one letter more than another, or counts up."""
    counting = {f"{number:06d}": 0 for number in range(MAX_LINES)}
    with pytest.raises(InvalidCounterFile, match="compressed"):
        pack_counters(counting)
    with pytest.raises(InvalidCounterFile, match="compressed"):
        pack_counters(dict.fromkeys(itertools.islice(names(3), MAX_LINES), 0))


def bomb(size: int) -> bytes:
    return zlib.compress(b"0" * size, 9)


def test_a_snapshot_that_explodes_is_refused() -> None:
    packed = bomb(300 * 2**20)
    assert len(packed) < MAX_PACKED_BYTES
    link = Link("2026-11-20", "i-1", None, Image("0" * 32, packed))
    assert peak(lambda: fold(Ledger(), [link])) < 10 * MAX_FILE_BYTES
    with pytest.raises(CorruptDocument, match="larger than"):
        fold(Ledger(), [link])


def test_a_ledger_that_explodes_is_refused() -> None:
    packed = bomb(300 * 2**20)
    assert peak(lambda: decode_ledger(packed)) < 3 * MAX_DOCUMENT_BYTES
    with pytest.raises(CorruptDocument, match="larger than"):
        decode_ledger(packed)


def test_the_largest_ledger_that_can_be_stored_can_be_read() -> None:
    """Names as long as they may be and as alike as they can be."""
    alike = [f"{'n' * (MAX_NAME_BYTES - 6)}{number:06d}" for number in range(200_000)]
    ledger = Ledger(dict.fromkeys(alike, 0), dict.fromkeys(alike, 1), {"i-1": "0" * 32})
    document = encode_ledger(ledger)
    assert len(document) > MAX_PACKED_BYTES
    assert len(zlib.decompress(document)) < MAX_DOCUMENT_BYTES
    assert decode_ledger(document) == ledger


@pytest.mark.parametrize(
    "document",
    [
        {"schema": 1, "counters": {"A": [DIGITS, 1]}, "seen": {}},
        {"schema": 1, "counters": {"A": ["1", float("inf")]}, "seen": {}},
        {"schema": 1, "counters": {DIGITS: 1}, "seen": {}},
        {"schema": DIGITS, "counters": {}, "seen": {}},
        [],
    ],
    ids=["digits", "infinite", "long name", "long schema", "list"],
)
def test_a_ledger_of_another_form_is_refused_in_a_few_words(document: object) -> None:
    with pytest.raises(CorruptDocument) as caught:
        decode_ledger(zlib.compress(json.dumps(document).encode()))
    assert len(str(caught.value)) < 300


def test_a_number_of_a_million_digits_is_refused_by_every_reader() -> None:
    for read in (parse_value, parse_sum):
        with pytest.raises(ValueError, match=r"\A.{,300}\Z"):
            read(DIGITS)
    with pytest.raises(ValueError, match=r"\A.{,300}\Z"):
        parse_limit({"Value": {"N": "1E1000000"}})
    with pytest.raises(ValueError, match=r"\A.{,300}\Z"):
        parse_limit({"Value": {"N": f"x{DIGITS}"}})
    assert not parse_published(f"A {DIGITS}\n".encode(), {VERSION_KEY: "1"}, "e", "countagg").readable
    assert parse_published(b"A 1\n", {VERSION_KEY: DIGITS}, "e", "countagg").version == 0


@pytest.mark.parametrize(
    "body",
    [
        "[" * 1_000_000,
        '{"a":' * 1_000_000,
        json.dumps({"Records": [{"eventSource": DIGITS, "eventVersion": "2.1"}]}),
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventVersion": "2.1", "s3": DIGITS}]}),
        json.dumps({"Records": {DIGITS: 1}}),
        f'{{"Records": [{DIGITS}]}}',
    ],
    ids=["deep list", "deep object", "source", "entity", "key", "digits"],
)
def test_an_event_that_is_endless_is_refused_in_a_few_words(body: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        parse_s3_message(body)
    assert len(str(caught.value)) < 300


def test_an_event_whose_key_is_no_text_does_not_bring_the_key_along() -> None:
    entity = {"bucket": {"name": "b"}, "object": {"key": "%ff" * 100_000, "sequencer": "0"}}
    record = {"eventSource": "aws:s3", "eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": entity}
    with pytest.raises(InvalidEvent) as caught:
        parse_s3_message(json.dumps({"Records": [record]}))
    assert len(str(caught.value)) < 300


def test_a_stream_record_of_another_form_is_refused() -> None:
    changes: list[Any] = [[], {"Keys": []}, {"Keys": {"Date": {"S": 1}, "Instance": {"S": "i"}}, "NewImage": {}}]
    for change in changes:
        with pytest.raises(InvalidEvent):
            parse_snapshot_record({"dynamodb": change})
