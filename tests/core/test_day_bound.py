"""The bound of a day, against the day that really comes of it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.day_bound import check_day_bound
from countagg.core.errors import InvalidCounterFile

NAMES = st.sets(st.sampled_from("abcdef"))


@given(st.lists(NAMES, max_size=4), NAMES, NAMES, st.integers(1, 6))
def test_a_file_is_taken_if_the_day_stays_within_the_bound_or_it_names_nothing_new(
    others: list[set[str]], before: set[str], counters: set[str], most: int
) -> None:
    named = Counter(name for each in (*others, before) for name in each)
    after = set[str]().union(*others, counters)

    if len(after) > most and counters - before:
        with pytest.raises(InvalidCounterFile, match=f"would have {len(after)} different counters"):
            check_day_bound("2026-11-20", named, before, counters, most)
    else:
        assert check_day_bound("2026-11-20", named, before, counters, most) == after


def test_a_ledger_that_lags_behind_its_snapshots_is_taken_as_it_is() -> None:
    assert check_day_bound("2026-11-20", {}, {"a"}, {"a", "b"}, 2) == {"a", "b"}
