"""The server: HTTP to whoever asks, which nobody can exhaust.

Each connection is one request, of bounded size, within a bounded time, on a thread of its own; of the connections
there is a bounded number, and the oldest one makes room for a new one. So whoever opens many, or says nothing on
them, keeps nobody else out.
"""

from __future__ import annotations

import io
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from countagg.core.errors import shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.serve.pages import METHODS, PageAnswer, PageRequest, refusal

_BACKLOG: Final = 128
_IPV6: Final = 6


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a connection may take.

    Attributes:
        connections: how many there are at a time.
        head_bytes: how long a request may be, without a body, which nobody reads.
        seconds: how long a connection may last; readers of metrics wait 10 seconds for an answer.
    """

    connections: int = 128
    head_bytes: int = 16 * 1024
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens; port 0 is any that is free."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == _IPV6 else f"{self.address}:{self.port}"


class MetricsServer(socketserver.ThreadingTCPServer):
    """Listens on an endpoint, and answers once `serve_forever` runs.

    Args:
        endpoint: to listen on.
        answer: answers a request; called from several threads at once.
        tell: writes a line about an error that nobody thought of.
        bounds: of connections.
        clock: seconds from any start, never going back.

    Raises:
        OSError: the address is not this machine's, or the port is taken.
    """

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(
        self,
        endpoint: Endpoint,
        answer: Callable[[PageRequest], PageAnswer],
        tell: Callable[[str], None],
        bounds: Bounds = Bounds(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.answer = answer
        self._tell = tell
        self.bounds = bounds
        self._clock = clock
        self._open: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._room = threading.Semaphore(bounds.connections)
        self.address_family = socket.AF_INET6 if endpoint.address.version == _IPV6 else socket.AF_INET
        super().__init__((str(endpoint.address), endpoint.port), _Handler)
        self.endpoint = Endpoint(endpoint.address, int(self.server_address[1]))

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has them
        """PageAnswer a request on a thread of its own; the oldest connection ends if there are too many."""
        with self._lock:
            if len(self._open) >= self.bounds.connections:
                _end(next(iter(self._open)))
        self._room.acquire()
        with self._lock:
            self._open[request] = self._clock()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Close a connection."""
        super().shutdown_request(request)
        with self._lock:
            known = self._open.pop(request, None)
        if known is not None:
            self._room.release()

    def service_actions(self) -> None:
        """End connections that last too long; `serve_forever` calls it all the time."""
        latest = self._clock() - self.bounds.seconds
        with self._lock:
            for request, since in self._open.items():
                if since <= latest:
                    _end(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - as socketserver has them
        """Tell of an error that nobody thought of; whoever hangs up is none."""
        error = sys.exception()
        if not isinstance(error, OSError):
            self._tell(f"a request failed: unexpected {type(error).__name__}: {shorten(str(error))}")


def _end(connection: socket.socket) -> None:
    """Have the thread that reads or writes a connection see its end."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended already


class _HeadTooLargeError(HTTPException):
    """A request is longer than it may be."""


class _BoundedReader(io.RawIOBase):
    """Reads so many bytes from a connection, and no more."""

    def __init__(self, source: socket.SocketIO, most: int) -> None:
        self._source = source
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer
        if self._left <= 0:
            raise _HeadTooLargeError
        # Never None: a connection with a time-out raises TimeoutError.
        count = self._source.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= count
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request. HTTP/1.0 has no second one on the same connection."""

    server: MetricsServer
    headers: Message
    default_request_version = "HTTP/1.0"

    def setup(self) -> None:
        """Prepare to read, no more and no longer than is allowed."""
        super().setup()
        self.connection.settimeout(self.server.bounds.seconds)
        self.rfile.close()
        source = self.connection.makefile("rb", buffering=0)
        self.rfile = io.BufferedReader(_BoundedReader(source, self.server.bounds.head_bytes))

    def handle(self) -> None:
        """Read a request and answer it."""
        try:
            super().handle()
        except _HeadTooLargeError:
            # Nothing of it is known, not even its method.
            self.command, self.requestline, self.request_version = "", "", self.default_request_version
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def parse_request(self) -> bool:
        """Read a request's head; answer one that is none, or whose method is not known here."""
        if not super().parse_request():
            return False
        if self.command not in METHODS:
            self._respond()
            return False
        return True

    def do_GET(self) -> None:
        """PageAnswer."""
        self._respond()

    do_HEAD = do_GET  # noqa: N815 - as http.server calls it

    def _respond(self) -> None:
        # A header that comes twice is a list, as Accept may be; of a host it is none.
        headers = {name.lower(): ",".join(self.headers.get_all(name, [])) for name in self.headers}
        self._send(self.server.answer(PageRequest(self.command, self.path, headers)))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - as http.server has it
        """Refuse what is no request that can be answered."""
        self.close_connection = True
        self._send(refusal(HTTPStatus(code), HTTPStatus(code).phrase.lower()))

    def _send(self, answer: PageAnswer) -> None:
        self.send_response(answer.status)
        fixed = {
            "Content-Type": answer.content_type,
            "Content-Length": str(len(answer.content)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        for name, value in {**fixed, **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def version_string(self) -> str:
        """Return what the header Server says."""
        return "countagg"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as http.server has them
        """Write nothing: whoever asks every few seconds would fill any log."""
