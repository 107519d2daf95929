"""Condition expressions of DynamoDB, as far as countagg uses them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, Final

from tests.fakes.unfaithful import Unfaithful

Item = Mapping[str, Mapping[str, Any]]

_COMPARE: Final = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "<>": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}
_TOKEN: Final = re.compile(
    r"(?P<sign>[()]|AND\b|OR\b)"
    r"|(?P<function>attribute_not_exists|attribute_exists)\((?P<attribute>#?\w+)\)"
    r"|(?P<name>#?\w+) (?P<operator><=|<>|<|=|>=|>) (?P<value>:\w+)"
)


class _Given:
    """What an expression is about.

    Attributes:
        names: of attributes, by their placeholders.
        values: to compare with, by their placeholders.
        item: the stored one; empty if there is none.
    """

    def __init__(self, names: Mapping[str, str], values: Mapping[str, Any], item: Item) -> None:
        self.values = values
        self._names = names
        self._item = item

    def stored(self, attribute: str) -> Mapping[str, Any] | None:
        """Return an attribute's value, or None if it is absent."""
        if not attribute.startswith("#"):
            return self._item.get(attribute)
        if attribute not in self._names:
            raise Unfaithful(f"no name for {attribute}")
        return self._item.get(self._names[attribute])


_Condition = Callable[[_Given], bool]


def holds(expression: str, names: Mapping[str, str], values: Mapping[str, Any], item: Item | None) -> bool:
    """Tell whether a condition holds for an item; None for one that is absent.

    AND binds closer than OR. A comparison with an absent attribute or one of another type is false (Amazon
    DynamoDB Developer Guide, comparison operator and function reference).

    Raises:
        Unfaithful: the expression has something that countagg did not use so far.
    """
    return _parse(expression)(_Given(names, values, {} if item is None else item))


@cache
def _parse(expression: str) -> _Condition:
    tokens, end = [], 0
    while end < len(expression):
        token = _TOKEN.match(expression, end)
        if token is None:
            raise Unfaithful(f"condition {expression!r}")
        tokens.append(token)
        end = token.end() + (expression[token.end() : token.end() + 1] == " ")
    condition = _either(tokens)
    if tokens:
        raise Unfaithful(f"condition {expression!r}")
    return condition


def _either(tokens: list[re.Match[str]]) -> _Condition:
    conditions = [_both(tokens)]
    while _takes(tokens, "OR"):
        conditions.append(_both(tokens))
    return lambda given: any(condition(given) for condition in conditions)


def _both(tokens: list[re.Match[str]]) -> _Condition:
    conditions = [_single(tokens)]
    while _takes(tokens, "AND"):
        conditions.append(_single(tokens))
    return lambda given: all(condition(given) for condition in conditions)


def _single(tokens: list[re.Match[str]]) -> _Condition:
    if _takes(tokens, "("):
        inner = _either(tokens)
        if not _takes(tokens, ")"):
            raise Unfaithful("a parenthesis that is not closed")
        return inner
    if not tokens or tokens[0]["sign"]:
        raise Unfaithful("a condition that lacks a part")
    token = tokens.pop(0)
    if token["function"]:
        exists = token["function"] == "attribute_exists"
        return lambda given: (given.stored(token["attribute"]) is not None) == exists
    return lambda given: compare(token["operator"], given.stored(token["name"]), given.values[token["value"]])


def _takes(tokens: list[re.Match[str]], sign: str) -> bool:
    """Tell whether a sign comes next, and pass over it."""
    if tokens and tokens[0]["sign"] == sign:
        del tokens[0]
        return True
    return False


def compare(sign: str, stored: Mapping[str, Any] | None, value: Mapping[str, Any]) -> bool:
    """Tell whether a stored value, None for an absent one, compares so with another."""
    if stored is None:
        return False
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
