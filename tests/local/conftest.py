"""Engines and processes that do not survive their test."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from countagg.local import LocalEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Answers every GET as a gate that is there, on the host given as its argument and the port that engines are told.
ANSWERING_SERVER = """
import http.server, os, socketserver, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

class Server(socketserver.TCPServer):
    allow_reuse_address = True

Server((sys.argv[1], int(os.environ["GATEWAY_PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def engine(state_dir: Path) -> Iterator[LocalEngine]:
    manager = LocalEngine(state_dir)
    yield manager
    manager.stop()


@pytest.fixture
def run_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -c SCRIPT ARGUMENTS...`; it is killed at the end of the test."""
    running: list[subprocess.Popen[str]] = []

    def run(script: str, *arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen((sys.executable, "-c", script, *arguments), stdout=subprocess.PIPE, text=True)
        running.append(child)
        return child

    yield run
    for child in running:
        child.kill()
        child.wait()
        # Not communicate(): a process that it started may hold the other end.
        if child.stdout is not None:
            child.stdout.close()


@pytest.fixture
def sleeper(run_python: Callable[..., subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Give a process that does nothing."""
    return run_python("import time; time.sleep(300)")


@pytest.fixture
def answering_server() -> str:
    """Give the script of a server that answers as a healthy engine does."""
    return ANSWERING_SERVER
