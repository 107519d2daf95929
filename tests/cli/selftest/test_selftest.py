"""selftest: its question, its refusals, its report and its exit codes, on accounts whose functions do not work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import typer

from countagg.aws.session import Clients, ConnectionOptions
from countagg.cli.app.preferences import Preferences
from countagg.cli.app.session import Session
from countagg.cli.selftest.selftest_command import conclude
from countagg.core.errors import LeftOver
from countagg.operate.selftest.selftest import THROW_AWAY, Finding, SelfTest, Step, StepOutcome, StepResult
from tests.cli.account import ACCOUNT, BUCKET
from tests.cli.app.test_options import DEFAULTS
from tests.cli.running import CommandLine, Terminal, at_terminal

OWN_BUCKET: Final = f"{THROW_AWAY}-{ACCOUNT}-us-east-1"


def day(back: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=back)).isoformat()


def tables() -> list[str]:
    """Return those of the throw-away stack."""
    names = boto3.client("dynamodb").list_tables()["TableNames"]
    return [name for name in names if name.startswith(THROW_AWAY)]


# Before anything is touched


@pytest.mark.usefixtures("account")
def test_it_says_what_it_makes_where_and_at_what_cost_and_asks(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTAGG_STACK", "countagg")

    ran = countagg("selftest")

    assert (ran.code, ran.out) == (2, "")
    for line in (
        f"account    {ACCOUNT}",
        "region     us-east-1",
        "stack      countagg-selftest",
        f"makes      the stack, and the bucket {OWN_BUCKET}",
        "then       removes both; it takes some ten minutes on AWS",
    ):
        assert line in ran.err.splitlines()
    assert re.search(
        r"cost       at most 0\.\d\d USD by the model .* 20,000 calls and 20 uploads; --max-cost 1", ran.err
    )
    assert "--yes: there is no terminal to ask on" in ran.err
    assert tables() == []


@pytest.mark.usefixtures("account")
def test_another_answer_than_yes_declines(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    at_terminal(monkeypatch, "no\n")

    ran = countagg("selftest", "--keep")

    assert (ran.code, tables()) == (8, [])
    assert "then       keeps both" in ran.err


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--max-cost", "0", "--yes"), 2, "--max-cost: the test may cost 0."),
        (("--save", "nowhere/report.json", "--yes"), 2, "--save: there is no folder 'nowhere'"),
        (("--stack", "countagg", "--keep", "--yes"), 2, "--keep: the stack that --stack names stays anyway"),
        (("--stack", "absent", "--yes"), 5, "there is no stack 'absent'"),
        (("--expect-account", "999999999999", "--yes"), 3, f"this is account {ACCOUNT}"),
    ],
)
def test_what_cannot_be_is_refused_first(
    options: tuple[str, ...], code: int, said: str, countagg: CommandLine
) -> None:
    ran = countagg("selftest", *options)

    assert (ran.code, ran.out, tables()) == (code, "", [])
    assert said in ran.err


# A stack that is there, whose functions do not work


@pytest.fixture
def _own_day(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    yield
    for found in boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", []):
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=found["Key"])


@pytest.mark.usefixtures("_own_day")
def test_a_stack_that_is_there_is_tested_on_a_day_without_files(countagg: CommandLine, tmp_path: Path) -> None:
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{day(1)}/values_i-1", Body=b"A 1\n")
    saved = tmp_path / "report.json"

    ran = countagg(
        "selftest", "--stack", "countagg", "--timeout", "0", "--yes", "--output", "json", "--save", str(saved)
    )

    assert ran.code == 7
    found = ran.document
    assert list(found) == [
        "schema",
        "countagg",
        "libraries",
        "engine",
        "region",
        "throw_away",
        "calls",
        "uploads",
        "usd_at_most",
        "ok",
        "interrupted",
        "left_over",
        "seconds",
        "steps",
    ]
    assert (found["schema"], found["engine"], found["throw_away"], found["uploads"]) == (1, "aws", False, 2)
    assert (found["ok"], found["interrupted"], found["left_over"]) == (False, False, False)
    outcomes = {each["step"]: each["outcome"] for each in found["steps"]}
    assert (outcomes["upload"], outcomes["limit"], outcomes["clean-up"]) == ("failed", "skipped", "passed")
    assert f"uploads    files of two instances for {day(2)}, which has none, and deletes them" in ran.err
    assert "sets       a limit of countagg_selftest, and passes it: an alert goes to the topic's" in ran.err
    keys = [each["Key"] for each in boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert keys == [f"counters/{day(1)}/values_i-1"]
    written = saved.read_text()
    assert json.loads(written) == json.loads(ran.out)
    assert [name for name in (ACCOUNT, BUCKET, "arn:", "countagg-processor", "amazonaws") if name in written] == []


@pytest.mark.usefixtures("_own_day")
def test_for_people_it_is_a_table_and_each_failure_is_told(countagg: CommandLine) -> None:
    ran = countagg("selftest", "--stack", "countagg", "--timeout", "0", "--yes")

    assert ran.code == 7
    header, *rows = ran.out.splitlines()
    assert header.split() == ["STEP", "OUTCOME", "SECONDS", "MEASURED"]
    assert rows[-1].startswith("clean-up")
    assert "upload: two files count, exactly, at every hop?\n  failed after" in ran.err
    assert "  expected  snapshot, ledger, table, object within 0 s\n  got       0 snapshots with a file" in ran.err
    assert (
        "  next      `countagg --stack countagg status`" in ran.err or "  next      `countagg status`" in ran.err
    )
    assert "limit: skipped, it needs: upload" in ran.err


# Its end


@pytest.mark.usefixtures("account")
def test_ctrl_c_cleans_up_a_second_one_says_what_removes_the_rest_and_the_next_test_finds_it(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise = Clients.__init__

    def interrupt(**_: object) -> None:
        raise KeyboardInterrupt

    def interrupted(clients: Clients, options: ConnectionOptions) -> None:
        initialise(clients, options)
        clients.session.events.register("before-call.lambda.Invoke", interrupt)
        clients.session.events.register("before-call.cloudwatch.DeleteAlarms", interrupt)

    monkeypatch.setattr(Clients, "__init__", interrupted)

    ran = countagg("selftest", "--yes", "--output", "json")

    outcomes = {each["step"]: each["outcome"] for each in ran.document["steps"]}
    assert (ran.code, outcomes["invoke processor"], outcomes["upload"], outcomes["teardown"]) == (
        130,
        "interrupted",
        "skipped",
        "interrupted",
    )
    assert "interrupted, and cleaning up; Ctrl-C again leaves everything as it is" in ran.err
    assert (
        "teardown: something is left over: Ctrl-C\n  try: `countagg --stack countagg-selftest teardown" in ran.err
    )

    again = countagg("selftest", "--yes")

    assert (again.code, again.out, len(tables())) == (4, "", 3)
    assert re.search(r"stack countagg-selftest: \d\d resources of an earlier self-test are there", again.err)
    assert "  try: `countagg --stack countagg-selftest teardown --delete-objects` removes them" in again.err


def self_test(steps: StepOutcome, clean_up: StepOutcome) -> SelfTest:
    first = StepResult(Step("a", "it works", Finding, "look"), steps)
    last = Step("teardown", "nothing is left", Finding, "`countagg teardown` again", cleans_up=True)
    return SelfTest((first, StepResult(last, clean_up, got="queue/uploads")))


def session() -> tuple[Session, Terminal]:
    terminal = Terminal()
    return Session(replace(DEFAULTS, stack=THROW_AWAY), Preferences({}), stderr=terminal), terminal


@pytest.mark.parametrize(
    ("steps", "clean_up", "code"),
    [
        (StepOutcome.PASSED, StepOutcome.PASSED, None),
        (StepOutcome.FAILED, StepOutcome.PASSED, 7),
        (StepOutcome.INTERRUPTED, StepOutcome.PASSED, 130),
        (StepOutcome.INTERRUPTED, StepOutcome.FAILED, 130),
    ],
)
def test_the_exit_code_is_that_of_the_worst(steps: StepOutcome, clean_up: StepOutcome, code: int | None) -> None:
    ended: Any = None
    try:
        conclude(session()[0], self_test(steps, clean_up), keep=False)
    except typer.Exit as end:
        ended = end.exit_code

    assert ended == code


@pytest.mark.parametrize("steps", [StepOutcome.PASSED, StepOutcome.FAILED])
def test_what_is_left_over_counts_more_than_what_failed(steps: StepOutcome) -> None:
    with pytest.raises(LeftOver, match="teardown: something is left over: queue/uploads") as left:
        conclude(session()[0], self_test(steps, StepOutcome.FAILED), keep=False)

    assert (left.value.exit_code, left.value.hint) == (4, "`countagg teardown` again")


def test_a_kept_stack_is_told_with_what_removes_it() -> None:
    made, terminal = session()

    conclude(made, self_test(StepOutcome.PASSED, StepOutcome.PASSED), keep=True)

    told = " ".join(terminal.getvalue().split())
    assert "`countagg --stack countagg-selftest teardown --delete-objects` removes it" in told
