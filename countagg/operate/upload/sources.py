"""Sources of counters: files, standard input, and exporters at http://, https:// and unix: addresses.

Each is read up to a size, and wholly or not at all; exporters and named pipes within ten seconds. No proxy stands
between an instance and its exporters.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urljoin, urlsplit

from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.upload.formats import MAX_SOURCE_BYTES

STDIN: Final = "-"
SOURCE_SECONDS: Final = 10.0
_MOST_REDIRECTS: Final = 3
_UNIX: Final = "unix:"
_ADDRESSES: Final = ("http://", "https://", _UNIX)
_DEFAULT_PATH: Final = "/metrics"
_ACCEPT: Final = "text/plain;version=0.0.4, application/openmetrics-text;q=0.5, application/json;q=0.5, */*;q=0.1"
_AGAIN: Final = "nothing was uploaded, and the last upload goes on counting; check the source"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a source gave: its bytes, and their media type; empty if it says none."""

    content: bytes
    kind: str = ""


def is_address(source: str) -> bool:
    """Tell whether a source is asked, rather than read as a file."""
    return source.startswith(_ADDRESSES)


def check_source(source: str) -> None:
    """Refuse a source that cannot be.

    Raises:
        UsageError: with the reason.
    """
    parts = urlsplit(source) if is_address(source) else None
    if parts is None:
        return
    if "@" in parts.netloc:
        raise UsageError("the address has a user or a password in it, which would be shown", where=source)
    if not source.startswith(_UNIX) and not parts.hostname:
        raise UsageError("the address names no host", where=source, hint="such as http://127.0.0.1:9100/metrics")
    if source.startswith(_UNIX) and not _socket_and_path(source)[0].startswith("/"):
        raise UsageError(
            "the address names no socket by its whole path",
            where=source,
            hint=f"such as unix:/run/exporter.sock or unix:/run/exporter.sock:{_DEFAULT_PATH}",
        )


def is_read_once(source: str) -> bool:
    """Tell whether a source is at its end once it was read: standard input, and the pipe of `<(COMMAND)`."""
    if is_address(source):
        return False
    try:
        return source == STDIN or (Path(source).is_fifo() and not Path(os.path.realpath(source)).is_fifo())
    except OSError:
        return False  # reading it tells why


def read_source(source: str, stdin: TextIO, seconds: float = SOURCE_SECONDS) -> Fetched:
    """Read a source.

    Args:
        source: a path, `-`, or an address.
        stdin: standard input.
        seconds: that an exporter may take, and what writes to a named pipe.

    Raises:
        CountaggError: it cannot be read, is larger than a source may be, or takes too long.
    """
    try:
        fetched = _ask(source, seconds) if is_address(source) else Fetched(_read_file(source, stdin, seconds))
    except (OSError, HTTPException, ValueError) as error:
        # An error of the system's has a text of its own; others tell by their name.
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CountaggError(f"cannot be read: {reason}", where=_shown(source), hint=_AGAIN) from error
    if len(fetched.content) > MAX_SOURCE_BYTES:
        raise CountaggError(f"has more than {MAX_SOURCE_BYTES} bytes", where=_shown(source), hint=_AGAIN)
    return fetched


def _shown(source: str) -> str:
    return "standard input" if source == STDIN else source


def _read_file(source: str, stdin: TextIO, seconds: float) -> bytes:
    if source == STDIN:
        return stdin.buffer.read(MAX_SOURCE_BYTES + 1)
    if Path(source).is_fifo() and not is_read_once(source):
        return _read_named_pipe(source, seconds)
    with Path(source).open("rb") as file:
        return file.read(MAX_SOURCE_BYTES + 1)


def _read_named_pipe(path: str, seconds: float) -> bytes:
    """Return what is written to a pipe until all have closed it.

    Raises:
        TimeoutError: nobody wrote to it, or not to the end.
    """
    end, content = time.monotonic() + seconds, bytearray()
    # To open one waits for somebody who writes, for ever.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        while len(content) <= MAX_SOURCE_BYTES:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"nothing has written to the pipe, and closed it, within {seconds:g} s")
            read = pipe.read(select.PIPE_BUF)
            if not read:
                break
            content += read
    return bytes(content)


def _ask(address: str, seconds: float) -> Fetched:
    for _ in range(_MOST_REDIRECTS + 1):
        connection, path = _connection(address, seconds)
        try:
            with _time_limit(connection, seconds):
                connection.request("GET", path, headers={"Accept": _ACCEPT, "User-Agent": "countagg"})
                response = connection.getresponse()
                if location := _redirected_to(response):
                    address = _next_address(address, location)
                    continue
                return _answer(response)
        finally:
            connection.close()
    raise OSError(f"it redirects more than {_MOST_REDIRECTS} times")


def _redirected_to(response: HTTPResponse) -> str | None:
    is_redirect = HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST
    return response.getheader("Location") if is_redirect else None


def _next_address(address: str, location: str) -> str:
    if address.startswith(_UNIX) and location.startswith("/"):
        return f"{_UNIX}{_socket_and_path(address)[0]}:{location}"
    found = urljoin(address, location)
    if not found.startswith(("http://", "https://")) or "@" in urlsplit(found).netloc:
        raise OSError("it redirects to what is no address of an exporter")
    return found


def _answer(response: HTTPResponse) -> Fetched:
    if response.status != HTTPStatus.OK:
        raise OSError(f"it answers {response.status} {response.reason}")
    content = response.read(MAX_SOURCE_BYTES + 1)
    if response.length and len(content) <= MAX_SOURCE_BYTES:
        raise OSError("the answer was cut short")
    return Fetched(content, (response.getheader("Content-Type") or "").lower())


def _connection(address: str, seconds: float) -> tuple[HTTPConnection, str]:
    """Return a connection, not yet made, and the path to ask for."""
    if address.startswith(_UNIX):
        path, target = _socket_and_path(address)
        return _UnixConnection(path, seconds), target
    parts = urlsplit(address)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    target = parts.path or "/"
    return make(parts.netloc, timeout=seconds), f"{target}?{parts.query}" if parts.query else target


def _socket_and_path(address: str) -> tuple[str, str]:
    path, colon, target = address.removeprefix(_UNIX).partition(":/")
    return path, f"/{target}" if colon else _DEFAULT_PATH


class _UnixConnection(HTTPConnection):
    """HTTP over a Unix domain socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@contextmanager
def _time_limit(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """End the connection after so many seconds, also of an exporter that sends a byte now and then.

    Raises:
        TimeoutError: it was ended.
    """
    connection.connect()
    line, ended = connection.sock, threading.Event()

    def end() -> None:
        ended.set()
        try:
            line.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the exporter has gone by itself

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, HTTPException):
        if not ended.is_set():
            raise
    finally:
        timer.cancel()
    if ended.is_set():
        raise TimeoutError(f"it has not answered within {seconds:g} s")
