"""The fixed forms of results that scripts rely on, on a stack."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import boto3
import pytest

from tests.cli.account import ACCOUNT, BUCKET, TALLY, write_day
from tests.cli.running import CommandLine
from tests.fakes.health import HOPS
from tests.provision.stacks import IDS

DAY: Final = "2026-07-01"
NAMES_DAY: Final = "2026-07-02"
STRANGE: Final = ("a\x1b[31mred", "tfel\u202eright", "[bold]b[/bold]", 'with,"comma"', "größe")
FORMS: Final = ("table", "json", "csv")

HOP_KEYS: Final = ["hop", "healthy", "state", "detail", "metrics", "not_allowed"]


@pytest.fixture(scope="module")
def days(stack: None) -> None:  # noqa: ARG001 - it must be there
    """Give the stack two days."""
    write_day(
        DAY,
        {
            "i-deadbeef": {"COUNTER1": "123456", "tenth": "0.1", "big": "12345678901234567890123"},
            "i-flub": {"COUNTER1": "67666", "tiny": "0.000000001", "big": "0.000000001"},
            "i-empty": {},
        },
    )
    write_day(NAMES_DAY, {"i-strange": dict.fromkeys(STRANGE, "1")})


@pytest.fixture
def _a_dead_letter(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName="countagg-dead-letters")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="refused")
    yield
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_setup_again_and_teardown_answer_in_one_form(account: None, countagg: CommandLine) -> None:  # noqa: ARG001
    options = ("--bucket", "brand-new", "--create-bucket", "--output", "json")
    planned = countagg("plan", *options)
    made = countagg("setup", *options, "--yes")
    again = countagg("setup", "--output", "json")
    removed = countagg("teardown", "--yes", "--output", "json")

    assert [ran.code for ran in (planned, made, again, removed)] == [0, 0, 0, 0]
    known = ["schema", "stack", "account", "region", "changes", "summary"]
    assert list(planned.document) == known
    assert list(made.document) == [*known, "seconds", "outputs"]
    assert list(again.document) == [*known, "seconds", "outputs"]
    assert list(removed.document) == [
        *known,
        "seconds",
        "left_over",
        "searched_by_tag",
        "foreign_notifications",
        "foreign_notifications_unchanged",
    ]
    assert [made.document[name] for name in known[:4]] == [1, "countagg", ACCOUNT, "us-east-1"]
    changes = made.document["changes"]
    assert [(change["resource"], change["action"]) for change in changes] == [(name, "create") for name in IDS]
    assert {name: planned.document[name] for name in known[:4]} == {
        name: made.document[name] for name in known[:4]
    }
    assert made.document["summary"] == {"create": len(IDS), "update": 0, "keep": 0, "delete": 0}
    assert planned.document["summary"] == made.document["summary"]
    assert again.document["summary"] == {"create": 0, "update": 0, "keep": len(IDS), "delete": 0}
    assert removed.document["summary"] == {"create": 0, "update": 0, "keep": 0, "delete": len(IDS)}
    assert {(change["resource"], change["action"]) for change in removed.document["changes"]} == {
        (name, "delete") for name in IDS
    }
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == [BUCKET]


def test_teardown_tells_what_it_keeps_and_why(account: None, countagg: CommandLine) -> None:  # noqa: ARG001
    countagg("setup", "--bucket", BUCKET, "--yes")

    ran = countagg("teardown", "--yes", "--keep-data", "--keep-logs")

    assert ran.code == 0
    lines = ran.out.splitlines()
    kept = lines[lines.index("Stays as it is") + 1 : lines.index("", lines.index("Stays as it is"))]
    assert [line.split(maxsplit=3) for line in kept] == [
        ["=", "kept", "bucket", f"{BUCKET}  (not ours)"],
        *(
            ["=", "kept", f"table/{name}", f"countagg-{name}  (--keep-data)"]
            for name in ("counters", "totals", "snapshots")
        ),
        *(
            ["=", "kept", f"logs/{name}", f"/aws/lambda/countagg-{name}  (--keep-logs)"]
            for name in ("publisher", "aggregator", "processor")
        ),
    ]
    assert TALLY.fullmatch(lines[-1])
    assert lines[-1].startswith(f"0 created, 0 updated, 7 kept, {len(IDS) - 7} deleted in ")
    assert sorted(boto3.client("dynamodb").list_tables()["TableNames"]) == [
        f"countagg-{name}" for name in ("counters", "snapshots", "totals")
    ]


@pytest.mark.usefixtures("stack")
def test_a_plan_where_nothing_is_pending_ends_with_0(countagg: CommandLine) -> None:
    ran = countagg("plan", "--detailed-exitcode")

    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Stays as it is",
        f"= keep    bucket  {BUCKET}  (not ours, used as it is)",
        "",
        f"plan: 0 to create, 0 to update, {len(IDS)} to keep, 0 to delete",
    ]


@pytest.mark.usefixtures("stack")
def test_a_plan_as_csv_names_every_resource(countagg: CommandLine) -> None:
    rows = parsed(countagg("plan", "--output", "csv").out)

    assert [row["resource"] for row in rows] == IDS
    assert {row["action"] for row in rows} == {"keep"}
    assert rows[-2]["note"] == "not ours, used as it is"


@pytest.mark.usefixtures("days")
def test_query_answers_with_exact_totals(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAY, "--output", "json")

    assert ran.code == 0
    assert ran.document == {
        "schema": 1,
        "date": DAY,
        "version": 7,
        "updated_at": f"{DAY}T10:00:01Z",
        "totals": {
            "COUNTER1": 191122,
            "big": Decimal("12345678901234567890123.000000001"),
            "tenth": Decimal("0.1"),
            "tiny": Decimal("0.000000001"),
        },
    }
    assert '"COUNTER1": 191122,' in ran.out
    assert '"big": 12345678901234567890123.000000001,' in ran.out
    assert '"tenth": 0.1,' in ran.out


@pytest.mark.usefixtures("days")
def test_query_by_instance_adds_who_contributes_what(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAY, "--by-instance", "--output", "json")

    assert list(ran.document) == ["schema", "date", "version", "updated_at", "totals", "instances"]
    assert ran.document["instances"] == {
        "i-deadbeef": {"COUNTER1": 123456, "big": 12345678901234567890123, "tenth": Decimal("0.1")},
        "i-empty": {},
        "i-flub": {"COUNTER1": 67666, "big": Decimal("1e-9"), "tiny": Decimal("1e-9")},
    }


@pytest.mark.usefixtures("days")
def test_query_for_people_groups_numbers(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAY)

    assert [line.split() for line in ran.out.splitlines()] == [
        ["COUNTER", "VALUE"],
        ["COUNTER1", "191,122"],
        ["big", "12,345,678,901,234,567,890,123.000000001"],
        ["tenth", "0.1"],
        ["tiny", "0.000000001"],
    ]
    assert re.fullmatch(rf"{DAY}, version 7, updated {DAY}T10:00:01Z, [0-9]+ \w+ ago\n", ran.err), ran.err


@pytest.mark.usefixtures("days")
def test_query_as_csv_parses_back(countagg: CommandLine) -> None:
    rows = parsed(countagg("query", "--date", DAY, "--output", "csv").out)

    assert {row["COUNTER"]: Decimal(row["VALUE"]) for row in rows} == {
        "COUNTER1": 191122,
        "big": Decimal("12345678901234567890123.000000001"),
        "tenth": Decimal("0.1"),
        "tiny": Decimal("0.000000001"),
    }


@pytest.mark.usefixtures("days")
def test_query_by_instance_as_csv_has_a_counters_instances_below_its_total(countagg: CommandLine) -> None:
    ran = countagg("query", "--date", DAY, "--by-instance", "--counter", "COUNTER1", "--output", "csv")

    assert ran.out.splitlines() == [
        "COUNTER,INSTANCE,VALUE",
        "COUNTER1,,191122",
        "COUNTER1,i-deadbeef,123456",
        "COUNTER1,i-flub,67666",
    ]


@pytest.mark.usefixtures("days")
def test_strange_names_are_harmless_in_tables_and_intact_in_documents(countagg: CommandLine) -> None:
    table = countagg("query", "--date", NAMES_DAY).out
    document = countagg("query", "--date", NAMES_DAY, "--output", "json").document
    rows = parsed(countagg("query", "--date", NAMES_DAY, "--output", "csv").out)

    assert "\x1b" not in table
    assert "\u202e" not in table
    assert r"a\x1b[31mred" in table
    assert r"tfel\u202eright" in table
    assert "[bold]b[/bold]" in table
    assert set(document["totals"]) == set(STRANGE)
    assert {row["COUNTER"] for row in rows} == {name.replace("\x1b", r"\x1b") for name in STRANGE}


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("form", FORMS)
def test_a_day_without_totals_is_no_error(form: str, countagg: CommandLine) -> None:
    ran = countagg("query", "--date", "2020-01-01", "--output", form)

    assert ran.code == 0
    assert ran.err == "there are no totals for 2020-01-01 (UTC) yet\n"
    if form == "json":
        nothing: dict[str, Any] = {"version": 0, "updated_at": None, "totals": {}, "files_not_included": 0}
        assert ran.document == {"schema": 1, "date": "2020-01-01", **nothing}
    else:
        assert ran.out == ("COUNTER,VALUE\n" if form == "csv" else "")


@pytest.mark.usefixtures("stack")
def test_status_shows_the_hops_in_the_order_of_the_data(countagg: CommandLine) -> None:
    ran = countagg("status", "--output", "json")

    assert ran.code == 0
    assert list(ran.document) == ["schema", "stack", "healthy", "hops"]
    assert (ran.document["schema"], ran.document["stack"], ran.document["healthy"]) == (1, "countagg", True)
    hops: list[dict[str, Any]] = ran.document["hops"]
    assert [hop["hop"] for hop in hops] == HOPS
    more = {
        **{f"function/{short}": ["code_current"] for short in ("processor", "aggregator", "publisher")},
        "alarms": ["in_alarm", "missing"],
        "last-upload": ["date"],
        "last-published": ["date"],
    }
    assert all(list(hop) == [*HOP_KEYS, *more.get(hop["hop"], [])] for hop in hops)
    assert all(hop["healthy"] is True for hop in hops)
    found = {hop["hop"]: hop for hop in hops}
    assert found["queue/uploads"]["metrics"] == {"waiting": 0, "in_flight": 0, "oldest_seconds": None}
    assert found["function/processor"]["metrics"] == dict.fromkeys(
        ["invocations", "errors", "throttles", "files_refused", "files_skipped"]
    )
    assert list(found["function/publisher"]["metrics"]) == [
        "invocations",
        "errors",
        "throttles",
        "iterator_age_seconds",
        "days_beyond_max_counters",
    ]
    # The hash of the zip is that of the deployed one.
    assert found["function/aggregator"]["code_current"] is True
    assert found["alarms"]["metrics"] == {"in_alarm": 0, "missing": 0}
    assert list(found["last-upload"]["metrics"]) == ["age_seconds", "version"]


@pytest.mark.usefixtures("_a_dead_letter")
@pytest.mark.parametrize("form", FORMS)
def test_status_ends_with_1_when_a_hop_is_not_healthy_and_says_which(form: str, countagg: CommandLine) -> None:
    ran = countagg("status", "--output", form)

    assert ran.code == 1
    assert ran.err == "not healthy: queue/dead-letters; `countagg dead-letters list` shows what failed\n"
    if form == "json":
        assert ran.document["healthy"] is False
        assert ran.document["hops"][HOPS.index("queue/dead-letters")] == {
            "hop": "queue/dead-letters",
            "healthy": False,
            "state": "present",
            "detail": "1 held",
            "metrics": {"held": 1},
            "not_allowed": [],
        }
    elif form == "csv":
        rows = parsed(ran.out)
        assert [row["HOP"] for row in rows if row["HEALTHY"] == "NO"] == ["queue/dead-letters"]
        assert [row["HOP"] for row in rows] == HOPS
    else:
        lines = [line.split() for line in ran.out.splitlines()]
        assert ["queue/dead-letters", "NO", "present", "1", "held"] in lines


@pytest.mark.usefixtures("paused_processor")
def test_status_of_a_hop_that_setup_would_put_back_says_so(countagg: CommandLine) -> None:
    ran = countagg("status")

    assert ran.code == 1
    assert ran.err == "not healthy: mapping/processor; `countagg plan` shows what setup would put back\n"
    assert countagg("plan", "--detailed-exitcode").out.splitlines()[:2] == [
        "~ update  mapping/processor  countagg-uploads -> countagg-processor",
        "      enabled: no => yes",
    ]


def days_ago(number: int) -> str:
    return (datetime.now(UTC) - timedelta(days=number)).date().isoformat()


@pytest.mark.usefixtures("stack")
def test_a_sample_upload_writes_the_four_instances_files(countagg: CommandLine) -> None:
    day = days_ago(3)
    ran = countagg("upload-sample", "--date", day, "--output", "json")

    assert ran.document == {
        "schema": 1,
        "date": day,
        "uploaded": 5,
        "instances": 4,
        "included": False,
    }
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"counters/{day}/")["Contents"]
    assert [item["Key"].rpartition("/")[2] for item in listed] == [
        "values_i-beefdead",
        "values_i-deadbeef",
        "values_i-flub",
        "values_i-foobazzled",
    ]


@pytest.mark.usefixtures("stack")
def test_a_fleet_is_uploaded_the_same_for_the_same_seed(countagg: CommandLine) -> None:
    def contents(day: str, *options: str) -> list[bytes]:
        assert countagg("upload-sample", "--date", day, "--instances", "3", *options).code == 0
        s3 = boto3.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"counters/{day}/")["Contents"]]
        return [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]

    first = contents(days_ago(4), "--counters", "2", "--seed", "5")

    assert [len(each.splitlines()) for each in first] == [2, 2, 2]
    assert contents(days_ago(5), "--counters", "2", "--seed", "5") == first
    assert contents(days_ago(6), "--counters", "2", "--seed", "6") != first
    assert [len(each.splitlines()) for each in contents(days_ago(7))] == [100, 100, 100]


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("ago", "reason"), [(40, "is more than 35 days before"), (-2, "is more than 1 day ahead")]
)
def test_a_day_whose_files_would_be_refused_is_refused_before_the_upload(
    countagg: CommandLine, ago: int, reason: str
) -> None:
    day = days_ago(ago)
    ran = countagg("upload-sample", "--date", day, "--wait")

    assert (ran.code, ran.out) == (2, "")
    assert f"countagg: --date: the date {day} {reason}" in ran.err
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"counters/{day}/")


@pytest.mark.usefixtures("stack")
def test_a_wait_for_totals_that_do_not_come_ends_with_9(countagg: CommandLine) -> None:
    today = datetime.now(UTC).date().isoformat()

    ran = countagg("upload-sample", "--date", today, "--wait", "--timeout", "0", "--output", "json")

    assert (ran.code, ran.out) == (9, "")
    assert f"countagg: totals of {today}: the totals include 0 of 4 files after 0 s\n" in ran.err
