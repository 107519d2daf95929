"""Ctrl-C in the middle of what takes long: it ends, says so, and the same command goes on later."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest

from countagg.local import EngineRecord
from tests.embedded.stalling import StallingWay
from tests.embedded.world import CommandLine, DeployedStack, Ran, engine_clients

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("ctrl-c")]
PATIENCE = 300
SOON = 45
"""Seconds, on whatever machine; a call that stalls takes 10, and is tried five times."""
TOLD = "\ncountagg: interrupted\n  try: the same command again; what was done stays done\n"
STACK = ("--stack", "halting", "--region", "us-east-1")


@dataclass(frozen=True)
class Halting:
    """Runs commands that get stuck, and ends them by Ctrl-C.

    Attributes:
        seconds: that each of them took to end.
    """

    engine: EngineRecord
    command_line: CommandLine
    seconds: list[float] = field(default_factory=list)

    def __call__(self, passed: int, *arguments: str) -> Ran:
        """Let so many requests pass, and interrupt the command at the next one."""
        way = StallingWay(urlsplit(self.engine.endpoint_url).port or 0, passed)
        with way as address:
            child = subprocess.Popen(
                (sys.executable, "-m", "countagg", *arguments, *STACK, "--endpoint-url", address),
                env={
                    **self.command_line.environment(),
                    "COUNTAGG_LOCAL": "0",
                    "AWS_ACCESS_KEY_ID": self.engine.access_key.id,
                    "AWS_SECRET_ACCESS_KEY": self.engine.access_key.secret,
                },
                cwd=self.command_line.state_home,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            with child:
                end = time.monotonic() + PATIENCE
                while not way.stalled.wait(0.1):
                    assert child.poll() is None, child.communicate()
                    assert time.monotonic() < end, "it never got so far"
                began = time.monotonic()
                child.send_signal(signal.SIGINT)
                out, err = child.communicate(timeout=PATIENCE)
                self.seconds.append(time.monotonic() - began)
        return Ran(child.returncode, out, err)


@pytest.fixture(scope="module")
def halting(engine: EngineRecord, command_line: CommandLine) -> Halting:
    return Halting(engine, command_line)


@pytest.fixture(scope="module")
def halted_setup(halting: Halting) -> Ran:
    return halting(60, "setup", "--bucket", "counters-halting", "--create-bucket", "--yes")


@pytest.fixture(scope="module")
def finished(halted_setup: Ran, halting: Halting) -> DeployedStack:
    assert halted_setup.code
    stack = DeployedStack("halting", "counters-halting", halting.command_line, engine_clients(halting.engine))
    stack.run("setup", "--bucket", "counters-halting", "--create-bucket", "--yes")
    stack.run("upload-sample", "--wait")
    return stack


def test_a_setup_that_is_interrupted_is_finished_by_the_next(halted_setup: Ran, finished: DeployedStack) -> None:
    assert (halted_setup.code, halted_setup.out) == (130, "")
    assert halted_setup.err.endswith(TOLD)
    assert "\ncreate  " in halted_setup.err
    assert finished.run("plan", "--output", "json").json()["summary"]["create"] == 0


@pytest.mark.parametrize(
    ("passed", "arguments"),
    [
        (9, ("upload-sample", "--wait")),
        (4, ("verify", "--date", "today")),
        (3, ("query", "--since", "30d")),
        (6, ("query", "--since", "30d")),
        (5, ("upload-sample",)),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
@pytest.mark.usefixtures("finished")
def test_what_is_interrupted_ends_and_says_so(passed: int, arguments: tuple[str, ...], halting: Halting) -> None:
    ran = halting(passed, *arguments)

    assert (ran.code, ran.out) == (130, "")
    assert ran.err.endswith(TOLD)
    assert "Traceback" not in ran.err
    assert halting.seconds[-1] < SOON


def test_a_teardown_that_is_interrupted_is_finished_by_the_next(finished: DeployedStack, halting: Halting) -> None:
    ran = halting(150, "teardown", "--yes", "--delete-objects")

    assert ran.code == 130
    assert ran.err.endswith(TOLD)
    assert "\ndelete  " in ran.err
    assert finished.run("teardown", "--yes", "--delete-objects", "--output", "json").json()["summary"]["delete"]
