"""Histories as matrices, on terminals that have room for some of their counters."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from countagg.cli.totals.pivot_view import pivot_rows, split_into_blocks, write_pivot
from countagg.core.values import SCALE
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay

NAMES: Final = [f"counter_{number:02d}" for number in range(12)]
HISTORY: Final = History(
    tuple(
        TotalsOfDay(f"2026-07-{day:02d}", 1, "", {} if day == 2 else dict.fromkeys(NAMES, day * 10**6 * SCALE))
        for day in range(1, 4)
    )
)


def written(history: History, names: list[str], width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, markup=False, highlight=False)
    with console.capture() as captured:
        write_pivot(console, history, names)
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "blocks"), [(24, 12), (80, 3), (140, 2), (200, 1)])
def test_counters_that_have_no_room_stand_in_blocks_below(width: int, blocks: int) -> None:
    lines = written(HISTORY, NAMES, width)

    headers = [line.split() for line in lines if line.startswith("DATE")]
    assert len(headers) == blocks
    assert [name for header in headers for name in header[1:]] == NAMES
    assert max(map(len, lines)) <= width
    # Each block has all days, and an empty line before it.
    assert len(lines) == blocks * 5 - 1
    assert lines.count("2026-07-02") == blocks


def test_a_name_that_is_wider_than_the_terminal_is_told_whole() -> None:
    name = "x" * 100
    history = History((TotalsOfDay("2026-07-01", 1, "", {name: SCALE, "y": 2 * SCALE}),))

    lines = written(history, [name, "y"], 80)

    assert lines == [name, "DATE        VALUE", "2026-07-01      1", "", "DATE        y", "2026-07-01  2"]


def test_names_are_shown_as_a_terminal_may_show_them() -> None:
    history = History((TotalsOfDay("2026-07-01", 1, "", {"a\x1b[31m": SCALE}),))

    assert written(history, ["a\x1b[31m"], 80) == [r"DATE        a\x1b[31m", "2026-07-01          1"]


def test_a_history_without_a_counter_is_its_days() -> None:
    assert written(HISTORY, [], 80) == ["DATE", "2026-07-01", "2026-07-02", "2026-07-03"]
    assert pivot_rows(HISTORY, []) == [(day.day,) for day in HISTORY.days]


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(0, 100))
def test_blocks_have_every_column_once_and_as_many_as_fit(widths: list[int], room: int) -> None:
    blocks = list(split_into_blocks(widths, room))

    assert [width for block in blocks for width in widths[block]] == widths
    for block in blocks:
        taken = widths[block]
        assert len(taken) <= 1 or sum(taken) + 2 * len(taken) <= room
    for block, after in pairwise(blocks):
        taken = widths[block.start : after.start + 1]
        assert sum(taken) + 2 * len(taken) > room
