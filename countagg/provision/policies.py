"""Policy documents: made of statements, or filled in from `policies/*.json`, in one canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

from countagg.core.errors import CountaggError
from countagg.provision.packaged import packaged_folder

OUR_SID: Final = "Countagg"
"""Statements whose Sid begins so are ours; in shared policies all others stay as they are."""


def canonical(document: Any) -> str:  # noqa: ANN401 - any JSON
    """Return JSON as text that is equal when the meaning is.

    Keys and lists of strings are sorted; a list of one string is written as the string.
    """
    return compact(_plain(document))


def compact(document: Any) -> str:  # noqa: ANN401 - any JSON
    """Return JSON as text with its keys sorted and nothing else changed, as event patterns need it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [_plain(item) for item in value]
        if len(items) == 1 and isinstance(items[0], str):
            return items[0]
        return sorted(items) if all(isinstance(item, str) for item in items) else items
    return value


def load_policy(name: str, values: Mapping[str, str], folder: Path | None = None) -> dict[str, Any]:
    """Fill in a template.

    Args:
        name: of the file, without `.json`.
        values: for the `${Name}` in its strings.
        folder: where the templates are; by default those that came with countagg.

    Raises:
        CountaggError: the template uses a name that has no value.
    """
    path = (folder or packaged_folder("policies")) / f"{name}.json"
    try:
        filled = _fill(json.loads(path.read_text()), values)
    except (KeyError, ValueError) as error:
        raise CountaggError(f"the template cannot be filled in: {error}", where=path.name) from error
    if not isinstance(filled, dict):
        raise CountaggError("the template is not a JSON object", where=path.name)
    return filled


def has_policy(name: str) -> bool:
    """Tell whether there is a template of that name."""
    return (packaged_folder("policies") / f"{name}.json").is_file()


def _fill(value: Any, values: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return Template(value).substitute(values)
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    if isinstance(value, dict):
        return {key: _fill(item, values) for key, item in value.items()}
    return value


def our_statements(policy: Mapping[str, Any]) -> str:
    """Return, as canonical text, those statements of a policy that are ours."""
    ours = [statement for statement in statements_of(policy) if _is_ours(statement)]
    return canonical(sorted(ours, key=lambda statement: str(statement["Sid"])))


def merge_statements(policy: Mapping[str, Any], ours: str) -> dict[str, Any]:
    """Return the policy with our statements replaced, and all others as they are."""
    others = [statement for statement in statements_of(policy) if not _is_ours(statement)]
    return {"Version": "2012-10-17", **policy, "Statement": [*others, *json.loads(ours)]}


def statements_of(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a policy, of which a single one may stand without a list."""
    statements = policy.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]


def _is_ours(statement: Mapping[str, Any]) -> bool:
    return str(statement.get("Sid", "")).startswith(OUR_SID)


def allow(actions: Iterable[str], resources: Sequence[str], condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a statement."""
    named = resources[0] if len(resources) == 1 else list(resources)
    statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": named}
    return statement | ({"Condition": dict(condition)} if condition else {})


def policy_document(statements: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
