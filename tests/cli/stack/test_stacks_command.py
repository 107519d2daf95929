"""The stacks of an account, as they are shown."""

from __future__ import annotations

import csv
import io

import boto3
import pytest

from countagg.core.names import OWNER_TAG
from tests.cli.running import CommandLine


@pytest.mark.usefixtures("account")
def test_no_stack_is_said_on_stderr(countagg: CommandLine) -> None:
    ran = countagg("stacks")

    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "there is no stack in us-east-1; `countagg setup` makes one\n"
    assert countagg("stacks", "--output", "json").document == {"schema": 1, "region": "us-east-1", "stacks": []}


@pytest.mark.usefixtures("account")
def test_each_stack_has_a_line(countagg: CommandLine) -> None:
    assert countagg("setup", "--bucket", "own-bucket", "--create-bucket", "--yes").code == 0
    boto3.client("sqs").create_queue(QueueName="left-over", tags={OWNER_TAG: "other"})

    table = [line.split() for line in countagg("stacks").out.splitlines()]
    rows = list(csv.reader(io.StringIO(countagg("stacks", "--output", "csv").out)))
    documents = countagg("stacks", "--output", "json").document["stacks"]

    ours, other = documents
    assert (ours["stack"], ours["functions"], ours["tables"], ours["bucket"]) == ("countagg", 3, 3, "own-bucket")
    assert other == {"stack": "other", "resources": 1, "functions": 0, "tables": 0, "bucket": None}
    assert table[0] == ["STACK", "RESOURCES", "FUNCTIONS", "TABLES", "BUCKET"]
    assert table[1] == ["countagg", str(ours["resources"]), "3", "3", "own-bucket"]
    assert rows[1:] == [["countagg", str(ours["resources"]), "3", "3", "own-bucket"], ["other", "1", "0", "0", ""]]
