"""What changed between two looks."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from countagg.core.polling import Polling
from countagg.operate.totals.query import TotalsOfDay
from countagg.operate.totals.watching import Look, compare, watch

TOTALS = st.dictionaries(st.sampled_from("abcdef"), st.integers(), max_size=6)


def day(totals: dict[str, int], version: int = 1, name: str = "2026-11-20") -> TotalsOfDay:
    return TotalsOfDay(name, version, "then", totals)


def test_a_first_look_is_news_without_changes() -> None:
    found = day({"a": 1})

    assert compare(None, found) == Look(found, {}, is_first=True)
    assert compare(None, found).is_news
    assert compare(None, day({}, 0)).is_news


def test_changes_are_differences_also_of_counters_that_come_and_go() -> None:
    look = compare(
        day({"same": 5, "up": 1, "gone": 4, "none": 0}), day({"down": -3, "same": 5, "up": 10, "zero": 0})
    )

    assert look.changes == {"down": -3, "up": 9, "zero": 0, "gone": -4, "none": 0}
    assert list(look.changes) == ["down", "up", "zero", "gone", "none"]
    assert look.is_news
    assert not look.is_first


def test_a_new_version_of_the_same_totals_is_no_news() -> None:
    assert not compare(day({"a": 1}), day({"a": 1}, version=2)).is_news


def test_another_day_begins_anew() -> None:
    tomorrow = day({"a": 2}, name="2026-11-21")

    assert compare(day({"a": 1}), tomorrow) == Look(tomorrow, {}, is_first=True)


@given(TOTALS, TOTALS)
def test_what_was_and_the_changes_make_what_is(before: dict[str, int], after: dict[str, int]) -> None:
    look = compare(day(before), day(after))

    rebuilt = {
        name: before.get(name, 0) + look.changes.get(name, 0) for name in before.keys() | look.changes.keys()
    }
    assert {name: value for name, value in rebuilt.items() if name in after} == after
    assert all(not rebuilt[name] for name in before.keys() - after.keys())
    assert look.is_news == (before != after)


def test_watching_compares_each_look_with_the_one_before_and_pauses_between() -> None:
    found = [day({"a": 1}), day({"a": 3}), day({"a": 3}), day({"a": 2})]
    done: list[str] = []

    def look() -> TotalsOfDay:
        done.append("look")
        return found[done.count("look") - 1]

    looks = list(islice(watch(look, Polling(sleep=lambda _: done.append("pause")).looks(1)), 4))

    assert [each.changes for each in looks] == [{}, {"a": 2}, {}, {"a": -1}]
    assert done == ["look", "pause", "look", "pause", "look", "pause", "look"]
