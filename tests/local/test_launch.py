from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psutil
import pytest

import countagg
from countagg.core.errors import EngineProblem, UsageError
from countagg.core.polling import Polling
from countagg.local import EngineRecord, EngineState, Host, LocalEngine, launch, processes
from countagg.local.state import AccessKey, StateFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    RunPython = Callable[..., subprocess.Popen[str]]

REPOSITORY = str(Path(countagg.__file__).parents[1])
SILENT_SERVER = "import time; print('thinking', flush=True); time.sleep(300)"


def python(script: str, *arguments: str) -> Host:
    """Return a host on which the engine is that script."""
    return Host(command=(sys.executable, "-c", script, *arguments))


def test_a_server_that_ends_while_it_starts_is_explained_by_its_log(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=python("print('out of cheese'); raise SystemExit(3)"))
    with pytest.raises(EngineProblem, match="status 3") as caught:
        manager.start()
    assert "out of cheese" in str(caught.value)
    assert str(manager.log_path) in str(caught.value)
    assert manager.status().state is EngineState.STOPPED
    assert manager.read_log() == ["out of cheese"]


def test_a_server_that_does_not_get_ready_is_stopped(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=python(SILENT_SERVER))
    with pytest.raises(EngineProblem, match=r"not ready after 0\.5 s"):
        manager.start(timeout_seconds=0.5)
    assert manager.status().state is EngineState.STOPPED
    assert not (state_dir / "data").exists()


def test_an_interrupted_start_leaves_no_server(state_dir: Path) -> None:
    seen: list[EngineRecord | None] = []

    def interrupt(_: float) -> NoReturn:
        seen.append(StateFolder(state_dir).read())
        raise KeyboardInterrupt

    host = Host(command=(sys.executable, "-c", SILENT_SERVER), polling=Polling(sleep=interrupt))
    with pytest.raises(KeyboardInterrupt):
        LocalEngine(state_dir, host=host).start()
    [record] = seen
    assert record is not None, "a start that is killed here must leave a trace"
    assert processes.find(record.pid, record.created) is None
    assert LocalEngine(state_dir).status().state is EngineState.STOPPED


def test_a_held_ctrl_c_comes_when_it_is_let_go() -> None:
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    held: list[str] = []

    def work() -> None:
        with launch.ctrl_c_held() as let_go:
            signal.raise_signal(signal.SIGINT)
            held.append("written down")
            let_go()
            held.append("not reached")

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        after = signal.signal(signal.SIGINT, heard)
    assert (held, after) == (["written down"], signal.default_int_handler)


def test_a_server_that_other_machines_could_reach_is_stopped(state_dir: Path, answering_server: str) -> None:
    manager = LocalEngine(state_dir, host=python(answering_server, "0.0.0.0"))  # noqa: S104 - what must be noticed
    with pytest.raises(EngineProblem, match=r"listened on 0\.0\.0\.0:\d+"):
        manager.start()
    assert manager.status().state is EngineState.STOPPED


def test_a_server_that_cannot_be_executed_is_explained(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=Host(command=("/nowhere/python",)))
    with pytest.raises(EngineProblem, match="cannot be executed"):
        manager.start()
    assert manager.status().state is EngineState.STOPPED


@pytest.mark.parametrize("missing", ["ministack", "boto3", "psutil"])
def test_a_missing_package_is_named_with_the_way_to_get_it(state_dir: Path, missing: str) -> None:
    manager = LocalEngine(state_dir, host=Host(is_importable=lambda module: module != missing))
    with pytest.raises(EngineProblem, match=missing) as caught:
        manager.start()
    assert caught.value.hint == "pip install 'countagg[local]'"
    assert not state_dir.exists()


def test_the_package_can_be_imported_without_the_extra() -> None:
    script = (
        "import sys; sys.modules['psutil'] = sys.modules['ministack'] = sys.modules['boto3'] = None\n"
        "import pathlib, countagg.local as local\n"
        "print(local.LocalEngine(pathlib.Path('/nowhere/at/all')).status().state.value)"
    )
    done = subprocess.run(
        (sys.executable, "-c", script), capture_output=True, text=True, check=True, env={"PYTHONPATH": REPOSITORY}
    )
    assert done.stdout.strip() == "stopped"


@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_what_is_no_port_is_a_usage_error(state_dir: Path, port: int) -> None:
    with pytest.raises(UsageError, match=str(port)):
        LocalEngine(state_dir).start(port=port)


def test_a_port_that_is_taken_is_named_with_its_holder(state_dir: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        manager = LocalEngine(state_dir)
        with pytest.raises(EngineProblem, match=f"port {port} is taken") as caught:
            manager.start(port=port)
        assert not manager.log_path.exists(), "no server was tried"
    assert f"process {os.getpid()}" in str(caught.value)
    assert "leave --port off" in caught.value.hint


def test_a_port_taken_in_the_meantime_is_replaced_by_another(
    state_dir: Path, tmp_path: Path, answering_server: str
) -> None:
    first_time_only = (
        "import pathlib, sys\n"
        "flag = pathlib.Path(sys.argv[2])\n"
        "if not flag.exists():\n"
        "    flag.touch()\n"
        "    sys.exit('ERROR: 127.0.0.1:1 is already in use.')\n"
    )
    host = python(first_time_only + answering_server, "127.0.0.1", str(tmp_path / "flag"))
    manager = LocalEngine(state_dir, host=host)
    manager.start()
    try:
        assert manager.status().state is EngineState.RUNNING
        assert "already in use" in manager.read_log()[0]
    finally:
        manager.stop()


def test_a_port_asked_for_is_not_replaced_by_another(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=python("import sys; sys.exit('[Errno 98] Address already in use')"))
    port = launch.free_port()
    with pytest.raises(EngineProblem, match=f"port {port} is taken"):
        manager.start(port=port)


def test_ports_that_are_taken_again_and_again_are_given_up(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=python("import sys; sys.exit('already in use')"))
    with pytest.raises(EngineProblem, match="in a row"):
        manager.start()
    assert len(manager.read_log()) == 5


def test_an_answer_from_somebody_else_is_not_taken_for_the_engines(
    state_dir: Path, run_python: RunPython, answering_server: str, sleeper: subprocess.Popen[str]
) -> None:
    port = launch.free_port()
    stranger = run_python(f"import os; os.environ['GATEWAY_PORT'] = '{port}'\n{answering_server}", "127.0.0.1")
    while not launch.answers(port, 1):
        assert stranger.poll() is None
        time.sleep(0.02)
    record = EngineRecord(
        sleeper.pid,
        port,
        processes.created(sleeper.pid),
        "1",
        enforce_policies=True,
        started_at="",
        access_key=AccessKey.new(),
    )
    child = subprocess.Popen((sys.executable, "-c", SILENT_SERVER), stdout=subprocess.DEVNULL)
    try:
        with pytest.raises(launch.PortLostError):
            launch.await_ready(child, record, StateFolder(state_dir), Polling(10), 1)
    finally:
        child.kill()
        child.wait()


def test_a_proxy_is_not_asked_whether_the_engine_answers(
    state_dir: Path, answering_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    manager = LocalEngine(state_dir, host=python(answering_server, "127.0.0.1"))
    manager.start()
    assert manager.stop() is not None


def test_the_server_runs_in_its_data_folder_and_in_a_session_of_its_own(
    state_dir: Path, answering_server: str
) -> None:
    manager = LocalEngine(state_dir, host=python(answering_server, "127.0.0.1"))
    record = manager.start()
    try:
        assert psutil.Process(record.pid).cwd() == str((state_dir / "data").resolve())
        assert os.getsid(record.pid) == record.pid
    finally:
        manager.stop()
