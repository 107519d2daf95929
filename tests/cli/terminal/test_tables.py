"""Tables on a terminal, in a pipe and in a log with colours; times for people."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import UTC, datetime
from textwrap import wrap

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from countagg.cli.terminal.render import describe_moment, make_table, show_moment, write_table

HEADER = ("NAME", "VALUE", "REMARK")
ROWS = [("a", "1", ""), ("longer-name", "1,234", "two  words "), ("b", "12", "x")]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def written(*, width: int, colours: bool = False) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=colours, soft_wrap=True, highlight=False)
    write_table(console, HEADER, ROWS, frozenset({"VALUE"}))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 200, 1_000_000])
@pytest.mark.parametrize("colours", [False, True])
def test_lines_end_with_what_they_say_and_columns_stay_in_line(width: int, *, colours: bool) -> None:
    lines = [COLOURS.sub("", line) for line in written(width=width, colours=colours)]

    assert lines == [
        "NAME         VALUE  REMARK",
        "a                1",
        "longer-name  1,234  two  words",
        "b               12  x",
    ]


def test_only_the_header_is_set_off_and_not_by_a_colour() -> None:
    header, *rows = written(width=80, colours=True)

    assert set(COLOURS.findall(header)) == {"\x1b[1m", "\x1b[0m"}
    assert not COLOURS.search("".join(rows))


def told(lines: list[str]) -> Counter[str]:
    return Counter("".join(lines).replace(" ", ""))


@pytest.mark.parametrize("width", [26, 27, 28])
def test_on_a_narrow_terminal_lines_are_broken_between_words(width: int) -> None:
    file = io.StringIO()
    rows = [(name, value, f"{remark} and what else there is to say of it") for name, value, remark in ROWS]

    write_table(Console(file=file, width=width + 18), HEADER, rows, frozenset({"VALUE"}))

    lines = file.getvalue().splitlines()
    assert len(lines) > len(rows) + 1
    assert all(len(line) <= width + 18 and line == line.rstrip() for line in lines)
    assert told(lines) == told([text for row in (HEADER, *rows) for text in row])


def test_where_a_word_has_no_room_each_row_is_a_record() -> None:
    assert written(width=25) == [
        "a",
        "    VALUE   1",
        "longer-name",
        "    VALUE   1,234",
        "    REMARK  two  words",
        "b",
        "    VALUE   12",
        "    REMARK  x",
    ]


KEY = "counters/2026-11-29/values_i-01"
ARN = "arn:aws:dynamodb:eu-central-1:123456789012:table/countagg-snapshots/stream/2026-11-29T11:00:00.000"


def test_a_record_of_two_columns_is_a_line_where_that_has_room() -> None:
    file = io.StringIO()
    rows = [("stack", "countagg"), ("snapshots_stream_arn", ARN), ("nothing", ""), ("more", "x" * 58)]

    write_table(Console(file=file, width=80), ("OUTPUT", "VALUE"), rows)

    assert file.getvalue().splitlines() == [
        "stack                 countagg",
        "snapshots_stream_arn",
        f"    {ARN}",
        "nothing",
        f"more                  {'x' * 58}",
    ]


def test_what_is_set_off_in_a_table_is_set_off_in_a_record() -> None:
    file = io.StringIO()
    console = Console(file=file, width=20, force_terminal=True, color_system="256", highlight=False)

    write_table(console, HEADER, [("a-long-name", "NO", "y")], marks={"VALUE": {"NO": "bold red"}})

    title, value, remark = file.getvalue().splitlines()
    assert COLOURS.findall(title) == ["\x1b[1m", "\x1b[0m"]
    assert COLOURS.findall(value) == ["\x1b[1;31m", "\x1b[0m"]
    assert not COLOURS.search(remark)


@given(
    words=st.lists(st.text("aä界:/-%", min_size=1, max_size=130), min_size=1, max_size=12),
    columns=st.integers(1, 5),
    width=st.sampled_from([1, 2, 40, 80, 140]),
    titles=st.integers(1, 5),
)
def test_no_word_is_ever_broken(words: list[str], columns: int, width: int, titles: int) -> None:
    cells = [" ".join(words[:number]) for number in range(1, len(words) + 1)]
    rows = [tuple(cells[start:][:columns]) for start in range(0, len(cells) - columns + 1, columns)]
    file = io.StringIO()

    write_table(Console(file=file, width=width), [f"COLUMN{n}" for n in range(columns)], rows, titles=titles)

    shown = Counter(file.getvalue().split())
    assert Counter(word for row in rows for cell in row for word in cell.split()) <= shown


@pytest.mark.parametrize(("width", "is_whole"), [(60, True), (42, True), (40, False)])
def test_what_is_redrawn_breaks_a_word_only_where_it_has_no_room(width: int, *, is_whole: bool) -> None:
    file = io.StringIO()
    words = "what there is to say of it is more than has room on one line of the terminal"

    Console(file=file, width=width).print(make_table(("KEY", "DETAIL"), [(KEY, words)], frozenset(), width=width))

    assert (KEY in file.getvalue()) is is_whole
    assert all(len(line) <= width for line in file.getvalue().splitlines())


@pytest.mark.parametrize("width", [40, 60, 80])
def test_what_is_redrawn_breaks_no_number_for_the_sake_of_a_long_name(width: int) -> None:
    file = io.StringIO()
    number = "-493,827,156,049,382.5"
    rows = [("x" * 200, number, "+1"), ("short", "1", "")]

    table = make_table(("COUNTER", "VALUE", "CHANGE"), rows, frozenset({"VALUE", "CHANGE"}), width=width)
    Console(file=file, width=width).print(table)

    lines = file.getvalue().splitlines()
    assert re.fullmatch(rf"x+ +{number} +\+1 *", lines[1])
    assert sum(line.count("x") for line in lines) == 200
    assert all(len(line) <= width for line in lines)


def test_what_is_redrawn_gives_no_text_more_room_than_others_words_need() -> None:
    file = io.StringIO()
    row = ("notification/uploads", "yes", "2 min ago", "version 3 of 2026-11-20")

    table = make_table(("HOP", "HEALTHY", "STATE", "DETAIL"), [row], frozenset(), width=60)
    Console(file=file, width=60).print(table)

    assert [line.split()[0] for line in file.getvalue().splitlines()] == ["HOP", row[0], "2026-11-20"]


LETTER = ("2236f3c6", "12 s", "processor", "counters/2026-11-20/values_i-0123456789abcdef0", "", "a\x1b b" * 9)
LETTER_HEADER = ("ID", "AGE", "HOP", "KEY", "LINE", "REASON")


@pytest.mark.parametrize("width", [60, 80])
def test_where_a_table_is_too_wide_a_record_has_what_can_be_copied(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, width=width, soft_wrap=True, highlight=False)

    write_table(console, LETTER_HEADER, [LETTER, LETTER], titles=3)

    words = "a\\x1b " + "ba\\x1b " * 8 + "b"
    reason = wrap(words, width - len("    REASON  "))
    record = [
        "2236f3c6  12 s  processor",
        "    KEY     counters/2026-11-20/values_i-0123456789abcdef0",
        *(f"    {'' if number else 'REASON':<6}  {line}" for number, line in enumerate(reason)),
    ]
    assert file.getvalue().splitlines() == record * 2


def test_where_it_is_not_too_wide_it_is_a_table() -> None:
    file = io.StringIO()
    console = Console(file=file, width=200, soft_wrap=True, highlight=False)

    write_table(console, LETTER_HEADER, [LETTER], titles=3)

    header, row = file.getvalue().splitlines()
    assert header.split() == list(LETTER_HEADER)
    assert row.startswith("2236f3c6  12 s  processor  counters/")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-07-01T10:00:01.973+00:00", "2026-07-01T10:00:01Z, 2 min ago"),
        ("2026-07-01T12:00:01+02:00", "2026-07-01T10:00:01Z, 2 min ago"),
        ("2026-07-01T10:02:59Z", "2026-07-01T10:02:59Z, 0 s ago"),
        ("2026-07-01T10:00:01", "2026-07-01T10:00:01"),
        ("then\x1b", "then\\x1b"),
    ],
)
def test_a_moment_is_told_in_utc_with_its_age(text: str, shown: str) -> None:
    assert describe_moment(text, datetime(2026, 7, 1, 10, 2, 31, tzinfo=UTC)) == shown
    assert show_moment(text) == shown.partition(",")[0]


def test_what_is_set_off_is_set_off_in_its_column_alone() -> None:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system="256", highlight=False)

    write_table(console, HEADER, [("NO", "1", ""), ("x", "NO", "y")], marks={"VALUE": {"NO": "bold red"}})

    _, plain, marked = file.getvalue().splitlines()
    assert not COLOURS.search(plain)
    assert COLOURS.findall(marked) == ["\x1b[1;31m", "\x1b[0m"]


def test_without_colours_nothing_of_it_is_lost() -> None:
    file = io.StringIO()

    write_table(Console(file=file, width=80), HEADER, [("x", "NO", "y")], marks={"VALUE": {"NO": "bold red"}})

    assert file.getvalue().splitlines()[1].split() == ["x", "NO", "y"]
