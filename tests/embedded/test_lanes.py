"""Days that are spread over lanes and counter shards, on the embedded engine from setup to repair."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import pytest

from countagg.core.ledger import decode_ledger, encode_ledger
from countagg.core.partitions import LAYOUTS_PARTITION, Layout
from countagg.core.values import SCALE
from countagg.local import EngineRecord
from tests.embedded.world import CommandLine, DeployedStack, engine_clients

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

STACK: Final = "spread"
LAYOUT: Final = Layout(3, 2)
INSTANCES: Final = 9
FLEET: Final = ("--instances", str(INSTANCES), "--counters", "8")


def set_up(command_line: CommandLine, layout: Layout) -> None:
    spread = ("--lanes", str(layout.lanes), "--counter-shards", str(layout.shards))
    bucket = ("--bucket", "counters-spread", "--create-bucket")
    command_line("setup", "--stack", STACK, *bucket, *spread, "--yes")


@pytest.fixture(scope="module")
def stack(engine: EngineRecord, command_line: CommandLine) -> Iterator[DeployedStack]:
    set_up(command_line, LAYOUT)
    yield DeployedStack(STACK, "counters-spread", command_line, engine_clients(engine))
    command_line("teardown", "--stack", STACK, "--delete-objects", "--yes")


@pytest.fixture
def day(stack: DeployedStack) -> str:
    """Give a day of a fleet of which all is counted and published."""
    day = stack.new_day()
    stack.run("upload-sample", "--date", day, *FLEET, "--wait")
    stack.wait_until_published(day)
    return day


def verify(stack: DeployedStack, day: str, code: int = 0) -> Any:
    return stack.run("verify", "--date", day, "--settle", "1", "--output", "json", code=code).json()


def partitions_of(stack: DeployedStack, table: str, day: str) -> set[str]:
    pages = stack.clients.dynamodb.get_paginator("scan").paginate(TableName=f"{STACK}-{table}")
    return {key for page in pages for item in page["Items"] if (key := item["Date"]["S"]).startswith(day)}


def added_up(instances: dict[str, dict[str, int]]) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for counters in instances.values():
        sums.update(counters)
    return dict(sums)


def test_a_day_is_counted_in_all_its_partitions_and_published_as_one(stack: DeployedStack, day: str) -> None:
    found = stack.run("query", "--date", day, "--by-instance", "--output", "json").json()
    published = stack.published_object(day)

    assert len(found["instances"]) == INSTANCES
    assert {len(counters) for counters in found["instances"].values()} == {8}
    assert found["totals"] == added_up(found["instances"])
    for table in ("snapshots", "totals"):
        assert partitions_of(stack, table, day) == set(LAYOUT.partitions(day))
    assert {name: value // SCALE for name, value in published.totals.items()} == found["totals"]
    assert {name: int(value) for name, (value, _) in stack.published(day).items()} == found["totals"]
    assert max(version for _, version in stack.published(day).values()) == published.version
    found = verify(stack, day)
    assert (found["ok"], found["files"], found["in_flight"]) == (True, INSTANCES, [])


def test_a_file_that_is_withdrawn_counts_in_no_partition(stack: DeployedStack, day: str) -> None:
    before = stack.run("query", "--date", day, "--by-instance", "--output", "json").json()["instances"]
    gone = before.pop("i-00000003")

    stack.delete(day, "i-00000003")

    stack.wait_for_totals(day, added_up(before))
    assert gone
    found = stack.run("query", "--date", day, "--by-instance", "--output", "json").json()
    assert found["instances"] == before
    stack.wait_until_published(day)
    assert verify(stack, day)["ok"]


def test_one_partition_that_is_wrong_is_found_and_mended(stack: DeployedStack, day: str) -> None:
    totals, version = stack.query(day)["totals"], stack.ledger_version(day)
    partition = LAYOUT.partitions(day)[3]
    key: Any = {"Date": {"S": partition}}
    item = stack.clients.dynamodb.get_item(TableName=stack.names.totals, Key=key)["Item"]
    ledger = decode_ledger(bytes(item["Document"]["B"]))
    counter = min(ledger.sums)
    ledger.sums[counter] += SCALE
    stack.clients.dynamodb.put_item(
        TableName=stack.names.totals, Item={**item, "Document": {"B": encode_ledger(ledger)}}
    )

    found = verify(stack, day, code=7)["differences"]
    stack.run("repair", "--date", day, "--settle", "1", "--yes")

    named = {(each["hop"], each["counter"]) for each in found}
    assert ("ledger", counter) in named
    # Outputs that are a version behind, which changed no total, may take the wrong one over at once.
    assert named <= {(hop, counter) for hop in ("ledger", "counters", "object")}
    assert stack.query(day)["totals"] == totals
    assert stack.ledger_version(day) > version
    stack.wait_until_published(day)
    assert verify(stack, day)["ok"]


def test_a_part_of_a_snapshot_that_is_lost_is_found_and_mended(stack: DeployedStack, day: str) -> None:
    totals = stack.query(day)["totals"]
    partition = LAYOUT.partitions_of(day, "i-00000001")[1]
    key: Any = {"Date": {"S": partition}, "Instance": {"S": "i-00000001"}}
    stack.clients.dynamodb.delete_item(TableName=stack.names.snapshots, Key=key)

    found = verify(stack, day, code=7)["differences"]
    stack.run("repair", "--date", day, "--settle", "1", "--yes")

    assert [(each["hop"], each["instance"]) for each in found] == [("snapshots", "i-00000001")]
    assert stack.query(day)["totals"] == totals
    assert verify(stack, day)["ok"]
    assert "Item" in stack.clients.dynamodb.get_item(TableName=stack.names.snapshots, Key=key)


def test_totals_and_files_are_explained(stack: DeployedStack, day: str) -> None:
    total = stack.run("explain", "COUNTER5", "--date", day, "--output", "json").json()
    file = stack.run("explain", stack.key(day, "i-00000002"), "--output", "json").json()

    assert (total["adds_up"], len(total["parts"]), total["unknown"]) == (True, INSTANCES, [])
    assert total["ledger"]["value"] == stack.query(day)["totals"]["COUNTER5"]
    assert total["ledger"]["instances"] == INSTANCES
    assert (file["object"]["counters"], file["pending"]) == (8, None)


def test_the_stack_is_healthy_and_knows_the_last_change(stack: DeployedStack, day: str) -> None:
    status = stack.run("status", "--output", "json").json()

    assert status["healthy"]
    assert day


def test_a_day_keeps_its_partitions_when_the_setting_changes(
    stack: DeployedStack, command_line: CommandLine, day: str
) -> None:
    set_up(command_line, Layout())
    try:
        stack.run("upload-sample", "--date", day, *FLEET, "--seed", "5", "--wait")
        later = stack.new_day()
        stack.run("upload-sample", "--date", later, *FLEET, "--seed", "5", "--wait")
    finally:
        set_up(command_line, LAYOUT)

    assert stack.query(day)["totals"] == stack.query(later)["totals"]
    assert partitions_of(stack, "totals", day) == set(LAYOUT.partitions(day))
    assert partitions_of(stack, "totals", later) == {later}
    key: Any = {"Date": {"S": LAYOUTS_PARTITION}, "Instance": {"S": later}}
    assert stack.clients.dynamodb.get_item(TableName=stack.names.snapshots, Key=key)["Item"]["Lanes"] == {"N": "1"}
    stack.wait_until_published(day)
    assert verify(stack, day)["ok"]
