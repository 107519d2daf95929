"""A plan that is saved, looked at, and carried out as it was shown or not at all."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Final

import boto3
import pytest

from countagg.cli.stack import plan_file
from tests.aws.world import Calls, Killed
from tests.cli.account import ACCOUNT, BUCKET
from tests.cli.running import CommandLine, at_terminal
from tests.provision.stacks import IDS

COMMON: Final = ("--bucket", BUCKET)
ANEW: Final = "  try: look at a new plan: `countagg plan --save FILE`; nothing was touched\n"


def change_retention() -> None:
    queue = boto3.client("sqs").get_queue_url(QueueName="countagg-uploads")["QueueUrl"]
    boto3.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"MessageRetentionPeriod": "60"})


class Meddling(io.StringIO):
    """A stderr at which somebody changes the stack, once the plan is shown."""

    def write(self, text: str) -> int:
        if "plan: " in text:
            change_retention()
        return super().write(text)


@pytest.mark.usefixtures("account")
def test_a_saved_plan_is_carried_out_once_without_a_question(
    countagg: CommandLine, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = countagg("plan", *COMMON, "--lanes", "2", "--save", "it's.json", "--output", "json")
    at_terminal(monkeypatch, "")
    file = Path("it's.json")

    assert planned.code == 0
    assert planned.err == (
        "written: it's.json\n`countagg setup --plan 'it'\"'\"'s.json'` carries it out, as long as nothing moves\n"
    )
    saved = json.loads(file.read_text(encoding="utf-8"))
    made_with = saved.pop("made_with")
    assert saved == planned.document
    assert made_with["choices"] == {"bucket": BUCKET, "lanes": 2}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in Path().iterdir() if each.name.startswith(".")] == []

    made = countagg("setup", "--plan", file.name, "--expect-account", ACCOUNT)
    assert made.code == 0, made.err
    assert made.out.startswith(f"{len(IDS) - 1} created, 0 updated, 1 kept, 0 deleted in ")
    assert "to go on" not in made.err
    assert f"\nplan: {len(IDS) - 1} to create, 0 to update, 1 to keep, 0 to delete\n" in made.err
    found = boto3.client("lambda").get_function_configuration(FunctionName="countagg-processor")
    assert json.loads(found["Environment"]["Variables"]["COUNTAGG_CHOICES"]) == {"lanes": 2}

    calls.reset()
    again = countagg("setup", "--plan", file.name)
    assert (again.code, calls.mutating) == (0, [])
    assert "\nnothing to do: all is as the plan would leave it\n" in again.err

    # What somebody does afterwards is no part of it, whatever --yes agrees to.
    change_retention()
    calls.reset()
    moved = countagg("setup", "--plan", file.name, "--yes")
    assert (moved.code, moved.out, calls.mutating) == (1, "", [])
    assert moved.err.endswith(
        f"countagg: queue/uploads: it has changed since the plan was made: retention\n{ANEW}"
    )


@pytest.mark.usefixtures("account")
def test_what_comes_up_while_it_is_carried_out_is_not_done_either(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert countagg("setup", *COMMON, "--yes").code == 0
    assert countagg("plan", "--alarm-uploads", "7", "--save", "plan.json").code == 0

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", said := Meddling())
        ran = countagg("setup", "--plan", "plan.json", "--yes")

    assert (ran.code, ran.out) == (1, "")
    assert "countagg: queue/uploads countagg-uploads: it is to be updated, which was not shown" in said.getvalue()


@pytest.mark.usefixtures("account")
def test_a_run_that_was_cut_short_goes_on(countagg: CommandLine, calls: Calls) -> None:
    assert countagg("plan", *COMMON, "--save", "plan.json").code == 0
    calls.dies_before = 25
    with pytest.raises(Killed):
        countagg("setup", "--plan", "plan.json")
    calls.reset()

    made = countagg("setup", "--plan", "plan.json", "--quiet")

    assert (made.code, made.err) == (0, "")
    assert countagg("plan", "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("account")
def test_what_stands_beside_the_file_is_checked_before_anything_is_done(
    countagg: CommandLine, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("countagg.toml").write_text("lanes = 2\n", encoding="utf-8")
    assert countagg("plan", *COMMON, "--lanes", "3", "--save", "plan.json").code == 0

    beside = countagg("setup", "--plan", "plan.json", "--lanes", "3", "--memory", "processor=512")
    elsewhere = countagg("setup", "--plan", "plan.json", "--region", "eu-central-1")
    of_another = countagg("--stack", "other", "setup", "--plan", "plan.json")
    monkeypatch.setenv("COUNTAGG_LANES", "4")
    chosen = countagg("setup", "--plan", "plan.json")
    monkeypatch.delenv("COUNTAGG_LANES")
    monkeypatch.setattr(plan_file, "__version__", "9.9.9")
    newer = countagg("setup", "--plan", "plan.json")

    assert (beside.code, elsewhere.code, of_another.code, chosen.code, newer.code) == (2, 3, 2, 1, 1)
    assert beside.err.endswith(
        "countagg: --plan, --memory, --lanes: a saved plan has its choices already\n"
        "  try: leave --memory and --lanes out, or plan anew with it\n"
    )
    assert "the plan is for the region 'us-east-1', and this is eu-central-1" in elsewhere.err
    assert of_another.err.endswith("try: give --stack countagg\n")
    assert chosen.err.endswith(
        f"countagg: COUNTAGG_LANES: it says lanes = 4 now, and the plan was made with 3\n{ANEW}"
    )
    assert "made the plan, and this is countagg 9.9.9" in newer.err
    assert calls.mutating == []


@pytest.mark.usefixtures("account")
def test_files_that_cannot_be_are_refused(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("folder").mkdir()
    Path("large").write_bytes(b" " * 20)
    monkeypatch.setattr(plan_file, "_LARGEST", 19)

    read = [countagg("setup", "--plan", name) for name in ("none", "folder", "large")]
    written = [countagg("plan", *COMMON, "--save", name) for name in ("folder", "none/plan.json")]

    assert {each.code for each in (*read, *written)} == {2}
    assert [each.err.split("countagg: ")[1].splitlines()[0] for each in (*read, *written)] == [
        "none: it cannot be read: No such file or directory",
        "folder: it cannot be read: Is a directory",
        "large: it is too large for a saved plan",
        "folder: it is there and no file",
        "none/plan.json: it cannot be written: No such file or directory",
    ]


@pytest.mark.usefixtures("account")
def test_a_file_that_was_there_is_replaced_and_is_private(countagg: CommandLine) -> None:
    file = Path("plan.json")
    file.write_text("old", encoding="utf-8")
    file.chmod(0o644)

    assert countagg("plan", *COMMON, "--save", "plan.json", "--quiet").err == ""
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text(encoding="utf-8"))["stack"] == "countagg"
