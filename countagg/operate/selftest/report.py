"""The report of a self-test: what it measured, without a name by which somebody could be known. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from countagg.operate.selftest.selftest import SelfTest, StepResult

_PATTERNS: Final = (
    (re.compile(r"arn:[\w-]+:[^\s\"',;)]+"), "<arn>"),
    (re.compile(r"\b(?:A[KS]I|AIP|ANP|ARO|AID|AGP)A[A-Z0-9]{12,}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "<address>"),
    (re.compile(r"\b\w+://[^\s\"',;)]+"), "<url>"),
    (re.compile(r"\b[\w-]+(?:\.[\w-]+)*\.amazonaws\.com(?:\.cn)?\b"), "<host>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<host>"),
    (re.compile(r"\b\d{12}\b"), "<account>"),
    # S3's second request id, and whatever else stands behind such a word.
    (re.compile(r"((?:request|host) ?id:? )[^\s,;)]+", re.IGNORECASE), r"\1<id>"),
    (re.compile(r"(?<![\w<>/.-])/(?:[^\s/\"',;:)]+/)+[^\s\"',;:)]*"), "<path>"),
)
"""What names somebody whatever it is called, and what stands for it."""


def report(self_test: SelfTest, circumstances: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return the report as JSON has it.

    Args:
        self_test: what came of the steps.
        circumstances: where and with what they ran; nothing in it names anybody.
        names: texts that must not stand in the steps, with what stands for them.
    """
    return {
        **circumstances,
        "ok": self_test.holds,
        "interrupted": self_test.interrupted,
        "left_over": self_test.left_over is not None,
        "seconds": round(sum(each.seconds for each in self_test.results), 1),
        "steps": [anonymise(_step(each), names) for each in self_test.results],
    }


def _step(result: StepResult) -> dict[str, Any]:
    return {
        "step": result.step.name,
        "shows": result.step.shows,
        "outcome": str(result.outcome),
        "seconds": round(result.seconds, 1),
        "hops": dict(result.finding.hops),
        "facts": dict(result.finding.facts),
        "expected": result.expected,
        "got": result.got,
        "next": result.hint,
    }


def anonymise(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON
    """Return a JSON value with every name replaced, in texts and in keys.

    Args:
        value: the value.
        names: texts to replace, with what stands for them; empty ones are passed over.
    """
    if isinstance(value, str):
        return _without_names(value, names)
    if isinstance(value, Mapping):
        return {_without_names(key, names): anonymise(each, names) for key, each in value.items()}
    return [anonymise(each, names) for each in value] if isinstance(value, list) else value


def _without_names(text: str, names: Mapping[str, str]) -> str:
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    # The longest first: a bucket's name may begin with the stack's.
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = text.replace(name, names[name])
    return text
