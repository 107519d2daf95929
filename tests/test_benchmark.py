"""The benchmark's own arithmetic: sizes and units by DynamoDB's published rules."""

from __future__ import annotations

import pytest

from tests.benchmark.write_units import Written, item_size, units_of


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"Counter": {"S": "A"}}, 8),
        ({"Date": {"S": "é"}}, 6),
        ({"N": {"N": "123"}}, 4),
        ({"N": {"N": "-12.5"}}, 4),
        ({"B": {"B": b"1234"}}, 5),
        ({"M": {"M": {"a": {"N": "12"}}}}, 1 + 3 + 1 + 1 + 2),
        ({"M": {"M": {}}}, 4),
        ({}, 0),
    ],
)
def test_an_item_has_the_size_that_dynamodb_says(item: dict[str, dict[str, object]], size: int) -> None:
    assert item_size(item) == size


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (400 * 1024, 400)])
def test_a_write_costs_a_unit_for_each_kb_begun(size: int, units: int) -> None:
    assert units_of(size) == units


def test_a_refused_write_costs_what_the_item_has_at_the_time() -> None:
    assert Written(writes=10, units=25, largest=4000, mean=2100.0).refused(4) == 12
    assert Written().refused(3) == 3
