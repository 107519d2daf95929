"""status on the embedded engine: what it knows, what it does not, and a principal that may only read."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from countagg.aws.health import Health
from countagg.aws.pipeline import Pipeline
from countagg.aws.session import Clients
from countagg.local import EngineRecord
from countagg.operate.health.status import HopHealth, Inspector
from countagg.provision import metrics
from countagg.provision.bundle import build_bundle
from tests.embedded.reader import Reader, new_reader, permissions_of
from tests.embedded.test_logs import running
from tests.embedded.world import CommandLine, DeployedStack, engine_clients, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def watched(engine: EngineRecord, command_line: CommandLine) -> DeployedStack:
    """Return a stack of its own, to which nothing happens but what these tests do."""
    command_line("setup", "--stack", "watched", "--bucket", "counters-watched", "--create-bucket", "--yes")
    return DeployedStack("watched", "counters-watched", command_line, engine_clients(engine))


def looked_at(stack: DeployedStack, clients: Clients) -> dict[str, HopHealth]:
    pipeline = Pipeline.deployed(clients, stack.name)
    health = Health(clients, pipeline.settings)
    inspector = Inspector(pipeline, health, build_bundle().sha256, lambda: datetime.now(UTC))
    return {hop.name: hop for hop in inspector.look()}


def test_a_stack_that_works_is_healthy_and_tells_what_it_last_did(watched: DeployedStack) -> None:
    day = datetime.now(UTC).date().isoformat()
    watched.put(day, "i-1", "A 1\n")
    watched.wait_for_totals(day, {"A": 1})
    wait_until("the object", lambda: watched.published_object(day).version > 0)

    found = watched.run("status", "--output", "json").json()

    hops = {hop["hop"]: hop for hop in found["hops"]}
    assert found["healthy"] is True
    assert hops["last-upload"]["metrics"]["version"] == watched.ledger_version(day)
    assert hops["last-published"]["metrics"]["version"] == watched.published_object(day).version
    for name in ("last-upload", "last-published"):
        assert hops[name]["date"] == day
        assert 0 <= hops[name]["metrics"]["age_seconds"] < 3_600
    # The engine's hash of the zip is Lambda's.
    assert [hops[f"function/{short}"]["code_current"] for short in watched.names.functions] == [True] * 3


def test_what_the_engine_has_no_metrics_of_is_without_data_and_what_it_has_is_told(watched: DeployedStack) -> None:
    def functions() -> dict[str, HopHealth]:
        return {
            short: looked_at(watched, watched.clients)[f"function/{short}"] for short in watched.names.functions
        }

    assert all(set(hop.metrics.values()) == {None} for hop in functions().values())
    # The engine counts the calls that are made directly, and none that a mapping makes.
    event = json.dumps({"Records": []})
    for _ in range(2):
        watched.clients.lambda_.invoke(FunctionName=watched.names.aggregator, Payload=event)
    lag = metrics.iterator_age(watched.names.aggregator)
    watched.clients.cloudwatch.put_metric_data(
        Namespace=lag.namespace,
        MetricData=[
            {
                "MetricName": lag.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in lag.dimensions],
                "Value": 1_500.0,
            }
        ],
    )

    wait_until("the calls", lambda: functions()["aggregator"].metrics["invocations"] == 2)

    found = functions()
    assert found["aggregator"].metrics == {
        "invocations": 2,
        "errors": 0,
        "throttles": 0,
        "iterator_age_seconds": 1.5,
        "ledgers_nearly_full": None,
    }
    assert found["aggregator"].detail == "last hour: 2 calls, 0 errors, 0 throttles; iterator age 1.5 s"
    assert found["processor"].detail == "last hour: no data"


def test_watching_tells_what_changes_until_it_is_interrupted(watched: DeployedStack) -> None:
    mapping = watched.clients.lambda_.list_event_source_mappings(FunctionName=watched.names.publisher)
    uuid = mapping["EventSourceMappings"][0]["UUID"]
    with running(watched, "status", "--watch", "--interval", "1", "--output", "json") as child:
        assert child.stdout is not None
        first = json.loads(child.stdout.readline())
        watched.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
        try:
            paused = next(told for told in map(json.loads, child.stdout) if "mapping/publisher" in told["changed"])
        finally:
            watched.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=300)

    assert first["changed"] == [hop["hop"] for hop in first["hops"]]
    assert (first["healthy"], paused["healthy"]) == (True, False)
    assert (child.returncode, err) == (130, "")


# Permissions


@pytest.fixture
def reader(watched: DeployedStack, engine: EngineRecord) -> Iterator[Reader]:
    with new_reader(watched, engine) as found:
        yield found


def test_the_permissions_that_readme_names_suffice(reader: Reader) -> None:
    reader.allow(permissions_of("status"))

    hops = looked_at(reader.stack, reader.clients)

    assert {hop.healthy for hop in hops.values()} == {True}
    assert {hop.not_allowed for hop in hops.values()} == {()}


@pytest.mark.parametrize(
    ("action", "unknown", "remarked"),
    [
        ("s3:GetBucketNotification", ["notification/uploads"], []),
        ("sns:ListTopics", ["topic/uploads"], []),
        ("sqs:GetQueueAttributes", ["queue/uploads", "queue/dead-letters"], []),
        ("lambda:ListEventSourceMappings", [f"mapping/{s}" for s in ("processor", "aggregator", "publisher")], []),
        ("dynamodb:DescribeTable", [f"table/{s}" for s in ("snapshots", "totals", "counters")], []),
        (
            "cloudwatch:GetMetricData",
            [],
            ["queue/uploads", *(f"function/{s}" for s in ("processor", "aggregator", "publisher"))],
        ),
        ("cloudwatch:DescribeAlarms", ["alarms"], []),
        ("dynamodb:GetItem", ["last-upload", "last-published"], []),
        ("s3:GetObject", ["last-published"], []),
    ],
)
def test_a_permission_that_lacks_is_named_where_it_lacks(
    reader: Reader, action: str, unknown: list[str], remarked: list[str]
) -> None:
    reader.allow([each for each in permissions_of("status") if each != action])

    hops = looked_at(reader.stack, reader.clients)

    assert {name for name, hop in hops.items() if hop.healthy is None} == set(unknown)
    assert {name for name, hop in hops.items() if hop.not_allowed == (action,)} == {*unknown, *remarked}
    assert all(hop.healthy for name, hop in hops.items() if name not in unknown)
