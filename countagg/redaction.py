"""Secrets that an answer from outside may repeat, taken out of what is kept and of what is shown of it.

Twice, because each way misses something. By their form, where a text of an answer is read: that finds what nobody
here has sent, such as an address that AWS signed, but would damage data that only looks like it. By their value,
where anything is written: that finds what this process has sent, wherever an answer puts it.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

_HIDDEN: Final = "(hidden)"
_SHORTEST: Final = 16
"""Made-up values such as `test` are words of messages too."""
_KEPT: Final = 20_000
"""Signatures; one is of use to nobody 15 minutes after it was made."""

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

_USER = re.compile(r"(?<!\w)(\w+://)[^/\s@]+@")
"""A word is tried from its beginning alone: from each of its letters it would take minutes."""
_SIGNATURE = re.compile(r"Signature=([0-9a-f]{64})")
_LENGTH: Final = 64
_HEX = re.compile(rf"[0-9A-Fa-f]{{{_LENGTH},}}")
_BEARER = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the text without signatures, tokens, users in addresses, and the environment's credentials."""
    for name in _VARIABLES:
        value = environ.get(name, "")
        if len(value) >= _SHORTEST:
            text = text.replace(value, _HIDDEN)
    text = _SIGNED.sub(rf"\1{_HIDDEN}", text)
    return SENT.hide(_USER.sub(rf"\1{_HIDDEN}@", text))


class SentSecrets:
    """Signatures and tokens of the requests that this process has sent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # The oldest first: a dict keeps the order.
        self._signatures: dict[str, None] = {}
        self._tokens: dict[str, None] = {}

    def note(self, url: str, headers: Iterable[tuple[str, object]]) -> None:
        """Remember what is secret in a request."""
        signatures, tokens = _SIGNATURE.findall(url), list[str]()
        for name, value in headers:
            kind = name.lower()
            if kind == "authorization":
                signatures += _SIGNATURE.findall(_text(value))
                tokens += _BEARER.findall(_text(value))
            elif "token" in kind:
                tokens.append(_text(value))
        with self._lock:
            self._signatures.update(dict.fromkeys(signatures))
            while len(self._signatures) > _KEPT:
                del self._signatures[next(iter(self._signatures))]
            self._tokens.update(dict.fromkeys(token for token in tokens if len(token) >= _SHORTEST))

    def hide(self, text: str) -> str:
        """Return the text without them."""
        if self._signatures:
            text = _HEX.sub(lambda found: self._hide_signatures(found[0]), text)
        for token in tuple(self._tokens):
            for form in _forms(token):
                text = text.replace(form, _HIDDEN)
        return text

    def _hide_signatures(self, digits: str) -> str:
        at = 0
        while at + _LENGTH <= len(digits):
            if digits[at : at + _LENGTH].lower() in self._signatures:
                digits = digits[:at] + _HIDDEN + digits[at + _LENGTH :]
                at += len(_HIDDEN)
            else:
                at += 1
        return digits


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _forms(token: str) -> Iterator[str]:
    """Yield a token as it is, in an address, and in JSON as some write it."""
    yield token
    for form in (quote(token, safe=""), quote(token), token.replace("/", r"\/")):
        if form != token:
            yield form


SENT: Final = SentSecrets()
"""Of this process: it has one standard output, too."""
