"""Credentials, tokens and signatures appear nowhere, not even where a service repeats what it was sent."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import write_table
from countagg.redaction import SENT, SentSecrets, redact
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal

PLANTED: Final = {
    "AWS_ACCESS_KEY_ID": "ENVIRONMENTKEY0PLANTED",
    "AWS_SECRET_ACCESS_KEY": "environment/secret+planted0123456789abcd",
    "AWS_SESSION_TOKEN": "environment/token+planted" * 8,
}
PROFILE: Final = {
    "aws_access_key_id": "PROFILEKEY0PLANTED0000",
    "aws_secret_access_key": "profile/secret+planted0123456789abcdefgh",
    "aws_session_token": "profile/token+planted" * 8,
}
SECRETS: Final = (*PLANTED.values(), *PROFILE.values(), "beforehand-signed-0123456789")
COMMANDS: Final = (
    ("setup", "--bucket", "b", "--yes"),
    ("plan", "--bucket", "b"),
    ("outputs",),
    ("stacks",),
    ("status",),
    ("serve", "--port", "0"),
    ("upload-sample",),
    ("query", "--date", "today"),
    ("query", "--since", "2d"),
    ("logs",),
    ("report",),
    ("limits", "list"),
    ("limits", "set", "A", "1"),
    ("verify", "--date", "today"),
    ("repair", "--date", "today", "--yes"),
    ("dead-letters", "list"),
    ("dead-letters", "purge", "--all", "--yes"),
    ("teardown", "--yes"),
    ("doctor",),
    ("doctor", "--output", "json"),
    ("explain", "C", "--date", "today"),
    ("cost", "--measured"),
    ("loadtest", "--yes"),
    ("selftest", "--yes"),
)
SIGNATURE: Final = re.compile(r"Signature=(\w+)")
received: list[str] = []
"""Signatures that the endpoint was sent; each is another one."""


def repeated(handler: http.server.BaseHTTPRequestHandler) -> tuple[str, bytes]:
    """Return an error that repeats every header and a signed address, in the form that the service has."""
    told = [f"{name}: {value}" for name, value in handler.headers.items()]
    signed = "https://b.s3.amazonaws.com/k?X-Amz-Credential=KEY/x&X-Amz-Signature=beforehand-signed-0123456789&a=b"
    # Without the names by which they could be known, too.
    bare = [handler.headers.get(name, "").rpartition("=")[2] for name in ("Authorization", "X-Amz-Security-Token")]
    message = "\n".join(["you sent", *told, signed, *bare])
    if "x-www-form-urlencoded" in handler.headers.get("Content-Type", ""):
        error = f"<Error><Code>Repeated</Code><Message>{escape(message)}</Message></Error>"
        return "text/xml", f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>".encode()
    return "application/json", json.dumps({"__type": "Repeated", "message": message}).encode()


class Repeater(http.server.BaseHTTPRequestHandler):
    """Answers every request with an error that repeats it."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        received.extend(SIGNATURE.findall(self.headers.get("Authorization", "")))
        kind, content = repeated(self)
        self.send_response(400)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        """Log nothing."""


@pytest.fixture(scope="module")
def repeater() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repeater) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plant secrets in the environment and in a profile."""
    credentials = tmp_path / "credentials"
    credentials.write_text("[work]\n" + "".join(f"{name} = {value}\n" for name, value in PROFILE.items()))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)


WAYS: Final = {
    "environment": (),
    "profile": ("--profile", "work"),
    "profile that is not there": ("--profile", "nobody"),
}


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("way", WAYS)
def test_no_command_shows_a_secret_when_it_fails(
    arguments: tuple[str, ...], way: str, repeater: str, countagg: CommandLine
) -> None:
    received.clear()

    ran = countagg(*arguments, *WAYS[way], "--endpoint-url", repeater, "--verbose")

    assert ran.code != 0
    assert ran.err
    assert received or way == "profile that is not there"
    for secret in (*SECRETS, *received):
        assert secret not in ran.out + ran.err


@pytest.mark.usefixtures("planted")
def test_what_is_repeated_really_comes_through(repeater: str, countagg: CommandLine) -> None:
    ran = countagg("status", "--endpoint-url", repeater)

    assert "you sent" in ran.err
    assert "X-Amz-Security-Token: (hidden)" in ran.err
    assert "X-Amz-Signature=(hidden)&a=b" in ran.err


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
def test_credentials_of_an_account_never_go_to_a_plain_address(
    key: str, repeater: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)

    ran = countagg("status", "--endpoint-url", repeater)

    assert (ran.code, ran.out) == (3, "")
    assert f"credentials would go to {repeater.removeprefix('http://')} unencrypted; nothing was sent" in ran.err
    assert "you sent" not in ran.err
    assert "--local" in ran.err


def test_the_same_for_an_address_out_of_the_environment(
    repeater: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_ENDPOINT_URL", repeater)

    ran = countagg("upload-sample")

    assert (ran.code, ran.out) == (3, "")
    assert "unencrypted; nothing was sent" in ran.err


def test_a_password_in_an_address_is_refused_and_not_shown(countagg: CommandLine) -> None:
    ran = countagg("status", "--endpoint-url", "http://user:planted-password@127.0.0.1:1")

    assert (ran.code, ran.out) == (2, "")
    assert "has a user or a password in it" in ran.err
    assert "planted-password" not in ran.err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing secret: version=5, a:b", "nothing secret: version=5, a:b"),
        ("https://b/k?X-Amz-Signature=abc&X-Amz-Date=1", "https://b/k?X-Amz-Signature=(hidden)&X-Amz-Date=1"),
        (
            "AWS4-HMAC-SHA256 Credential=AK/1/s3, Signature=ff",
            "AWS4-HMAC-SHA256 Credential=(hidden), Signature=(hidden)",
        ),
        ('{"X-Amz-Security-Token": "abc"}', '{"X-Amz-Security-Token": "(hidden)"}'),
        ("http://me:mine@host/p", "http://(hidden)@host/p"),
        ("the secret value-of-the-secret is", "the secret (hidden) is"),
        ("the word test is no secret", "the word test is no secret"),
    ],
)
def test_secrets_are_hidden_and_nothing_else_is(text: str, shown: str) -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "value-of-the-secret", "AWS_SESSION_TOKEN": "test"}
    assert redact(text, environ) == shown


texts = st.text(max_size=30)
tokens = st.from_regex(r"[A-Za-z0-9+/=]{16,80}", fullmatch=True)
signatures = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@given(before=texts, after=texts, signature=signatures, token=tokens, upper=st.booleans())
def test_what_was_sent_is_hidden_wherever_it_stands(
    before: str, after: str, signature: str, token: str, *, upper: bool
) -> None:
    sent = SentSecrets()
    authorization = f"AWS4-HMAC-SHA256 Credential=K/d/r/s/aws4_request, SignedHeaders=host, Signature={signature}"
    sent.note("https://x/", [("Authorization", authorization.encode()), ("X-Amz-Security-Token", token)])
    repeated = signature.upper() if upper else signature

    for secret in (repeated, token, quote(token, safe=""), f"{token}{repeated}", f"0{repeated}f"):
        shown = sent.hide(f"{before}{secret}{after}")
        assert repeated not in shown
        assert token not in shown.replace(before, "", 1)
        assert quote(token, safe="") not in shown.replace(before, "", 1)


@given(text=st.text() | st.from_regex(r"[0-9a-f]{60,140}", fullmatch=True), signature=signatures)
def test_nothing_else_is_changed(text: str, signature: str) -> None:
    sent = SentSecrets()
    sent.note(f"https://x/?X-Amz-Signature={signature}", [])

    assert sent.hide(text) == text or signature in text.lower()


def test_the_token_of_a_bearer_is_hidden() -> None:
    sent = SentSecrets()
    sent.note("https://x/", [("Authorization", "Bearer the-token-of-a-bearer")])

    assert sent.hide("you sent the-token-of-a-bearer.") == "you sent (hidden)."


def test_a_short_token_is_a_word_like_any_other() -> None:
    sent = SentSecrets()
    sent.note("https://x/", [("X-Amz-Security-Token", "test")])

    assert sent.hide("a test") == "a test"


def test_a_line_that_is_broken_parts_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    signature, terminal = "0123456789abcdef" * 4, Terminal()
    SENT.note(f"https://x/?X-Amz-Signature={signature}", [])

    console = Session(DEFAULTS, Preferences({}), stdout=terminal).result_console
    console.print(f"repeated: {signature}")
    write_table(console, ("A", "B"), [("x", signature)])

    assert terminal.getvalue().count("(hidden)") == 2
    assert "89abcdef" not in terminal.getvalue()
