"""explain on the embedded engine: totals back to their files, and files on to the totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from countagg.aws.day_reader import DayReader
from countagg.aws.log_events import LogReader
from countagg.aws.pipeline import Pipeline
from countagg.aws.waiting import Patience
from countagg.core.errors import AccessDenied
from countagg.local import EngineRecord
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.explain import explain_counter
from countagg.operate.integrity.file_lineage import FileLineage, follow_file
from countagg.operate.integrity.file_log import FileLog
from countagg.operate.integrity.lineage import CounterLineage
from countagg.operate.permitted import NotAllowed
from tests.embedded.reader import Reader, new_reader, permissions_of
from tests.embedded.world import DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


@pytest.fixture(scope="module")
def day(stack: DeployedStack) -> str:
    """Give a day on which all hops agree."""
    day = stack.new_day()
    stack.put(day, "i-1", "A 1.5\nB 2\n")
    # A ledger begins in two writes, and what changes no total is not published: the last one is to change some.
    stack.wait_for_totals(day, {"A": 1.5, "B": 2})
    stack.put(day, "i-2", "A 10\n")
    stack.wait_for_totals(day, {"A": 11.5, "B": 2})
    stack.wait_until_published(day)
    return day


def explain(stack: DeployedStack, *arguments: str, code: int = 0) -> Any:
    return stack.run("explain", *arguments, "--output", "json", code=code).json()


def test_a_total_is_led_back_to_its_files(stack: DeployedStack, day: str) -> None:
    found = explain(stack, "A", "--date", day)

    version = stack.ledger_version(day)
    assert [
        (each["key"], each["value"], each["etag"], each["sequencer"], each["pending"]) for each in found["parts"]
    ] == [
        (
            stack.key(day, instance),
            value,
            stack.snapshot(day, instance)["ETag"]["S"],
            stack.snapshot(day, instance)["Sequencer"]["S"],
            None,
        )
        for instance, value in (("i-1", 1.5), ("i-2", 10))
    ]
    assert (found["sum"], found["adds_up"], found["unknown"]) == (11.5, True, [])
    assert (found["ledger"]["value"], found["ledger"]["version"]) == (11.5, version)
    assert found["counters_table"]["value"] == 11.5
    assert found["object"] == {"key": f"totals/{day}", "version": version, "value": 11.5}


def test_a_file_is_followed_to_the_totals(stack: DeployedStack, day: str) -> None:
    address = f"s3://{stack.bucket}/{stack.key(day, 'i-1')}"

    found = explain(stack, address)

    assert found == found | {"date": day, "instance": "i-1", "pending": None, "refused": None}
    assert (found["object"]["size"], found["object"]["counters"]) == (10, 2)
    assert found["object"]["etag"] == found["snapshot"]["etag"]
    assert found["snapshot"]["same_content"] is True
    assert found["ledger"]["included"] is True
    assert found["totals"] == [
        {"counter": "A", "file": 1.5, "snapshot": 1.5, "total": 11.5, "share": 0.130435},
        {"counter": "B", "file": 2, "snapshot": 2, "total": 2, "share": 1},
    ]
    assert found["log"]["lines"] == []


def test_a_refused_file_is_found_with_its_line_in_the_log(stack: DeployedStack) -> None:
    day = stack.new_day()
    key = stack.key(day, "i-1")
    stack.put(day, "i-1", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})
    stack.put(day, "i-1", "A 2\nA 3\n")
    stack.wait_for_refusal(key)
    wait_until("the line", lambda: bool(explain(stack, key)["log"]["lines"]))

    found = explain(stack, key)
    total = explain(stack, "A", "--date", day)

    assert found["refused"] == {"reason": "the counter 'A' is repeated", "line": 2}
    assert (found["ledger"]["included"], found["totals"][0]["snapshot"]) == (True, 1)
    [line] = found["log"]["lines"]
    assert (line["function"], line["level"]) == (stack.names.processor, "WARNING")
    assert key in line["message"]
    since, until = (datetime.fromisoformat(found["log"][name]) for name in ("since", "until"))
    assert since <= datetime.fromisoformat(line["time"])
    assert since < until <= datetime.now(UTC)
    [part] = total["parts"]
    assert (part["included"], part["value"]) == (True, 1)
    assert part["pending"] == "the newest file is refused: line 2, the counter 'A' is repeated"


def test_what_waits_in_the_queue_is_on_its_way(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})
    mapping = stack.clients.lambda_.list_event_source_mappings(FunctionName=stack.names.processor)
    uuid = mapping["EventSourceMappings"][0]["UUID"]
    stack.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    try:
        stack.put(day, "i-1", "A 5\n")
        total, file = explain(stack, "A", "--date", day), explain(stack, stack.key(day, "i-1"))
    finally:
        stack.clients.lambda_.update_event_source_mapping(UUID=uuid, Enabled=True)
    stack.wait_for_totals(day, {"A": 5})

    [part] = total["parts"]
    pending = "a newer file is on its way to the snapshots"
    assert (part["value"], part["pending"], part["pending_value"]) == (1, pending, 5)
    assert total["adds_up"] is True
    assert (file["pending"], file["snapshot"]["same_content"]) == (pending, False)
    assert (file["totals"][0]["file"], file["totals"][0]["total"]) == (5, 1)
    assert explain(stack, "A", "--date", day)["parts"][0]["pending"] is None


# Permissions


@pytest.fixture
def reader(stack: DeployedStack, engine: EngineRecord) -> Iterator[Reader]:
    with new_reader(stack, engine) as found:
        yield found


def explained(reader: Reader, day: str) -> tuple[CounterLineage, FileLineage]:
    """Explain a counter and a file as that principal."""
    settings = Pipeline.deployed(reader.clients, reader.stack.name).settings
    source, now = DayReader(reader.clients, settings), datetime.now(UTC)
    logs = LogReader(reader.clients, Patience(lambda _: None), lambda _: None)
    log = FileLog(logs, reader.stack.names, now)
    key = reader.stack.key(day, "i-1")
    return explain_counter(Observer(source, day, now.date()), "A"), follow_file(source, log, key, now)


def test_the_permissions_that_readme_names_suffice(reader: Reader, day: str) -> None:
    reader.allow(permissions_of("explain"))

    counter, file = explained(reader, day)

    assert counter.adds_up
    assert file.is_included
    assert file.log is not None
    assert file.log.lines == ()


@pytest.mark.parametrize("action", permissions_of("explain"))
def test_each_of_these_permissions_is_needed(reader: Reader, day: str, action: str) -> None:
    reader.allow([each for each in permissions_of("explain") if each != action])

    if action == "logs:FilterLogEvents":
        _, file = explained(reader, day)
        assert file.log is not None
        assert file.log.lines == NotAllowed(action)
    else:
        with pytest.raises(AccessDenied) as caught:
            explained(reader, day)
        assert caught.value.action in {action, ""}
