"""explain: its forms, exit codes and complaints, on a stack without working functions."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import boto3
import pytest

from countagg.core.sequencer import normalise_sequencer
from tests.aws.world import Calls, answer
from tests.cli.account import BEGUN, BUCKET, empty_bucket, publish_day, write_day
from tests.cli.running import CommandLine
from tests.cli.scenes import COUNTER, plain

TODAY: Final = datetime.now(UTC).date()
DAY: Final = (TODAY - timedelta(days=1)).isoformat()
FILES: Final = {"i-1": {"A": "1.5", "B\x1b": "5"}, "i-2": {"A": "10"}}
TOTALS: Final = {"A": "11.5", "B\x1b": "5"}
KEYS: Final = {instance: f"counters/{DAY}/values_{instance}" for instance in ("i-1", "i-2", "i-3")}
MOMENT: Final = f"{DAY}T10:00:00Z"
AGE: Final = re.compile(r"\d+ (?:d|h|min|s) ago")
AGED: Final = [f"{MOMENT},", "AGE"]
SHORT: Final = [f"{BEGUN}{number:08X}" for number in (1, 2)]
SEQUENCERS: Final = [normalise_sequencer(each) for each in SHORT]


@pytest.fixture
def _day(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Give the stack a day on which all hops agree."""
    write_day(DAY, FILES)
    for instance, counters in FILES.items():
        put_file(instance, "".join(f"{name} {value}\n" for name, value in counters.items()))
        update("snapshots", {"Instance": instance}, "ETag", {"S": etag_of(instance)})
    publish_day(DAY, TOTALS)
    yield
    empty_bucket()


def put_file(instance: str, content: str) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=KEYS[instance], Body=content.encode())


def etag_of(instance: str) -> str:
    return boto3.client("s3").head_object(Bucket=BUCKET, Key=KEYS[instance])["ETag"].strip('"')


def update(table: str, key: dict[str, str], name: str, value: Any) -> None:
    boto3.client("dynamodb").update_item(
        TableName=f"countagg-{table}",
        Key={each: {"S": text} for each, text in {"Date": DAY, **key}.items()},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


# A total


@pytest.mark.usefixtures("_day")
def test_the_document_of_a_total(countagg: CommandLine) -> None:
    put_file("i-3", "A 0.25\n")

    ran = countagg("explain", "A", "--date", "yesterday", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    assert ran.document == {
        "schema": 1,
        "kind": "counter",
        "date": DAY,
        "counter": "A",
        "adds_up": True,
        "sum": Decimal("11.5"),
        "parts": [
            {
                "instance": instance,
                "key": KEYS[instance],
                "included": True,
                "value": value,
                "etag": etag_of(instance),
                "sequencer": sequencer,
                "uploaded_at": MOMENT,
                "pending": None,
                "pending_value": None,
            }
            for instance, value, sequencer in zip(FILES, (Decimal("1.5"), 10), SEQUENCERS, strict=True)
        ]
        + [
            {
                "instance": "i-3",
                "key": KEYS["i-3"],
                "included": False,
                "value": None,
                "etag": None,
                "sequencer": None,
                "uploaded_at": None,
                "pending": "a newer file is on its way to the snapshots",
                "pending_value": Decimal("0.25"),
            }
        ],
        "unknown": [],
        "expired": False,
        "ledger": {
            "version": 7,
            "updated_at": f"{DAY}T10:00:01Z",
            "value": Decimal("11.5"),
            "instances": 2,
        },
        "counters_table": {"version": 7, "value": Decimal("11.5")},
        "object": {"key": f"totals/{DAY}", "version": 7, "value": Decimal("11.5")},
    }


@pytest.mark.usefixtures("_day")
def test_a_total_for_people_shows_that_it_adds_up(countagg: CommandLine) -> None:
    put_file("i-2", "A 12345.5\n")

    ran = countagg("explain", "A", "--date", DAY)

    assert (ran.code, ran.err) == (0, "")
    assert [line.split() for line in AGE.sub("AGE", ran.out).splitlines()] == [
        ["INSTANCE", "VALUE", "UPLOADED", "SEQUENCER", "STATE"],
        ["i-1", "1.5", *AGED, SHORT[0], "included"],
        ["i-2", "10", *AGED, SHORT[1], "included", "*"],
        ["sum", "11.5", "adds", "up"],
        ["*", "i-2:", "a", "newer", "file", "is", "on", "its", "way", "to", "the", "snapshots", "(12,345.5)"],
        [],
        ["HOP", "VALUE", "VERSION"],
        ["ledger", "11.5", "7", "of", "2", "instances"],
        ["counters", "11.5", "7"],
        ["object", "11.5", "7", f"s3://{BUCKET}/totals/{DAY}"],
    ]


@pytest.mark.usefixtures("_day")
def test_a_total_as_csv_has_a_row_for_each_file(countagg: CommandLine) -> None:
    rows = list(csv.DictReader(io.StringIO(countagg("explain", "A", "--date", DAY, "--output", "csv").out)))

    assert rows[0] == {
        "INSTANCE": "i-1",
        "KEY": KEYS["i-1"],
        "VALUE": "1.5",
        "ETAG": etag_of("i-1"),
        "SEQUENCER": SEQUENCERS[0],
        "UPLOADED": MOMENT,
        "PENDING": "",
        "PENDING_VALUE": "",
    }
    assert len(rows) == 2


@pytest.mark.usefixtures("_day")
def test_files_that_do_not_give_the_total_end_with_7(countagg: CommandLine) -> None:
    document = boto3.client("dynamodb").get_item(TableName="countagg-totals", Key={"Date": {"S": DAY}})["Item"]
    write_day(DAY, {"i-1": {"A": "2"}, "i-2": {"A": "10"}})
    update("totals", {}, "Document", document["Document"])

    ran = countagg("explain", "A", "--date", DAY)

    assert ran.code == 7
    assert "DOES NOT ADD UP" in ran.out
    assert ran.err.endswith(
        f"the files do not give the total; `countagg verify --date {DAY}` tells what is wrong\n"
    )


@pytest.mark.usefixtures("_day")
def test_a_strange_counter_is_harmless(countagg: CommandLine) -> None:
    ran = countagg("explain", "B\x1b", "--date", DAY)
    assert ran.code == 0
    assert "\x1b" not in ran.out
    assert "of 1 instance\n" in ran.out

    nowhere = countagg("explain", "C\x1b", "--date", DAY)
    assert nowhere.code == 1
    assert "\x1b" not in nowhere.err


@pytest.mark.usefixtures("_day")
@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("Q", "--date", DAY), 1, f"no file of {DAY} names the counter 'Q'\n  try: `countagg query --date {DAY}`"),
        (("A", "--date", "2020-01-01"), 1, "there are no totals for 2020-01-01 (UTC)\n  try: check --date"),
        (("A", "--date", "soon"), 2, "--date: 'soon' is not a date"),
        ((KEYS["i-1"], "--date", DAY), 2, "--date: the day of a file stands in its key\n  try: leave it out"),
        (
            ("s3://other/x",),
            2,
            "s3://other/x: the bucket 'other' is not that of the stack\n  try: the stack reads",
        ),
        (("counters/readme",), 1, "counters/readme: it is not a counter file, so the pipeline skips it\n  try: "),
        ((KEYS["i-3"],), 1, f"{KEYS['i-3']}: there is no such file, and none was ever counted\n  try: `aws s3 ls"),
    ],
)
def test_what_is_nowhere_is_an_error_with_what_next(
    countagg: CommandLine, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    ran = countagg("explain", *arguments)

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"countagg: {complaint}")


@pytest.mark.parametrize(("columns", "has_sequencers"), [(80, False), (200, True)])
def test_a_line_for_each_file_also_on_a_narrow_terminal(
    columns: int, monkeypatch: pytest.MonkeyPatch, *, has_sequencers: bool
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = plain(COUNTER.shown())

    assert max(map(len, lines)) <= columns
    assert ("SEQUENCER" in lines[0]) is has_sequencers
    assert [line.split()[0] for line in lines[1:7]] == [
        *("i-beefdead", "i-deadbeef", "i-flub", "i-foobazzled", "sum", "*")
    ]
    assert "2026-11-20T10:00:01Z, 1 h ago" in lines[1]


# A file


def write_log(message: dict[str, str]) -> None:
    logs = boto3.client("logs")
    group = "/aws/lambda/countagg-processor"
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    stamp = int(datetime.now(UTC).timestamp() * 1000)
    event: Any = {"timestamp": stamp, "message": json.dumps({"level": "WARNING", **message})}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])


@pytest.fixture
def _no_stream(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    yield
    boto3.client("logs").delete_log_stream(logGroupName="/aws/lambda/countagg-processor", logStreamName="s")


@pytest.mark.usefixtures("_day")
def test_the_document_of_a_file(countagg: CommandLine) -> None:
    ran = countagg("explain", f"s3://{BUCKET}/{KEYS['i-2']}", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    document = ran.document
    log, found = document.pop("log"), document.pop("object")
    assert document == {
        "schema": 1,
        "kind": "file",
        "key": KEYS["i-2"],
        "date": DAY,
        "instance": "i-2",
        "pending": None,
        "refused": None,
        "snapshot": {
            "etag": etag_of("i-2"),
            "sequencer": SEQUENCERS[1],
            "content_sequencer": SEQUENCERS[1],
            "uploaded_at": MOMENT,
            "same_content": True,
        },
        "expired": False,
        "ledger": {
            "version": 7,
            "updated_at": f"{DAY}T10:00:01Z",
            "included": True,
            "sequencer": SEQUENCERS[1],
        },
        "totals": [
            {
                "counter": "A",
                "file": 10,
                "snapshot": 10,
                "total": Decimal("11.5"),
                "share": Decimal("0.869565"),
            }
        ],
    }
    modified = datetime.fromisoformat(found.pop("modified_at"))
    assert found == {"etag": etag_of("i-2"), "size": 5, "counters": 1}
    assert datetime.fromisoformat(log["since"]) == modified - timedelta(minutes=1)
    assert modified <= datetime.fromisoformat(log["until"]) <= modified + timedelta(minutes=15)
    assert (log["not_allowed"], log["lines"]) == ([], [])


@pytest.mark.usefixtures("_day")
def test_a_file_that_repeats_the_one_before_is_included_and_says_since_when(countagg: CommandLine) -> None:
    key, later = {"Date": {"S": DAY}, "Instance": {"S": "i-2"}}, normalise_sequencer("00674760C0")
    boto3.client("dynamodb").update_item(
        TableName="countagg-snapshots",
        Key=key,
        UpdateExpression="SET Sequencer = :later, ContentSequencer = :content, Change = :change",
        ExpressionAttributeValues={
            ":later": {"S": later},
            ":content": {"S": SEQUENCERS[1]},
            ":change": {"S": "order"},
        },
    )

    document = countagg("explain", KEYS["i-2"], "--output", "json").document
    assert (document["snapshot"]["sequencer"], document["snapshot"]["content_sequencer"]) == (later, SEQUENCERS[1])
    assert (document["ledger"]["included"], document["pending"]) == (True, None)
    assert f", unchanged since {SEQUENCERS[1].rstrip('0')}" in countagg("explain", KEYS["i-2"]).out
    parts = countagg("explain", "A", "--date", DAY, "--output", "json").document["parts"]
    assert {each["instance"]: each["sequencer"] for each in parts}["i-2"] == SEQUENCERS[1]


@pytest.mark.usefixtures("_day", "_no_stream")
def test_a_refused_file_for_people_with_what_the_log_says_of_it(countagg: CommandLine) -> None:
    put_file("i-2", "A 1\nB\x1b\n")
    write_log({"message": "file refused", "key": KEYS["i-2"]})

    ran = countagg("explain", KEYS["i-2"])

    assert (ran.code, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    head, shares, log = (part.splitlines() for part in ran.out.split("\n\n"))
    reason = r"'B\x1b' is not COUNTER VALUE"
    assert [AGE.sub("AGE", line).rstrip().split(maxsplit=2) for line in head] == [
        ["HOP", "STATE", "DETAIL"],
        ["object", "refused", f"line 2: {reason}"],
        ["snapshot", "present", f"{MOMENT}, AGE, sequencer {SHORT[1]}"],
        ["ledger", "included", "version 7"],
    ]
    assert [line.split() for line in shares] == [
        ["COUNTER", "FILE", "SNAPSHOT", "TOTAL", "SHARE"],
        ["A", "-", "10", "11.5", "87.0", "%"],
    ]
    assert log[0].startswith("log from ")
    assert log[0].endswith(", what mentions the file:")
    assert log[1].endswith(f"processor  WARNING  file refused key={KEYS['i-2']}")
    assert len(log) == 2


@pytest.mark.usefixtures("_day")
def test_a_file_as_csv_has_a_row_for_each_counter(countagg: CommandLine) -> None:
    rows = list(csv.reader(io.StringIO(countagg("explain", KEYS["i-1"], "--output", "csv").out)))

    assert rows == [
        ["COUNTER", "FILE", "SNAPSHOT", "TOTAL", "SHARE"],
        ["A", "1.5", "1.5", "11.5", "0.130435"],
        [r"B\x1b", "5", "5", "5", "1"],
    ]


@pytest.mark.usefixtures("_day")
def test_a_file_with_a_key_that_is_refused(countagg: CommandLine) -> None:
    key = f"counters/{DAY}/values_not ours"
    boto3.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"A 1\n")

    document = countagg("explain", key, "--output", "json").document
    table = countagg("explain", key).out

    assert document["refused"]["reason"].startswith("the instance id 'not ours'")
    assert (document["instance"], document["snapshot"], document["totals"]) == (None, None, [])
    assert table.splitlines()[1].split()[:2] == ["object", "refused"]


@pytest.mark.usefixtures("_day")
def test_logs_that_may_not_be_read_are_named_and_end_nothing(countagg: CommandLine, calls: Calls) -> None:
    denial = "User: u is not authorized to perform: logs:FilterLogEvents on resource: arn:r because"
    calls.errors["FilterLogEvents"] = [answer("AccessDeniedException", denial, "FilterLogEvents")] * 2

    document = countagg("explain", KEYS["i-1"], "--output", "json").document
    table = countagg("explain", KEYS["i-1"])

    assert (document["log"]["lines"], document["log"]["not_allowed"]) == (None, ["logs:FilterLogEvents"])
    assert table.code == 0
    assert table.out.splitlines()[-1].endswith(": not allowed: logs:FilterLogEvents")
