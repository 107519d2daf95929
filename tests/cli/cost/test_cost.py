"""cost: its forms, and what it says of prices and of what was measured."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import boto3
import pytest

from countagg.operate.cost.prices import Meter
from tests.cli.running import CommandLine
from tests.readme import README

LINE: Final = ["hop", "service", "meter", "unit", "quantity", "usd", "formula"]
SERVICES: Final = ["S3", "SNS", "SQS", "Lambda", "DynamoDB", "CloudWatch"]


@pytest.fixture(autouse=True)
def _a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def test_the_document(countagg: CommandLine) -> None:
    ran = countagg("cost", "--instances", "50", "--counters", "20", "--interval", "30", "--output", "json")

    assert (ran.code, ran.err) == (0, "")
    found = ran.document
    assert list(found) == [
        "schema",
        "instances",
        "counters",
        "interval",
        "days",
        "files",
        "recommended",
        "prices",
        "free_tier",
        "layouts",
        "write_units_per_file",
        "growth",
        "windows",
        "assumptions",
    ]
    assert found["files"] == 50 * 2 * 60 * 24 * 30
    assert found["recommended"] == {"lanes": 1, "counter_shards": 1}
    assert found["prices"] == {"region": "us-east-1", "as_of": "2026-11-20"}
    assert found["free_tier"] is False
    for layout in ("countagg", "article"):
        bill = found["layouts"][layout]
        assert list(bill) == ["usd", "by_service", "by_hop", "lines"]
        assert all(list(line) == LINE for line in bill["lines"])
        assert float(sum(bill["by_service"].values())) == pytest.approx(float(bill["usd"]), abs=1e-4)
        assert float(sum(bill["by_hop"].values())) == pytest.approx(float(bill["usd"]), abs=1e-4)
    assert found["write_units_per_file"]["article"] == 20 * (2 * 2 + 1)
    assert 1 < found["write_units_per_file"]["countagg"] < 30
    assert [list(each) for each in found["growth"]] == [["instances", "counters", "countagg", "article"]] * 8
    assert {each["function"] for each in found["windows"]} == {"processor", "aggregator", "publisher"}
    assert found["assumptions"]["changed_files"] == 1
    assert found["assumptions"]["packed_bytes_per_counter"] > 3


def test_for_people(countagg: CommandLine) -> None:
    ran = countagg("cost")
    lines = [line.split() for line in ran.out.splitlines()]

    assert ran.code == 0
    assert ran.out.startswith("100 instances, 100 counters, a file every 60 s, 30 days: 4,320,000 files\n")
    assert "no free tier counted" in ran.out
    assert [line[0] for line in lines[4:11]] == [*SERVICES, "total"]
    # Both tables, and the growth's line of this very size, say the same.
    totals = [line for line in lines if line[:1] == ["total"]]
    assert totals[0] == totals[1]
    assert ["100", "100", *totals[0][1:]] in lines


def test_readme_shows_it_as_it_prints(monkeypatch: pytest.MonkeyPatch, countagg: CommandLine) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    command, *shown = next(
        block.splitlines()
        for block in re.findall(r"^```\n\$ (countagg cost .*?)^```", README, re.MULTILINE | re.DOTALL)
    )

    printed = countagg(*command.split()[1:]).out

    assert [line.rstrip() for line in printed.splitlines()] == shown


def test_as_csv(countagg: CommandLine) -> None:
    ran = countagg("cost", "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(ran.out)))

    assert list(rows[0]) == ["LAYOUT", "HOP", "SERVICE", "UNIT", "QUANTITY", "USD", "FORMULA"]
    assert {row["LAYOUT"] for row in rows} == {"countagg", "article"}
    ours = sum(Decimal(row["USD"]) for row in rows if row["LAYOUT"] == "countagg")
    document = countagg("cost", "--output", "json").document
    assert float(ours) == pytest.approx(float(document["layouts"]["countagg"]["usd"]), abs=1e-4)


def test_with_its_formulas(countagg: CommandLine) -> None:
    out = countagg("cost", "--explain").out

    assert "publications x changed counters x (table + index)" in out
    assert "files x counters x 2 updates x KB of a counter's item" in out
    assert "packed bytes per counter" in out
    assert all(f"\n{meter.value} " in out for meter in Meter)


def test_the_worst_day_of_a_stolen_right(countagg: CommandLine) -> None:
    table, document = countagg("cost", "--worst-day"), countagg("cost", "--worst-day", "--output", "json").document
    rows = list(csv.reader(io.StringIO(countagg("cost", "--worst-day", "--output", "csv").out)))

    worst = document["worst_day"]
    assert table.out.startswith("what one instance's stolen right can cost in a day, at most")
    assert table.out.splitlines()[-1].split() == ["total", f"{worst['usd']:,.2f}"]
    assert document["days"] == 1
    assert len(rows) - 1 == len(worst["lines"])


def test_the_worst_day_is_that_of_the_choices(countagg: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "countagg.toml").write_text("max_concurrency = 10\n[retention]\nsnapshots = 7\n")
    less = countagg("cost", "--worst-day", "--output", "json").document["worst_day"]["by_hop"]
    (tmp_path / "countagg.toml").unlink()
    more = countagg("cost", "--worst-day", "--output", "json").document["worst_day"]["by_hop"]

    assert less["processor"] * 9 < more["processor"]
    assert less["snapshots"] * 37 == pytest.approx(more["snapshots"] * 9)


def test_windows_and_memory_are_those_of_setup(countagg: CommandLine, tmp_path: Path) -> None:
    def usd(*options: str) -> Decimal:
        found: Decimal = countagg("cost", *options, "--output", "json").document["layouts"]["countagg"]["usd"]
        return found

    usual = usd()
    slow = usd("--window", "publisher=60")
    assert slow < usual
    assert usd("--memory", "aggregator=2048") > usual
    assert usd("--dashboard") == pytest.approx(usual + 3)
    (tmp_path / "countagg.toml").write_text("[window]\npublisher = 60\n")
    assert usd() == slow


def test_over_how_many_lanes_and_shards_a_large_fleet_belongs_is_told(countagg: CommandLine) -> None:
    fleet = ("--instances", "12000", "--counters", "40000", "--interval", "3600")

    assert countagg("cost", *fleet, "--output", "json").document["recommended"] == {
        "lanes": 3,
        "counter_shards": 3,
    }
    assert "reckoned with: --lanes 3 --counter-shards 3\n" in countagg("cost", *fleet).out
    assert "--lanes" not in countagg("cost").out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--window", "aggregator=301"), "--window: aggregator=301 is out of range"),
        (("--memory", "reader=1"), "--memory: there is no 'reader' to set"),
        (("--instances", "400000"), "400000 instances with 100 counters are too many"),
        (("--prices", "no-such-file.toml"), "no-such-file.toml: it cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(countagg: CommandLine, arguments: tuple[str, ...], reason: str) -> None:
    ran = countagg("cost", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert reason in ran.err


def test_a_fleet_that_is_too_large_for_the_article_is_told_so(countagg: CommandLine) -> None:
    arguments = ("cost", "--instances", "20000", "--counters", "1")

    found = countagg(*arguments, "--output", "json").document
    shown = countagg(*arguments)

    assert found["layouts"]["countagg"]["usd"] > 0
    assert found["layouts"]["article"] is None
    assert found["write_units_per_file"]["article"] is None
    growth = [
        (each["instances"], each["countagg"] is None, each["article"] is None) for each in found["growth"][:3]
    ]
    assert growth == [(2_000, False, False), (20_000, False, True), (200_000, True, True)]
    assert shown.code == 0
    assert re.search(r"^total +[\d,.]+ +too large$", shown.out, re.MULTILINE)


def test_prices_of_another_region_are_named(countagg: CommandLine) -> None:
    ran = countagg("cost", "--region", "eu-central-1", "--output", "json")

    assert ran.document["prices"]["region"] == "us-east-1"
    assert "no prices of eu-central-1 are known here; these are those of us-east-1" in ran.err


def test_prices_of_a_file(countagg: CommandLine, tmp_path: Path) -> None:
    entries = "".join(f'{meter.value} = {{usd = 0, per = 1, source = "free"}}\n' for meter in Meter)
    (tmp_path / "p.toml").write_text(f"as_of = 2026-02-03\n[regions.eu-central-1]\n{entries}")
    arguments = ("cost", "--region", "eu-central-1", "--prices", "p.toml", "--output", "json")

    ran = countagg(*arguments)

    assert ran.err == ""
    assert ran.document["prices"] == {"region": "eu-central-1", "as_of": "2026-02-03"}
    assert ran.document["layouts"]["countagg"]["usd"] == 0


@pytest.mark.usefixtures("stack")
def test_nothing_measured_is_said(countagg: CommandLine) -> None:
    ran = countagg("cost", "--measured", "--since", "2h", "--output", "json")
    shown = countagg("cost", "--measured")

    assert ran.code == 0
    assert list(ran.document) == [
        "schema",
        "measured_since",
        "measured_until",
        "days",
        "prices",
        "complete",
        "usd",
        "lines",
    ]
    assert (ran.document["usd"], ran.document["complete"], ran.document["measured_since"]) == (None, False, None)
    assert all(list(line) == LINE for line in ran.document["lines"])
    assert "CloudWatch has no data of this stack for that time" in ran.err
    assert shown.out.splitlines()[-1].split() == ["total", "no", "data"]


@pytest.mark.usefixtures("stack")
def test_what_was_measured_is_told_for_a_month(countagg: CommandLine) -> None:
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    boto3.client("cloudwatch").put_metric_data(
        Namespace="countagg",
        MetricData=[
            {
                "MetricName": "FilesApplied",
                "Dimensions": [{"Name": "service", "Value": "countagg-processor"}],
                "Value": 1_000_000,
                "Timestamp": hour - timedelta(minutes=90),
            }
        ],
    )

    ran = countagg("cost", "--measured", "--since", "5h", "--output", "json")

    (read,) = [line for line in ran.document["lines"] if line["meter"] == "s3-get"]
    assert ran.document["measured_since"] == (hour - timedelta(hours=2)).isoformat()
    # Of two to three hours out of 720.
    assert 240_000_000 <= read["quantity"] <= 360_000_000
    assert 96 <= read["usd"] <= 144
    assert "CloudWatch has no data of a part of" in ran.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--days inf", "--days: it must be at most 36600"),
        ("--days 1e12", "--days: it must be at most 36600"),
        ("--since 2h", "--since: only a measured bill takes it\n  try: give --measured too"),
    ],
)
def test_what_no_bill_can_be_of_is_refused(line: str, told: str, countagg: CommandLine) -> None:
    ran = countagg("cost", *line.split())

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"countagg: {told}\n")


@pytest.mark.usefixtures("stack")
def test_a_measurement_of_the_future_is_refused(countagg: CommandLine) -> None:
    ran = countagg("cost", "--measured", "--since", "2999-01-01")

    assert (ran.code, ran.out) == (2, "")
    assert "--since: it is in the future" in ran.err
