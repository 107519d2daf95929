"""The dead-letters commands: their forms, exit codes and questions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

import boto3
import pytest

from countagg.data.letters import Refusal
from tests.cli.running import CommandLine
from tests.events.loading import load_event

KEY: Final = "counters/2026-11-20/values_i-1"
REFUSAL: Final = Refusal(
    "b", KEY, f"{7:032X}", "'x\x1b' is not COUNTER VALUE", 3, "e", "req", "2026-11-20T10:00:00Z", "none before it"
)


@pytest.fixture
def letters(stack: None) -> Iterator[list[str]]:  # noqa: ARG001 - it must be there
    """Put a refusal, a stream batch and garbage into the queue; return their ids."""
    sqs, url = boto3.client("sqs"), queue("dead-letters")
    batch = json.dumps(load_event("stream-batch-failed"))
    yield [
        sqs.send_message(QueueUrl=url, MessageBody=body)["MessageId"]
        for body in (REFUSAL.to_message(), batch, "gar\x1bbage")
    ]
    for name in ("dead-letters", "uploads"):
        for message in messages(name):
            sqs.delete_message(QueueUrl=queue(name), ReceiptHandle=message["ReceiptHandle"])


def queue(name: str) -> str:
    return boto3.client("sqs").get_queue_url(QueueName=f"countagg-{name}")["QueueUrl"]


def messages(name: str) -> list[Any]:
    """Return what is visible in a queue, and leave it there."""
    sqs, url, found = boto3.client("sqs"), queue(name), list[Any]()
    while more := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=60).get("Messages"):
        found += more
    for message in found:
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return found


@pytest.mark.usefixtures("stack")
def test_an_empty_queue_says_so(countagg: CommandLine) -> None:
    ran = countagg("dead-letters", "list")
    assert (ran.code, ran.out) == (0, "no dead letters\n")


def test_the_list_as_a_table(letters: list[str], countagg: CommandLine) -> None:
    ran = countagg("dead-letters", "list")
    assert ran.code == 0
    header, *rows = ran.out.splitlines()
    assert header.split() == ["ID", "AGE", "HOP", "KEY", "LINE", "REASON"]
    by_id = {row.split()[0]: row for row in rows}
    assert set(by_id) == {each[:8] for each in letters}
    refusal, batch, garbage = (by_id[each[:8]] for each in letters)
    assert refusal.split()[3:] == ["function/processor", KEY, "3", r"'x\x1b'", "is", "not", "COUNTER", "VALUE"]
    assert batch.split()[3:] == ["function/aggregator", "RetryAttemptsExhausted", "(Unhandled),", "17", "records"]
    assert r"gar\x1bbage" in garbage
    assert "it cannot be decoded" in garbage


def test_the_list_as_json_and_csv(letters: list[str], countagg: CommandLine) -> None:
    found = countagg("dead-letters", "list", "--output", "json").document
    assert list(found) == ["schema", "stack", "messages"]
    refusal = next(each for each in found["messages"] if each["id"] == letters[0])
    assert refusal | {"age_seconds": 0, "sent_at": "", "receives": 1} == {
        "id": letters[0],
        "kind": "refused file",
        "hop": "function/processor",
        "age_seconds": 0,
        "sent_at": "",
        "receives": 1,
        "bucket": "b",
        "key": KEY,
        "date": None,
        "reason": REFUSAL.reason,
        "line": 3,
        "before": "none before it",
        "request_id": "req",
        "records": None,
        "shard": None,
        "first": None,
        "last": None,
    }
    rows = list(csv.DictReader(io.StringIO(countagg("dead-letters", "list", "--output", "csv").out)))
    assert {row["ID"] for row in rows} == set(letters)


def test_looking_takes_nothing_away(letters: list[str], countagg: CommandLine) -> None:
    countagg("dead-letters", "list")
    countagg("dead-letters", "show", letters[0])
    countagg("dead-letters", "redrive", "--all")
    countagg("dead-letters", "purge", "--all")
    countagg("dead-letters", "purge", "unheard-of", "--yes")
    assert {each["MessageId"] for each in messages("dead-letters")} == set(letters)
    assert messages("uploads") == []


def test_one_is_shown_with_its_body(letters: list[str], countagg: CommandLine) -> None:
    found = countagg("dead-letters", "show", letters[2][:8], "--output", "json")
    assert found.code == 0
    assert (found.document["kind"], found.document["body"]) == ("unknown", "gar\x1bbage")
    shown = countagg("dead-letters", "show", letters[2][:8]).out
    assert r"gar\x1bbage" in shown
    assert countagg("dead-letters", "show", "nobody").code == 2


@pytest.mark.usefixtures("paused_processor")
def test_a_refusal_is_redriven_to_the_processor(letters: list[str], countagg: CommandLine) -> None:
    ran = countagg("dead-letters", "redrive", letters[0][:8], "--yes", "--output", "json")
    assert ran.code == 0
    assert ran.document["redriven"] == [
        {"id": letters[0], "outcome": "sent to the processor", "key": KEY, "note": None}
    ]
    (sent,) = messages("uploads")
    record = json.loads(sent["Body"])["Records"][0]
    assert (record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]) == ("b", KEY)
    assert {each["MessageId"] for each in messages("dead-letters")} == set(letters[1:])


@pytest.mark.usefixtures("paused_processor")
def test_an_upload_whose_object_is_not_found_is_told_and_redriven(
    letters: list[str], countagg: CommandLine
) -> None:
    event = load_event("s3-object-created-put")
    event["Records"][0]["s3"]["object"]["key"] = KEY
    url, body = queue("dead-letters"), json.dumps(event)
    name = boto3.client("sqs").send_message(QueueUrl=url, MessageBody=body)["MessageId"]
    assert name not in letters
    told = [
        each
        for each in countagg("dead-letters", "list", "--output", "json").document["messages"]
        if each["id"] == name
    ]
    assert [(each["kind"], each["key"]) for each in told] == [("upload without its object", KEY)]
    shown = countagg("dead-letters", "show", name, "--output", "json").document
    assert shown["reason"].endswith("; the object of this upload is not found")
    countagg("dead-letters", "redrive", name, "--yes")
    assert [message["Body"] for message in messages("uploads")] == [body]


def test_what_cannot_be_redriven_is_left_and_ends_with_4(letters: list[str], countagg: CommandLine) -> None:
    ran = countagg("dead-letters", "redrive", letters[2], "--yes")
    assert ran.code == 4
    assert "1 of 1 dead letters are left: its origin is unknown; `purge` deletes it" in ran.err
    assert len(messages("dead-letters")) == 3


def test_chosen_ones_are_deleted(letters: list[str], countagg: CommandLine) -> None:
    ran = countagg("dead-letters", "purge", letters[1], letters[2], "--yes")
    assert (ran.code, ran.out) == (0, "2 deleted\n")
    assert [each["MessageId"] for each in messages("dead-letters")] == [letters[0]]
    found = countagg("dead-letters", "purge", "--all", "--yes", "--output", "json").document
    assert found == {"schema": 1, "stack": "countagg", "purged": [letters[0]]}


@pytest.mark.parametrize("name", ["redrive", "purge"])
def test_without_a_terminal_or_a_choice_nothing_is_done(
    name: str, letters: list[str], countagg: CommandLine
) -> None:
    unasked = countagg("dead-letters", name, "--all")
    assert (unasked.code, "give --yes" in unasked.err) == (2, True)
    for arguments in ((), (letters[0], "--all")):
        ran = countagg("dead-letters", name, *arguments, "--yes")
        assert (ran.code, "give either ids or --all" in ran.err) == (2, True)
    assert len(messages("dead-letters")) == 3
