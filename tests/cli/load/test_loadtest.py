"""loadtest: its questions, limits and forms, on a stack whose functions do not work."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import boto3
import pytest

from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.load.loadtest_command import end
from countagg.cli.load.loadtest_progress import load_progress
from countagg.cli.load.loadtest_view import Report, write_report
from countagg.core.errors import CountaggError
from countagg.operate.integrity.findings import Verification
from countagg.operate.load.cost import Estimate
from countagg.operate.load.figures import Bottleneck, Knee, Sample, StepFigures
from countagg.operate.load.loadtest import Load, LoadOutcome
from countagg.operate.load.schedule import LoadStep, ramp, uploads_of
from tests.cli.account import BUCKET
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal
from tests.readme import README

SEED: Final = 2338
"""By this one, all three files are due in the first seventh of the second: a slow machine sends them too."""
FLEET: Final = ("--instances", "3", "--counters", "2", "--seed", str(SEED))
SMALL: Final = ("loadtest", *FLEET, "--interval", "1", "--duration", "1")
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
        "due",
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
    assert found["sent"] == sum(found["missing"].values()) == 3
    assert found["latency_seconds"] == {"p50": None, "p95": None, "p99": None, "max": None}
    assert f"files are not included after 0 s: loadtest-{SEED}-000000 (" in ran.err
    today = datetime.now(UTC).date().isoformat()
    assert keys() == [f"counters/{today}/values_loadtest-{SEED}-{number:06d}" for number in range(3)]
    assert ran.err.count(f"`countagg loadtest --remove --date {today}` takes them out") == 1
    assert found["due"] >= found["sent"] + found["not_sent"]
    assert found["steps"][0]["due_per_second"] == found["due"]


@pytest.mark.usefixtures("_empty")
def test_the_steps_as_csv(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--seed", "7", "--yes", "--drain-timeout", "0", "--output", "csv", "--quiet")

    header, *rows = ran.out.splitlines()
    assert header == "STEP,DUE/S,SENT/S,INCLUDED/S,BEHIND,GROWTH/S,CPU"
    due = sum(1 for _ in uploads_of(LoadStep(0, 1, 1), 3, seed=7))
    assert [row.split(",")[:2] for row in rows] == [["1", f"{due:.1f}"]]


@pytest.mark.usefixtures("_empty")
def test_files_are_deleted_at_the_end(countagg: CommandLine) -> None:
    ran = countagg(*SMALL, "--yes", "--drain-timeout", "0", "--cleanup", "--output", "json")

    assert ran.code == 9
    # No snapshot was ever written, so that none is left in the totals.
    assert ran.document["cleaned_up"] is True
    assert keys() == []
    assert "what stays: an empty snapshot of each instance for 35 days" in ran.err


@pytest.mark.usefixtures("_empty")
def test_what_load_tests_left_is_removed_whatever_fleet_it_was(countagg: CommandLine) -> None:
    today = datetime.now(UTC).date().isoformat()
    names = ("loadtest-0-000001", "loadtest-7-000300", "i-loadtest-1")
    for name in names:
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{today}/values_{name}", Body=b"A 1\n")

    ran = countagg("loadtest", "--remove", "--output", "json")
    again = countagg("loadtest", "--remove")

    assert (ran.code, ran.document) == (0, {"schema": 1, "date": today, "removed": 2})
    assert keys() == [f"counters/{today}/values_i-loadtest-1"]
    assert again.out == f"nothing to take out of the totals of {today}\n"


@pytest.mark.usefixtures("_empty")
def test_another_account_loses_nothing(countagg: CommandLine) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key="counters/2026-11-20/values_loadtest-0-000001", Body=b"A 1\n")

    assert countagg("loadtest", "--remove", "--date", DAY, "--expect-account", "999999999999").code == 3
    assert len(keys()) == 1


def test_progress_is_told_of_what_was_due_and_not_of_what_the_plan_may_reach() -> None:
    err = io.StringIO()
    session = Session(DEFAULTS, Preferences({}), stderr=err)
    load = Load(DAY, 40, 100, ramp(4.0, 60.0, 6.0, 2.0, 0.04), seed=0)

    with load_progress(session, load) as tell:
        tell(Sample(10.0, 120, 118, 110, queued=3, due=125), 1)

    assert err.getvalue() == "10 s: 120 sent of 125 due, 110 included, 10 behind, 3 in the queue, 1 error\n"


def test_bars_are_as_long_as_what_was_due_and_sent() -> None:
    terminal = Terminal()
    session = Session(DEFAULTS, Preferences({}), stderr=terminal)
    load = Load(DAY, 40, 100, ramp(4.0, 60.0, 6.0, 2.0, 0.04), seed=0)

    with load_progress(session, load) as tell:
        tell(Sample(10.0, 120, 118, 110, due=125), 1)

    shown = plain(terminal.getvalue())
    assert "120/125" in shown
    assert "110/120" in shown
    assert re.search(r" 10/42 \S+ seconds", shown) is not None


def test_there_is_no_bar_of_seconds_where_nobody_knows_the_end() -> None:
    terminal = Terminal()
    load = Load(DAY, 40, 100, ramp(4.0, 60.0, 6.0, 2.0, 0.04), seed=0, until_knee=True)

    with load_progress(Session(DEFAULTS, Preferences({}), stderr=terminal), load) as tell:
        tell(Sample(10.0, 120, 118, 110, due=125), 1)

    assert "seconds" not in terminal.getvalue()


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


def test_a_load_of_which_nothing_was_sent_has_failed() -> None:
    late = LoadOutcome(samples=[Sample(0, 0, 0, 0), Sample(1, 0, 0, 0, due=3)], not_sent=3)

    with pytest.raises(CountaggError, match="none of the 3 files that were due was sent"):
        end(replace(report(), outcome=late, verification=None), 0)


def test_a_report_tells_what_was_due_where_not_all_of_it_was_sent() -> None:
    out = io.StringIO()
    late = replace(report().outcome, samples=[Sample(0, 0, 0, 0), Sample(19, 400, 400, 400, due=417)], not_sent=17)

    write_report(Session(DEFAULTS, Preferences({}), stdout=out), replace(report(), outcome=late))

    assert "sent           400 of 417 files that were due, of 40 instances for 2026-11-20\n" in out.getvalue()


def report() -> Report:
    """Return the report of a run on the embedded engine, rounded."""
    load = Load(DAY, 40, 100, ramp(4.0, 60.0, 6.0, 2.0, 0.04), seed=0, until_knee=True)
    steps = [
        StepFigures(9.3, 56, 1, 9.2, 7.9, 8, 0.5, -0.1, 0.9, 0.07),
        StepFigures(20.0, 120, 2, 20.0, 20.9, 3, 0.5, 0.5, 1.4, 0.11),
        StepFigures(40.2, 241, 2, 40.1, 33.5, 42, 4.4, 4.5, 11.4, 0.17),
    ]
    outcome = LoadOutcome(
        samples=[Sample(0.0, 0, 0, 0), Sample(18.8, 417, 417, 417, due=417)],
        steps=steps,
        knee=Knee(2, 20.9, Bottleneck.PROCESSOR),
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
