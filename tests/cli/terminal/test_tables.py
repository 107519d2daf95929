"""Tables on a terminal, in a pipe and in a log with colours; times for people."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from rich.console import Console

from countagg.cli.terminal.render import describe_moment, show_moment, write_records, write_table

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


@pytest.mark.parametrize("width", [12, 20])
def test_on_a_narrow_terminal_nothing_is_lost(width: int) -> None:
    lines = written(width=width)

    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    told = Counter("".join(lines).replace(" ", ""))
    assert told == Counter("".join(text.replace(" ", "") for row in (HEADER, *ROWS) for text in row))


LETTER = ("2236f3c6", "12 s", "processor", "counters/2026-11-20/values_i-0123456789abcdef0", "", "a\x1b b" * 9)


@pytest.mark.parametrize("width", [60, 80])
def test_where_a_table_is_too_wide_a_record_has_what_can_be_copied(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, width=width, soft_wrap=True, highlight=False)

    write_records(console, ("ID", "AGE", "HOP", "KEY", "LINE", "REASON"), [LETTER, LETTER], 3)

    record = [
        "2236f3c6  12 s  processor",
        "    KEY     counters/2026-11-20/values_i-0123456789abcdef0",
        "    REASON  " + "a\\x1b b" * 9,
    ]
    assert file.getvalue().splitlines() == record * 2


def test_where_it_is_not_too_wide_it_is_a_table() -> None:
    file = io.StringIO()
    console = Console(file=file, width=200, soft_wrap=True, highlight=False)

    write_records(console, ("ID", "AGE", "HOP", "KEY", "LINE", "REASON"), [LETTER], 3)

    header, row = file.getvalue().splitlines()
    assert header.split() == ["ID", "AGE", "HOP", "KEY", "LINE", "REASON"]
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
