"""A browser without a window, driven through a pipe by the DevTools protocol; it reaches no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE: Final = 120.0
"""Seconds until nobody waits any longer for an answer; a busy machine starts a browser slowly."""
_OPTIONS: Final = (
    *("--headless", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "--disable-extensions"),
    # It shows our own page alone; a container lets nobody make a sandbox, and has little shared memory.
    *("--no-sandbox", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_READS, _WRITES = 3, 4
"""Where the browser has the two ends of its pipes."""


def find_browser() -> str | None:
    """Return the browser of this machine; None if it has none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@dataclass
class Browser:
    """A page of a browser.

    Attributes:
        events: what it told of the page since it was opened.
    """

    commands: int
    answers: int
    session: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    _count: int = 0
    _read: bytes = b""

    def attach(self) -> None:
        """Open a page, and listen to it."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, path: Path, width: int, height: int, scheme: str, media: str = "screen") -> None:
        """Open a file, in a window of a size, for somebody who prefers `light` or `dark`."""
        mobile = width < height
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        preferred = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=preferred)
        self.events.clear()
        self.call("Page.navigate", url=path.as_uri())
        while not any(each["method"] == "Page.loadEventFired" for each in self.events):
            self._receive()

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def picture(self, height: int) -> bytes:
        """Return the upper part of the page, as PNG."""
        width = self.evaluate("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        return base64.b64decode(self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"])

    def told(self, method: str) -> list[Any]:
        """Return what was told of one kind."""
        return [each["params"] for each in self.events if each["method"] == method]

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method, and wait for its answer."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        message |= {} if self.session is None else {"sessionId": self.session}
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._read:
            ready, _, _ = select.select([self.answers], [], [], _PATIENCE)
            assert ready, "the browser does not answer"
            part = os.read(self.answers, 1 << 16)
            assert part, "the browser has ended"
            self._read += part
        text, _, self._read = self._read.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


@contextmanager
def browsing(program: str, folder: Path) -> Iterator[Browser]:
    """Start a browser, whose profile is in a folder, and end it."""
    (read, commands), (answers, write) = os.pipe(), os.pipe()
    # Above those that they become, so that neither takes the other's place.
    above = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (read, write)]
    nowhere = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_RDWR, 0) for each in (0, 1, 2)]
    ends = [(os.POSIX_SPAWN_DUP2, above[0], _READS), (os.POSIX_SPAWN_DUP2, above[1], _WRITES)]
    environ = {**os.environ, "HOME": str(folder)}
    words = [program, *_OPTIONS, f"--user-data-dir={folder / 'profile'}"]
    pid = os.posix_spawn(program, words, environ, file_actions=[*nowhere, *ends], setpgroup=0)
    for each in (read, write, *above):
        os.close(each)
    browser = Browser(commands, answers)
    try:
        browser.attach()
        yield browser
    finally:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(commands)
        os.close(answers)
