"""A load on the embedded engine, from its first upload to its clean-up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.embedded.world import DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

PATIENT = ("--drain-timeout", "300", "--settle", "60")


def files_of(stack: DeployedStack, day: str) -> list[str]:
    found = stack.clients.s3.list_objects_v2(Bucket=stack.bucket, Prefix=f"counters/{day}/").get("Contents", [])
    return [each["Key"].rpartition("/")[2] for each in found]


def test_a_load_is_measured_verified_and_cleaned_up(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-real", "A 5\n")
    load = ("--instances", "6", "--counters", "10", "--interval", "1", "--duration", "3", "--seed", "4")

    found = stack.run("loadtest", "--date", day, *load, *PATIENT, "--cleanup", "--output", "json").json()

    assert found["sent"] == found["included"] >= 12
    assert found["missing"] == {}
    latencies = found["latency_seconds"]
    assert 0 < latencies["p50"] <= latencies["p95"] <= latencies["p99"] <= latencies["max"]
    assert sum(part["count"] for part in found["histogram"]) == found["included"]
    assert found["verification"] == {
        "ok": True,
        "files": 7,
        "version": found["verification"]["version"],
        "differences": 0,
    }
    assert (found["dead_letters"], found["failed_uploads"], found["usd_estimated"]) == (0, 0, None)
    assert found["cleaned_up"] is True
    # What others upload is as it was.
    assert files_of(stack, day) == ["values_i-real"]
    stack.wait_for_totals(day, {"A": 5})


def test_the_same_load_again_is_counted_anew(stack: DeployedStack) -> None:
    day = stack.new_day()
    load = ("--instances", "2", "--counters", "3", "--interval", "1", "--duration", "1")

    first = stack.run("loadtest", "--date", day, *load, *PATIENT, "--output", "json").json()
    again = stack.run("loadtest", "--date", day, *load, *PATIENT, "--output", "json").json()

    assert first["included"] == again["included"] == first["sent"]
    assert files_of(stack, day) == ["values_loadtest-0-000000", "values_loadtest-0-000001"]


def test_ctrl_c_ends_a_load_with_its_report(stack: DeployedStack) -> None:
    day = stack.new_day()
    arguments = ("loadtest", "--date", day, "--instances", "4", "--interval", "0.5", "--duration", "600")
    with subprocess.Popen(
        [sys.executable, "-m", "countagg", *arguments, *PATIENT, "--output", "json", "--stack", stack.name],
        env=stack.countagg.environment(),
        cwd=stack.countagg.state_home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until("the first files", lambda: len(files_of(stack, day)) == 4)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()

    assert process.returncode == 130, err
    found = json.loads(out)
    assert (found["interrupted"], found["drained"]) == (True, True)
    assert found["sent"] == found["included"] >= 4
    assert found["verification"]["ok"] is True
