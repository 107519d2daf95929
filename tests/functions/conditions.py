"""Condition expressions of DynamoDB, as far as the functions use them for alerts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_TOKEN = re.compile(r"\s*(\(|\)|attribute_not_exists\(([#\w]+)\)|([#\w]+) (=|<) (:\w+)|AND|OR)")


def holds(
    expression: str, names: Mapping[str, str], values: Mapping[str, Any], item: Mapping[str, Any] | None
) -> bool:
    """Tell whether a condition holds for an item; None for one that is not there."""
    found, end = [], 0
    while end < len(expression):
        token = _TOKEN.match(expression, end)
        assert token, expression[end:]
        found.append(token)
        end = token.end()
    stored = item or {}

    def either() -> bool:
        result = both()
        while found and found[0][1] == "OR":
            found.pop(0)
            result = both() or result
        return result

    def both() -> bool:
        result = single()
        while found and found[0][1] == "AND":
            found.pop(0)
            result = single() and result
        return result

    def single() -> bool:
        token = found.pop(0)
        if token[1] == "(":
            result = either()
            assert found.pop(0)[1] == ")"
            return result
        if token[2]:
            return names.get(token[2], token[2]) not in stored
        return _compare(stored.get(names.get(token[3], token[3])), token[4], values[token[5]])

    result = either()
    assert not found
    return result


def _compare(stored: Any, operator: str, value: Any) -> bool:
    if stored is None or set(stored) != set(value):
        return False
    if "S" in value:
        assert operator == "="
        return bool(stored == value)
    one, other = Decimal(stored["N"]), Decimal(value["N"])
    return one == other if operator == "=" else one < other
