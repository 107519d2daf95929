"""`upload` with the right that an instance has and nothing else: real sources, and a day on which all happens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from countagg.aws.uploads import CounterFileUploads
from countagg.core.counter_file import parse_counter_file
from countagg.core.values import SCALE
from countagg.local import EngineRecord
from tests.embedded.people import Person, hire
from tests.embedded.world import CommandLine, DeployedStack
from tests.operate.upload.world import World, added_per_day, utc

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]
INSTANCE = "i-1"


@pytest.fixture(scope="module")
def instance(engine: EngineRecord, stack: DeployedStack, command_line: CommandLine) -> Person:
    """Give somebody who may do what an instance may."""
    assert engine.enforce_policies
    policy = stack.run("permissions", "print", "--role", "instance", "--instance-id", INSTANCE).out
    return Person(engine, command_line, hire(stack.clients, "uploading-instance", policy))


@pytest.fixture
def exporter() -> Iterator[str]:
    """Give an exporter as programs have it: the HTTP server of prometheus_client."""
    registry = CollectorRegistry()
    requests = Counter("requests", "Requests.", ["path"], registry=registry)
    requests.labels("/a b").inc(12)
    requests.labels("/").inc(2.5)
    Gauge("temperature", "No counter.", registry=registry).set(21)
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    thread.join()
    server.server_close()


def test_what_the_kernel_and_an_exporter_count_is_in_the_totals(
    instance: Person, stack: DeployedStack, exporter: str, tmp_path: Path
) -> None:
    day = stack.new_day()
    settings = tmp_path / "settings.toml"
    settings.write_text("[retention]\nsnapshots = 400\n")
    sources = ("/proc/vmstat", "/proc/net/snmp", exporter)

    ran = instance(
        *("upload", *sources, "--bucket", stack.bucket, "--instance-id", INSTANCE, "--date", day),
        *("--exclude", "nr_*", "--state", str(tmp_path / "state"), "--output", "json", "--config", str(settings)),
    )

    [file] = ran.json()["files"]
    content = stack.clients.s3.get_object(Bucket=stack.bucket, Key=file["key"])["Body"].read()
    uploaded = {name: value / SCALE for name, value in parse_counter_file(content).items()}
    assert uploaded['requests_total{path="/a%20b"}'] == 12
    assert uploaded['requests_total{path="/"}'] == 2.5
    assert {"pgfault", "Ip.InReceives", "Tcp.OutSegs"} <= uploaded.keys()
    assert not {"temperature", "Tcp.CurrEstab", "nr_free_pages"} & uploaded.keys()
    stack.wait_for_totals(day, uploaded)


def test_an_instance_that_may_not_delete_is_told_so_when_it_withdraws(
    instance: Person, stack: DeployedStack, tmp_path: Path
) -> None:
    ran = instance(
        *("upload", "--withdraw", "--bucket", stack.bucket, "--instance-id", INSTANCE),
        *("--state", str(tmp_path / "state")),
        code=1,
    )

    assert "no permission for s3:DeleteObject" in ran.err


def test_the_totals_of_a_day_with_all_that_can_happen_are_what_was_added(
    instance: Person, stack: DeployedStack, tmp_path: Path
) -> None:
    """Two midnights, restarts of the source, hours without S3, kills of the uploader, on a clock of its own."""
    last, day, first = (stack.new_day() for _ in range(3))
    begin = utc(f"{first}T22:00:00")
    world = World(tmp_path, begin, started=utc(f"{first}T06:00:00"), interval=1_200)
    world.bucket.forward = CounterFileUploads(instance.clients, stack.bucket).put
    for minute in range(0, 27 * 60, 7):
        world.happen(begin + timedelta(minutes=minute), partial(world.source.work, "ABC"[minute % 3], minute % 11))
    noon = utc(f"{day}T12:00:00")
    world.happen(noon, world.source.restart)
    world.happen(utc(f"{day}T18:30:00"), world.source.restart)
    world.happen(noon + timedelta(hours=1), partial(world.bucket.refuse_until, noon + timedelta(hours=5)))
    world.happen(noon + timedelta(hours=3), partial(world.stop_until, noon + timedelta(hours=4)))
    refused = utc(f"{last}T00:30:00")
    world.happen(refused - timedelta(hours=1), partial(world.bucket.refuse_until, refused))
    world.kill_at = {9, 40, 77, 120, 160, 201}

    world.run(begin + timedelta(hours=27))

    assert max(world.kill_at) < len(world.steps)
    added = added_per_day(world.source)
    for each in (first, day, last):
        assert sum(added[each].values()) > 0
        wait_for(stack, each, added[each])


def wait_for(stack: DeployedStack, day: str, added: dict[str, int]) -> None:
    """Wait until the totals of a day are what was added to it; what gained nothing is there with 0."""
    found = stack.clients.s3.get_object(Bucket=stack.bucket, Key=stack.key(day, INSTANCE))["Body"].read()
    assert parse_counter_file(found).keys() <= {"A", "B", "C", "up_total"}
    stack.wait_for_totals(day, {name: added.get(name, 0) for name in parse_counter_file(found)} | added)
