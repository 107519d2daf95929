"""AWS Signature Version 4, checked as a service does: in a header, or in the query of a presigned address.

The form is that of the IAM User Guide, "Create a signed AWS API request". Nothing here knows of a server.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from countagg.core.lazy_dataclass import dataclass

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
_LONGEST_SKEW: Final = timedelta(minutes=15)
_HEADER: Final = re.compile(
    rf"{_ALGORITHM} Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{{64}})"
)
_DATE: Final = re.compile("[0-9]{8}T[0-9]{6}Z")
_IN_QUERY: Final = ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature")


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    Attributes:
        method: such as `GET`.
        path: percent-encoded, as it was sent.
        query: the same.
        headers: by their names in small letters; of a header on several lines, the values joined by commas.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says about its signature.

    Attributes:
        key: id of the access key.
        scope: day, region, service and `aws4_request`.
        signed_headers: their names.
        value: the signature, in hex.
        date: when it was signed, as it was sent.
        lifetime: how long the address is good for; None of a signature in the header.
    """

    key: str
    scope: tuple[str, str, str, str]
    signed_headers: tuple[str, ...]
    value: str
    date: str
    lifetime: timedelta | None

    @property
    def service(self) -> str:
        """The service that it is for, such as `s3`."""
        return self.scope[2]


def signature_of(request: Request) -> Signature | None:
    """Return what a request says about its signature; None if it bears none of version 4."""
    if "authorization" in request.headers:
        match = _HEADER.fullmatch(request.headers["authorization"].strip())
        if not match:
            return None
        credential, headers, value = match.groups()
        return _signature(credential, headers, value, request.headers.get("x-amz-date", ""), None)
    query = dict(_pairs(request.query))
    if query.get("X-Amz-Algorithm") != _ALGORITHM or not all(name in query for name in _IN_QUERY):
        return None
    seconds = query.get("X-Amz-Expires", "")
    if not re.fullmatch("[0-9]{1,6}", seconds):
        return None
    credential, headers, value = (query[name] for name in _IN_QUERY)
    return _signature(credential, headers, value, query.get("X-Amz-Date", ""), timedelta(seconds=int(seconds)))


def _signature(
    credential: str, headers: str, value: str, date: str, lifetime: timedelta | None
) -> Signature | None:
    key, *scope = credential.split("/")
    match scope:
        case [day, region, service, "aws4_request" as end] if date.startswith(day) and _DATE.fullmatch(date):
            return Signature(key, (day, region, service, end), tuple(headers.split(";")), value, date, lifetime)
    return None


def is_genuine(request: Request, signature: Signature, secret: str, body: bytes, now: datetime) -> bool:
    """Tell whether whoever signed a request, lately enough, knows the secret of the key.

    Args:
        request: the request.
        signature: of it.
        secret: of the access key that the signature names.
        body: of the request.
        now: the time.
    """
    if "host" not in signature.signed_headers or not _is_timely(signature, now):
        return False
    said = request.headers.get("x-amz-content-sha256")
    digest = hashlib.sha256(body).hexdigest()
    if said and re.fullmatch("[0-9a-f]{64}", said) and said != digest:
        return False
    presigned_object = signature.lifetime is not None and signature.service == "s3"
    payload = said or (_UNSIGNED_PAYLOAD if presigned_object else digest)
    canonical = "\n".join(
        (
            request.method,
            request.path if signature.service == "s3" else _encode(_normalise(request.path), "/~"),
            _canonical_query(request.query),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signature.signed_headers),
            "",
            ";".join(signature.signed_headers),
            payload,
        )
    )
    to_sign = "\n".join(
        (_ALGORITHM, signature.date, "/".join(signature.scope), hashlib.sha256(canonical.encode()).hexdigest())
    )
    expected = hmac.new(_signing_key(secret, signature.scope), to_sign.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.value.encode())


def _is_timely(signature: Signature, now: datetime) -> bool:
    try:
        # strptime would be a quarter of the gate's work.
        signed = datetime.fromisoformat(signature.date)
    except ValueError:
        return False
    lifetime = _LONGEST_SKEW if signature.lifetime is None else signature.lifetime
    return signed - _LONGEST_SKEW <= now <= signed + lifetime


@lru_cache(maxsize=64)
def _signing_key(secret: str, scope: tuple[str, str, str, str]) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _normalise(path: str) -> str:
    """Return a path without empty, `.` and `..` segments."""
    normal = posixpath.normpath(f"/{path.lstrip('/')}")
    return f"{normal}/" if path.endswith("/") and normal != "/" else normal


def _canonical_query(query: str) -> str:
    encoded = sorted((_encode(name), _encode(value)) for name, value in _pairs(query) if name != "X-Amz-Signature")
    return "&".join(f"{name}={value}" for name, value in encoded)


def _pairs(query: str) -> list[tuple[str, str]]:
    split = [part.partition("=") for part in query.split("&") if part]
    return [(_decode(name), _decode(value)) for name, _, value in split]


def _decode(text: str) -> str:
    return unquote_to_bytes(text).decode(errors="surrogateescape")


def _encode(text: str, safe: str = "~") -> str:
    return quote(text, safe=safe, errors="surrogateescape")
