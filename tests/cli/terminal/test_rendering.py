"""Results as people and programs see them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
import simplejson

from countagg.aws.session import Caller
from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.terminal.console import spinner
from countagg.cli.terminal.render import grouped, signed, write_csv, write_json, write_json_line, write_table
from countagg.cli.totals.query_view import write_day
from countagg.core.errors import Declined, UsageError
from countagg.core.printable import printable, without_controls
from countagg.core.values import SCALE
from countagg.operate.totals.query import TotalsOfDay
from countagg.provision.place import Place
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import Terminal

LONG_NAME = "n" * 254 + "!"
HEADER = ("COUNTER", "VALUE")
COLOURED = re.compile(r"\x1b\[[0-9;]*(3[0-8]|9[0-7])m")


def shown(file: io.StringIO, rows: list[tuple[str, str]], *, no_color: bool = False) -> list[str]:
    """Return the lines of a table that a session writes to the file."""
    session = Session(replace(DEFAULTS, no_color=no_color), Preferences({}), stdout=file)
    write_table(session.result_console, HEADER, rows, frozenset({"VALUE"}))
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (80, [LONG_NAME, "    1,234", "b  5"]),
        (300, [f"{name:<255}  {value:>5}" for name, value in (HEADER, (LONG_NAME, "1,234"), ("b", "5"))]),
    ],
)
def test_a_name_is_whole_on_any_terminal(
    columns: int, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")

    lines = shown(Terminal(), [(LONG_NAME, "1,234"), ("b", "5")])

    assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines] == expected


@pytest.mark.parametrize("width", [40, 80])
def test_a_remark_or_a_line_of_a_result_breaks_no_arn(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out, err = Terminal(), Terminal()
    session = Session(DEFAULTS, Preferences({}), stdout=out, stderr=err)
    arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/countagg-snapshots/stream/2026-11-29T11:00:00.000"

    session.remark(f"principal  {arn} is who acts")
    session.remark("lines of words are broken between words, " * 3)
    session.result_console.print(f"{arn} is gone")
    session.result_console.print(f"{'': <{width - 5}}indented and more")

    first, *others = err.getvalue().splitlines()
    assert first == f"principal  {arn} is who acts"
    assert len(others) > 1
    assert all(len(line) <= width for line in others)
    assert out.getvalue().splitlines() == [f"{arn} is gone", f"{'': <{width - 5}}indented and more"]


@pytest.mark.parametrize("columns", range(40, 81))
def test_a_remark_breaks_no_command_that_it_advises(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    err = Terminal()
    session = Session(DEFAULTS, Preferences({}), stdout=Terminal(), stderr=err)
    command = "`tool --profile 'my fleet' --stack other`"

    session.remark(f"the files of the fleet stay and count; {command} takes them out, each of them")

    lines = err.getvalue().splitlines()
    assert sum(command in line for line in lines) == 1
    assert all(len(line) <= columns for line in lines) is (columns >= len(command))


@pytest.mark.parametrize("columns", [None, "80"])
def test_in_a_pipe_every_row_is_one_line(columns: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if columns:
        monkeypatch.setenv("COLUMNS", columns)

    lines = shown(io.StringIO(), [(LONG_NAME, "1,234"), ("b", "5")])

    assert [line.split() for line in lines] == [list(HEADER), [LONG_NAME, "1,234"], ["b", "5"]]


def test_numbers_stand_to_the_right() -> None:
    assert shown(io.StringIO(), [("a", "1,234"), ("b", "5")]) == [
        "COUNTER  VALUE",
        "a        1,234",
        "b            5",
    ]


def test_a_terminal_gets_a_bold_header() -> None:
    assert "\x1b[1m" in shown(Terminal(), [("a", "1")])[0]


def test_a_dumb_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    assert shown(Terminal(), [("a", "1")]) == ["COUNTER  VALUE", "a            1"]


def test_a_table_without_rows_has_no_header_either() -> None:
    assert shown(io.StringIO(), []) == []


@pytest.mark.parametrize("by", ["nothing", "NO_COLOR", "--no-color"])
def test_colours_can_be_switched_off(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "NO_COLOR":
        monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    session = Session(replace(DEFAULTS, no_color=by == "--no-color"), Preferences({}), stdout=terminal)

    session.result_console.print("text", style="bold cyan")

    assert "text" in terminal.getvalue()
    assert bool(COLOURED.search(terminal.getvalue())) is (by == "nothing")


def test_a_pipe_gets_no_escapes() -> None:
    assert "\x1b" not in "".join(shown(io.StringIO(), [("a", "1")]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COUNTER1", "COUNTER1"),
        ("größe-数", "größe-数"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\u202eb", r"a\u202eb"),
        ("a\u2066b\u2069", r"a\u2066b\u2069"),
        ("a\u200db", r"a\u200db"),
        ("a\x9bb\x7f", r"a\x9bb\x7f"),
        ("a\nb\tc", r"a\nb\tc"),
        ("a\U000e0001b", r"a\U000e0001b"),
    ],
)
def test_what_a_terminal_might_obey_is_escaped(text: str, expected: str) -> None:
    assert printable(text) == expected


@pytest.mark.parametrize("name", ["[red]x[/red]", ":smile:", "a\x1b[2Jb", "[/]", "\\["])
def test_a_table_shows_names_as_they_are(name: str) -> None:
    lines = shown(io.StringIO(), [(name, "1")])

    assert lines[1].split() == [printable(name), "1"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (191122, "191,122"),
        (-1234567, "-1,234,567"),
        (Decimal("1234.5"), "1,234.5"),
        (Decimal("0.000000001"), "0.000000001"),
        (Decimal("12345678901234567890123.000000001"), "12,345,678,901,234,567,890,123.000000001"),
        (12345678901234567890123, "12,345,678,901,234,567,890,123"),
    ],
)
def test_numbers_for_people_are_grouped_and_exact(number: int | Decimal, expected: str) -> None:
    assert grouped(number) == expected


@pytest.mark.parametrize(
    ("difference", "expected"),
    [(0, "+0"), (1_500 * SCALE, "+1,500"), (-1_234_567 * SCALE, "-1,234,567"), (-1, "-0.000000001")],
)
def test_differences_bear_their_sign(difference: int, expected: str) -> None:
    assert signed(difference) == expected


def test_a_line_of_json_is_one_line_of_ascii_that_reads_back() -> None:
    file = io.StringIO()
    values = {"a\u202e\x9b\n": Decimal("0.10"), "n": 10**30}

    write_json_line(file, values)

    assert file.getvalue().isascii()
    assert file.getvalue().count("\n") == 1
    assert simplejson.loads(file.getvalue(), parse_float=Decimal) == values
    assert "0.10" in file.getvalue()


def test_json_begins_with_its_schema_and_keeps_numbers_and_names() -> None:
    file = io.StringIO()
    values = {"ten\u202eth": Decimal("0.1"), "big": Decimal("12345678901234567890123.000000001"), "n": 10**30}

    write_json(file, values)

    assert simplejson.loads(file.getvalue(), parse_float=Decimal) == {"schema": 1, **values}
    assert file.getvalue().startswith('{\n  "schema": 1,\n')
    assert file.getvalue().endswith("\n}\n")
    assert ": 12345678901234567890123.000000001" in file.getvalue()


def test_csv_quotes_what_needs_it() -> None:
    file = io.StringIO()
    rows = [('a,"b"', "1"), ("ü", "2")]

    write_csv(file, HEADER, rows)

    assert [tuple(row) for row in csv.reader(io.StringIO(file.getvalue()))] == [HEADER, *rows]
    assert "\r" not in file.getvalue()


# What a terminal might obey, and what a spreadsheet would

OBEYED = "\x1b[2J\x9b31m\u202e=cmd|' /C calc'!A0"
HIDDEN = "\u202etotal\ufe0f"


def test_on_a_terminal_no_form_writes_what_it_might_obey() -> None:
    forms: tuple[Callable[[Terminal], None], ...] = (
        lambda file: write_json(file, {"totals": {OBEYED: 1}}),
        lambda file: write_json_line(file, {"totals": {OBEYED: 1}}),
        lambda file: write_csv(file, ("COUNTER", "VALUE"), [(OBEYED, 1)]),
    )
    for write in forms:
        terminal = Terminal()
        write(terminal)
        assert terminal.getvalue().replace("\n", "").isprintable()


def test_what_is_escaped_in_json_is_the_same_document() -> None:
    terminal = Terminal()
    write_json(terminal, {"totals": {OBEYED: 1, "zähler": 2}})
    assert simplejson.loads(terminal.getvalue())["totals"] == {OBEYED: 1, "zähler": 2}
    assert "zähler" in terminal.getvalue()


def test_a_program_gets_names_as_they_are_also_those_that_a_spreadsheet_would_run() -> None:
    for name in (HIDDEN, "=1+1", "+1", "-1", "@SUM(A1)", "a,b", 'a"b'):
        pipe = io.StringIO()
        write_csv(pipe, ("COUNTER", "VALUE"), [(name, None)])
        assert list(csv.reader(io.StringIO(pipe.getvalue()))) == [["COUNTER", "VALUE"], [name, ""]]


def test_lines_of_text_are_printable_on_a_terminal_and_exact_in_a_pipe_but_for_controls() -> None:
    totals = TotalsOfDay("2026-07-01", 1, "now", {OBEYED: 5 * SCALE, HIDDEN: SCALE}, None)
    terminal, pipe = Terminal(), io.StringIO()
    for file in (terminal, pipe):
        options = replace(DEFAULTS, output=OutputForm.TEXT)
        write_day(Session(options, Preferences({}), stdout=file), totals)
    assert terminal.getvalue() == f"{printable(OBEYED)} 5\n{printable(HIDDEN)} 1\n"
    assert pipe.getvalue() == f"{without_controls(OBEYED)} 5\n{HIDDEN} 1\n"


def test_no_form_has_a_control_character_also_in_a_pipe() -> None:
    hostile = OBEYED + "\x00\x07\x08\x7f\x85\u2028"
    forms: tuple[Callable[[io.StringIO], None], ...] = (
        lambda file: write_json(file, {"totals": {hostile: 1}}),
        lambda file: write_json_line(file, {"totals": {hostile: 1}}),
        lambda file: write_csv(file, ("COUNTER", "VALUE"), [(hostile, 1)]),
        lambda file: write_day(
            Session(replace(DEFAULTS, output=OutputForm.TEXT), Preferences({}), stdout=file),
            TotalsOfDay("2026-07-01", 1, "now", {hostile: SCALE}, None),
        ),
    )
    for write in forms:
        pipe = io.StringIO()
        write(pipe)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", pipe.getvalue())


def test_names_that_differ_in_nothing_one_sees_differ_in_a_table() -> None:
    names = ["total", *(f"total{unseen}" for unseen in ("\ufe0f", "\u3164", "\u034f", "\u2800", "\u200b"))]
    lines = shown(io.StringIO(), [(name, "1") for name in names])
    assert [line.split()[0] for line in lines[1:]] == [
        name.encode("ascii", "backslashreplace").decode() for name in names
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_remarks_and_questions_show_what_an_endpoint_answers_as_text(*, terminal: bool) -> None:
    file = Terminal() if terminal else io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdin=Terminal(), stdout=file, stderr=file)
    session.remark(f"role {OBEYED}\nsecond line")
    session.result_console.print(OBEYED)
    with pytest.raises(Declined if terminal else UsageError):
        session.confirm(f"Delete {OBEYED}?", "countagg", yes=False)
    written = re.sub(r"\x1b\[0m", "", file.getvalue())
    assert written.replace("\n", "").isprintable()
    assert f"role {printable(OBEYED)}\nsecond line\n" in written


def test_a_principal_cannot_write_lines_of_its_own() -> None:
    file = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stderr=file)
    place = Place(account="123456789012", region="us-east-1", partition="aws")
    session.__dict__["caller"] = Caller(
        f"arn:aws:iam::1:user/{OBEYED}\nstack      other", place, "http://x/\x9b1m"
    )
    session.introduce(None)
    assert [line.split()[0] for line in file.getvalue().splitlines()] == [
        "account",
        "region",
        "principal",
        "endpoint",
        "stack",
    ]
    assert file.getvalue().replace("\n", "").isprintable()


@pytest.mark.parametrize(("encoding", "expected"), [("utf-8", "dots"), ("ascii", "line"), ("iso8859-1", "line")])
def test_a_spinner_is_drawn_in_what_the_encoding_has(encoding: str, expected: str) -> None:
    session = Session(DEFAULTS, Preferences({}), stderr=io.TextIOWrapper(io.BytesIO(), encoding=encoding))

    assert spinner(session.progress_console) == expected
