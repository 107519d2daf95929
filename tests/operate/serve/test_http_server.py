"""The server on 127.0.0.1, and clients that mean no good."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final

import pytest

from countagg.operate.serve.http_server import Bounds, Endpoint, MetricsServer
from countagg.operate.serve.pages import PageAnswer, PageRequest, Pages
from countagg.operate.serve.stack_reader import ReadPart, StackReader, Subject
from tests.fakes.pipeline import DAY, FakePipeline

NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOUR: Final = 3_600.0
BOUNDS: Final = Bounds(seconds=HOUR)
"""Within which only the test's clock ends a connection."""
PATIENCE: Final = 60.0
"""Seconds after which a test fails instead of hanging."""
GET: Final = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Served:
    """A server that answers, its clock, and what it tells."""

    def __init__(self, answer: Callable[[PageRequest], PageAnswer] | None = None, bounds: Bounds = BOUNDS) -> None:
        self.reads = 0
        self.time = 0.0
        self.told: list[str] = []
        self.stack = FakePipeline()
        self.stack.hold("i-1", {"C": 5})
        self.stack.aggregate()
        self.reader = StackReader(
            Subject(self.find, lambda _: (), lambda: DAY), 30.0, lambda: NOW, self.told.append
        )
        pages = Pages("s", lambda: self.reader.last, lambda: NOW)
        here = Endpoint(ip_address("127.0.0.1"), 0)
        self.server = MetricsServer(here, answer or pages.answer, self.told.append, bounds, lambda: self.time)

    def find(self) -> FakePipeline:
        self.reads += 1
        return self.stack

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.endpoint.port

    @contextmanager
    def answering(self) -> Iterator[None]:
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            with self.server:
                yield
                self.server.shutdown()
        finally:
            thread.join(PATIENCE)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=PATIENCE)

    def ask(self, sent: bytes) -> bytes:
        with self.connect() as connection:
            connection.sendall(sent)
            return read_all(connection)

    def get(self, path: str = "/metrics", method: str = "GET") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE)
        connection.request(method, path)
        answer = connection.getresponse()
        found = answer.status, answer.read()
        connection.close()
        return found


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the end; a connection that is reset has ended too."""
    parts = []
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    served.reader.read()
    with served.answering():
        yield served
    assert served.told == []


def test_metrics_and_the_page_are_served(served: Served) -> None:
    status, content = served.get()

    assert status == 200
    assert b'\ncountagg_total{counter="C"} 5\n' in content
    assert served.get("/")[0] == 200
    assert served.get("/x") == (404, b"there is /metrics here, and nothing else\n")


def test_head_is_answered_without_the_content(served: Served) -> None:
    head, _, content = served.ask(GET.replace(b"GET", b"HEAD")).partition(b"\r\n\r\n")

    assert b" 200 OK\r\n" in head
    assert int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]) > 500
    assert content == b""


def test_an_answer_says_nothing_of_what_it_is_made_with(served: Served) -> None:
    head, _, _ = served.ask(GET).partition(b"\r\n\r\n")

    assert b"\r\nServer: countagg\r\n" in head
    assert b"ython" not in head
    assert b"\r\nX-Content-Type-Options: nosniff" in head


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello", 405),
        (b"BREW /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nHost: 127.0.0.1\r\n\r\n", 403),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\n\r\n", 403),
        (b"GET /metrics HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /\r\n /metrics HTTP/1.1\r\n\r\n", 0),
        (b"GET " + b"/" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 5_000 + b"\r\n", 431),
        (b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"\r\n", 0),
        (b"", 0),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_request_of_ours_is_refused(served: Served, sent: bytes, status: int) -> None:
    with served.connect() as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # reset, or not connected any more
            assert status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        answered = read_all(connection)

    # Who sends too much may be cut off before the answer is read.
    if status != HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE or answered:
        assert answered.startswith(f"HTTP/1.0 {status} ".encode()) if status else b"countagg_" not in answered
    assert served.get()[0] == 200


def test_a_hundred_scrapes_at_once_are_one_read(served: Served) -> None:
    with ThreadPoolExecutor(100) as pool:
        answers = [answer.result() for answer in [pool.submit(served.get) for _ in range(100)]]

    assert {status for status, _ in answers} == {200}
    assert len({content for _, content in answers}) == 1
    assert served.reads == served.reader.last.parts[ReadPart.TOTALS].reads == 1


def test_who_asks_during_a_read_waits_for_nothing() -> None:
    served = Served()
    served.reader.read()
    answers: list[tuple[int, bytes]] = []

    def look(_: object) -> tuple[()]:
        answers.append(served.get())
        return ()

    reader = StackReader(Subject(served.find, look, lambda: DAY), 30.0, lambda: NOW, served.told.append)
    with served.answering():
        reader.read()

    assert [status for status, _ in answers] == [200]
    assert b'countagg_reads_total{part="totals"} 1\n' in answers[0][1]


def test_a_header_that_comes_twice_is_a_list(served: Served) -> None:
    accepts = b"Accept: text/html\r\nAccept: application/openmetrics-text\r\nHost"

    assert served.ask(GET.replace(b"Host", accepts)).endswith(b"# EOF\n")


def test_connections_that_say_nothing_keep_nobody_out() -> None:
    served = Served(bounds=replace(BOUNDS, connections=4))
    with served.answering():
        silent = [served.connect() for _ in range(20)]
        assert served.get()[0] == 200

        # The oldest were ended for the newer ones.
        assert [read_all(connection) for connection in silent[:16]] == [b""] * 16
        for connection in silent:
            connection.close()
    assert served.told == []


def test_a_slow_client_is_ended_by_the_clock() -> None:
    served = Served()
    with served.answering(), served.connect() as slow, served.connect() as slower:
        slow.sendall(GET[:10])
        slower.sendall(GET[:20])
        assert served.get()[0] == 200
        served.time = HOUR - 0.1
        slow.sendall(GET[10:20])
        assert served.get()[0] == 200
        served.time = HOUR

        assert read_all(slow) == read_all(slower) == b""
        assert served.get()[0] == 200


def test_who_reads_nothing_of_a_large_answer_is_ended_too() -> None:
    large = b"x" * 50_000_000
    served = Served(lambda _: PageAnswer(HTTPStatus.OK, "text/plain", large))
    with served.answering(), served.connect() as lazy:
        lazy.sendall(GET)
        assert lazy.recv(10) == b"HTTP/1.0 2"
        served.time = HOUR

        assert len(read_all(lazy)) < len(large)
        assert served.told == []


def test_who_hangs_up_is_no_error_and_what_nobody_thought_of_is_told_in_a_line() -> None:
    asked = threading.Event()

    def answer(request: PageRequest) -> PageAnswer:
        asked.set()
        raise ValueError(request.target)

    served = Served(answer)
    with served.answering():
        with served.connect() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(GET[:10])
        assert served.ask(GET) == b""
        assert asked.wait(PATIENCE)
    assert served.told == ["a request failed: unexpected ValueError: '/metrics'"]


def test_an_endpoint_is_written_as_in_an_address() -> None:
    assert str(Endpoint(ip_address("127.0.0.1"), 80)) == "127.0.0.1:80"
    assert str(Endpoint(ip_address("::1"), 80)) == "[::1]:80"
