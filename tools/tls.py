"""TLS in front of a server on this machine, which knows none: as AWS has it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Final

import botocore
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

LOOPBACK: Final = "127.0.0.1"
_PIECE: Final = 65_536
_AUTHORITIES: Final = Path(botocore.__file__).with_name("cacert.pem")


def make_certificate(folder: Path) -> Path:
    """Write a key, and the certificate of 127.0.0.1 that it signed itself; return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "this machine")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False)
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    with file.open("ab") as opened:
        opened.write(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return file


def make_bundle(certificate: Path) -> Path:
    """Write the authorities that botocore trusts, and a certificate with them; return the file."""
    own = certificate.read_text()
    bundle = certificate.with_name("bundle.pem")
    bundle.write_text(_AUTHORITIES.read_text() + own[own.index("-----BEGIN CERTIFICATE") :])
    return bundle


@contextmanager
def served(certificate: Path, port: int) -> Iterator[int]:
    """Yield the port of 127.0.0.1 that takes TLS for another port of it."""
    opened = SimpleQueue[tuple[int, Callable[[], object]]]()

    async def serve() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        server = await asyncio.start_server(partial(_hand_on, port), LOOPBACK, 0, ssl=context)
        opened.put((server.sockets[0].getsockname()[1], partial(loop.call_soon_threadsafe, stop.set)))
        await stop.wait()
        server.close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    own, stop = opened.get()
    try:
        yield own
    finally:
        stop()
        thread.join()


async def _hand_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answers, requests = await asyncio.open_connection(LOOPBACK, port)
    with suppress(asyncio.CancelledError):
        await asyncio.gather(_copy(reader, requests), _copy(answers, writer))
    for each in (requests, writer):
        each.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(_PIECE):
            target.write(piece)
            await target.drain()
    target.close()
