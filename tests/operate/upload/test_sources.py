"""Sources as they come: exporters that redirect, dribble, cut short, refuse, or listen on a Unix socket."""

from __future__ import annotations

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from countagg.core.errors import CountaggError
from countagg.operate.upload.sources import Fetched, is_read_once, read_source

NOTHING = io.TextIOWrapper(io.BytesIO())


@contextmanager
def answering(answer: bytes, path: Path | None = None, pause: float = 0.0) -> Iterator[tuple[str, list[bytes]]]:
    """Answer each request with the same bytes, one by one if there is a pause; yield the address, and requests."""
    listener = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
    listener.bind(str(path) if path else ("127.0.0.1", 0))
    listener.listen()
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line:
                try:
                    asked.append(line.recv(65_536))
                    for part in (answer[at : at + 1] for at in range(len(answer))) if pause else (answer,):
                        line.sendall(part)
                        time.sleep(pause)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield str(path) if path else f"127.0.0.1:{listener.getsockname()[1]}", asked
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers, b"", body])


def test_an_exporter_is_asked_for_the_path_and_query_of_its_address() -> None:
    with answering(ok(b"A 1\n", b"Content-Type: text/plain; Version=0.0.4")) as (host, asked):
        fetched = read_source(f"http://{host}/metrics?a=b", NOTHING)

    assert fetched == Fetched(b"A 1\n", "text/plain; version=0.0.4")
    assert asked[0].startswith(b"GET /metrics?a=b HTTP/1.1\r\n")
    assert f"Host: {host}\r\n".encode() in asked[0]


@pytest.mark.parametrize(("rest", "path"), [("", b"/metrics"), (":/stats/x", b"/stats/x")])
def test_an_exporter_is_asked_over_a_socket_of_the_machine(rest: str, path: bytes, tmp_path: Path) -> None:
    with answering(ok(b"A 1\n"), tmp_path / "s") as (name, asked):
        assert read_source(f"unix:{name}{rest}", NOTHING).content == b"A 1\n"

    assert asked[0].startswith(b"GET %s HTTP/1.1\r\n" % path)


def test_a_redirection_is_followed_to_another_exporter_and_to_nothing_else() -> None:
    with answering(ok(b"A 1\n")) as (target, _):
        for location in (f"http://{target}/x", f"//{target}/x"):
            moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
            with answering(moved) as (host, _):
                assert read_source(f"http://{host}/", NOTHING).content == b"A 1\n"
    for location in ("file:///etc/passwd", "unix:/run/x.sock", "http://a:b@127.0.0.1/", "/", "ftp://127.0.0.1/"):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        with answering(moved) as (host, _), pytest.raises(CountaggError, match="it redirects"):
            read_source(f"http://{host}/", NOTHING)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nA 1\n", "it answers 503 Busy"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nA 1\n", "the answer was cut short"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nA 1\n", "cannot be read"),
        (b"SSH-2.0\r\n", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_what_is_no_whole_answer_is_refused(answer: bytes, told: str) -> None:
    with answering(answer) as (host, _), pytest.raises(CountaggError, match=told) as caught:
        read_source(f"http://{host}/", NOTHING)

    assert caught.value.where == f"http://{host}/"
    assert "the last upload goes on counting" in caught.value.hint


@pytest.mark.parametrize(
    "answer", [ok(b"A 1\n" * 999), b"HTTP/1.1 200 OK\r\n\r\n" + b"A 1\n" * 999], ids=["counted", "not"]
)
def test_an_exporter_that_dribbles_is_given_up(answer: bytes) -> None:
    with answering(answer, pause=0.02) as (host, _), pytest.raises(CountaggError, match="not answered within"):
        read_source(f"http://{host}/", NOTHING, seconds=0.3)


def test_an_exporter_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(CountaggError, match="cannot be read"):
        read_source(f"http://127.0.0.1:{silent.getsockname()[1]}/", NOTHING, seconds=0.2)


def test_more_than_a_source_may_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countagg.operate.upload.sources.MAX_SOURCE_BYTES", 3)
    (tmp_path / "a").write_text("A 1\n")
    with answering(ok(b"A 1\n")) as (host, _):
        for source in (str(tmp_path / "a"), f"http://{host}/"):
            with pytest.raises(CountaggError, match="has more than 3 bytes"):
                read_source(source, NOTHING)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(CountaggError, match="cannot be read: No such file or directory"):
        read_source(f"unix:{tmp_path}/s", NOTHING)


def test_standard_input_and_files_are_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"A 1\n")

    assert read_source(str(tmp_path / "a"), NOTHING) == Fetched(b"A 1\n")
    assert read_source("-", io.TextIOWrapper(io.BytesIO(b"\xff"))) == Fetched(b"\xff")
    with pytest.raises(CountaggError, match="Is a directory"):
        read_source(str(tmp_path), NOTHING)


def test_a_named_pipe_is_read_until_its_writer_closes_it(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as writer:
        # More than a pipe holds.
        writer.submit(pipe.write_bytes, b"A 1\n" * 50_000)

        assert read_source(str(pipe), NOTHING) == Fetched(b"A 1\n" * 50_000)


def test_a_named_pipe_that_nobody_writes_to_or_closes_is_given_up(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(CountaggError, match="nothing has written to the pipe"):
        read_source(str(pipe), NOTHING, seconds=0.05)
    with os.fdopen(os.open(pipe, os.O_RDWR), "wb", buffering=0) as held:
        held.write(b"A 1\n")
        with pytest.raises(CountaggError, match="and closed it"):
            read_source(str(pipe), NOTHING, seconds=0.05)


def test_the_pipe_of_a_shell_is_read_once_and_for_as_long_as_its_command_takes() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), ThreadPoolExecutor() as shell:
        assert is_read_once(f"/dev/fd/{reading}")

        read = shell.submit(read_source, f"/dev/fd/{reading}", NOTHING, 0.0)
        os.write(writing, b"A 1\n")
        os.close(writing)

        assert read.result() == Fetched(b"A 1\n")


def test_what_can_be_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")

    for source in ("http://127.0.0.1/", "absent", "a\0b", str(tmp_path / "loop"), str(tmp_path / "pipe")):
        assert not is_read_once(source)
    assert is_read_once("-")
