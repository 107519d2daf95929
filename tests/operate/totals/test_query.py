"""A day's totals, and who contributes what."""

from __future__ import annotations

import pytest

from countagg.core.values import SCALE
from countagg.operate.totals.query import Choice, TotalsOfDay, query
from tests.fakes.pipeline import DAY, FakePipeline


@pytest.fixture
def fake() -> FakePipeline:
    """Give a day of four instances: two with counters, one with an empty file, one that withdrew its file."""
    fake = FakePipeline()
    fake.hold("i-2", {"b": 5, "a": 1})
    fake.hold("i-1", {"a": 2})
    fake.hold("i-empty", {})
    fake.hold("i-gone", {}, etag="")
    fake.aggregate()
    return fake


def test_the_totals_are_those_of_the_ledger_by_name(fake: FakePipeline) -> None:
    found = query(fake, DAY)

    assert found == TotalsOfDay(DAY, 1, "now", {"a": 3 * SCALE, "b": 5 * SCALE}, None)
    assert list(found.totals) == ["a", "b"]


VALUES = {"a": 3, "http_get": 10, "http_put": 10, "http_[x]": 1, "Z": -5}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (Choice(), ["Z", "a", "http_[x]", "http_get", "http_put"]),
        (Choice(("http_*",)), ["http_[x]", "http_get", "http_put"]),
        (Choice(("http_?et", "a")), ["a", "http_get"]),
        (Choice(("[!h]",)), ["Z", "a"]),
        (Choice(("http_[x]",)), ["http_[x]"]),
        (Choice(("HTTP_*", "A")), []),
        (Choice(by_value=True), ["http_get", "http_put", "a", "http_[x]", "Z"]),
        (Choice(top=3), ["a", "http_get", "http_put"]),
        (Choice(top=1), ["http_get"]),
        (Choice(top=9, by_value=True), ["http_get", "http_put", "a", "http_[x]", "Z"]),
        (Choice(("http*",), top=2, by_value=True), ["http_get", "http_put"]),
    ],
)
def test_counters_are_chosen_by_pattern_and_value_and_ordered(choice: Choice, expected: list[str]) -> None:
    assert list(choice.pick(VALUES)) == expected
    assert choice.pick(VALUES) == {name: VALUES[name] for name in expected}


def test_patterns_that_name_no_counter_are_told() -> None:
    assert Choice(("a", "b", "http_*", "x*", "http_[x]")).unmatched(VALUES) == ["b", "x*"]
    assert Choice().unmatched(VALUES) == []


def test_by_instance_the_largest_counters_are_those_of_the_totals(fake: FakePipeline) -> None:
    found = query(fake, DAY, Choice(top=1), by_instance=True)

    assert found.totals == {"b": 5 * SCALE}
    assert found.instances == {"i-2": {"b": 5 * SCALE}}


def test_by_instance_counters_have_the_order_that_was_asked_for(fake: FakePipeline) -> None:
    found = query(fake, DAY, Choice(by_value=True), by_instance=True)

    assert list(found.totals) == ["b", "a"]
    assert found.instances is not None
    assert list(found.instances["i-2"]) == ["b", "a"]
    assert "i-empty" in found.instances


def test_by_instance_what_the_totals_do_not_include_yet_is_shown(fake: FakePipeline) -> None:
    fake.hold("i-3", {"new": 1})

    found = query(fake, DAY, Choice(("n*",)), by_instance=True)

    assert (found.totals, found.instances) == ({}, {"i-3": {"new": SCALE}})


def test_only_the_named_counters_are_returned(fake: FakePipeline) -> None:
    assert query(fake, DAY, Choice(("b", "nobody"))).totals == {"b": 5 * SCALE}


def test_by_instance_an_empty_file_is_shown_and_a_withdrawn_one_is_not(fake: FakePipeline) -> None:
    found = query(fake, DAY, by_instance=True).instances

    assert found == {"i-1": {"a": 2 * SCALE}, "i-2": {"a": 1 * SCALE, "b": 5 * SCALE}, "i-empty": {}}
    assert list(found) == ["i-1", "i-2", "i-empty"]
    assert list(found["i-2"]) == ["a", "b"]


def test_by_instance_and_counter_only_who_contributes_is_shown(fake: FakePipeline) -> None:
    assert query(fake, DAY, Choice(("b",)), by_instance=True).instances == {"i-2": {"b": 5 * SCALE}}


@pytest.mark.parametrize("by_instance", [False, True])
def test_a_day_without_a_ledger_has_version_0(*, by_instance: bool, fake: FakePipeline) -> None:
    found = query(fake, "2020-01-01", by_instance=by_instance)

    assert found == TotalsOfDay("2020-01-01", 0, None, {}, {} if by_instance else None)
