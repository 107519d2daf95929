"""Whose counters they are, where nobody says it. A server of this machine plays the metadata service."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pytest

from countagg.aws.instance_metadata import fetch_instance_id
from tests.cli.account import BUCKET
from tests.cli.running import CommandLine

EC2 = "i-0123456789abcdef0"
TOKEN = "the-token"


class Metadata(HTTPServer):
    """The service.

    Attributes:
        instance: what it answers for the id.
        token: what it answers for a token; None if it knows of none.
        asked: methods and paths of the requests.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.instance = EC2
        self.token: str | None = TOKEN
        self.asked: list[str] = []

    def environ(self, **more: str) -> dict[str, str]:
        return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{self.server_port}", **more}


class _Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        self.server.asked.append(f"PUT {self.path}")
        self._answer(self.server.token)

    def do_GET(self) -> None:
        self.server.asked.append(f"GET {self.path}")
        right = self.headers.get("x-aws-ec2-metadata-token") == TOKEN
        self._answer(self.server.instance if right else None)

    def _answer(self, text: str | None) -> None:
        self.send_response(404 if text is None else 200)
        body = (text or "").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(name="metadata")
def _metadata() -> Iterator[Metadata]:
    with Metadata() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_instance_is_asked_for_a_token_and_then_for_its_id(metadata: Metadata) -> None:
    assert fetch_instance_id(metadata.environ()) == EC2
    assert metadata.asked == ["PUT /latest/api/token", "GET /latest/meta-data/instance-id"]


def test_no_proxy_is_asked(metadata: Metadata, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch_instance_id(metadata.environ()) == EC2


def test_it_is_not_asked_where_that_is_turned_off(metadata: Metadata) -> None:
    assert fetch_instance_id(metadata.environ(AWS_EC2_METADATA_DISABLED="true")) is None
    assert metadata.asked == []


def test_without_a_token_nothing_is_asked_for(metadata: Metadata) -> None:
    metadata.token = None
    assert fetch_instance_id(metadata.environ()) is None
    assert metadata.asked == ["PUT /latest/api/token"]


@pytest.mark.parametrize("answer", ["", "<html>", "i-", "../x", f"{EC2}0123456789"])
def test_who_answers_something_else_is_no_metadata_service(metadata: Metadata, answer: str) -> None:
    metadata.instance = answer
    assert fetch_instance_id(metadata.environ()) is None


def test_where_nobody_answers_there_is_no_instance(metadata: Metadata) -> None:
    environ = metadata.environ()
    metadata.shutdown()
    metadata.server_close()
    assert fetch_instance_id(environ) is None
    assert fetch_instance_id({"AWS_EC2_METADATA_SERVICE_ENDPOINT": "no address"}) is None


def keys() -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [each["Key"].rpartition("/")[2] for each in found]


@pytest.mark.usefixtures("account")
def test_upload_on_an_instance_needs_no_name_and_says_whose_counters_they_are(
    metadata: Metadata, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("a").write_text("A 1\n")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED", raising=False)
    for name, value in metadata.environ().items():
        monkeypatch.setenv(name, value)
    ran = countagg("upload", "a", "--bucket", BUCKET)
    assert (ran.code, ran.err) == (0, f"instance id: {EC2}, of this EC2 instance\n")
    assert keys() == [f"values_{EC2}"]
    asked = len(metadata.asked)
    for named in ("--instance-id", "COUNTAGG_INSTANCE_ID"):
        options = (named, "i-said") if named.startswith("--") else ()
        monkeypatch.setenv("COUNTAGG_INSTANCE_ID", "i-said")
        ran = countagg("upload", "a", "--bucket", BUCKET, "--always", *options)
        assert (ran.code, ran.err) == (0, "")
    assert "values_i-said" in keys()
    assert len(metadata.asked) == asked


@pytest.mark.usefixtures("account")
def test_elsewhere_the_host_name_is_told(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a").write_text("A 1\n")
    monkeypatch.setattr("socket.gethostname", lambda: "web 1")
    ran = countagg("upload", "a", "--bucket", BUCKET)
    assert (ran.code, ran.err) == (0, "instance id: web-1, the host name\n")
    assert keys() == ["values_web-1"]
    monkeypatch.setattr("socket.gethostname", lambda: "localhost")
    ran = countagg("upload", "a", "--bucket", BUCKET)
    assert (ran.code, ran.out) == (2, "")
    assert "--instance-id: no instance is named, and the host name 'localhost' does not tell" in ran.err
