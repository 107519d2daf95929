"""The gate before the embedded engine: an ASGI application around the engine's own, in the same process.

The engine trusts whoever reaches it, and a function that is made there runs as the engine's owner. So nothing gets
to it but what its owner signed: no other user of the machine, and no page in a browser, knows the keys of a run.

    foreign Host, or an Origin      refused: a page, or a name that somebody points at this machine
    no signature, an unknown key    refused, before anything of the body is read
    more than MAX_BODY_BYTES        refused
    a signature that is not right   refused
    everything else                 goes to the engine, as it is
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.local.signatures import Request, Signature, is_genuine, signature_of

MAX_BODY_BYTES: Final = 128 * 1024 * 1024
"""More than the largest request of use: a function of 50 MB, which is sent in base64."""
ALIVE_PATH: Final = "/_countagg/alive"
"""Answered to anybody, with nothing."""
OWN_HOST: Final = "127.0.0.1"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """An answer of the gate: a status, and AWS's code and text for an error."""

    status: HTTPStatus
    code: str
    message: str


_FOREIGN: Final = GateAnswer(
    HTTPStatus.FORBIDDEN,
    "AccessDenied",
    f"the embedded engine takes requests to {OWN_HOST} that no web page sent",
)
_UNKNOWN: Final = GateAnswer(
    HTTPStatus.FORBIDDEN,
    "InvalidClientTokenId",
    "this is no access key of the embedded engine that runs now; `countagg local env` prints what sets it",
)
_MISMATCH: Final = GateAnswer(
    HTTPStatus.FORBIDDEN, "SignatureDoesNotMatch", "the signature is not that of the access key, or too old"
)
_TOO_LARGE: Final = GateAnswer(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "EntityTooLarge", f"the embedded engine takes {MAX_BODY_BYTES:,} bytes"
)


class Gate:
    """Lets through what was signed with a key of this run.

    Args:
        engine: the application behind it.
        secret_of: tells the secret of an access key; None of a key that is not known.
        now: the time.
    """

    def __init__(
        self,
        engine: Application,
        secret_of: Callable[[str], str | None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._secret_of = secret_of
        self._now = now

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._engine(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        request = _request_of(scope)
        if not _is_own(request.headers):
            await _refuse(request, _FOREIGN, send)
        elif request.method == "GET" and request.path == ALIVE_PATH:
            await _respond(send, HTTPStatus.NO_CONTENT, "text/plain", b"")
        else:
            signature = signature_of(request)
            secret = None if signature is None else self._secret_of(signature.key)
            if signature is None or secret is None:
                await _refuse(request, _UNKNOWN, send)
            else:
                await self._check(scope, receive, send, _Signed(request, signature, secret))

    async def _check(self, scope: Message, receive: Receive, send: Send, signed: _Signed) -> None:
        body = await _read(receive, signed.request.headers.get("content-length", ""))
        if body is None:
            await _refuse(signed.request, _TOO_LARGE, send)
        elif not is_genuine(signed.request, signed.signature, signed.secret, body, self._now()):
            await _refuse(signed.request, _MISMATCH, send)
        else:
            await self._engine(scope, _replaying(body, receive), send)


@dataclass(frozen=True, slots=True)
class _Signed:
    request: Request
    signature: Signature
    secret: str


def _request_of(scope: Message) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode(errors="surrogateescape")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Request(scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode(), headers)


def _is_own(headers: Mapping[str, str]) -> bool:
    """Tell whether a request may come from a program of this machine; those of pages bear where the page is from.

    Of the port nothing is asked: it may be forwarded, and no name leads to an address that is spelt out.
    """
    host, _, port = headers.get("host", "").partition(":")
    return host == OWN_HOST and (not port or port.isdecimal()) and "origin" not in headers


async def _read(receive: Receive, length: str) -> bytes | None:
    """Return the body; None if it is too large, of which no more is read than to see that."""
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        return None
    parts, size = [], 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Return what gives the whole body once, and then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


async def _refuse(request: Request, refusal: GateAnswer, send: Send) -> None:
    """Answer with an error in the form that the caller's service has, as far as the request tells."""
    if "json" in request.headers.get("content-type", "") or request.path.startswith("/20"):
        kind = "application/json"
        content = json.dumps({"__type": refusal.code, "message": refusal.message})
    else:
        kind = "text/xml"
        error = f"<Code>{refusal.code}</Code><Message>{refusal.message}</Message>"
        form = "x-www-form-urlencoded" in request.headers.get("content-type", "")
        content = f"<ErrorResponse><Error>{error}</Error></ErrorResponse>" if form else f"<Error>{error}</Error>"
    await _respond(send, refusal.status, kind, content.encode())


async def _respond(send: Send, status: HTTPStatus, kind: str, content: bytes) -> None:
    told = {"content-type": kind, "content-length": str(len(content)), "date": formatdate(usegmt=True)}
    headers = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": content})
