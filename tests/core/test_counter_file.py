from __future__ import annotations

import bz2
import codecs
import lzma

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.counter_file import (
    MAX_FILE_BYTES,
    MAX_NAME_BYTES,
    parse_counter_file,
    parse_counters,
    read_canonical,
    read_canonical_value,
    render_counters,
    split_canonical,
)
from countagg.core.errors import InvalidCounterFile
from countagg.core.values import SCALE, format_value
from tests.core.strategies import WrittenFile, counter_sets, written_files
from tests.gzipped import gzipped


@given(counter_sets())
def test_a_rendered_file_parses_to_the_same_counters(counters: dict[str, int]) -> None:
    assert parse_counters(render_counters(counters)) == counters


@given(counter_sets())
def test_the_canonical_form_is_read_back_without_the_rules(counters: dict[str, int]) -> None:
    assert read_canonical(render_counters(counters)) == counters


@given(written_files())
def test_a_file_says_the_same_however_it_is_written(written: WrittenFile) -> None:
    assert parse_counters(written.content) == written.counters
    assert parse_counters(gzipped(written.content)) == written.counters


@given(written_files())
def test_the_canonical_form_is_idempotent(written: WrittenFile) -> None:
    canonical = render_counters(parse_counters(written.content))
    assert render_counters(parse_counters(canonical)) == canonical


@given(counter_sets())
def test_the_canonical_form_does_not_depend_on_the_order(counters: dict[str, int]) -> None:
    backwards = dict(reversed(counters.items()))
    assert render_counters(backwards) == render_counters(counters)
    lines = render_counters(counters).split(b"\n")[:-1]
    assert [line.split(b" ")[0] for line in lines] == sorted(name.encode() for name in counters)


@given(counter_sets())
def test_the_canonical_form_splits_into_names_and_values_as_they_are_written(counters: dict[str, int]) -> None:
    words = split_canonical(render_counters(counters))
    assert words == {name: format_value(value) for name, value in counters.items()}
    assert {name: read_canonical_value(text) for name, text in words.items()} == counters


@pytest.mark.parametrize("content", [b"a", b"a 1\nb\n", b"a \xff\n"])
def test_what_is_not_the_canonical_form_is_not_split(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"zip\(\)|codec"):
        split_canonical(content)


@given(st.binary(max_size=200))
@example(b"\xff")
@example(b"a 1\xe2\x80\xa8b 2")
def test_any_bytes_are_either_refused_or_have_a_canonical_form(content: bytes) -> None:
    try:
        counters = parse_counter_file(content)
    except InvalidCounterFile:
        return
    assert read_canonical(render_counters(counters)) == counters


_LINES = st.one_of(
    st.from_regex(rb"\A[!-~]{1,3} [0-9]{1,3}\n\Z"),
    st.sampled_from(
        [
            b"A 1\n",
            b"A\n",
            b"A 1",
            b"A  1\n",
            b"A 1 2\n",
            b"A +1\n",
            b"A 0.5\n",
            b" B 1\n",
            b"\xc3\xa9 1\n",
            b"\xff 1\n",
            b"A\x1c 1\n",
            b"n" * MAX_NAME_BYTES + b" 1\n",
            b"n" * (MAX_NAME_BYTES + 1) + b" 1\n",
            b"B " + b"9" * 24 + b"\n",
            b"B " + b"9" * 25 + b"\n",
            b"B 00\n",
        ]
    ),
)


def told(content: bytes) -> list[tuple[str, int]] | tuple[str, int | None]:
    """Return what a file says, in its order, or why it is refused."""
    try:
        return list(parse_counter_file(content).items())
    except InvalidCounterFile as error:
        return error.what, error.line


@given(st.lists(_LINES, max_size=6).map(b"".join))
def test_the_quick_way_for_usual_files_tells_what_the_way_line_by_line_tells(content: bytes) -> None:
    # A blank line, which says nothing, makes a file unusual.
    assert told(content) == told(content + (b"\n\n" if content.endswith(b"\n") else b""))


def test_the_canonical_form_is_sorted_lines_of_name_space_value() -> None:
    assert render_counters({"b": 15 * SCALE // 10, "a": -SCALE, "B": 0}) == b"B 0\na -1\nb 1.5\n"


WITHOUT_LINES = [b"", b"\n", b"\r\n\r\n", b" \t \n", codecs.BOM_UTF8, codecs.BOM_UTF8 + b"\r\n"]
NO_COUNTER = (
    "the file has no counter; to withdraw an instance, delete its object: `countagg upload --withdraw`",
    None,
)


@pytest.mark.parametrize("content", WITHOUT_LINES)
def test_a_file_without_a_counter_is_refused(content: bytes) -> None:
    assert parse_counters(content) == {}
    assert refusal(content) == NO_COUNTER
    assert refusal(gzipped(content)) == NO_COUNTER


def test_counters_keep_the_order_of_the_file() -> None:
    assert list(parse_counter_file(b"z 1\na 2\nm 3\n")) == ["z", "a", "m"]


def test_a_byte_order_mark_crlf_blank_lines_and_a_missing_last_line_end_are_fine() -> None:
    assert parse_counter_file(codecs.BOM_UTF8 + b"a 1\r\n\r\n  b\t2 \n\nc 3") == {
        "a": SCALE,
        "b": 2 * SCALE,
        "c": 3 * SCALE,
    }


def test_names_that_only_look_alike_are_different_counters() -> None:
    assert len(parse_counter_file("A 1\na 1\n\u00e9 1\ne\u0301 1\n".encode())) == 4


def test_a_hash_is_a_character_like_any_other_so_that_no_line_is_left_out_without_a_word() -> None:
    assert parse_counter_file(b"#old 12\n") == {"#old": 12 * SCALE}


def refusal(content: bytes) -> tuple[str, int | None]:
    with pytest.raises(InvalidCounterFile) as refused:
        parse_counter_file(content)
    return refused.value.reason, refused.value.line


THIRD_WORD = "a line has no third word, such as a unit or a time"
COMMENT = "counter files have no comments"
SEPARATED = "write NAME VALUE, with a space between them and nothing else"
UTF_16 = "the file looks like UTF-16; save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        (b"a 1\nb\nc 3\n", "'b' is not COUNTER VALUE", 2),
        (b"a 1\nb x 3\n", "'b x 3' is not COUNTER VALUE", 2),
        (b"\n\r\n\nb\n", "'b' is not COUNTER VALUE", 4),
        (b"a 1\rb 2\n", f"'a 1\\rb 2' is not COUNTER VALUE: {THIRD_WORD}", 1),
        ("a\u00a0b 1\n".encode(), "'a\\xa0b 1' is not COUNTER VALUE", 1),
        ("a 1\u2028b 2\n".encode(), f"'a 1\\u2028b 2' is not COUNTER VALUE: {THIRD_WORD}", 1),
        (b"a 1\nb 2\na 3\n", "the counter 'a' is repeated", 3),
        (b"a 1\na 1\n", "the counter 'a' is repeated", 2),
        (b"a one\n", "value 'one' is not a decimal number", 1),
        (b"a 1\nb 2\nc NaN\n", "value 'NaN' is not a decimal number", 3),
        (b"a -Infinity\n", "value '-Infinity' is not a decimal number", 1),
        (b"a 1e-10\n", "value '1e-10' has more than 9 decimals", 1),
        (b"a 1" + b"0" * 24, f"value '1{'0' * 23}...' is out of range: at most 24 digits before the point", 1),
        (b"a 1\nb 0.0000000001\n", "value '0.0000000001' has more than 9 decimals", 2),
        (b"a 1\n\xff 2\n", "the line is not UTF-8", 2),
        (codecs.BOM_UTF8 + b"a 1\r\nb 2\r\nc\xc3 3\r\n", "the line is not UTF-8", 3),
        (b"# requests, per instance\n", f"'# requests, per instance' is not COUNTER VALUE: {COMMENT}", 1),
        (b"# old\n", f"value 'old' is not a decimal number: {COMMENT}", 1),
        (b"Rss: 1024 kB\n", f"'Rss: 1024 kB' is not COUNTER VALUE: {SEPARATED}", 1),
        (b"a 1\nb=2\n", f"'b=2' is not COUNTER VALUE: {SEPARATED}", 2),
        (b"b = 2\n", f"'b = 2' is not COUNTER VALUE: {SEPARATED}", 1),
        (b"a;-.5\n", f"'a;-.5' is not COUNTER VALUE: {SEPARATED}", 1),
        (b"counter,value\na,1\n", "'counter,value' is not COUNTER VALUE", 1),
        (b'{"a": 1}\n', "value '1}' is not a decimal number: counter files are not JSON", 1),
        (b"{\n", "'{' is not COUNTER VALUE: counter files are not JSON", 1),
        (b"a 1 1764331200\n", f"'a 1 1764331200' is not COUNTER VALUE: {THIRD_WORD}", 1),
        ("a 1\n".encode("utf-16"), "the file is UTF-16: save it as UTF-8", None),
        ("\ufeffa 1\n".encode("utf-16-be"), "the file is UTF-16: save it as UTF-8", None),
        ("a 1\n".encode("utf-16-le"), r"value '\x001\x00' is not a decimal number: " + UTF_16, 1),
        (gzipped(b"a 1\nb\n"), "'b' is not COUNTER VALUE", 2),
        (gzipped(gzipped(b"a 1\n")), "the file is compressed by gzip twice: once is enough", None),
        (bz2.compress(b"a 1\n"), "the file is compressed by bzip2: upload it as it was before", None),
        (lzma.compress(b"a 1\n"), "the file is compressed by xz: upload it as it was before", None),
        (b"a 1\n" + b"x" * 300 + b" y z\n", "'" + "x" * 40 + "...' is not COUNTER VALUE", 2),
    ],
)  # fmt: skip
def test_a_broken_rule_refuses_the_file_with_reason_and_line(content: bytes, reason: str, line: int) -> None:
    assert refusal(content) == (reason, line)


@pytest.mark.parametrize("name", ["n" * MAX_NAME_BYTES, "\u20ac" * 85, "\U0001f4c8" * 63 + "abc"])
def test_a_name_of_255_bytes_is_read(name: str) -> None:
    assert parse_counter_file(f"{name} 1".encode()) == {name: SCALE}


@pytest.mark.parametrize("name", ["n" * (MAX_NAME_BYTES + 1), "\u20ac" * 85 + "n", "\u00e9" * 128])
def test_a_name_of_256_bytes_is_refused(name: str) -> None:
    assert refusal(f"a 1\n{name} 1".encode()) == (f"the name '{name[:40]}...' has more than 255 bytes", 2)


def test_a_name_that_begins_with_a_byte_order_mark_is_refused() -> None:
    reason, line = refusal("a 1\n\ufeffb 2\n".encode())
    assert reason.endswith("begins with a byte order mark")
    assert line == 2


def test_a_file_of_exactly_the_largest_size_is_read() -> None:
    assert parse_counter_file(b"a 1\n" + b" " * (MAX_FILE_BYTES - 4)) == {"a": SCALE}


def test_a_larger_file_is_refused_as_a_whole() -> None:
    reason, line = refusal(b"\n" * (MAX_FILE_BYTES + 1))
    assert reason == f"the file has {MAX_FILE_BYTES + 1} bytes; at most {MAX_FILE_BYTES} are read"
    assert line is None


def test_a_file_that_is_one_endless_word_is_refused_without_copying_it_into_the_message() -> None:
    assert refusal(b"x" * MAX_FILE_BYTES) == (f"'{'x' * 40}...' is not COUNTER VALUE", 1)
