"""The fakes evaluate conditions as DynamoDB does."""

from __future__ import annotations

import pytest

from tests.fakes.conditions import holds
from tests.fakes.unfaithful import Unfaithful


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("attribute_not_exists(Version)", False),
        ("attribute_exists(Version)", True),
        ("attribute_not_exists(Gone) AND Version < :ten", True),
        ("Version < :nine OR attribute_not_exists(Gone)", True),
        ("Version = :nine", True),
        ("Version > :nine", False),
        ("Gone < :ten", False),
        ("Version < :text", False),
        ("#v >= :nine AND #v <= :ten", True),
        ("Version = :ten AND Version = :nine OR Version = :nine", True),
        ("Version = :ten AND (Version = :nine OR Version = :nine)", False),
    ],
)
def test_a_condition_compares_numbers_as_numbers_and_types_strictly(expression: str, *, expected: bool) -> None:
    values = {":nine": {"N": "9"}, ":ten": {"N": "10"}, ":text": {"S": "99"}}
    assert holds(expression, {"#v": "Version"}, values, {"Version": {"N": "9.0"}}) is expected


@pytest.mark.parametrize(
    "expression", ["size(Version) < :a", "(Version < :a", "Version < :a OR", "Version < :a)", "#x < :a"]
)
def test_a_condition_that_the_fake_does_not_know_ends_the_run(expression: str) -> None:
    with pytest.raises(Unfaithful):
        holds(expression, {}, {":a": {"N": "1"}}, None)
