"""The gate, before an engine that only says what reached it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import pytest
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from countagg.local.gate import ALIVE_PATH, MAX_BODY_BYTES, Gate, Message, Receive, Send

KEYS: Final = {"LOCALKEY": "secret-of-the-run", "AKIAUSER": "secret-of-a-user"}
HOST: Final = "127.0.0.1:4566"


@dataclass
class Engine:
    """Keeps what reaches it, and answers 200."""

    bodies: list[bytes] = field(default_factory=list)

    async def __call__(self, _: Message, receive: Receive, send: Send) -> None:
        message = await receive()
        self.bodies.append(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"of the engine"})


def signed(key: str = "LOCALKEY", secret: str | None = None, body: bytes = b"") -> dict[str, str]:
    """Return the headers of a signed POST to `/`."""
    request = AWSRequest("POST", f"http://{HOST}/", headers={"Host": HOST}, data=body)
    SigV4Auth(Credentials(key, secret or KEYS[key]), "lambda", "us-east-1").add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}


@dataclass
class Asked:
    """How a request was answered.

    Attributes:
        read: how many parts of the body were taken.
    """

    status: int
    body: bytes
    engine: Engine
    read: int


def ask(
    headers: dict[str, str],
    *parts: bytes,
    method: str = "POST",
    path: str = "/",
    query: str = "",
    kind: str = "http",
) -> Asked:
    engine, sent = Engine(), list[Message]()
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})
    scope: Message = {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    count = len(waiting)

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(Gate(engine, KEYS.get)(scope, receive, send))
    body = b"".join(message.get("body", b"") for message in sent)
    return Asked(sent[0].get("status", 0), body, engine, count - len(waiting))


@pytest.mark.parametrize("key", KEYS)
def test_what_is_signed_with_a_key_of_the_run_reaches_the_engine_as_it_is(key: str) -> None:
    asked = ask(signed(key, body=b"onetwo"), b"one", b"two")

    assert (asked.status, asked.body, asked.engine.bodies) == (200, b"of the engine", [b"onetwo"])


def test_an_address_that_was_signed_beforehand_reaches_it_too() -> None:
    request = AWSRequest("GET", f"http://{HOST}/bucket/key", headers={"Host": HOST})
    S3SigV4QueryAuth(Credentials("LOCALKEY", KEYS["LOCALKEY"]), "s3", "us-east-1").add_auth(request)

    asked = ask({"host": HOST}, method="GET", path="/bucket/key", query=str(request.url).partition("?")[2])

    assert asked.status == 200


@pytest.mark.parametrize("origin", ["http://attacker.example", "null", "", f"http://{HOST}"])
def test_no_page_in_a_browser_reaches_it(origin: str) -> None:
    asked = ask(signed() | {"origin": origin})

    assert (asked.status, asked.engine.bodies, asked.read) == (403, [], 0)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "attacker.example",
        "attacker.example:4566",
        "localhost:4566",
        "127.0.0.1.attacker.example",
        "127.0.0.1:x",
        "[::1]:4566",
        "0.0.0.0:4566",
        "127.0.0.1,attacker.example",
        "user@127.0.0.1:4566",
    ],
)
def test_no_name_that_leads_here_reaches_it(host: str) -> None:
    assert ask(signed() | {"host": host}).status == 403
    assert ask({"host": host}, method="GET", path=ALIVE_PATH).status == 403


@pytest.mark.parametrize("key", ["test", "000000000000", "AKIAIOSFODNN7EXAMPLE", ""])
def test_whoever_does_not_know_a_key_is_refused_before_the_body_is_read(key: str) -> None:
    for headers in (signed(key or "x", "test"), {"host": HOST}):
        asked = ask(headers, b"body")
        assert (asked.status, asked.engine.bodies, asked.read) == (403, [], 0)


def test_knowing_a_key_without_its_secret_is_not_enough() -> None:
    asked = ask(signed("LOCALKEY", "guessed"))

    assert (asked.status, asked.engine.bodies) == (403, [])
    assert b"SignatureDoesNotMatch" in asked.body


@pytest.mark.parametrize("method", ["OPTIONS", "HEAD", "GET", "POST", "TRACE"])
@pytest.mark.parametrize(
    "path", ["/", "/_ministack/reset", "/_ministack/health", "/_localstack/health", ALIVE_PATH]
)
def test_nothing_is_open_but_to_see_that_it_is_there(method: str, path: str) -> None:
    asked = ask({"host": HOST}, method=method, path=path)

    assert asked.engine.bodies == []
    assert (asked.status, asked.body == b"") == (
        (204, True) if (method, path) == ("GET", ALIVE_PATH) else (403, False)
    )


def test_a_web_socket_is_closed() -> None:
    asked = ask(signed(), kind="websocket")

    assert (asked.status, asked.engine.bodies) == (0, [])


def test_a_body_that_is_too_large_is_refused_by_what_it_says() -> None:
    asked = ask(signed() | {"content-length": str(MAX_BODY_BYTES + 1)}, b"x")

    assert (asked.status, asked.engine.bodies, asked.read) == (413, [], 0)


def test_a_body_that_is_too_large_is_refused_as_soon_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countagg.local.gate.MAX_BODY_BYTES", 5)

    assert ask(signed(body=b"12345"), b"123", b"45").status == 200
    asked = ask(signed(body=b"123456789"), b"123", b"456", b"789")

    assert (asked.status, asked.engine.bodies, asked.read) == (413, [], 2)


@pytest.mark.parametrize(
    ("headers", "path", "beginning"),
    [
        ({"content-type": "application/x-amz-json-1.1"}, "/", b'{"__type": "Inv'),
        (
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            "/",
            b"<ErrorResponse><Error><Code>Inv",
        ),
        ({}, "/2015-03-31/functions", b'{"__type": "Inv'),
        ({}, "/bucket", b"<Error><Code>Inv"),
    ],
)
def test_it_refuses_in_the_form_of_the_service(headers: dict[str, str], path: str, beginning: bytes) -> None:
    assert ask({"host": HOST, **headers}, path=path).body.startswith(beginning)


NAMES: Final = st.sampled_from(["authorization", "origin", "host", "x-amz-date", "content-length", "x"])


@given(st.dictionaries(NAMES, st.text(st.characters(codec="latin-1"))), st.text(), st.text(), st.binary())
def test_nothing_that_is_not_signed_reaches_the_engine(
    headers: dict[str, str], path: str, query: str, body: bytes
) -> None:
    asked = ask({"host": HOST} | headers, body, path=path, query=query)

    assert asked.status == 403
    assert asked.engine.bodies == []
