"""References in a template's values: a text with `${Name}` becomes what CloudFormation replaces.

`${Name}` stands for a parameter or for what a resource's `Ref` returns, `${Name.Attribute}` for an attribute of a
resource. `Fn::Sub` takes the same notation, so a value that is more than one reference becomes that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_REFERENCE: Final = re.compile(r"\$\{([A-Za-z0-9:]+)(?:\.([A-Za-z0-9]+))?\}")


def reference(name: str, attribute: str = "") -> str:
    """Return the text that refers to a parameter, a resource, or one of its attributes."""
    return f"${{{name}.{attribute}}}" if attribute else f"${{{name}}}"


def with_references(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON with its texts turned into references.

    Args:
        value: any JSON.
        known: texts that are replaced whole, such as an ARN by the attribute of the resource that has it.
    """
    if isinstance(value, dict):
        return {name: with_references(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [with_references(each, known) for each in value]
    return _referring(known.get(value, value)) if isinstance(value, str) else value


def _referring(text: str) -> Any:  # noqa: ANN401 - a text, or one of CloudFormation's functions
    if whole := _REFERENCE.fullmatch(text):
        name, attribute = whole.groups()
        return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
    return {"Fn::Sub": text} if _REFERENCE.search(text) else text


def referred_to(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the names of parameters and resources that `with_references` made a value refer to."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (name for name, _ in _REFERENCE.findall(text))
        case dict():
            for each in value.values():
                yield from referred_to(each)
        case list():
            for each in value:
                yield from referred_to(each)
