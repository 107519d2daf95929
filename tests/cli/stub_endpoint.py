"""An endpoint on this machine that answers whatever it is told to."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its type and its body."""

    status: int
    kind: str
    body: str


Answering = Callable[[http.server.BaseHTTPRequestHandler], Reply]


def refusing(status: int, code: str, message: str) -> Answering:
    """Refuse every call, in the form that its service has."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> Reply:
        if "x-www-form-urlencoded" in request.headers.get("Content-Type", ""):
            error = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
            return Reply(status, "text/xml", f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>")
        return Reply(status, "application/json", json.dumps({"__type": code, "message": message}))

    return answer


def always(status: int, kind: str, body: str) -> Answering:
    """Answer every call in the same way."""
    return lambda _: Reply(status, kind, body)


@contextmanager
def endpoint(answering: Answering) -> Iterator[str]:
    """Answer requests for as long as the block takes; yield the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply = answering(self)
            content = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
