"""Charts in a terminal."""

from __future__ import annotations

import math
import re
from datetime import date, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.cli.terminal.chart import HEIGHT, Line, draw_chart, label_value

VALUES = st.floats(-1e33, 1e33).filter(lambda value: not 0 < abs(value) < 1e-9)
"""Of totals, which have nine decimals."""


def days(count: int) -> list[str]:
    return [(date(2026, 1, 1) + timedelta(days=index)).isoformat() for index in range(count)]


def drawn(lines: list[Line], count: int, columns: int = 80) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", draw_chart(lines, days(count), columns)).splitlines()


def line(*values: float) -> Line:
    return Line(list(enumerate(values)), "cyan")


def test_first_and_last_point_stand_at_the_ends() -> None:
    rows = drawn([line(0, 100)], 2)

    plot = [row[13:] for row in rows[2 : 2 + HEIGHT]]
    width = len(plot[0])
    assert plot[-1][0] != "\u2800"
    assert plot[0][width - 1] != "\u2800"
    assert rows[-1].split("|")[1].split() == ["01-01", "01-02"]
    assert rows[-1].index("01-02") == 13 + width


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize(("count", "every"), [(2, 1), (5, 1), (6, 1)])
def test_few_days_stand_below_their_points(count: int, every: int, columns: int) -> None:
    rows = drawn([line(*range(count))], count, columns)

    assert rows[-1].split("|")[1].split() == [day[5:] for day in days(count)][::every]


@pytest.mark.parametrize(("count", "columns"), [(8, 80), (31, 80), (31, 200), (400, 80), (1_100, 200)])
def test_of_many_days_each_tick_bears_one(count: int, columns: int) -> None:
    rows = drawn([line(*range(count))], count, columns)

    ticks = rows[-1].split("|")[1].split()
    assert len(ticks) == rows[-2].count("|") - 1
    assert ticks[0] == "01-01"
    assert ticks[-1] == days(count)[-1][5:]


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 40), VALUES),
            min_size=1,
            max_size=12,
            unique_by=lambda point: point[0],
        ).map(sorted),
        min_size=1,
        max_size=4,
    ),
    st.integers(20, 250),
)
@example([[(0, 1e33)], [(0, -1e-9)]], 20)
def test_any_values_are_drawn_and_fit(points: list[list[tuple[int, float]]], columns: int) -> None:
    rows = drawn([Line(each, "red") for each in points], 41, columns)

    assert max(map(len, rows)) <= max(columns, 33)
    assert len(rows) == HEIGHT + 4
    assert any("\u2800" < character <= "\u28ff" for row in rows for character in row)


def test_the_axis_begins_at_0_unless_values_lie_below() -> None:
    above, below, none = drawn([line(50, 100)], 2), drawn([line(-50, 100)], 2), drawn([line(0, 0)], 2)

    assert above[-3].split()[0] == "0"
    assert below[-3].split()[0] == "-50"
    assert none[-3].split()[0] == "0.00"


def test_a_line_that_another_would_flatten_is_drawn_on_a_log_scale_that_says_so() -> None:
    rows = drawn([line(2e6, 3e6, 2e6), line(3, 0, 2)], 3)

    assert rows[0].split() == ["(log", "scale)", "^"]
    labels = [row.split("|")[0].strip() for row in rows[1:-2]]
    assert [label for label in labels if label] == ["1,000,000", "10,000", "100", "1", "0"]
    plot = [row[13:] for row in rows[2 : 2 + HEIGHT]]
    dotted = [number for number, row in enumerate(plot) if any("\u2800" < each <= "\u28ff" for each in row)]
    # One line is at the top, and the other goes up and down at the bottom.
    assert dotted[0] <= 1
    assert len([number for number in dotted if number >= HEIGHT - 3]) >= 2
    assert drawn([line(2e6, 3e6, 2e6), line(3e5, 2e5, 2e5)], 3)[0].split() == ["(value)", "^"]


@pytest.mark.parametrize(
    ("value", "step", "label"),
    [
        (191122, 1000, "191,122"),
        (-191122.6, 1000, "-191,123"),
        (0.5, 0.25, "0.5"),
        (0.0625, 0.03, "0.06"),
        (1e-9, 1e-10, "1e-09"),
        (123456789, 1, "1.23e+08"),
        (5.55e24, 1e23, "5.55e+24"),
        (0, 0, "0"),
        (12.0, 1.0, "12"),
    ],
)
def test_labels_tell_the_value_in_ten_characters(value: float, step: float, label: str) -> None:
    assert label_value(value, step) == label


@given(st.floats(-1e33, 1e33), st.floats(1e-12, 1e33))
def test_no_label_is_cut(value: float, step: float) -> None:
    label = label_value(value, step)

    assert len(label) <= 10
    assert math.isclose(float(label.replace(",", "")), value, rel_tol=0.01, abs_tol=step)
