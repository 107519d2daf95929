"""loadtest: its questions, limits and forms, on a stack whose functions do not work."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import boto3
import pytest

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.load.loadtest_view import Report, write_report
from countagg.operate.integrity.findings import Verification
from countagg.operate.load.cost import Estimate
from countagg.operate.load.figures import Knee, Limit, Sample, StepFigures
from countagg.operate.load.loadtest import Load, LoadOutcome
from countagg.operate.load.schedule import ramp
from tests.cli.account import BUCKET
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal
from tests.readme import README

SMALL: Final = ("loadtest", "--instances", "3", "--counters", "2", "--interval", "1", "--duration", "1")
DAY: Final = "2026-11-20"
LATENCIES: Final = [float(text) for text in Path(__file__).with_name("latencies.txt").read_text().split()]
"""Of a run on the embedded engine."""


def keys() -> list[str]:
    found = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return [each["Key"] for each in found]


@pytest.fixture
def _empty(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    yield
    for key in keys():
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.usefixtures("_empty")
def test_without_a_terminal_it_asks_for_yes_and_uploads_nothing(countagg: CommandLine) -> None:
    ran = countagg(*SMALL)

    assert (ran.code, ran.out) == (2, "")
    assert "--yes: there is no terminal to ask on" in ran.err
    assert re.search(r"cost       at most 0\.\d{4} USD by the model", ran.err)
    assert keys() == []


@pytest.mark.usefixtures("_empty")
def test_a_load_that_may_cost_too_much_is_refused(countagg: CommandLine) -> None:
    ran = countagg("loadtest", "--instances", "20000", "--interval", "1", "--duration", "3600", "--yes")
    cheap = countagg(*SMALL, "--max-cost", "0", "--yes")

    for each in (ran, cheap):
        assert (each.code, each.out) == (2, "")
        assert re.search(r"--max-cost: the load may cost [\d,.]+ USD, more than", each.err)
    assert "such a fleet should have --lanes 29 and --counter-shards 1; the day has 1 and 1" in ran.err
    assert "layout" not in cheap.err
    assert keys() == []


@pytest.mark.usefixtures("_empty")
def test_a_day_that_would_be_refused_is_refused_first(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--date", "2020-01-01", "--yes")

    assert (ran.code, ran.out) == (2, "")
    assert "--date: the date 2020-01-01 is more than 35 days before" in ran.err


@pytest.mark.usefixtures("_empty")
def test_another_account_is_refused(countagg: CommandLine) -> None:
    assert countagg(*SMALL, "--yes", "--expect-account", "999999999999").code == 3
    assert keys() == []


@pytest.mark.usefixtures("_empty")
def test_what_is_not_included_in_time_ends_with_9_and_names_it(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--yes", "--drain-timeout", "0", "--output", "json")

    assert ran.code == 9
    found = ran.document
    assert list(found) == [
        "schema",
        "stack",
        "date",
        "instances",
        "counters",
        "seed",
        "sent",
        "included",
        "overtaken",
        "not_sent",
        "failed_uploads",
        "interrupted",
        "drained",
        "missing",
        "seconds",
        "files_per_second",
        "latency_seconds",
        "histogram",
        "write_units_estimated",
        "usd_estimated",
        "dead_letters",
        "steps",
        "knee",
        "verification",
        "cleaned_up",
    ]
    assert (found["drained"], found["included"], found["verification"], found["knee"]) == (False, 0, None, None)
    assert found["sent"] == sum(found["missing"].values()) >= 3
    assert found["latency_seconds"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert "files are not included after 0 s: loadtest-0-000000 (" in ran.err
    today = datetime.now(UTC).date().isoformat()
    assert keys() == [f"counters/{today}/values_loadtest-0-{number:06d}" for number in range(3)]
    assert "the fleet's files stay and count" in ran.err


@pytest.mark.usefixtures("_empty")
def test_the_steps_as_csv(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--seed", "7", "--yes", "--drain-timeout", "0", "--output", "csv", "--quiet")

    header, *rows = ran.out.splitlines()
    assert header == "STEP,DUE/S,SENT/S,INCLUDED/S,BEHIND,GROWTH/S,CPU"
    assert [row.split(",")[:2] for row in rows] == [["1", "3.0"]]


@pytest.mark.usefixtures("_empty")
def test_files_are_deleted_at_the_end(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--yes", "--drain-timeout", "0", "--cleanup", "--output", "json")

    assert ran.code == 9
    # No snapshot was ever written, so that none is left in the totals.
    assert ran.document["cleaned_up"] is True
    assert keys() == []
    assert "what stays: an empty snapshot of each instance for 35 days" in ran.err


def report() -> Report:
    """Return the report of a run on the embedded engine, rounded."""
    load = Load(DAY, 40, 100, ramp(4.0, 60.0, 6.0, 2.0, 0.04), seed=0, until_knee=True)
    steps = [
        StepFigures(10.0, 56, 1, 9.2, 7.9, 8, 0.5, -0.1, 0.9, 0.07),
        StepFigures(20.0, 120, 2, 20.0, 20.9, 3, 0.5, 0.5, 1.4, 0.11),
        StepFigures(40.0, 241, 2, 40.1, 33.5, 42, 4.4, 4.5, 11.4, 0.17),
    ]
    outcome = LoadOutcome(
        samples=[Sample(0.0, 0, 0, 0), Sample(18.8, 417, 417, 417)],
        steps=steps,
        knee=Knee(2, 20.9, Limit.PROCESSOR),
        latencies=LATENCIES,
        overtaken=43,
    )
    units = (1.8, 1.4, 1.2, 1.1, 1.1, 1.1, 1.0)
    estimated = Estimate(7_620, Decimal("0.06"), units)
    return Report(load, estimated, outcome, 0, Verification(DAY, 40, 71), withdrawn=True)


def test_a_ramp_for_people_is_as_in_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    terminal = Terminal()

    write_report(Session(DEFAULTS, Preferences({}), stdout=terminal), report())

    shown = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()]
    assert all(len(line) <= 80 for line in shown)
    assert "knee in step 3, sustained at about 20.9 files/s" in shown
    (block,) = re.findall(
        r"^```\n\$ countagg loadtest [^\n]*--ramp[^\n]*\n(.*?)^```",
        README,
        re.MULTILINE | re.DOTALL,
    )
    assert block.splitlines() == shown


def test_bars_are_drawn_in_what_the_encoding_has() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    write_report(Session(DEFAULTS, Preferences({}), stdout=stream), report())

    stream.seek(0)
    assert "###" in stream.read()


def test_write_units_are_those_of_what_was_sent() -> None:
    assert report().write_units == pytest.approx(55 * 1.8 + 118 * 1.4 + 239 * 1.2 + 5 * 1.1)
    assert report().throughput == pytest.approx(417 / 18.8)
