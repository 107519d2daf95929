"""`upload --print-unit`: what it prints runs as it stands."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Final

import pytest

from tests.cli.running import CommandLine, process_environment
from tests.operate.upload.test_units import run_by_cron, settings_of, split_as_systemd
from tools.benchmark.uploader import storage

SYSTEMD_ANALYZE: Final = shutil.which("systemd-analyze")
VARIABLES: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}
UPLOAD: Final = ("upload", "a b", "--bucket", "counters", "--region", "us-east-1", "--instance-id", "i-1")


def wait_for(happened: Callable[[], object]) -> None:
    end = monotonic() + 60
    while not happened() and monotonic() < end:
        sleep(0.02)
    assert happened()


def test_the_command_line_of_the_unit_uploads_and_ends_when_systemd_ends_it(countagg: CommandLine) -> None:
    Path("a b").write_text("A%B 1\nC 2\n")
    with storage() as (address, paths):
        ran = countagg(*UPLOAD, "--endpoint-url", address, "--include", "A%*", "--print-unit", "systemd")
        assert ran.code == 0, ran.err
        assert paths == []
        (line,) = settings_of(ran.out)["ExecStart"]
        state = Path("state").absolute()
        environment = process_environment(**VARIABLES, XDG_STATE_HOME=str(state))
        # From another folder, as systemd does.
        with subprocess.Popen(split_as_systemd(line), cwd="/", env=environment, stderr=subprocess.PIPE) as process:
            try:
                assert process.stderr is not None
                assert b"i-1 uploads to s3://counters/counters/ every 60 s" in process.stderr.readline()
                process.send_signal(signal.SIGTERM)
                _, said = process.communicate(timeout=60)
            finally:
                process.kill()
        assert process.returncode == 0, said
        assert b"sent; counters: 1" in said
        assert [each.partition("/values_")[2] for each in paths] == ["i-1"]
    assert list(state.rglob("*.json"))


def test_the_line_of_the_crontab_uploads_and_says_nothing(countagg: CommandLine) -> None:
    Path("a b").write_text("A%B 1\nC 2\n")
    with storage() as (address, paths):
        arguments = (
            *UPLOAD,
            "--endpoint-url",
            address,
            "--include",
            "A%*",
            "--every",
            "5m",
            "--print-unit",
            "cron",
        )
        ran = countagg(*arguments)
        assert ran.code == 0, ran.err
        assert ran.out.startswith("*/5 * * * * ")
        assert len(ran.out.splitlines()) == 1
        shell = ["/bin/sh", "-c", run_by_cron(ran.out)]
        done = subprocess.run(
            shell, cwd="/", env=process_environment(**VARIABLES), capture_output=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert len(paths) == 1


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="there is no systemd here")
def test_systemd_finds_nothing_wrong_with_the_unit(countagg: CommandLine) -> None:
    ran = countagg(*UPLOAD, "--exclude", 'nr_* "x"', "--every", "90s", "--print-unit", "systemd")
    unit = Path("countagg-upload.service").absolute()
    unit.write_text(ran.out)
    checked = subprocess.run(
        [str(SYSTEMD_ANALYZE), "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_what_the_settings_say_now_stands_in_the_unit(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("countagg.toml").write_text(
        'region = "eu-west-1"\nbucket = "counters"\nprefix = "deep/"\nmax_counters = 7\n'
        "[retention]\nsnapshots = 9\n"
    )
    monkeypatch.setenv("COUNTAGG_INSTANCE_ID", "i-7")
    found = settings_of(countagg("upload", "a", "--print-unit", "systemd").out)
    (line,) = found["ExecStart"]
    words = split_as_systemd(line)
    assert words[words.index("upload") + 1 :] == [
        str(Path("a").absolute()),
        *("--bucket", "counters", "--prefix", "deep/", "--instance-id", "i-7"),
        *("--region", "eu-west-1", "--every", "60s"),
    ]
    assert set(found["Environment"]) == {
        '"XDG_STATE_HOME=%S"',
        '"COUNTAGG_MAX_COUNTERS=7"',
        '"COUNTAGG_RETENTION=snapshots=9"',
    }


def test_where_nobody_names_the_instance_each_machine_finds_its_own_name(countagg: CommandLine) -> None:
    ran = countagg(*UPLOAD[:-2], "--print-unit", "systemd")
    assert ran.code == 0, ran.err
    assert "--instance-id" not in ran.out
    assert "instance id:" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a", "--date", "today"), "--date: each upload is of the day that it is"),
        (("-",), "-: standard input can be read once"),
        (
            ("a", "--local"),
            "--print-unit, --local: it belongs to who types it, and the unit",
        ),
        (("a", "--profile", "me"), "--print-unit, --profile: it belongs to who types it"),
        (("a", "--state", "s"), "--print-unit, --state: they exclude each other"),
        (("a", "--every", "5s"), "--every: 5s is out of range"),
        (("a", "--exclude", "a\nb"), "has a control character"),
    ],
)
def test_what_nothing_can_run_again_and_again_is_refused(
    arguments: tuple[str, ...], told: str, countagg: CommandLine
) -> None:
    options = ("--bucket", "counters", "--region", "us-east-1", "--print-unit", "systemd")
    ran = countagg("upload", *arguments, *options)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
