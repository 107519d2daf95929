"""verify and repair: their forms, exit codes and questions, on a stack without working functions."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3
import pytest

from countagg.core.published import published_metadata
from tests.cli.account import BUCKET, empty_bucket, publish_day, put_counter, write_day
from tests.cli.running import CommandLine, Terminal

DAY: Final = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
FILES: Final = {"i-1": {"A": "1.5", "B": "5"}, "i-2": {"A": "10"}}
TOTALS: Final = {"A": "11.5", "B": "5"}
NO_WAIT: Final = ("--settle", "0")


@pytest.fixture
def _day(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Give the stack a day on which all hops agree."""
    s3 = boto3.client("s3")
    for instance, counters in FILES.items():
        content = "".join(f"{name} {value}\n" for name, value in counters.items())
        s3.put_object(Bucket=BUCKET, Key=f"counters/{DAY}/values_{instance}", Body=content)
    write_day(DAY, FILES)
    publish_day(DAY, TOTALS)
    yield
    empty_bucket()


def counter(name: str) -> str:
    key: Any = {"Counter": {"S": name}, "Date": {"S": DAY}}
    return boto3.client("dynamodb").get_item(TableName="countagg-counters", Key=key)["Item"]["Value"]["N"]


@pytest.mark.usefixtures("_day")
def test_a_day_that_is_right_ends_with_0(countagg: CommandLine) -> None:
    ran = countagg("verify", "--date", DAY)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{DAY}: 2 files, version 7: all totals are right\n"


@pytest.mark.usefixtures("_day")
def test_the_document_of_a_day_that_is_right(countagg: CommandLine) -> None:
    assert countagg("verify", "--date", "yesterday", "--output", "json").document == {
        "schema": 1,
        "date": DAY,
        "ok": True,
        "files": 2,
        "version": 7,
        "differences": [],
        "in_flight": [],
        "refused": [],
    }


@pytest.mark.usefixtures("_day")
def test_a_difference_ends_with_7_and_is_named(countagg: CommandLine) -> None:
    put_counter(DAY, "A", "12.25")
    ran = countagg("verify", "--date", DAY, "--output", "json", *NO_WAIT)
    assert ran.code == 7
    assert ran.document["ok"] is False
    assert '"expected": 11.5,' in ran.out
    (found,) = ran.document["differences"]
    assert found == {
        "hop": "counters",
        "what": "the item is wrong",
        "instance": None,
        "counter": "A",
        "expected": found["expected"],
        "found": found["found"],
    }
    assert f"1 difference; `countagg repair --date {DAY}` mends what is wrong" in ran.err


@pytest.mark.usefixtures("_day")
def test_differences_as_a_table_and_as_csv(countagg: CommandLine) -> None:
    put_counter(DAY, "B", "1234567.25")
    table = countagg("verify", "--date", DAY, *NO_WAIT).out.splitlines()
    assert table[0].split() == ["HOP", "INSTANCE", "COUNTER", "EXPECTED", "FOUND", "WHAT"]
    assert table[1].split() == ["counters", "B", "5", "1,234,567.25", "the", "item", "is", "wrong"]
    rows = list(csv.DictReader(io.StringIO(countagg("verify", "--date", DAY, "--output", "csv", *NO_WAIT).out)))
    assert [(row["COUNTER"], row["EXPECTED"], row["FOUND"]) for row in rows] == [("B", "5", "1234567.25")]


@pytest.mark.usefixtures("_day")
def test_refused_files_are_told_and_no_difference(countagg: CommandLine) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{DAY}/values_i-3", Body=b"A 1\nB\x1b\n")
    for command in ("verify", "repair"):
        ran = countagg(command, "--date", DAY, *NO_WAIT)
        assert ran.code == 0
        assert f"refused: counters/{DAY}/values_i-3: line 2, 'B\\x1b' is not COUNTER VALUE\n" in ran.err
    document = countagg("verify", "--date", DAY, "--output", "json", *NO_WAIT).document
    assert document["refused"] == [
        {
            "key": f"counters/{DAY}/values_i-3",
            "reason": "'B\\x1b' is not COUNTER VALUE",
            "line": 2,
        }
    ]


@pytest.mark.usefixtures("_day")
def test_a_healthy_day_is_not_asked_about(countagg: CommandLine) -> None:
    ran = countagg("repair", "--date", DAY)
    assert (ran.code, ran.out) == (0, f"{DAY}: nothing to repair\n")
    assert countagg("repair", "--date", DAY, "--output", "json").document == {
        "schema": 1,
        "date": DAY,
        "repaired": [],
    }


@pytest.mark.usefixtures("_day")
def test_a_dry_run_shows_what_would_be_done_and_does_nothing(countagg: CommandLine) -> None:
    put_counter(DAY, "A", "12.25")
    ran = countagg("repair", "--date", DAY, "--dry-run", "--output", "json", *NO_WAIT)
    assert ran.code == 0
    assert ran.document == {
        "schema": 1,
        "date": DAY,
        "repaired": [
            {"hop": "counters", "action": "write what the ledger says", "instance": None, "counter": "A"}
        ],
        "dry_run": True,
    }
    assert counter("A") == "12.25"


@pytest.mark.usefixtures("_day")
def test_nothing_is_changed_without_being_asked_for(countagg: CommandLine) -> None:
    put_counter(DAY, "A", "12.25")
    ran = countagg("repair", "--date", DAY, *NO_WAIT)
    assert (ran.code, ran.out) == (2, "")
    assert "give --yes" in ran.err
    assert f"{DAY}: counters: write what the ledger says (1)" in ran.err
    assert counter("A") == "12.25"


@pytest.mark.usefixtures("_day")
def test_what_was_mended_is_told(countagg: CommandLine) -> None:
    put_counter(DAY, "A", "12.25")
    ran = countagg("repair", "--date", DAY, "--yes", *NO_WAIT)
    assert ran.code == 0
    assert "principal  arn:aws:" in ran.err
    assert ran.out.splitlines()[1].split() == [DAY, "counters", "A", "write", "what", "the", "ledger", "says"]
    assert counter("A") == "11.5"
    assert countagg("verify", "--date", DAY, *NO_WAIT).code == 0


@pytest.mark.usefixtures("_day")
def test_several_days_come_as_a_list(countagg: CommandLine) -> None:
    put_counter(DAY, "B", "6")
    ran = countagg("repair", "--since", DAY, "--until", "today", "--yes", "--output", "json", *NO_WAIT)
    assert ran.code == 0
    assert [(day["date"], len(day["repaired"])) for day in ran.document["days"]] == [
        (DAY, 1),
        (datetime.now(UTC).date().isoformat(), 0),
    ]


@pytest.mark.usefixtures("_day")
def test_what_cannot_be_mended_ends_with_4(countagg: CommandLine) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{DAY}/values_i-9", Body=b"A 1\n")
    ran = countagg("repair", "--date", DAY, "--yes", "--timeout", "0", *NO_WAIT)
    assert ran.code == 4
    assert f"1 difference left: {DAY} snapshots: the file has no snapshot i-9" in ran.err
    assert "`countagg status`" in ran.err


@pytest.mark.usefixtures("_day")
def test_what_is_left_of_no_instance_and_no_counter_names_none(countagg: CommandLine) -> None:
    of_another = published_metadata("other", 7, f"{DAY}T12:00:00Z")
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"totals/{DAY}", Body=b"A 1\n", Metadata=of_another)
    ran = countagg("repair", "--date", DAY, "--yes", *NO_WAIT)
    assert ran.code == 4
    assert "move it away, or set up with another --output-prefix\n  try: " in ran.err


@pytest.mark.usefixtures("_day")
@pytest.mark.parametrize("line", ["verify", "repair --dry-run"])
def test_a_wait_says_what_for(line: str, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{DAY}/values_i-9", Body=b"A 1\n")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    countagg(*line.split(), "--date", DAY, "--settle", "0.2")

    assert "waiting for it to settle" in terminal.getvalue()


@pytest.mark.usefixtures("_day")
def test_what_no_repair_can_mend_ends_with_4_at_once(countagg: CommandLine) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{DAY}/values_i-2", Body=b"garbage")
    boto3.client("dynamodb").update_item(
        TableName="countagg-snapshots",
        Key={"Date": {"S": DAY}, "Instance": {"S": "i-2"}},
        UpdateExpression="SET Counters = :garbage",
        ExpressionAttributeValues={":garbage": {"B": b"garbage"}},
    )
    for options in (("--dry-run",), ("--yes",)):
        ran = countagg("repair", "--date", DAY, *options, *NO_WAIT)
        assert ran.code == 4
        assert f"1 difference left: {DAY} snapshots: the snapshot cannot be read i-2" in ran.err
        assert "a refused file needs a good upload" in ran.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "give either a day or the first of several"),
        (("--date", "today", "--since", "today"), "give either a day or the first of several"),
        (("--until", "today"), "give either a day or the first of several"),
        (("--since", "today", "--until", "yesterday"), "lies before"),
        (("--date", "2020-01-01"), "is more than 35 days before"),
        (("--since", "2020-01-01"), "is more than 35 days before"),
        (("--since", "tomorrow"), "without --until the last one is today"),
        (("--since", "soon"), "--since: 'soon' is not a date"),
    ],
)
@pytest.mark.usefixtures("stack")
def test_days_that_cannot_be_repaired_are_a_wrong_command_line(
    arguments: tuple[str, ...], complaint: str, countagg: CommandLine
) -> None:
    ran = countagg("repair", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
