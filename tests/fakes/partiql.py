"""An in-memory table that runs PartiQL batches as DynamoDB does; moto cannot parse these statements.

It also answers the one query of the counters table.

Faithful in what the counters table relies on (Amazon DynamoDB API Reference, `BatchExecuteStatement`, and the
PartiQL reference): each statement stands alone with its own condition and its own error; UPDATE never makes an
item; INSERT never replaces one; at most 25 statements a call. A failed condition shows no item: the model knows
`ReturnValuesOnConditionCheckFailure` for it, but nobody has seen it do anything (docs/aws-facts.md#surprises).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from tests.fakes.conditions import compare

Item = dict[str, dict[str, str]]

_UPDATE = re.compile(r'UPDATE "(?P<table>[^"]+)" (?P<sets>(?:SET "\w+"=\? )+)WHERE (?P<where>.+)')
_SET = re.compile(r'SET "(\w+)"=\? ')
_CONDITION = re.compile(r'"(\w+)"(=|<|<=|>|>=)\?')
_INSERT = re.compile(r'INSERT INTO "(?P<table>[^"]+)" VALUE \{(?P<members>.+)\}')
_MEMBER = re.compile(r"'(\w+)':\?")
_KEY = ("Counter", "Date")


@dataclass
class FakeTable:
    """One table with the key (`Counter`, `Date`), behind the client's `batch_execute_statement`.

    Attributes:
        name: the table's name.
        items: what it holds.
        calls: the statements of each call.
        looks: how often the index was asked.
        failing: counter -> error code with which its statements fail.
        before_call: what happens just before each of the next calls.
        shows_items: whether a failed condition shows the item all the same, as the model would have it.
    """

    name: str
    items: dict[tuple[str, str], Item] = field(default_factory=dict)
    calls: list[list[str]] = field(default_factory=list)
    looks: int = 0
    failing: dict[str, str] = field(default_factory=dict)
    before_call: list[Callable[[], None]] = field(default_factory=list)
    shows_items: bool = False

    def batch_execute_statement(self, *, Statements: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Run the statements one after the other."""
        if not 1 <= len(Statements) <= 25:
            raise _validation(f"{len(Statements)} statements")
        if self.before_call:
            self.before_call.pop(0)()
        self.calls.append([statement["Statement"] for statement in Statements])
        return {"Responses": [self._response(statement) for statement in Statements]}

    def get_paginator(self, operation: str) -> FakeTable:
        """Return what pages through queries."""
        assert operation == "query"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        """Return the items of a day, one a page."""
        assert (request["TableName"], request["IndexName"]) == (self.name, "ByDate")
        assert request["KeyConditionExpression"] == "#Date = :key"
        assert request["ProjectionExpression"] == "#Counter, #Value, #Version"
        assert request["ExpressionAttributeNames"] == {f"#{each}": each for each in (*_KEY, "Value", "Version")}
        assert "FilterExpression" not in request
        self.looks += 1
        day = request["ExpressionAttributeValues"][":key"]
        shown = ("Counter", "Value", "Version")
        found = [item for item in self.items.values() if item["Date"] == day]
        return [{"Items": []}, *({"Items": [{name: item[name] for name in shown}]} for item in found)]

    def _response(self, request: dict[str, Any]) -> dict[str, Any]:
        assert set(request) == {"Statement", "Parameters"}
        text, parameters = request["Statement"], request["Parameters"]
        if text.count("?") != len(parameters):
            return self._error("ValidationError")
        for parameter in parameters:
            _check(parameter)
        update, insert = _UPDATE.fullmatch(text), _INSERT.fullmatch(text)
        if update and update["table"] == self.name:
            return self._update(update, parameters)
        if insert and insert["table"] == self.name:
            return self._insert(insert, parameters)
        return self._error("ResourceNotFound" if update or insert else "ValidationError")

    def _update(self, found: re.Match[str], parameters: list[dict[str, str]]) -> dict[str, Any]:
        names = _SET.findall(found["sets"])
        conditions = [_CONDITION.fullmatch(part) for part in found["where"].split(" AND ")]
        if None in conditions:
            return self._error("ValidationError")
        bound = [
            (condition[1], condition[2], value)
            for condition, value in zip(conditions, parameters[len(names) :], strict=True)
            if condition
        ]
        key = {name: value["S"] for name, operator, value in bound if name in _KEY and operator == "="}
        if set(key) != set(_KEY) or set(names) & set(_KEY):
            return self._error("ValidationError")
        counter, date = (key[name] for name in _KEY)
        if counter in self.failing:
            return self._error(self.failing[counter])
        item = self.items.get((counter, date))
        if item is None:
            return self._error("ConditionalCheckFailed")
        if not all(compare(operator, item.get(name), value) for name, operator, value in bound):
            return self._error("ConditionalCheckFailed", item if self.shows_items else None)
        item |= dict(zip(names, parameters, strict=False))
        return {"TableName": self.name}

    def _insert(self, found: re.Match[str], parameters: list[dict[str, str]]) -> dict[str, Any]:
        names = _MEMBER.findall(found["members"])
        item = dict(zip(names, parameters, strict=True))
        counter, date = (item[name]["S"] for name in _KEY)
        if counter in self.failing:
            return self._error(self.failing[counter])
        if (counter, date) in self.items:
            return self._error("DuplicateItem")
        self.items[counter, date] = item
        return {"TableName": self.name}

    def _error(self, code: str, item: Item | None = None) -> dict[str, Any]:
        shown = {} if item is None else {"Item": dict(item)}
        return {"Error": {"Code": code, "Message": code, **shown}, "TableName": self.name}


def _check(parameter: dict[str, str]) -> None:
    ((kind, value),) = parameter.items()
    if kind == "N":
        if len(Decimal(value).normalize().as_tuple().digits) > 38:
            raise _validation("a number has more than 38 digits")
    elif kind != "S":
        raise _validation(f"type {kind}")


def _validation(message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "BatchExecuteStatement")
