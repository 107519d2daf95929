"""What a deployed stack offers to other programs."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Final

import boto3
import pytest

from countagg.cli.main import main
from tests.cli.account import ACCOUNT, BUCKET, write_day
from tests.cli.app.test_help import leaves, tree
from tests.cli.running import CommandLine, Terminal

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


@pytest.mark.parametrize("arguments", [("plan",), ("setup",), ("status",), ("query", "--date", "today")])
def test_no_other_command_writes_variables(arguments: tuple[str, ...], countagg: CommandLine) -> None:
    ran = countagg(*arguments, "--output", "env")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: --output: {arguments[0]} has no form env\n  try: use table, json, csv")


def test_a_form_that_a_command_has_not_is_blamed_on_its_source(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("countagg.toml").write_text('output = "env"\n')
    assert countagg("status").err.startswith("countagg: output in countagg.toml: status has no form env\n")
    monkeypatch.setenv("COUNTAGG_OUTPUT", "env")
    assert countagg("status").err.startswith("countagg: COUNTAGG_OUTPUT: status has no form env\n")
    assert countagg("status", "--output", "env").err.startswith("countagg: --output: status has no form env\n")


@pytest.mark.usefixtures("stack")
def test_one_output_is_printed_as_it_is(countagg: CommandLine) -> None:
    found = countagg("outputs", "--output", "json").document["outputs"]

    for name in ("bucket", "totals_stream_arn"):
        assert countagg("outputs", name).out == f"{found[name]}\n"
    assert countagg("outputs", "bucket", "--output", "json").document["outputs"] == {"bucket": found["bucket"]}


@pytest.mark.usefixtures("stack")
def test_an_output_that_is_none_is_answered_with_those_there_are(countagg: CommandLine) -> None:
    ran = countagg("outputs", "buket")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        "countagg: NAME: there is no output 'buket'\n  try: bucket; it is one of stack, account, "
    )


LONG: Final = "i-0123456789abcdef" * 4
KEY: Final = f"counters/2026-07-01/values_{LONG}"
READ: Final = (
    "outputs",
    "open",
    "stacks",
    "plan",
    "status",
    "instances --date 2026-07-01",
    "query --date 2026-07-01 --by-instance",
    "query --since 2026-07-01 --until 2026-07-02",
    "limits list --date 2026-07-01",
    "subscribe list",
    "verify --settle 0 --date 2026-07-01",
    "explain COUNTER1 --date 2026-07-01",
    f"explain {KEY}",
    "logs",
    "dead-letters list",
    "dead-letters show 0",
    "report --date 2026-07-01",
    "bundle",
    "cost",
    "permissions print --role reader",
    "export cloudformation --out handover",
    "local status",
)
CHANGED: Final = (
    "setup --yes",
    f"limits set COUNTER{'R' * 100} 5",
    "limits unset COUNTER",
    "limits import limits.txt",
    "subscribe email on-call@example.org --yes",
    "subscribe https https://example.org/alerts --yes",
    f"subscribe queue arn:aws:sqs:eu-west-1:{ACCOUNT}:on-call --yes",
    "subscribe remove on-call@example.org --yes",
    "repair --dry-run --settle 0 --date today",
    "upload-sample",
    f"upload --bucket {BUCKET} --instance-id i-1 counters.txt",
    "dead-letters redrive --yes 0",
    "dead-letters purge --yes 0",
    "local stop",
)
ELSEWHERE: Final = {
    *("doctor", "teardown", "loadtest", "selftest", "limits test", "subscribe function", "local start"),
    "local env",
}
"""They take more than this account has; what they write goes the same way."""


@pytest.fixture(scope="module")
def _a_day(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give the stack a day."""
    for instance, value in ((LONG, 5), ("i-2", 6)):
        key = f"counters/2026-07-01/values_{instance}"
        boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=f"COUNTER1 {value}\n")
    write_day("2026-07-01", {LONG: {"COUNTER1": "5"}, "i-2": {"COUNTER1": "6"}})


def named(line: str) -> str:
    """Return the command that a line is of."""
    return max((name for name, _ in leaves(tree()) if f"{line} ".startswith(f"{name} ")), key=len)


def forms_of(command: object) -> str:
    [output] = [each for each in command.params if each.name == "output"]  # type: ignore[attr-defined]  # click's
    return str(output.metavar)


def test_every_command_with_json_is_asked_or_told_why_not() -> None:
    with_json = {name for name, found in leaves(tree()) if "json" in forms_of(found)}

    assert {named(line) for line in (*READ, *CHANGED)} | ELSEWHERE == with_json


def filled_in(line: str) -> list[str]:
    if line.endswith(" 0"):
        url = boto3.client("sqs").get_queue_url(QueueName="countagg-dead-letters")["QueueUrl"]
        sent = boto3.client("sqs").send_message(QueueUrl=url, MessageBody=f"no event, of {KEY}")
        return [*line.split()[:-1], sent["MessageId"]]
    Path("limits.txt").write_text("COUNTER1 7\n")
    Path("counters.txt").write_text("COUNTER1 7\n")
    return line.split()


@pytest.mark.usefixtures("_a_day")
@pytest.mark.parametrize("line", [*READ, *CHANGED])
def test_every_document_is_chosen_from(line: str, countagg: CommandLine) -> None:
    words = filled_in(line)

    ran = countagg(*words, "--query", "[keys(@)[0], schema || Version]", "--output", "text")

    found = [each.split("\t") for each in ran.out.splitlines()]
    assert ran.code in {0, 1, 4, 7}, ran.err
    assert all(len(each) == 2 and each[1] in {"1", "2012-10-17"} for each in found)
    assert len(found) == 1 or (line == "logs" and not found), ran


TABLES: Final = (
    *(("outputs", columns) for columns in (40, 80, 140)),
    ("stacks", 40),
    ("plan --retention logs=7", 40),
    ("instances --date 2026-07-01", 80),
    ("verify --settle 0 --date 2026-07-01", 40),
    ("explain COUNTER1 --date 2026-07-01", 80),
    (f"explain {KEY}", 40),
    ("dead-letters list", 80),
    ("dead-letters show 0", 40),
)


@pytest.mark.usefixtures("_a_day")
@pytest.mark.parametrize(("line", "columns"), TABLES)
def test_no_arn_address_or_key_is_broken_on_any_terminal(
    line: str, columns: int, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = filled_in(line)
    in_a_pipe = {word for word in countagg(*words).out.split() if re.search(r"^arn:|\w/\w|_i-", word)}
    monkeypatch.setenv("COLUMNS", str(columns))

    with contextlib.redirect_stdout(Terminal()) as out:
        main(words)

    assert in_a_pipe <= set(re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).split())
