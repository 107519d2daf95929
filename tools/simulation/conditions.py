"""Condition expressions of DynamoDB, as far as the functions use them: comparisons, AND and OR."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from tools.simulation.invocations import Unfaithful

Item = Mapping[str, Mapping[str, Any]]

_COMPARE: Final = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_CLAUSE = re.compile(
    r"(?P<absent>attribute_not_exists|attribute_exists)\((?P<attribute>#?\w+)\)"
    r"|(?P<name>#?\w+) (?P<operator><|<=|=|<>|>=|>) (?P<value>:\w+)"
)


@cache
def _parse(expression: str) -> list[list[re.Match[str]]]:
    alternatives = [
        [_CLAUSE.fullmatch(part) for part in alternative.split(" AND ")]
        for alternative in expression.split(" OR ")
    ]
    parsed = [[clause for clause in clauses if clause] for clauses in alternatives]
    if parsed != alternatives:
        raise Unfaithful(f"condition {expression!r}")
    return parsed


def holds(expression: str, names: Mapping[str, str], values: Mapping[str, Any], item: Item | None) -> bool:
    """Tell whether a condition holds for an item; None for one that is absent.

    AND binds closer than OR. A comparison with an absent attribute or one of another type is false (Amazon
    DynamoDB Developer Guide, comparison operator and function reference).
    """
    found = {} if item is None else item

    def clause_holds(clause: re.Match[str]) -> bool:
        if clause["absent"]:
            exists = names.get(clause["attribute"], clause["attribute"]) in found
            return exists == (clause["absent"] == "attribute_exists")
        stored = found.get(names.get(clause["name"], clause["name"]))
        return stored is not None and _compare(clause["operator"], stored, values[clause["value"]])

    return any(all(map(clause_holds, clauses)) for clauses in _parse(expression))


def _compare(sign: str, stored: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    ((kind, one),), ((other_kind, other),) = stored.items(), value.items()
    if kind != other_kind:
        return False
    if sign == "=" and kind != "N":
        return bool(one == other)
    if kind == "N":
        return bool(_COMPARE[sign](Decimal(one), Decimal(other)))
    if kind not in {"S", "B"}:
        raise Unfaithful(f"comparison of type {kind}")
    return bool(_COMPARE[sign](one, other))
