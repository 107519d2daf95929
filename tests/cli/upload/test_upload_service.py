"""`upload --every` as a process of its own: it ends, and reads its settings anew, when signals say so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.running import CommandLine, process_environment
from tests.cli.stub_endpoint import always, endpoint
from tools.benchmark.uploader import storage


@contextmanager
def service(address: str, *arguments: str, bucket: str | None = "counters") -> Iterator[subprocess.Popen[str]]:
    """Run the service; wait until it says that it is at work."""
    variables = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "COUNTAGG_ENDPOINT_URL": address,
        "COUNTAGG_INSTANCE_ID": "i-1",
    }
    command = (sys.executable, "-m", "countagg", "upload", "a", "--every", "1h", *arguments)
    if bucket is not None:
        command = (*command, "--bucket", bucket)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=process_environment(**variables))
    with process:
        assert process.stderr is not None
        assert "i-1 uploads to s3://" in process.stderr.readline()
        try:
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return exit code and what was said last."""
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=120)
    return process.returncode, said


def test_sigterm_sends_what_is_there_and_ends_with_0() -> None:
    Path("a").write_text("A 1\n")
    with storage() as (address, paths), service(address) as process:
        code, said = ended(process)

    assert code == 0, said
    assert [each.partition("/values_")[2] for each in paths] == ["i-1"]
    assert "sent; counters: 1, bytes: 4" in said
    assert "ended; all that could be read is uploaded" in said


def test_sigterm_while_s3_refuses_ends_with_4_and_the_next_start_sends_it() -> None:
    Path("a").write_text("A 1\n")
    with endpoint(always(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>")) as address:
        with service(address) as process:
            code, said = ended(process)
        assert code == 4, said
        assert "not uploaded: 20" in said
    with storage() as (address, paths), service(address) as process:
        code, _ = ended(process)
    assert (code, len(paths)) == (0, 1)


def test_sighup_reads_the_settings_anew_and_wrong_ones_leave_it_at_work() -> None:
    Path("a").write_text("A 1\n")
    settings = Path("settings.toml")
    settings.write_text('bucket = "counters"\n')
    with (
        storage() as (address, paths),
        service(address, "--config", str(settings), bucket=None) as process,
    ):
        assert process.stderr is not None
        settings.write_text("bucket = 7\n")
        process.send_signal(signal.SIGHUP)
        assert "the settings stay as they were" in process.stderr.readline()
        settings.write_text('bucket = "others"\n')
        process.send_signal(signal.SIGHUP)
        assert "settings read anew" in process.stderr.readline()
        assert "i-1 uploads to s3://others/counters/ every 3600 s" in process.stderr.readline()
        assert ended(process)[0] == 0

    assert [each.split("/")[1] for each in paths] == ["others"]


def test_a_second_service_of_the_same_instance_is_refused(countagg: CommandLine) -> None:
    Path("a").write_text("A 1\n")
    with storage() as (address, _), service(address):
        ran = countagg("upload", "a", "--bucket", "counters", "--instance-id", "i-1", "--endpoint-url", address)

    assert ran.code == 1
    assert "another upload is at work with this state" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("a", "--every", "soon"), "is not a length of time"),
        (("a", "--every", "9s"), "give 10s to 1d"),
        (("a", "--every", "2d"), "give 10s to 1d"),
        (("a", "--every", "60s", "--date", "today"), "leave --date out"),
        (("-", "--every", "60s"), "standard input can be read once"),
        (("/dev/fd/PIPE", "--every", "60s"), "it can be read once"),
    ],
)
def test_what_cannot_be_every_so_often_is_refused(
    arguments: tuple[str, ...], told: str, countagg: CommandLine
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing):
        given = (each.replace("PIPE", str(reading)) for each in arguments)
        ran = countagg("upload", *given, "--bucket", "counters", "--instance-id", "i-1")

    assert ran.code == 2
    assert told in ran.err
