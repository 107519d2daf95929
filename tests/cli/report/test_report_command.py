"""report: on a stack on moto, as JSON, in short, and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from countagg.core.sequencer import normalise_sequencer
from countagg.data.letters import Refusal
from tests.aws.world import Calls, answer
from tests.cli.account import BUCKET, write_day
from tests.cli.running import CommandLine

DAY: Final = "2026-07-02"
BEFORE: Final = (date.fromisoformat(DAY) - timedelta(days=1)).isoformat()


@pytest.fixture(scope="module")
def _days(stack: None) -> None:  # noqa: ARG001 - it must be there
    write_day(BEFORE, {"i-1": {"COUNTER1": "100", "gone": "5", "same": "1"}})
    write_day(DAY, {"i-1": {"COUNTER1": "120.5", "same": "1"}, "i-2": {"COUNTER1": "0.000000001", "new": "7"}})


@pytest.fixture
def _refused(_days: None) -> Iterator[None]:
    sqs = boto3.client("sqs")
    queue = sqs.get_queue_url(QueueName="countagg-dead-letters")["QueueUrl"]
    key, newest = f"counters/{DAY}/values_i-2", normalise_sequencer("F" * 16)
    body = Refusal(BUCKET, key, newest, "line 3 is no counter", 3, "e", "r", f"{DAY}T10:00:00Z").to_message()
    sqs.send_message(QueueUrl=queue, MessageBody=body)
    yield
    (message,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.usefixtures("_refused")
def test_json_has_the_parts_as_the_commands_have_them_that_show_each_alone(countagg: CommandLine) -> None:
    ran = countagg("report", "--date", DAY, "--days", "3", "--output", "json")
    document = ran.document

    assert (ran.code, ran.err) == (0, "")
    assert list(document) == [
        *("schema", "stack", "date", "counters", "read_at", "closed", "not_allowed"),
        *("totals", "moves", "history", "instances", "refusals", "health"),
    ]
    assert (document["schema"], document["date"], document["counters"], document["not_allowed"]) == (
        1,
        DAY,
        [],
        [],
    )

    def alone(*words: str) -> dict[str, Any]:
        shown = countagg(*words, "--output", "json").document
        return {name: value for name, value in shown.items() if name != "schema"}

    assert document["totals"] == alone("query", "--date", DAY)
    first = (date.fromisoformat(DAY) - timedelta(days=2)).isoformat()
    assert document["history"] == alone("query", "--since", first, "--until", DAY)
    assert without_age(document["instances"]["instances"]) == without_age(
        alone("instances", "--date", DAY)["instances"]
    )
    assert without_age(document["refusals"]) == without_age(alone("dead-letters", "list")["messages"])
    assert [hop["hop"] for hop in document["health"]["hops"]] == [hop["hop"] for hop in alone("status")["hops"]]
    assert {each["counter"]: (each["before"], each["now"]) for each in document["moves"]} == {
        "COUNTER1": (100, document["totals"]["totals"]["COUNTER1"]),
        "gone": (5, None),
        "new": (None, 7),
    }


def without_age(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return documents without what two looks have not in common."""
    assert rows
    return [
        {name: value for name, value in row.items() if name not in {"age_seconds", "receives"}} for row in rows
    ]


@pytest.mark.usefixtures("_refused")
def test_people_see_the_figures_and_may_choose_counters(countagg: CommandLine) -> None:
    ran = countagg("report", "--date", DAY, "--counter", "COUNTER*", "--counter", "nobody")

    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[:2] == ["WHAT HOW", "counters 1: 1 changed against the day before"]
    assert lines[2].startswith("instances 2: uploaded ")
    assert lines[3:] == [
        "refused files 1: of 1 instance",
        "health not healthy: queue/dead-letters",
        "moved most COUNTER1 +20.500000001",
    ]


@pytest.mark.usefixtures("_days")
def test_the_page_takes_the_place_of_the_one_before(countagg: CommandLine) -> None:
    page = Path("report.html")
    page.write_text("the one before", encoding="utf-8")
    page.chmod(0o640)

    ran = countagg("report", "--date", DAY, "--save", page.name, "--query", "date")

    assert (ran.code, ran.out, ran.err) == (0, f'"{DAY}"\n', "written: report.html\n")
    assert page.read_text(encoding="utf-8").startswith(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    )
    assert page.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in Path().iterdir()] == [page.name]


@pytest.mark.usefixtures("_days")
def test_what_may_not_be_read_is_told_and_no_error(countagg: CommandLine, calls: Calls) -> None:
    for operation in ("ReceiveMessage", "Query"):
        calls.errors[operation] = [answer("AccessDeniedException", "not authorized", operation)]

    ran = countagg("report", "--date", DAY, "--save", "report.html", "--output", "json")

    assert ran.code == 0
    document = ran.document
    assert document["not_allowed"] == ["dynamodb:Query", "sqs:ReceiveMessage"]
    assert (document["instances"], document["refusals"]) == (None, None)
    assert document["totals"]["totals"]["same"] == 1
    assert ran.err == (
        "written: report.html\nnot all could be read; missing permissions: dynamodb:Query, sqs:ReceiveMessage\n"
    )
    page = Path("report.html").read_text(encoding="utf-8")
    assert page.count("not allowed: dynamodb:Query") == 2
    assert page.count("not allowed: sqs:ReceiveMessage") == 2
    assert "missing permissions: dynamodb:Query, sqs:ReceiveMessage." in page


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("day", ["2020-01-01", "0001-01-01", "tomorrow"])
def test_a_day_without_totals_is_no_error(day: str, countagg: CommandLine) -> None:
    ran = countagg("report", "--date", day, "--save", "report.html", "--output", "json")

    assert ran.code == 0
    assert (ran.document["totals"]["totals"], ran.document["moves"]) == ({}, None)
    assert "There are no totals of " in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("stack")
def test_without_a_day_it_is_today(countagg: CommandLine) -> None:
    days = [datetime.now(UTC).date().isoformat()]
    found = countagg("report", "--output", "json").document["date"]
    assert found in [*days, datetime.now(UTC).date().isoformat()]


@pytest.mark.parametrize(
    ("options", "code", "complaint"),
    [
        (("--save", "report.pdf"), 2, "countagg: --save: 'report.pdf' is not a page format"),
        (("--save", "-"), 2, "countagg: --save: '-' is not a page format"),
        (("--save", "no/report.html"), 2, "countagg: --save: there is no folder 'no'"),
        (("--days", "1"), 2, "--days"),
        (("--days", "93"), 2, "--days"),
        (("--rows", "0"), 2, "--rows"),
        (("--date", "30.2."), 2, "'30.2.' is not a date"),
        (("--output", "csv"), 2, "report has no form csv"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_stack_is_looked_for(
    options: tuple[str, ...], code: int, complaint: str, countagg: CommandLine
) -> None:
    ran = countagg("report", *options)

    assert (ran.code, ran.out) == (code, "")
    assert complaint in ran.err
