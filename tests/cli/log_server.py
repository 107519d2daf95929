"""A server on this machine that answers FilterLogEvents."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

PAGE: Final = 1_000


@dataclass
class LogServer:
    """What the server answers with.

    Attributes:
        url: its address.
        events: of each log group, oldest first.
        throttled: how many of the next requests are refused as too many.
        looks: how many requests were answered, by log group.
    """

    url: str = ""
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    throttled: int = 0
    looks: dict[str, int] = field(default_factory=dict)

    def write(self, message: str, function: str = "processor") -> None:
        """Have a function write a line, now."""
        now = int(time.time() * 1000)
        log = self.events.setdefault(f"/aws/lambda/countagg-{function}", [])
        log.append(
            {"logStreamName": "s", "timestamp": now, "eventId": f"{function}{len(log)}", "message": message}
        )

    def wait_for_look(self) -> None:
        """Wait for one look more at the publisher's."""
        group = "/aws/lambda/countagg-publisher"
        before = self.looks.get(group, 0)
        while self.looks.get(group, 0) == before:
            time.sleep(0.02)

    def answer(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body."""
        if self.throttled:
            self.throttled -= 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        group = request["logGroupName"]
        self.looks[group] = self.looks.get(group, 0) + 1
        found = [each for each in self.events.get(group, []) if each["timestamp"] >= request["startTime"]]
        begin = int(request.get("nextToken", 0))
        end = begin + PAGE
        return 200, {"events": found[begin:end], **({"nextToken": str(end)} if end < len(found) else {})}


@contextmanager
def serve_logs() -> Iterator[LogServer]:
    """Run the server."""
    state = LogServer()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = state.answer(request)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
            """Log nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
