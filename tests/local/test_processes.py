from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from countagg.local import processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    RunPython = Callable[..., subprocess.Popen[str]]

# Starts a worker (a script below the folder given), prints its pid and waits for it; as the engine does.
SERVER = """
import subprocess, sys, time, os
os.setsid()
worker = subprocess.Popen([sys.executable, sys.argv[1]])
print(worker.pid, flush=True)
time.sleep(300)
"""
STUBBORN_SERVER = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
BUSY_SERVER = """
import signal, subprocess, sys, os
os.setsid()
worker = subprocess.Popen([sys.executable, sys.argv[1]])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(worker.wait() * 0))
print(worker.pid, flush=True)
signal.pause()
"""
WORKER = "import time; time.sleep(60)"


def find(child: subprocess.Popen[str]) -> psutil.Process:
    process = processes.find(child.pid, processes.created(child.pid))
    assert process is not None
    return process


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def worker_script(tmp_path: Path) -> Path:
    script = tmp_path / "data" / "worker.py"
    script.parent.mkdir()
    script.write_text(WORKER)
    return script


def start_server(run_python: RunPython, script: str, worker_script: Path) -> tuple[subprocess.Popen[str], int]:
    server = run_python(script, str(worker_script))
    assert server.stdout is not None
    return server, int(server.stdout.readline())


def test_a_process_is_found_by_pid_and_time(sleeper: subprocess.Popen[str]) -> None:
    assert find(sleeper).pid == sleeper.pid


def test_a_pid_in_use_by_another_process_is_not_ours(sleeper: subprocess.Popen[str]) -> None:
    assert processes.find(sleeper.pid, processes.created(sleeper.pid) - 60) is None


def test_a_process_that_was_started_otherwise_is_not_ours(sleeper: subprocess.Popen[str]) -> None:
    created = processes.created(sleeper.pid)
    _, *arguments = sleeper.args  # type: ignore[misc]  # a tuple, as the fixture starts it

    assert processes.find(sleeper.pid, created, ("another-python", *arguments)) is not None
    assert processes.find(sleeper.pid, created, ("python", "-m", "another")) is None


def test_a_process_of_another_user_is_not_ours(
    sleeper: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)

    assert processes.find(sleeper.pid, processes.created(sleeper.pid)) is None


def test_a_clock_that_was_corrected_a_little_does_not_lose_the_process(sleeper: subprocess.Popen[str]) -> None:
    assert processes.find(sleeper.pid, processes.created(sleeper.pid) + 0.5) is not None


def test_a_process_that_ended_is_not_found_be_it_collected_or_not(sleeper: subprocess.Popen[str]) -> None:
    created = processes.created(sleeper.pid)
    os.kill(sleeper.pid, 9)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert processes.find(sleeper.pid, created) is None
    sleeper.wait()
    assert processes.find(sleeper.pid, created) is None


def test_memory_is_that_of_the_server_and_its_workers(run_python: RunPython, worker_script: Path) -> None:
    server, worker_pid = start_server(run_python, SERVER, worker_script)
    alone = psutil.Process(server.pid).memory_info().rss
    total, count = processes.usage(find(server))
    assert count == 2
    assert total > alone
    processes.stop(find(server), 5)
    assert has_ended(worker_pid)


@pytest.mark.parametrize("script", [SERVER, STUBBORN_SERVER, BUSY_SERVER])
def test_server_and_workers_end(run_python: RunPython, worker_script: Path, script: str) -> None:
    server, worker_pid = start_server(run_python, script, worker_script)
    processes.stop(find(server), 1.5)
    assert has_ended(server.pid)
    assert has_ended(worker_pid)


def test_a_server_that_waits_for_a_busy_worker_is_freed_of_it(run_python: RunPython, worker_script: Path) -> None:
    server, _ = start_server(run_python, BUSY_SERVER, worker_script)
    began = time.monotonic()
    processes.stop(find(server), 600)
    assert time.monotonic() - began < 300


def test_ending_what_has_ended_is_fine(sleeper: subprocess.Popen[str]) -> None:
    process = find(sleeper)
    processes.stop(process, 5)
    processes.stop(process, 5)
    processes.end([process])


def test_an_orphan_that_nobody_collects_counts_as_ended(run_python: RunPython) -> None:
    negligent = run_python(
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {WORKER!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(300)"
    )
    assert negligent.stdout is not None
    pid = int(negligent.stdout.readline())
    process = processes.find(pid, processes.created(pid))
    assert process is not None
    began = time.monotonic()
    processes.stop(process, 600)
    assert time.monotonic() - began < 300
    assert processes.find(pid, process.create_time()) is None


def test_workers_of_a_dead_server_are_found_and_nothing_else(run_python: RunPython, worker_script: Path) -> None:
    server, worker_pid = start_server(run_python, SERVER, worker_script)
    server.kill()
    server.wait()
    data = worker_script.parent
    # Run from the same folder, but by the user: another session.
    bystander = subprocess.Popen((sys.executable, str(worker_script)))
    try:
        found = processes.left_behind(server.pid, data)
        assert [process.pid for process in found] == [worker_pid]
        assert processes.left_behind(server.pid, data.parent / "elsewhere") == []
        processes.end(found)
        assert has_ended(worker_pid)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize(
    ("address", "exposed"),
    [
        ("127.0.0.1", False),
        ("127.8.0.1", False),
        ("::1", False),
        ("0.0.0.0", True),  # noqa: S104 - what must be noticed
        ("::", True),
        ("10.0.0.7", True),
    ],
)
def test_only_the_loopback_interface_is_out_of_reach(address: str, exposed: bool) -> None:  # noqa: FBT001 - parametrised
    assert bool(processes.beyond_this_machine([(address, 80)])) is exposed


def test_nothing_holds_a_port_that_nobody_listens_on() -> None:
    assert processes.holder_of_port(1) is None
