"""TLS: whom clients trust, and that they read it once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import SSLError

from countagg.aws.session import Clients, ConnectionOptions
from tools.tls import LOOPBACK, make_bundle, make_certificate, served


@pytest.fixture(autouse=True)
def _no_credentials_and_no_network() -> None:
    """Let tests reach this machine, unlike their neighbours on moto."""


class Answering(BaseHTTPRequestHandler):
    """Answers whatever is called with nothing, and closes."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


@pytest.fixture
def address(own: Path) -> Iterator[str]:
    """Give the address of a server with that certificate."""
    with HTTPServer((LOOPBACK, 0), Answering) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with served(own, server.server_port) as port:
                yield f"https://{LOOPBACK}:{port}"
        finally:
            server.shutdown()
            thread.join()


def clients_of(address: str) -> Clients:
    return Clients(ConnectionOptions(region="eu-central-1", endpoint_url=address)).impatient()


def test_all_connections_read_the_authorities_once(
    own: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make_bundle(own)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(bundle))
    read: list[Any] = []
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *files: Any) -> None:
        read.append(files)
        load(context, *files)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    clients = clients_of(address)
    for call in (clients.dynamodb.list_tables, clients.dynamodb.list_tables, clients.logs.describe_log_groups):
        assert call()["ResponseMetadata"]["HTTPStatusCode"] == 200

    assert read == [(str(bundle), None, None)]


def test_a_server_that_no_authority_knows_is_refused(address: str) -> None:
    with pytest.raises(SSLError, match="certificate verify failed"):
        clients_of(address).dynamodb.list_tables()


def test_a_certificate_is_that_of_the_host(own: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(own))
    with pytest.raises(SSLError, match="localhost"):
        clients_of(address.replace(LOOPBACK, "localhost")).dynamodb.list_tables()
