"""TLS: whom clients trust, and that they read it once."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import SSLError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from countagg.aws.session import Clients, ConnectionOptions

LOOPBACK = "127.0.0.1"


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


def certificate(folder: Path) -> Path:
    """Return a file with a key, and the certificate of 127.0.0.1 that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "engine")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def served(file: Path) -> Iterator[str]:
    """Yield the address of a server with a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with HTTPServer((LOOPBACK, 0), Answering) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return certificate(tmp_path)


def test_all_connections_read_the_authorities_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(own))
    read: list[Any] = []
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *files: Any) -> None:
        read.append(files)
        load(context, *files)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    with served(own) as address:
        clients = Clients(ConnectionOptions(region="eu-central-1", endpoint_url=address))
        for _ in range(2):
            assert clients.dynamodb.list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert clients.impatient().logs.describe_log_groups()["ResponseMetadata"]["HTTPStatusCode"] == 200

    assert read == [(str(own), None, None)]


def test_a_server_that_no_authority_knows_is_refused(own: Path) -> None:
    with served(own) as address:
        clients = Clients(ConnectionOptions(region="eu-central-1", endpoint_url=address)).impatient()
        with pytest.raises(SSLError, match="certificate verify failed"):
            clients.dynamodb.list_tables()


def test_a_certificate_is_that_of_the_host(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(own))
    with served(own) as address:
        elsewhere = address.replace(LOOPBACK, "localhost")
        clients = Clients(ConnectionOptions(region="eu-central-1", endpoint_url=elsewhere)).impatient()
        with pytest.raises(SSLError, match="localhost"):
            clients.dynamodb.list_tables()
