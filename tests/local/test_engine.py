"""The manager with the real engine."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import boto3
import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

import countagg
from countagg.core.errors import EngineProblem
from countagg.local import EngineState, Host, LocalEngine, launch, processes
from countagg.local.state import StateFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_lambda.client import LambdaClient

    from countagg.local import EngineRecord

pytestmark = pytest.mark.embedded

HANDLER = """
import os, time
import boto3
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    arn = boto3.client("sts").get_caller_identity()["Arn"] if event.get("identify") else None
    return {"arn": arn, "environ": dict(os.environ), "boto3": boto3.__version__, "home": os.path.expanduser("~")}
"""


def client_options(record: EngineRecord) -> dict[str, Any]:
    return {
        "endpoint_url": record.endpoint_url,
        "region_name": "us-east-1",
        "aws_access_key_id": record.access_key.id,
        "aws_secret_access_key": record.access_key.secret,
        "config": Config(retries={"total_max_attempts": 1}, proxies={}),
    }


def create_function(record: EngineRecord) -> LambdaClient:
    """Create the function `probe`, and return the client to invoke it with."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = boto3.client("iam", **client_options(record)).create_role(
        RoleName="probe", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", HANDLER)
    client: LambdaClient = boto3.client("lambda", **client_options(record))
    client.create_function(
        FunctionName="probe",
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="probe.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=300,
    )
    return client


@pytest.fixture
def invoke_in_background() -> Iterator[Callable[[LambdaClient, EngineRecord], None]]:
    """Begin a call that takes minutes; it ends with the engine."""
    threads: list[threading.Thread] = []

    def call(client: LambdaClient) -> None:
        try:
            client.invoke(FunctionName="probe", Payload=b'{"sleep": 240}')
        except (BotoCoreError, ClientError):
            return

    def begin(client: LambdaClient, record: EngineRecord) -> None:
        thread = threading.Thread(target=call, args=(client,), daemon=True)
        thread.start()
        threads.append(thread)
        deadline = time.monotonic() + 300
        while not psutil.Process(record.pid).children():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    yield begin
    for thread in threads:
        thread.join(timeout=30)


def test_it_starts_answers_and_stops(engine: LocalEngine, state_dir: Path) -> None:
    assert engine.status().state is EngineState.STOPPED
    record = engine.start()
    status = engine.status()
    assert status.state is EngineState.RUNNING
    assert status.record == record
    assert status.processes == 1
    assert 10_000_000 < status.memory_bytes < 500_000_000
    assert status.state_dir == state_dir
    assert status.log_path.is_file()
    assert engine.require_running() == record
    assert boto3.client("sts", **client_options(record)).get_caller_identity()["Account"]

    assert engine.stop() == record
    assert processes.find(record.pid, record.created) is None
    assert engine.status().state is EngineState.STOPPED
    assert engine.status().memory_bytes == engine.status().processes == 0
    assert not (state_dir / "data").exists()
    assert engine.stop() is None


def test_starting_again_finds_the_same_engine(engine: LocalEngine, state_dir: Path) -> None:
    record = engine.start()
    assert engine.start() == record
    assert engine.start(port=record.port, enforce_policies=True) == record
    assert LocalEngine(state_dir).start() == record


def test_a_running_engine_with_other_settings_is_not_passed_off_as_the_one_asked_for(engine: LocalEngine) -> None:
    record = engine.start()
    with pytest.raises(EngineProblem, match=f"on port {record.port}, not {record.port + 1}") as caught:
        engine.start(port=record.port + 1)
    assert "countagg local stop" in caught.value.hint
    with pytest.raises(EngineProblem, match="with enforced policies"):
        engine.start(enforce_policies=False)
    assert engine.require_running() == record


def test_each_start_is_a_fresh_account(engine: LocalEngine) -> None:
    boto3.client("sqs", **client_options(engine.start())).create_queue(QueueName="leftover")
    engine.stop()
    queues = boto3.client("sqs", **client_options(engine.start())).list_queues()
    assert queues.get("QueueUrls", []) == []


def test_the_port_asked_for_is_used(engine: LocalEngine) -> None:
    port = launch.free_port()
    assert engine.start(port=port).port == port


def test_two_engines_with_two_state_folders_do_not_meet(engine: LocalEngine, tmp_path: Path) -> None:
    other = LocalEngine(tmp_path / "other")
    try:
        assert engine.start().port != other.start().port
        other.stop()
        assert engine.status().state is EngineState.RUNNING
    finally:
        other.stop()


def test_it_listens_on_the_loopback_interface_only(engine: LocalEngine) -> None:
    record = engine.start()
    time.sleep(1)  # listeners that come up later, as the one for IoT does
    assert processes.listening(psutil.Process(record.pid)) == [("127.0.0.1", record.port)]


def test_nothing_of_the_users_environment_reaches_the_engine_and_its_functions(state_dir: Path) -> None:
    users = {
        **{name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH"}},
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL": "https://elsewhere.example",
        "https_proxy": "http://proxy.example:3128",
        "PYTHONPATH": "/nowhere",
        "STATE_DIR": "/nowhere",
        "BIND_HOST": "0.0.0.0",  # noqa: S104 - must not get through
    }
    manager = LocalEngine(state_dir, host=Host(environ=users))
    try:
        record = manager.start()
        answer = create_function(record).invoke(FunctionName="probe")
        function = json.loads(answer["Payload"].read())
        server = psutil.Process(record.pid).environ()
    finally:
        manager.stop()
    for environ in (server, function["environ"]):
        leaked = {name for name, value in environ.items() if users.get(name) == value}
        assert leaked <= {"PATH", "LD_LIBRARY_PATH"}
        assert not {"AWS_PROFILE", "https_proxy", "PYTHONPATH"} & environ.keys()
    assert {name for name in server if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
    assert function["environ"]["AWS_ENDPOINT_URL"] == record.endpoint_url
    assert function["boto3"] == boto3.__version__
    assert function["home"] == str(state_dir / "data" / "home")


@pytest.mark.parametrize("enforce", [True, False])
def test_policies_are_enforced_or_not_and_the_root_key_works_either_way(
    engine: LocalEngine, *, enforce: bool
) -> None:
    record = engine.start(enforce_policies=enforce)
    options = client_options(record)
    user = boto3.client("iam", **options)
    user.create_user(UserName="nobody")
    key = user.create_access_key(UserName="nobody")["AccessKey"]
    options.update(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    if enforce:
        with pytest.raises(ClientError, match="AccessDenied"):
            boto3.client("sqs", **options).list_queues()
    else:
        boto3.client("sqs", **options).list_queues()


def test_a_dead_engine_is_noticed_explained_and_replaced(engine: LocalEngine, state_dir: Path) -> None:
    record = engine.start()
    with engine.log_path.open("a") as log:
        log.write("its last words\n")
    os.kill(record.pid, signal.SIGKILL)
    (state_dir / "data" / "s3" / "object").write_text("of the dead one")
    deadline = time.monotonic() + 300
    while engine.status().state is not EngineState.DEAD:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    assert engine.status().memory_bytes == 0
    with pytest.raises(EngineProblem, match="died") as caught:
        engine.require_running()
    assert str(record.pid) in str(caught.value)
    assert str(engine.log_path) in str(caught.value)
    assert "its last words" in str(caught.value)
    assert "countagg local start" in caught.value.hint

    replacement = engine.start()
    assert replacement.pid != record.pid
    assert engine.require_running() == replacement
    assert not (state_dir / "data" / "s3" / "object").exists()
    assert "its last words" in (state_dir / "engine.log.1").read_text()


def test_stopping_a_dead_engine_cleans_up(engine: LocalEngine, state_dir: Path) -> None:
    record = engine.start()
    os.kill(record.pid, signal.SIGKILL)
    os.waitpid(record.pid, 0)
    assert engine.stop() is None
    assert engine.status().state is EngineState.STOPPED
    assert not (state_dir / "data").exists()


def test_a_worker_that_outlives_a_dead_engine_is_ended(
    engine: LocalEngine, invoke_in_background: Callable[[LambdaClient, EngineRecord], None]
) -> None:
    record = engine.start()
    invoke_in_background(create_function(record), record)
    [worker] = psutil.Process(record.pid).children()
    os.kill(record.pid, signal.SIGKILL)
    os.waitpid(record.pid, 0)
    assert worker.is_running()
    engine.stop()
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_busy_engine_is_stopped_with_its_workers(
    engine: LocalEngine, invoke_in_background: Callable[[LambdaClient, EngineRecord], None]
) -> None:
    record = engine.start()
    invoke_in_background(create_function(record), record)
    assert engine.status().processes == 2
    [worker] = psutil.Process(record.pid).children()
    began = time.monotonic()
    assert engine.stop(timeout_seconds=600) == record
    assert time.monotonic() - began < 300
    assert processes.find(record.pid, record.created) is None
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_hanging_engine_is_unresponsive_and_can_be_stopped(state_dir: Path) -> None:
    manager = LocalEngine(state_dir, host=Host(answer_seconds=0.3))
    record = manager.start()
    os.kill(record.pid, signal.SIGSTOP)
    try:
        assert manager.status().state is EngineState.UNRESPONSIVE
        with pytest.raises(EngineProblem, match="does not answer") as caught:
            manager.require_running()
        assert "countagg local stop" in caught.value.hint
        with pytest.raises(EngineProblem, match="does not answer"):
            manager.start(timeout_seconds=0.1)
    finally:
        assert manager.stop(timeout_seconds=0.5) == record
    assert processes.find(record.pid, record.created) is None


def test_a_process_that_got_the_pid_of_a_dead_engine_is_left_alone(
    engine: LocalEngine, state_dir: Path, sleeper: subprocess.Popen[str]
) -> None:
    record = engine.start()
    engine.stop()
    reused = replace(record, pid=sleeper.pid, created=processes.created(sleeper.pid) - 100)
    StateFolder(state_dir).write(reused)
    assert engine.status().state is EngineState.DEAD
    assert engine.stop() is None
    StateFolder(state_dir).write(reused)
    assert engine.start().pid != sleeper.pid
    assert sleeper.poll() is None


def test_not_running_is_said_with_the_command_that_helps(engine: LocalEngine) -> None:
    with pytest.raises(EngineProblem, match="not running") as caught:
        engine.require_running()
    assert "countagg local start" in caught.value.hint


def test_starts_at_the_same_time_give_one_engine(engine: LocalEngine, state_dir: Path) -> None:
    together = threading.Barrier(4)

    def is_importable(_: str) -> bool:
        together.wait(timeout=30)
        return True

    def start(_: int) -> EngineRecord:
        return LocalEngine(state_dir, host=Host(is_importable=is_importable)).start()

    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(start, range(4)))
    try:
        assert {record.pid for record in records} == {engine.require_running().pid}
    finally:
        for record in records:
            process = processes.find(record.pid, record.created)
            if process is not None:
                processes.stop(process, 5)


def test_an_engine_outlives_the_process_that_started_it_and_is_stopped_by_another(
    engine: LocalEngine, state_dir: Path
) -> None:
    script = (
        "import pathlib, sys\n"
        "from countagg.local import LocalEngine\n"
        "print(LocalEngine(pathlib.Path(sys.argv[1])).start().pid)"
    )
    starter = subprocess.run(
        (sys.executable, "-c", script, str(state_dir)),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(countagg.__file__).parents[1])},
    )
    record = engine.require_running()
    assert record.pid == int(starter.stdout)
    began = time.monotonic()
    assert engine.stop(timeout_seconds=600) == record
    assert time.monotonic() - began < 10
    assert processes.find(record.pid, record.created) is None


def raw(
    record: EngineRecord, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, bytes]:
    """Send a request just as it is given, and return status and body of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", record.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {
            "Host": f"127.0.0.1:{record.port}",
            "Content-Length": str(len(body)),
            **headers,
        }.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def status(record: EngineRecord, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> int:
    return raw(record, method, path, headers, body)[0]


WHO: Final = b"Action=GetCallerIdentity&Version=2011-06-15"


def asking_who(record: EngineRecord, key: str, secret: str, token: str | None = None) -> dict[str, str]:
    """Return the headers of a signed request that asks who one is, which anybody may who knows these keys."""
    headers = {"Host": f"127.0.0.1:{record.port}", "Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", f"{record.endpoint_url}/", headers=headers, data=WHO)
    SigV4Auth(Credentials(key, secret, token), "sts", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.parametrize("enforce", [True, False])
def test_nobody_without_a_key_of_the_run_gets_to_the_engine(engine: LocalEngine, *, enforce: bool) -> None:
    record = engine.start(enforce_policies=enforce)
    own = asking_who(record, record.access_key.id, record.access_key.secret)
    assert status(record, "POST", "/", own, WHO) == 200

    # What ministack takes for root, or answers to anybody.
    for key in ("test", "000000000000", "AKIAIOSFODNN7EXAMPLE"):
        refused, answer = raw(record, "POST", "/", asking_who(record, key, "test"), WHO)
        assert (refused, b"InvalidClientTokenId" in answer) == (403, True)
    assert status(record, "POST", "/", asking_who(record, record.access_key.id, "test"), WHO) == 403
    for method, path in (
        ("POST", "/_ministack/reset"),
        ("GET", "/_ministack/health"),
        ("OPTIONS", "/"),
        ("GET", "/"),
    ):
        assert status(record, method, path, {}) == 403
    # What a page in a browser sends, were it to know a signature.
    assert status(record, "POST", "/", own | {"Origin": "http://127.0.0.1:8000"}, WHO) == 403
    assert status(record, "POST", "/", own | {"Host": f"attacker.example:{record.port}"}, WHO) == 403
    assert status(record, "OPTIONS", "/", {"Origin": "null", "Access-Control-Request-Method": "POST"}) == 403


def test_what_ministack_derives_from_a_functions_name_is_no_key_of_it(engine: LocalEngine) -> None:
    record = engine.start()
    create_function(record).invoke(FunctionName="probe")
    role = "arn:aws:iam::000000000000:role/probe"
    digest = hashlib.sha256(f"arn:aws:lambda:us-east-1:000000000000:function:probe:{role}".encode()).hexdigest()
    secret, token = (hashlib.sha256(f"{what}:{digest}".encode()).hexdigest() for what in ("secret", "token"))

    guessed = asking_who(record, f"ASIA{digest[:16].upper()}", secret, token)

    assert status(record, "POST", "/", guessed, WHO) == 403


@pytest.mark.parametrize("enforce", [True, False])
def test_functions_call_the_engine_with_keys_of_their_own(engine: LocalEngine, *, enforce: bool) -> None:
    record = engine.start(enforce_policies=enforce)
    answer = create_function(record).invoke(FunctionName="probe", Payload=b'{"identify": true}')

    found = json.loads(answer["Payload"].read())

    session = "arn:aws:sts::000000000000:assumed-role/probe/probe"
    assert found["arn"] == (session if enforce else "arn:aws:iam::000000000000:root")
    if enforce:
        assert record.access_key.secret not in found["environ"].values()


def test_a_presigned_address_works(engine: LocalEngine) -> None:
    record = engine.start()
    s3 = boto3.client("s3", **client_options(record) | {"config": Config(signature_version="s3v4")})
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="a b/c", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "a b/c"})
    path = url.removeprefix(record.endpoint_url)

    assert status(record, "GET", path, {}) == 200
    assert status(record, "GET", path.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"), {}) == 403


def test_its_files_are_for_its_owner_alone(engine: LocalEngine, state_dir: Path) -> None:
    create_function(engine.start()).invoke(FunctionName="probe")

    assert stat.S_IMODE(state_dir.stat().st_mode) == stat.S_IMODE((state_dir / "data").stat().st_mode) == 0o700
    for path in state_dir.iterdir():
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_process_with_another_command_is_not_stopped(
    engine: LocalEngine, state_dir: Path, sleeper: subprocess.Popen[str]
) -> None:
    record = engine.start()
    engine.stop()
    forged = replace(record, pid=sleeper.pid, created=processes.created(sleeper.pid))
    StateFolder(state_dir).write(forged)

    assert engine.status().state is EngineState.DEAD
    assert engine.stop() is None
    assert sleeper.poll() is None


def test_a_record_of_another_user_stops_nothing_and_gets_nothing(
    engine: LocalEngine,
) -> None:
    record = engine.start()
    with pytest.MonkeyPatch.context() as patch:
        other = os.geteuid() + 1
        patch.setattr(os, "geteuid", lambda: other)
        for act in (engine.stop, engine.status, engine.require_running, engine.start):
            with pytest.raises(EngineProblem, match="another user may have written it"):
                act()
    assert engine.require_running() == record
