"""What a policy of one principal decides, by the rules of the IAM user guide (evaluation logic, conditions).

It knows the operators that the printed policies use, and refuses others rather than guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True)
class Request:
    """A call: its action, what it is done to, and the condition keys that come with it; others are absent."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def allows(policy: Mapping[str, Any], request: Request) -> bool:
    """Tell whether a policy allows a call: a statement does, and none denies it."""
    effects = {each["Effect"] for each in policy["Statement"] if _applies(each, request)}
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], request: Request) -> bool:
    return (
        request.action in listed(statement["Action"])
        and any(_matches(each, request) for each in listed(statement["Resource"]))
        and all(
            _holds(operator, key, listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def listed(value: str | list[str]) -> list[str]:
    """Return one string, or several, as a list."""
    return [value] if isinstance(value, str) else value


def _matches(pattern: str, request: Request) -> bool:
    variables = re.sub(r"\$\{([^}*]+)\}", lambda found: request.context.get(found[1], "\0"), pattern)
    return _like(request.resource, variables)


def _like(text: str, pattern: str) -> bool:
    parts = {"*": ".*", "?": ".", "${*}": r"\*"}
    expression = "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\$\{\*\}|\*|\?)", pattern))
    return re.fullmatch(expression, text, re.DOTALL) is not None


_POSITIVE: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": str.__eq__,
    "StringLike": _like,
    "ArnLike": _like,
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
}


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    actual = context.get(key)
    if operator == "Null":
        return (actual is None) == (values == ["true"])
    base = operator.removesuffix("IfExists")
    if actual is None:
        # A negated operator holds for a key that is absent.
        return base != operator or base == "StringNotEquals"
    if base == "StringNotEquals":
        return actual not in values
    return any(_POSITIVE[base](actual, value) for value in values)
