"""A template as people read it: YAML, with CloudFormation's short forms.

It writes only what templates are made of, so it needs no library: what could be anything but a plain word is in
double quotes, where YAML takes what JSON takes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_INDENT: Final = "  "
_PLAIN: Final = re.compile(r"[A-Za-z/](?:(?:[\w/.,' -]|:(?=\S))*[\w/.])?", re.ASCII)
_WORDS: Final = frozenset({"false", "n", "no", "null", "off", "on", "true", "y", "yes"})
"""Words that YAML 1.1 takes for something else than a text."""


def yaml_text(document: dict[str, Any]) -> str:
    """Return a template as YAML; its sections, and the resources, stand apart."""
    lines = []
    for section, content in document.items():
        lines += ["", *_block({section: content}, "")]
    return "\n".join(lines[1:]) + "\n"


def _block(value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield the lines of a mapping or a list."""
    if isinstance(value, dict):
        entries = [(f"{_scalar(name)}:", each) for name, each in value.items()]
    else:
        entries = [("-", each) for each in value]
    for start, each in entries:
        inline = _inline(each)
        if inline is not None:
            yield f"{indent}{start} {inline}"
        elif start == "-":
            # The first line of an entry stands beside its dash.
            first, *others = _block(each, indent + _INDENT)
            yield f"{indent}- {first.strip()}"
            yield from others
        else:
            yield f"{indent}{start}"
            # The dashes of a list tell it apart without being moved in.
            yield from _block(each, indent if isinstance(each, list) else indent + _INDENT)


def _inline(value: Any) -> str | None:  # noqa: ANN401 - any JSON
    """Return what stands on the line of its name; None for what takes lines of its own."""
    match value:
        case {"Ref": str(name)}:
            return f"!Ref {_scalar(name)}"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"!GetAtt {name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return f"!Sub {_scalar(text)}"
        case dict() | list() if value:
            return None
        case str():
            return _scalar(value)
        case _:
            return json.dumps(value)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
