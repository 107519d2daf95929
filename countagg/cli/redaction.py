"""Secrets that an answer from outside may repeat, taken out of what is shown of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_HIDDEN: Final = "(hidden)"
_SHORTEST: Final = 16
"""Made-up values such as `test` are words of messages too."""

_VARIABLES: Final = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)
_SIGNED = re.compile(
    r"""((?:X-Amz-(?:Signature|Security-Token|Credential)|AWSAccessKeyId|Signature|Credential)["']?\s*(?:=|%3D|:)\s*["']?)"""
    r"""[^\s&,;"'<>]+""",
    re.IGNORECASE,
)
"""Parts of signed requests and of addresses that are signed beforehand."""

_USER = re.compile(r"(\w+://)[^/\s@]+@")


def redact(text: str, environ: Mapping[str, str]) -> str:
    """Return the text without signatures, tokens, users in addresses, and the environment's credentials."""
    for name in _VARIABLES:
        value = environ.get(name, "")
        if len(value) >= _SHORTEST:
            text = text.replace(value, _HIDDEN)
    text = _SIGNED.sub(rf"\1{_HIDDEN}", text)
    return _USER.sub(rf"\1{_HIDDEN}@", text)
