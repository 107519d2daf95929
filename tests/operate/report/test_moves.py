"""What moved most, and in which order."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.values import SCALE
from countagg.operate.report.moves import Move, find_moves

TOTALS = st.dictionaries(st.sampled_from("abcdef"), st.integers(-(10**33), 10**33))


def scaled(**values: int) -> dict[str, int]:
    return {name: value * SCALE for name, value in values.items()}


def test_the_order_is_that_of_proportions_and_small_numbers_come_last() -> None:
    before = scaled(requests=1_000_000, bytes=10**12, errors=400, once=1, gone=500, same=7)
    now = scaled(requests=1_030_000, bytes=2 * 10**12, errors=1_000, once=3, new=5_000, same=7)

    moves = find_moves(before, now)

    assert [each.counter for each in moves] == ["new", "gone", "errors", "bytes", "once", "requests"]


@pytest.mark.parametrize(
    ("before", "now", "difference", "percent"),
    [
        (2, 3, 1, 50),
        (-2, -3, -1, -50),
        (-90, 45, 135, 150),
        (0, 3, 3, None),
        (None, 3, 3, None),
        (3, None, -3, None),
        (3, 0, -3, -100),
        (None, 0, 0, None),
    ],
)
def test_a_move_is_told_as_difference_and_in_percent(
    before: int | None, now: int | None, difference: int, percent: int | None
) -> None:
    move = Move("a", before, now)

    assert (move.difference, move.percent) == (difference, None if percent is None else Fraction(percent))


@given(TOTALS, TOTALS)
def test_exactly_what_is_not_the_same_moved(before: dict[str, int], now: dict[str, int]) -> None:
    moves = find_moves(before, now)

    assert {each.counter: (each.before, each.now) for each in moves} == {
        name: (before.get(name), now.get(name))
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name)
    }
    assert [each.weight for each in moves] == sorted((each.weight for each in moves), reverse=True)
