"""The fields of a change, taken apart so far that each shows exactly what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, Final

from countagg.provision.code import Code
from countagg.provision.differences import FieldChange

_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
_VERSION: Final = "2012-10-17"
_OLD_VERSION: Final = "2008-10-17"
"""Of the policy language, where a policy does not say it."""


def leaves(change: FieldChange) -> tuple[FieldChange, ...]:
    """Take a change apart. Of policies, each statement that differs is a leaf, named by its Sid.

    Of a dashboard, a widget that is new or gone is a leaf, named by its title; of others, what differs in them.

    Of what is created, what is empty is left out.

    Returns:
        Values as JSON has them, None for none, each with the field's name and dots for what lies within it, such
        as `environment.COUNTAGG_PREFIX`.
    """
    apart = tuple(_apart(change.name, _plain(change.current), _plain(change.desired)))
    if change.current is None:
        return tuple(leaf for leaf in apart if leaf.desired not in _NOTHING)
    # Statements in another order are other text, and the same when taken apart.
    return apart or (change,)


def _apart(name: str, current: Any, desired: Any) -> Iterator[FieldChange]:  # noqa: ANN401 - any JSON
    sides = [side for side in (current, desired) if side not in _NOTHING]
    is_whole = len(sides) == 1 and is_widget(sides[0])
    if is_whole or not sides or not all(isinstance(side, dict) and not _is_statement(side) for side in sides):
        if current != desired:
            yield FieldChange(name, current, desired)
        return
    before, after = current or {}, desired or {}
    for key in [*before, *(key for key in after if key not in before)]:
        yield from _apart(f"{name}.{key}", before.get(key), after.get(key))


def is_widget(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether it is a widget of a dashboard."""
    return isinstance(value, Mapping) and {"type", "properties"} <= value.keys()


def _is_statement(value: Mapping[str, Any]) -> bool:
    return "Effect" in value


def _plain(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any field; a line a form
    """Return a field's value as JSON; a zip as its hash, policies as mappings of their statements."""
    if isinstance(value, Code):
        return f"sha256:{value.sha256}"
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        if "Statement" in value:
            return _policy(value)
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        if value and all(map(is_widget, value)):
            return _by_title(value)
        if value and all(isinstance(each, Mapping) and _is_statement(each) for each in value):
            return _by_sid(value)
        return [_plain(each) for each in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        parsed = _parsed(value)
        return value if parsed is None else _plain(parsed)
    return value


def _policy(document: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    version = document.get("Version", _OLD_VERSION)
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    return ({} if version == _VERSION else {"Version": version}) | _by_sid(statements)


def _by_sid(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return statements by their Sid; those without one, or with one that was there before, by their number."""
    named: dict[str, Any] = {}
    for number, statement in enumerate(statements, start=1):
        sid = str(statement.get("Sid", number))
        named[sid if sid not in named else f"{sid} ({number})"] = {
            key: each for key, each in statement.items() if key != "Sid"
        }
    return named


def _by_title(widgets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return widgets by their titles; those without one by their kind; those that have another's, numbered."""
    named: dict[str, Any] = {}
    for number, widget in enumerate(widgets, start=1):
        properties = widget["properties"]
        title = properties.get("title") if isinstance(properties, Mapping) else None
        name = str(title or widget["type"])
        named[name if name not in named else f"{name} ({number})"] = widget
    return named


def _parsed(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError:
        return None
