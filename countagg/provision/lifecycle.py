"""Lifecycle rules of a bucket that setup created: what nobody reads any more must not be paid for for ever."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from countagg.provision.policies import canonical

_OURS: Final = "countagg-"
"""Rules whose ID begins so are ours; all others stay as they are."""
UNFINISHED_DAYS: Final = 1
"""A counter file is uploaded in one request: parts without an object are an accident, or an attack."""


def lifecycle_rules(version_days: int) -> str:
    """Return our rules, as canonical text.

    Args:
        version_days: for which a file that was overwritten or deleted is kept. The processor goes back to one when
            a refused file takes its place, as long as its day takes files.
    """
    rules = (
        _rule(
            "old-versions",
            NoncurrentVersionExpiration={"NoncurrentDays": version_days},
            Expiration={"ExpiredObjectDeleteMarker": True},
        ),
        _rule("unfinished-uploads", AbortIncompleteMultipartUpload={"DaysAfterInitiation": UNFINISHED_DAYS}),
    )
    return canonical(list(rules))


def _rule(name: str, **actions: Any) -> dict[str, Any]:  # noqa: ANN401 - as S3 has them
    return {"ID": f"{_OURS}{name}", "Status": "Enabled", "Filter": {"Prefix": ""}, **actions}


def our_rules(configuration: Mapping[str, Any]) -> str:
    """Return, as canonical text, those rules of a lifecycle configuration that are ours."""
    ours = [_with_filter(rule) for rule in configuration.get("Rules", []) if _is_ours(rule)]
    return canonical(sorted(ours, key=lambda rule: str(rule["ID"])))


def _with_filter(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule for all objects in the one of its forms that ours have; S3 may tell another."""
    others = {name: value for name, value in rule.items() if name not in {"Filter", "Prefix"}}
    chosen = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    return {**others, "Filter": chosen}


def merge_rules(configuration: Mapping[str, Any], ours: str) -> dict[str, Any]:
    """Return the configuration with our rules replaced, and all else as it is."""
    others = [rule for rule in configuration.get("Rules", []) if not _is_ours(rule)]
    return {**configuration, "Rules": [*others, *json.loads(ours)]}


def _is_ours(rule: Mapping[str, Any]) -> bool:
    return str(rule.get("ID", "")).startswith(_OURS)
