"""Setup as its users see it: the plan first, a typed yes, a result, and nothing at all the second time."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest

from tests.aws.world import Calls, answer
from tests.cli.account import ACCOUNT, BUCKET, TALLY, publish_day, write_day
from tests.cli.running import CommandLine, at_terminal
from tests.provision.stacks import IDS

COMMON: Final = ("--bucket", "brand-new", "--create-bucket")


def all_options() -> tuple[str, ...]:
    """Make a key, and return every option that a stack can have."""
    services = ["cloudwatch.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    key = boto3.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    bound = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = boto3.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(bound))
    return (
        *COMMON,
        *("--prefix", "in/", "--output-prefix", "out/", "--bucket-versioning"),
        *("--memory", "processor=512", "--memory", "publisher=1024"),
        *("--window", "processor=5", "--window", "aggregator=0"),
        *("--retention", "snapshots=7", "--retention", "totals=50", "--retention", "logs=90"),
        *("--alarm-email", "ops@example.org", "--tag", "team=fleet", "--tag", "cost=5"),
        *("--permissions-boundary", boundary["Policy"]["Arn"], "--role-path", "/ops/", "--kms-key", key),
        *("--point-in-time-recovery", "--deletion-protection"),
    )


def unfolded(text: str) -> str:
    """Return what a terminal shows as it is without its width."""
    return " ".join(text.split())


@pytest.mark.usefixtures("account")
def test_setup_shows_the_plan_asks_and_tells_what_came_of_it(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = countagg("plan", *COMMON)
    at_terminal(monkeypatch, "d\nyes\n")

    made = countagg("setup", *COMMON)

    assert made.code == 0
    introduced, _, rest = made.err.partition("\n\n")
    facts = ("account", "region", "principal", "endpoint", "stack", "cost")
    assert [line.split()[0] for line in introduced.splitlines()[: len(facts)]] == list(facts)
    question = "\nChange the stack countagg? Type 'yes' to go on, or 'd' for details: "
    summary, asked, rest = rest.partition(question)
    assert asked
    assert len(summary.splitlines()) <= 20
    assert summary.splitlines()[-1] == planned.out.splitlines()[-1]
    shown, asked, progress = rest.partition("\nChange the stack countagg? Type 'yes' to go on: ")
    assert asked
    assert unfolded(shown) == unfolded(planned.out)
    done = [line.split() for line in progress.splitlines() if line.startswith("create  ")]
    assert done == [["create", name] for name in IDS]
    tally, _, outputs = made.out.partition("\n\n")
    assert TALLY.fullmatch(tally)
    assert tally.startswith(f"{len(IDS)} created, 0 updated, 0 kept, 0 deleted in ")
    assert [line.split() for line in outputs.splitlines()][:3] == [
        ["OUTPUT", "VALUE"],
        ["stack", "countagg"],
        ["account", "123456789012"],
    ]
    assert progress.splitlines()[-2:] == [
        "next: countagg upload-sample --wait",
        "then: countagg query --date today",
    ]


@pytest.mark.usefixtures("account")
def test_a_dashboard_says_its_price_before_it_is_made_and_once(countagg: CommandLine) -> None:
    price = "3 USD a month beyond three in the account"
    planned = countagg("plan", *COMMON, "--dashboard")
    assert re.search(
        rf"^\+ create  dashboard +countagg-us-east-1  \(it costs {price}\)$", planned.out, re.MULTILINE
    )
    assert "      body.widgets.Publisher: lag: widget of the type metric" in planned.out
    made = countagg("setup", *COMMON, "--dashboard", "--yes")
    assert f"cost       {price}, for the dashboard\n" in made.err
    assert boto3.client("cloudwatch").list_dashboards()["DashboardEntries"][0]["DashboardName"] == (
        "countagg-us-east-1"
    )
    assert price not in countagg("plan").out
    assert re.search(r"^- delete  dashboard +countagg", countagg("plan", "--no-dashboard").out, re.MULTILINE)


@pytest.mark.usefixtures("account")
def test_without_a_bucket_setup_proposes_one_where_somebody_can_agree(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = f"countagg-{ACCOUNT}-us-east-1"
    at_terminal(monkeypatch, "yes\nyes\n")

    made = countagg("setup", "--output", "json")

    assert made.code == 0
    assert f"No bucket is named. Create the bucket {proposed}? Type 'yes' to go on: " in unfolded(made.err)
    assert made.document["outputs"]["bucket"] == proposed
    assert boto3.client("s3").head_bucket(Bucket=proposed)
    assert countagg("plan", "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("account")
def test_without_a_bucket_a_no_touches_nothing(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    at_terminal(monkeypatch, "no\n")
    before = boto3.client("s3").list_buckets()["Buckets"]

    declined, unanswered = countagg("setup"), countagg("setup")

    assert (declined.code, unanswered.code) == (8, 8)
    assert "on: \ncountagg: the answer was not" in unanswered.err
    assert declined.err.endswith(
        "  try: name a bucket that is there, or another new one with --create-bucket, by --bucket\n"
    )
    assert boto3.client("s3").list_buckets()["Buckets"] == before


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("arguments", [("setup",), ("setup", "--yes"), ("plan",)])
def test_without_a_bucket_and_a_terminal_the_flags_are_named(
    arguments: tuple[str, ...], countagg: CommandLine
) -> None:
    ran = countagg("--stack", "other", *arguments)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(
        "countagg: --bucket: no bucket is named\n"
        f"  try: give --bucket other-{ACCOUNT}-us-east-1 --create-bucket, or a --bucket that is there\n"
    )


@pytest.mark.usefixtures("account")
def test_the_plan_of_a_new_stack_has_its_sections_and_no_byte_of_the_code(countagg: CommandLine) -> None:
    out = countagg("plan", *COMMON, "--tag", "note=a\x1b[31mb").out
    assert out == ""

    out = countagg("plan", *COMMON, "--alarm-email", "a\u202eb@example.org").out

    assert "\u202e" not in out
    assert "+ create  email/a\\u202eb@example.org" in out
    assert "\nIAM: who may do what\n+ create  role/processor" in out
    assert re.search(r"^      source: \(known after setup\)$", out, re.MULTILINE)
    assert re.search(r"^      code: sha256:[A-Za-z0-9+/=]{44}$", out, re.MULTILINE)
    assert "Deletes what cannot be brought back" not in out
    assert out.isascii()
    assert max(map(len, out.splitlines())) < 400


@pytest.mark.usefixtures("account")
def test_a_plan_as_a_document_tells_every_field(countagg: CommandLine) -> None:
    countagg("setup", *COMMON, "--yes")

    document = countagg("plan", "--memory", "processor=512", "--tag", "team=a", "--output", "json").document

    by_name: dict[str, Any] = {each["resource"]: each for each in document["changes"]}
    assert document["summary"] == {"create": 0, "update": len(IDS) - 2, "keep": 2, "delete": 0}
    assert by_name["topic/uploads"]["fields"] == [{"name": "tags.team", "current": None, "desired": "a"}]
    assert {"name": "memory", "current": 256, "desired": 512} in by_name["function/processor"]["fields"]
    assert {each["resource"] for each in document["changes"] if each["iam"]} == {
        "role/processor",
        "role/aggregator",
        "role/publisher",
    }


@pytest.mark.usefixtures("account")
def test_yes_leaves_out_the_question_and_quiet_the_plan(countagg: CommandLine) -> None:
    made = countagg("setup", *COMMON, "--yes")
    quiet = countagg("setup", "--memory", "processor=512", "--yes", "--quiet")

    assert "to go on" not in made.err
    assert "\n      batch_size: 1000\n" in made.err
    assert "plan: 35 to create" in made.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out.startswith("0 created, 3 updated, 32 kept, 0 deleted in ")


@pytest.mark.usefixtures("account")
def test_who_watches_sees_a_long_plan_in_short_unless_details_are_wanted(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_terminal(monkeypatch, "no\n")
    whole = countagg("setup", *COMMON, "--details")
    made = countagg("setup", *COMMON, "--yes")
    changed = countagg("setup", "--memory", "processor=512", "--yes")

    assert "\n      batch_size: 1000\n" in whole.err
    assert "\ncreate 35: 3 log groups," in made.err
    assert "batch_size" not in made.err
    for name in IDS:
        assert made.err.count(f"create  {name}\n") == 1
    assert "\n      memory: 256 => 512\n" in changed.err


@pytest.mark.usefixtures("account")
def test_a_second_setup_makes_no_mutating_call(countagg: CommandLine, calls: Calls) -> None:
    countagg("setup", *COMMON, "--yes")
    assert "CreateTable" in calls.mutating
    calls.reset()

    again = countagg("setup")

    assert again.code == 0
    assert calls.mutating == []
    assert again.out.startswith(f"0 created, 0 updated, {len(IDS)} kept, 0 deleted in ")
    assert "plan:" not in again.err
    assert again.err.endswith("\nnext: countagg query --date today\n")
    assert "upload-sample" not in again.err


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("answers", [None, "yes\nno\n"])
def test_files_that_the_bucket_has_already_are_told_and_wait_for_a_yes(
    answers: str | None, countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.now(UTC).date()
    for instance in ("i-1", "i-2"):
        boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{day}/values_{instance}", Body=b"A 1\n")
    if answers is not None:
        at_terminal(monkeypatch, answers)

    made = countagg("setup", "--bucket", BUCKET, *(() if answers else ("--yes",)))

    assert made.code == 0
    assert "\nthe bucket has 2 files of today already\n" in made.err
    assert ("Have them counted? Type 'yes'" in made.err) is bool(answers)
    assert "`countagg repair --date today` has them counted" in made.err
    assert "upload-sample" not in made.err


@pytest.mark.usefixtures("account")
def test_a_bucket_without_files_of_today_has_nothing_to_take_up(countagg: CommandLine) -> None:
    made = countagg("setup", "--bucket", BUCKET, "--take-up", "--yes")

    assert (made.code, made.err.splitlines()[-3:]) == (
        0,
        [
            "the bucket has no files of today to take up",
            "next: countagg upload-sample --wait",
            "then: countagg query --date today",
        ],
    )


@pytest.mark.usefixtures("account")
def test_files_that_all_count_already_leave_nothing_to_take_up(countagg: CommandLine) -> None:
    assert countagg("setup", "--bucket", BUCKET, "--yes").code == 0
    day = datetime.now(UTC).date().isoformat()
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{day}/values_i-1", Body=b"A 1\n")
    write_day(day, {"i-1": {"A": "1"}})
    publish_day(day, {"A": "1"})

    again = countagg("setup", "--take-up")

    assert (again.code, again.err.splitlines()[-3:]) == (
        0,
        [
            "the bucket has 1 file of today already",
            f"{day}: all files are counted",
            "next: countagg query --date today",
        ],
    )
    boto3.client("s3").put_object(Bucket=BUCKET, Key=f"counters/{day}/values_i-2", Body=b"garbage\n")
    told = countagg("setup", "--take-up").err.splitlines()
    assert told[-4:-1] == [
        "the bucket has 2 files of today already",
        f"refused: counters/{day}/values_i-2: line 1, 'garbage' is not COUNTER VALUE",
        f"{day}: all other files are counted",
    ]


@pytest.mark.usefixtures("account")
def test_who_may_not_list_the_bucket_sets_up_all_the_same(countagg: CommandLine, calls: Calls) -> None:
    calls.errors["ListObjectsV2"] = [answer("AccessDenied", "not yours", "ListObjectsV2")]

    made = countagg("setup", "--bucket", BUCKET, "--yes")

    assert made.code == 0
    assert "not looked for files that the bucket has already" in made.err


@pytest.mark.usefixtures("complete_account")
def test_a_second_setup_with_all_options_makes_no_mutating_call(countagg: CommandLine, calls: Calls) -> None:
    options = all_options()
    made = countagg("setup", *options, "--yes", "--output", "json")
    assert made.code == 0, made.err
    outputs = made.document["outputs"]
    assert (outputs["prefix"], outputs["output_prefix"]) == ("in/", "out/")
    assert calls.mutating
    calls.reset()

    said_again = countagg("setup", *options, "--yes", "--output", "json")
    unsaid = countagg("setup", "--output", "json")

    assert said_again.document["summary"] == {"create": 0, "update": 0, "keep": len(IDS) + 2, "delete": 0}
    assert unsaid.document["summary"] == said_again.document["summary"]
    assert calls.mutating == []
    assert countagg("plan", "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("complete_account")
def test_every_option_but_the_roles_path_can_be_taken_back(countagg: CommandLine, calls: Calls) -> None:
    countagg("setup", *all_options(), "--yes")
    fixed = countagg("plan", "--role-path", "none")
    assert fixed.code == 1
    assert "path is /ops/, should be /, and cannot be changed" in fixed.err

    back = countagg(
        "setup",
        "--yes",
        *("--prefix", "counters/", "--output-prefix", "totals/", "--no-bucket-versioning"),
        *("--memory", "processor=256", "--memory", "publisher=256"),
        *("--window", "processor=0", "--window", "aggregator=1"),
        *("--retention", "snapshots=35", "--retention", "totals=400", "--retention", "logs=30"),
        *("--alarm-email", "none", "--tag", "none", "--permissions-boundary", "none", "--kms-key", "none"),
        *("--no-point-in-time-recovery", "--no-deletion-protection"),
    )
    calls.reset()
    again = countagg("setup")

    assert (back.code, again.code) == (0, 0), back.err
    assert calls.mutating == []
    found = boto3.client("lambda").get_function_configuration(FunctionName="countagg-processor")
    remembered = json.loads(found["Environment"]["Variables"]["COUNTAGG_CHOICES"])
    assert remembered == {
        "create_bucket": True,
        "bucket_versioning": False,
        "deletion_protection": False,
        "dropped_tags": ["cost", "team"],
        "point_in_time_recovery": False,
        "role_path": "/ops/",
    }
    assert boto3.client("lambda").list_tags(Resource=found["FunctionArn"])["Tags"] == {
        "countagg:stack": "countagg"
    }


@pytest.mark.usefixtures("account")
def test_a_failure_in_the_middle_says_where_it_stopped_and_the_same_command_goes_on(
    countagg: CommandLine, calls: Calls
) -> None:
    calls.errors["CreateTable"] = [answer("AccessDeniedException", "no", "CreateTable")]

    failed = countagg("setup", *COMMON, "--yes")

    assert (failed.code, failed.out) == (1, "")
    assert "\ncreate  table/snapshots\ncountagg: table/snapshots: " in failed.err
    assert failed.err.endswith(
        "the same command again: it stopped at table/snapshots, 8 of 35 done, and goes on from there\n"
    )
    made = calls.mutating.copy()
    calls.reset()

    done = countagg("setup", *COMMON, "--yes", "--output", "json")

    assert done.code == 0
    assert done.document["summary"] == {"create": 27, "update": 0, "keep": 8, "delete": 0}
    assert {"CreateTopic", "CreateQueue", "CreateLogGroup"}.isdisjoint(calls.mutating)
    assert {"CreateTopic", "CreateQueue", "CreateLogGroup"} <= set(made)


@pytest.mark.usefixtures("account")
def test_a_bucket_of_others_is_not_taken_over_because_a_file_says_create(countagg: CommandLine) -> None:
    ran = countagg("setup", "--bucket", BUCKET, "--create-bucket", "--yes")

    assert (ran.code, ran.out) == (1, "")
    assert f"{BUCKET} exists and does not belong to this stack; nothing was touched" in ran.err
    assert boto3.client("sns").list_topics()["Topics"] == []
