"""A day's totals, and who contributes what."""

from __future__ import annotations

import pytest

from countagg.core.values import SCALE
from countagg.operate.query import TotalsOfDay, query
from tests.cli.fake_pipeline import DAY, FakePipeline


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
    found = query(fake.pipeline, DAY)

    assert found == TotalsOfDay(DAY, 1, "now", {"a": 3 * SCALE, "b": 5 * SCALE}, None)
    assert list(found.totals) == ["a", "b"]


def test_only_the_named_counters_are_returned(fake: FakePipeline) -> None:
    assert query(fake.pipeline, DAY, ["b", "nobody"]).totals == {"b": 5 * SCALE}


def test_by_instance_an_empty_file_is_shown_and_a_withdrawn_one_is_not(fake: FakePipeline) -> None:
    found = query(fake.pipeline, DAY, by_instance=True).instances

    assert found == {"i-1": {"a": 2 * SCALE}, "i-2": {"a": 1 * SCALE, "b": 5 * SCALE}, "i-empty": {}}
    assert list(found) == ["i-1", "i-2", "i-empty"]
    assert list(found["i-2"]) == ["a", "b"]


def test_by_instance_and_counter_only_who_contributes_is_shown(fake: FakePipeline) -> None:
    assert query(fake.pipeline, DAY, ["b"], by_instance=True).instances == {"i-2": {"b": 5 * SCALE}}


@pytest.mark.parametrize("by_instance", [False, True])
def test_a_day_without_a_ledger_has_version_0(*, by_instance: bool, fake: FakePipeline) -> None:
    found = query(fake.pipeline, "2020-01-01", by_instance=by_instance)

    assert found == TotalsOfDay("2020-01-01", 0, "", {}, {} if by_instance else None)
