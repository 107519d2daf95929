"""Sizes of items, reckoned by hand from DynamoDB's rules."""

from __future__ import annotations

from typing import Any

import pytest

from countagg.operate.cost.item_sizes import item_size, write_units


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({}, 0),
        ({"a": {"S": "xyz"}}, 4),
        ({"größe": {"S": "ü"}}, 7 + 2),
        ({"a": {"B": b"\x00" * 10}}, 11),
        ({"a": {"N": "7"}}, 1 + 2),
        ({"a": {"N": "1234"}}, 1 + 3),
        ({"a": {"N": "-12.5"}}, 1 + 3),
        ({"a": {"M": {}}}, 1 + 3),
        ({"a": {"M": {"i-1": {"N": "12"}, "i-2": {"N": "345"}}}}, 1 + 3 + (1 + 3 + 2) + (1 + 3 + 3)),
        ({"a": {"S": "b"}, "c": {"S": "d"}}, 4),
    ],
)
def test_an_items_size_is_that_of_its_names_and_values(item: dict[str, Any], size: int) -> None:
    assert item_size(item) == size


def test_a_kind_that_no_item_has_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="kind 'NS'"):
        item_size({"a": {"NS": ["1"]}})


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (10 * 1024, 10)])
def test_a_unit_is_a_kilobyte_begun(size: int, units: int) -> None:
    assert write_units(size) == units
