"""From a file in the bucket to the totals, on the embedded engine with its policies enforced."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from countagg.core.counter_file import parse_counter_file
from countagg.core.values import SCALE
from countagg.core.versions import is_beginning
from countagg.operate.totals.uploads import make_fleet
from tests.embedded.world import DeployedStack, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]


def test_the_four_sample_instances_come_to_191122(stack: DeployedStack) -> None:
    day = stack.new_day()

    told = stack.run("upload-sample", "--date", day, "--wait", "--output", "json").json()
    found = stack.run("query", "--date", day, "--by-instance", "--output", "json").json()

    assert told["uploaded"] == 5
    assert told["instances"] == 4
    assert found["totals"] == {"COUNTER1": 191122, "COUNTER2": 54321}
    assert found["instances"]["i-deadbeef"] == {"COUNTER1": 123456}
    assert found["instances"]["i-foobazzled"] == {"COUNTER1": 54321, "COUNTER2": 54321}


def test_a_file_replaces_the_one_before_and_a_counter_missing_from_it_counts_no_more(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\nB 2\n")
    stack.put(day, "i-2", "A 10\n")
    stack.wait_for_totals(day, {"A": 11, "B": 2})

    stack.put(day, "i-1", "A 5\nC 0.25\n")

    stack.wait_for_totals(day, {"A": 15, "C": 0.25})


def test_the_same_content_again_ends_at_the_processor(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})
    wait_until("publication", lambda: "A" in stack.published(day))
    wait_until("the second write", lambda: not is_beginning(stack.ledger_version(day)))
    published, version = stack.published(day)["A"], stack.ledger_version(day)

    for content in ("A 1\n", "\nA 1.0\n"):
        before = stack.snapshot(day, "i-1")["Sequencer"]["S"]
        stack.put(day, "i-1", content)
        wait_until("the order to move on", lambda: stack.snapshot(day, "i-1")["Sequencer"]["S"] > before)  # noqa: B023 - called in the loop
    # A later change, of the same instance too, shows that the aggregator has passed what lies in between.
    stack.put(day, "i-2", "B 7\n")
    wait_until("publication", lambda: "B" in stack.published(day))

    assert stack.totals(day) == {"A": 1, "B": 7}
    assert stack.published(day)["A"] == published
    assert stack.ledger_version(day) == version + 1
    stack.put(day, "i-1", "A 2\n")
    stack.wait_for_totals(day, {"A": 2, "B": 7})
    assert stack.ledger_version(day) == version + 2


def test_deleting_a_file_withdraws_its_instance(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\nB 2\n")
    stack.put(day, "i-2", "A 10\n")
    stack.wait_for_totals(day, {"A": 11, "B": 2})
    wait_until("publication", lambda: stack.published(day).keys() == {"A", "B"})

    stack.delete(day, "i-1")

    stack.wait_for_totals(day, {"A": 10})
    wait_until("publication", lambda: [stack.published(day)[name][0] for name in "AB"] == ["10", "0"])
    assert "i-1" not in stack.run("query", "--date", day, "--by-instance", "--output", "json").json()["instances"]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("A 1\nB\n", 2, "'B' is not COUNTER VALUE"),
        (b"A 1\n" * 1_400_000, None, "the file has 5600000 bytes"),
    ],
)
def test_a_malformed_file_is_refused_whole_and_stops_none_beside_it(
    stack: DeployedStack, content: str | bytes, line: int | None, reason: str
) -> None:
    day = stack.new_day()
    stack.put(day, "i-bad", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})

    stack.put(day, "i-bad", content)
    stack.put(day, "i-good", "A 10\n")

    refusal = stack.wait_for_refusal(stack.key(day, "i-bad"))
    assert reason in refusal["reason"]
    assert refusal["line"] == line
    assert (refusal["schema"], refusal["kind"], refusal["bucket"]) == (1, "refused-file", stack.bucket)
    stack.wait_for_totals(day, {"A": 11})


@pytest.mark.parametrize(
    ("folder", "instance", "reason"),
    [
        ("DAY", "i 1", "the instance id 'i 1' is not"),
        ("AHEAD", "i-1", "is more than 1 day ahead"),
    ],
)
def test_a_key_that_breaks_the_rules_is_refused(
    stack: DeployedStack, folder: str, instance: str, reason: str
) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    key = stack.key({"DAY": stack.new_day(), "AHEAD": ahead}.get(folder, folder), instance)

    stack.put_key(key, "A 1\n")

    assert reason in stack.wait_for_refusal(key)["reason"]


def test_keys_that_are_no_counter_files_are_skipped(stack: DeployedStack) -> None:
    day = stack.new_day()

    stack.put_key(f"{stack.prefix}README", "hello")
    stack.put_key(f"{stack.prefix}{day}/notes.txt", "hello")
    stack.put_key(f"{stack.prefix}{day}/deeper/values_i-1", "A 1\n")
    stack.put_key(f"elsewhere/{day}/values_i-1", "A 1\n")
    stack.put(day, "i-1", "A 5\n")

    stack.wait_for_totals(day, {"A": 5})
    assert [body for body in stack.dead_letters() if day in json.dumps(body)] == []


def test_an_event_for_an_object_that_is_gone_leaves_an_empty_snapshot(stack: DeployedStack) -> None:
    day = stack.new_day()

    stack.publish_event(stack.key(day, "i-gone"), "00F0", "ObjectRemoved:Delete")
    stack.put(day, "i-1", "A 5\n")

    stack.wait_for_totals(day, {"A": 5})
    wait_until("the tombstone", lambda: stack.snapshot(day, "i-gone") is not None)
    assert stack.snapshot(day, "i-gone")["ETag"]["S"] == ""


def test_a_test_event_and_garbage_stop_nothing(stack: DeployedStack) -> None:
    day = stack.new_day()

    stack.publish(json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": stack.bucket}))
    stack.publish("garbage")
    stack.put(day, "i-1", "A 5\n")

    stack.wait_for_totals(day, {"A": 5})


def test_a_duplicate_and_an_older_event_after_a_newer_one_change_nothing(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 5\n")
    stack.wait_for_totals(day, {"A": 5})
    before = stack.snapshot(day, "i-1")

    stack.publish_event(stack.key(day, "i-1"), before["Sequencer"]["S"])
    stack.publish_event(stack.key(day, "i-1"), "00000000000000001A")
    stack.publish_event(stack.key(day, "i-1"), "00000000000000001B", "ObjectRemoved:Delete")
    stack.put(day, "i-2", "A 1\n")

    stack.wait_for_totals(day, {"A": 6})
    assert stack.snapshot(day, "i-1") == before


def test_a_fleet_is_summed_exactly_and_published(stack: DeployedStack) -> None:
    day = stack.new_day()
    fleet = [sample.content.decode().split() for sample in make_fleet(150, 40, seed=7)]
    expected: dict[str, int] = {}
    for words in fleet:
        for name, value in zip(words[::2], words[1::2], strict=True):
            expected[name] = expected.get(name, 0) + int(value)

    stack.run("upload-sample", "--date", day, "--instances", "150", "--counters", "40", "--seed", "7", "--wait")

    assert stack.query(day)["totals"] == expected

    def outputs() -> dict[str, int]:
        return {name: int(value) for name, (value, _) in stack.published(day).items()}

    wait_until("outputs == totals", lambda: outputs() == expected)


def test_the_totals_are_published_as_an_object_that_the_parser_of_counter_files_reads(
    stack: DeployedStack,
) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "B 2\nA 0.25\n")
    wait_until("the object", lambda: stack.published_object(day).version > 0)
    stack.put(day, "i-2", "B 5\n")
    wait_until("the new one", lambda: stack.published_object(day).totals.get("B") == 7 * SCALE)

    found = stack.clients.s3.get_object(Bucket=stack.bucket, Key=f"totals/{day}")

    assert parse_counter_file(found["Body"].read()) == {"A": SCALE // 4, "B": 7 * SCALE}
    assert found["Metadata"]["countagg-version"] == str(stack.ledger_version(day))
    assert datetime.fromisoformat(found["Metadata"]["countagg-updated-at"]).tzinfo
    assert stack.published(day).keys() == {"A", "B"}


def test_an_object_that_is_gone_is_written_anew_at_the_next_change(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\nB 2\n")
    wait_until("the object", lambda: stack.published_object(day).version > 0)

    stack.clients.s3.delete_object(Bucket=stack.bucket, Key=f"totals/{day}")
    stack.put(day, "i-2", "B 5\n")

    wait_until("the object", lambda: stack.published_object(day).totals == {"A": SCALE, "B": 7 * SCALE})


def test_the_functions_write_json_lines_and_metrics(stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 5\n")
    stack.wait_for_totals(day, {"A": 5})

    def lines(function: str) -> list[Any]:
        pages = stack.clients.logs.get_paginator("filter_log_events").paginate(
            logGroupName=stack.names.log_group(function)
        )
        messages = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(message) for message in messages if message.startswith("{")]

    def is_told(function: str, metric: str) -> bool:
        written = lines(function)
        return any(line.get("level") == "INFO" and line.get(metric) for line in written) and any(
            "_aws" in line and metric in line for line in written
        )

    for function, metric in ((stack.names.processor, "FilesApplied"), (stack.names.aggregator, "LinksAdded")):
        # The engine writes them after the invocation has ended.
        wait_until(f"{metric} in the log", partial(is_told, function, metric))
