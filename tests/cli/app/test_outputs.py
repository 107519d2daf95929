"""What a deployed stack offers to other programs."""

from __future__ import annotations

import csv
import io
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import boto3
import pytest

from tests.cli.account import ACCOUNT, BUCKET
from tests.cli.running import CommandLine

ARN: Final = f"us-east-1:{ACCOUNT}"
OUTPUTS: Final = {
    "stack": "countagg",
    "account": ACCOUNT,
    "region": "us-east-1",
    "bucket": BUCKET,
    "prefix": "counters/",
    "output_prefix": "totals/",
    "uploads_topic_arn": f"arn:aws:sns:{ARN}:countagg-uploads",
    "uploads_queue_url": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/countagg-uploads",
    "dead_letters_queue_url": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/countagg-dead-letters",
    "processor_function": "countagg-processor",
    "snapshots_table": "countagg-snapshots",
    "aggregator_function": "countagg-aggregator",
    "totals_table": "countagg-totals",
    "totals_stream_arn": f"arn:aws:dynamodb:{ARN}:table/countagg-totals/stream/",
    "publisher_function": "countagg-publisher",
    "counters_table": "countagg-counters",
    "counters_stream_arn": f"arn:aws:dynamodb:{ARN}:table/countagg-counters/stream/",
    "alerts_topic_arn": f"arn:aws:sns:{ARN}:countagg-alerts",
}


def without_labels(found: dict[str, str]) -> dict[str, str]:
    """Return the outputs without what AWS picks: the labels of streams, which must be there."""
    cut = {}
    for name, value in found.items():
        head, sign, label = value.partition("/stream/")
        assert bool(label) is bool(sign)
        cut[name] = head + sign
    return cut


@pytest.mark.usefixtures("stack")
def test_outputs_as_a_document_have_these_keys(countagg: CommandLine) -> None:
    ran = countagg("outputs", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    assert list(ran.document) == ["schema", "outputs"]
    assert list(ran.document["outputs"]) == list(OUTPUTS)
    assert without_labels(ran.document["outputs"]) == OUTPUTS


@pytest.mark.usefixtures("stack")
def test_the_addresses_work(countagg: CommandLine) -> None:
    found = countagg("outputs", "--output", "json").document["outputs"]
    url = boto3.client("sqs").get_queue_url(QueueName="countagg-uploads")["QueueUrl"]
    table = boto3.client("dynamodb").describe_table(TableName=found["totals_table"])["Table"]

    assert found["uploads_queue_url"] == url
    assert found["totals_stream_arn"] == table["LatestStreamArn"]
    assert boto3.client("sns").get_topic_attributes(TopicArn=found["alerts_topic_arn"])["Attributes"]


@pytest.mark.usefixtures("stack")
def test_setup_tells_the_same_outputs(countagg: CommandLine) -> None:
    assert (
        countagg("setup", "--output", "json").document["outputs"]
        == (countagg("outputs", "--output", "json").document["outputs"])
    )


@pytest.mark.usefixtures("stack")
def test_outputs_for_people_and_as_csv(countagg: CommandLine) -> None:
    lines = [line.split() for line in countagg("outputs").out.splitlines()]
    rows = list(csv.reader(io.StringIO(countagg("outputs", "--output", "csv").out)))

    assert lines[0] == ["OUTPUT", "VALUE"]
    assert rows[0] == ["output", "value"]
    assert lines[1:] == rows[1:]
    assert without_labels(dict(rows[1:])) == OUTPUTS


def evaluated(lines: str, name: str) -> str:
    """Return a variable's value after a shell has evaluated the lines."""
    script = f'{lines}\nprintf %s "${name}"'
    done = subprocess.run(["/bin/sh", "-euc", script], env={}, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.usefixtures("stack")
def test_outputs_as_variables_are_what_a_shell_evaluates(countagg: CommandLine) -> None:
    ran = countagg("outputs", "--output", "env")

    assert (ran.code, ran.err) == (0, "")
    found = {name: evaluated(ran.out, f"COUNTAGG_{name.upper()}") for name in OUTPUTS}
    assert without_labels(found) == OUTPUTS
    assert len(ran.out.splitlines()) == len(OUTPUTS)


@pytest.mark.usefixtures("stack")
def test_outputs_as_a_settings_file_are_all_that_an_instance_needs(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert countagg("setup", "--max-counters", "3", "--retention", "snapshots=7", "--yes").code == 0
    ran = countagg("outputs", "--output", "toml")
    assert (ran.code, ran.err) == (0, "")
    assert tomllib.loads(ran.out) == {
        "region": "us-east-1",
        "bucket": BUCKET,
        "prefix": "counters/",
        "max_counters": 3,
        "counter_shards": 1,
        "retention": {"snapshots": 7},
    }
    Path("countagg.toml").write_text(ran.out)
    Path("counters").write_text("A 1\nB 2\nC 3\n")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    sent = countagg("upload", "counters", "--instance-id", "i-1", "--output", "json")
    assert (sent.code, sent.document["bucket"]) == (0, BUCKET)
    (file,) = sent.document["files"]
    assert boto3.client("s3", "us-east-1").get_object(Bucket=BUCKET, Key=file["key"])["Body"].read()
    # What the stack would refuse is seen on the instance, by the same file.
    Path("counters").write_text("A 1\nB 2\nC 3\nD 4\n")
    refused = countagg("upload", "counters", "--instance-id", "i-1")
    assert refused.code != 0
    assert "more than 3 counters" in refused.err


@pytest.mark.parametrize("form", ["table", "json", "csv", "env", "toml"])
@pytest.mark.usefixtures("account")
def test_without_a_stack_there_are_no_outputs(form: str, countagg: CommandLine) -> None:
    ran = countagg("outputs", "--stack", "ghost", "--output", form)

    assert (ran.code, ran.out) == (5, "")
    assert ran.err.startswith("countagg: there is no stack 'ghost' in us-east-1\n")


@pytest.mark.parametrize("arguments", [("plan",), ("setup",), ("status",), ("query", "--date", "today")])
def test_no_other_command_writes_variables(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*arguments, "--output", "env")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --output: {arguments[0]} has no form env\n  try: use table, json, csv")


def test_a_form_that_a_command_has_not_is_blamed_on_its_source(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("countagg.toml").write_text('output = "env"\n')
    assert countagg("status").err.startswith("countagg: countagg.toml: status has no form env\n")
    monkeypatch.setenv("COUNTAGG_OUTPUT", "env")
    assert countagg("status").err.startswith("countagg: COUNTAGG_OUTPUT: status has no form env\n")
    assert countagg("status", "--output", "env").err.startswith("countagg: --output: status has no form env\n")


def test_one_output_is_printed_as_it_is(countagg: CommandLine) -> None:
    found = countagg("outputs", "--output", "json").document["outputs"]

    for name in ("bucket", "totals_stream_arn"):
        assert countagg("outputs", name).out == f"{found[name]}\n"
    assert countagg("outputs", "bucket", "--output", "json").document["outputs"] == {"bucket": found["bucket"]}


def test_an_output_that_is_none_is_answered_with_those_there_are(countagg: CommandLine) -> None:
    ran = countagg("outputs", "buket")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("countagg: NAME: there is no output 'buket'\n  try: it is one of stack, account, ")
