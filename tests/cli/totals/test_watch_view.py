"""Totals as they change."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import typer
from rich.console import Console

from countagg.cli.app.options import OutputForm
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.totals.watch_view import draw_look, news_of, show_looks
from countagg.core.values import SCALE
from countagg.operate.totals.query import TotalsOfDay
from countagg.operate.totals.watching import Look, compare
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import Terminal

DAY: Final = "2026-11-20"
TIME: Final = "2026-11-20T10:30:15Z"
FIRST: Final = TotalsOfDay(DAY, 1, "at first", {"a": 1000 * SCALE, "b\x1b": SCALE // 2, "c": 3 * SCALE})
SECOND: Final = TotalsOfDay(DAY, 2, "later", {"a": 2500 * SCALE, "c": 2 * SCALE, "d": 0})
LOOKS: Final = [compare(None, FIRST), compare(FIRST, FIRST), compare(FIRST, SECOND)]


def interrupted(looks: list[Look]) -> Iterator[Look]:
    """Yield looks until somebody presses Ctrl-C."""
    yield from looks
    raise KeyboardInterrupt


def watched(out: io.StringIO, *, looks: list[Look] = LOOKS, **options: Any) -> str:
    """Return what was written about the looks."""
    session = Session(
        replace(DEFAULTS, **options),
        Preferences({}),
        stdout=out,
        stderr=io.StringIO(),
        now=lambda: datetime(2026, 11, 20, 10, 30, 15, tzinfo=UTC),
    )
    with pytest.raises(typer.Exit) as end:
        show_looks(session, lambda _: interrupted(looks), 2.0)
    assert end.value.exit_code == 130
    return out.getvalue()


def drawn(look: Look, height: int = 25, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    with console.capture() as captured:
        console.print(draw_look(look, console))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_what_is_new_is_everything_at_first_and_then_the_changes() -> None:
    assert news_of(LOOKS[0]) == [("a", 1000 * SCALE, None), ("b\x1b", SCALE // 2, None), ("c", 3 * SCALE, None)]
    assert news_of(LOOKS[1]) == []
    assert news_of(LOOKS[2]) == [
        ("a", 2500 * SCALE, 1500 * SCALE),
        ("c", 2 * SCALE, -SCALE),
        ("d", 0, 0),
        ("b\x1b", 0, -SCALE // 2),
    ]


def test_a_terminal_shows_all_totals_with_their_changes() -> None:
    assert drawn(LOOKS[2]) == [
        "COUNTER  VALUE  CHANGE",
        "a        2,500  +1,500",
        "c            2      -1",
        "d            0      +0",
        r"b\x1b             -0.5",
        f"{DAY}, version 2, updated later",
        "Ctrl-C ends",
    ]
    assert drawn(LOOKS[0])[1:3] == ["a        1,000", r"b\x1b      0.5"]
    assert drawn(compare(None, TotalsOfDay(DAY, 0, None, {})))[1] == f"there are no totals for {DAY} (UTC) yet"


MANY: Final = TotalsOfDay(DAY, 1, "now", {f"c{number:03d}": number * SCALE for number in range(100)})
NEXT: Final = replace(MANY, totals={**MANY.totals, "c098": 0, "c050": 51 * SCALE})


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("height", [6, 7, 12, 24, 50])
def test_a_terminal_shows_no_more_than_it_holds(height: int, width: int) -> None:
    for look in (compare(None, MANY), compare(MANY, NEXT)):
        lines = drawn(look, height, width)

        assert len(lines) == height
        assert max(map(len, lines)) <= width


def test_what_changed_stands_first_and_what_is_not_shown_is_counted() -> None:
    lines = drawn(compare(MANY, NEXT), height=8)

    assert [line.split() for line in lines[1:6]] == [
        ["c050", "51", "+1"],
        ["c098", "0", "-98"],
        ["c000", "0"],
        ["c001", "1"],
        ["c002", "2"],
    ]
    assert lines[-1] == "95 more counters not shown: unchanged; see --counter and --top; Ctrl-C ends"
    assert drawn(compare(MANY, NEXT), height=4)[-1].startswith("99 more counters not shown, 1 changed; ")
    assert drawn(compare(None, MANY), height=102)[-1].startswith("1 more counter not shown; see")
    assert drawn(compare(None, MANY), height=103)[-1] == "Ctrl-C ends"


def test_a_terminal_is_redrawn_in_place_when_something_changed() -> None:
    shown = watched(Terminal())

    assert shown.count("COUNTER") == 2
    assert len(re.findall(r"\x1b\[1A\x1b\[2K", shown)) == 5
    assert "+1,500" in shown
    # The cursor is hidden while it is redrawn, and shown again in the end.
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


def test_in_a_pipe_changes_follow_each_other() -> None:
    assert watched(io.StringIO()).splitlines() == [
        f"{TIME}  a  1,000",
        rf"{TIME}  b\x1b  0.5",
        f"{TIME}  c  3",
        f"{TIME}  a  2,500  (+1,500)",
        f"{TIME}  c  2  (-1)",
        f"{TIME}  d  0  (+0)",
        rf"{TIME}  b\x1b  0  (-0.5)",
    ]


def test_a_dumb_terminal_gets_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")

    assert watched(Terminal()) == watched(io.StringIO())


def test_as_json_each_change_is_a_line() -> None:
    first, second = [json.loads(line) for line in watched(io.StringIO(), output=OutputForm.JSON).splitlines()]

    assert first == {
        "schema": 1,
        "time": TIME,
        "date": DAY,
        "version": 1,
        "updated_at": "at first",
        "totals": {"a": 1000, "b\x1b": 0.5, "c": 3},
        "changes": {},
    }
    assert second["totals"] == {"a": 2500, "c": 2, "d": 0}
    assert second["changes"] == {"a": 1500, "c": -1, "d": 0, "b\x1b": -0.5}


def test_as_csv_each_change_of_a_counter_is_a_row() -> None:
    assert list(csv.reader(io.StringIO(watched(io.StringIO(), output=OutputForm.CSV)))) == [
        ["TIME", "DATE", "COUNTER", "VALUE", "CHANGE"],
        [TIME, DAY, "a", "1000", ""],
        [TIME, DAY, r"b\x1b", "0.5", ""],
        [TIME, DAY, "c", "3", ""],
        [TIME, DAY, "a", "2500", "1500"],
        [TIME, DAY, "c", "2", "-1"],
        [TIME, DAY, "d", "0", "0"],
        [TIME, DAY, r"b\x1b", "0", "-0.5"],
    ]


def test_a_day_without_totals_is_remarked_on() -> None:
    err = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stdout=io.StringIO(), stderr=err)
    with pytest.raises(typer.Exit):
        show_looks(session, lambda _: interrupted([compare(None, TotalsOfDay(DAY, 0, None, {}))]), 2.0)

    assert err.getvalue() == f"there are no totals for {DAY} (UTC) yet\n"
