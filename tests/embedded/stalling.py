"""A way to the engine on which, from some request on, no answer comes any more."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass, field

_REQUEST = re.compile(rb"(GET|PUT|POST|HEAD|DELETE) \S+ HTTP/1\.1\r\n")


@dataclass
class StallingWay:
    """Hands requests on to the engine; one of them, and all after it, go no further.

    Attributes:
        port: of the engine.
        passed: how many requests go through.
        stalled: set when the first one did not.
    """

    port: int
    passed: int
    stalled: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sockets: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(listener)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                engine = socket.create_connection(("127.0.0.1", self.port))
            except OSError:  # the way is closed
                return
            self._sockets += [client, engine]
            threading.Thread(target=self._requests, args=(client, engine), daemon=True).start()
            threading.Thread(target=_pump, args=(engine, client), daemon=True).start()

    def _requests(self, client: socket.socket, engine: socket.socket) -> None:
        try:
            while data := client.recv(65_536):
                if not self._may_pass(len(_REQUEST.findall(data))):
                    self.stalled.set()
                    return
                engine.sendall(data)
            engine.shutdown(socket.SHUT_WR)
        except OSError:  # one of both went away
            return

    def _may_pass(self, requests: int) -> bool:
        with self._lock:
            self.passed -= requests
            return self.passed >= 0


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # one of both went away
        return
