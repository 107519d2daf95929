"""Teardown as its users see it: the plan first, the name typed, a receipt, and what is left by name and by tag."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final

import boto3
import botocore.handlers
import pytest

from countagg.operate.stack import deployment
from tests.aws.kept_accounts import once
from tests.aws.world import Calls, answer
from tests.cli.account import BUCKET, TALLY, set_up
from tests.cli.running import UNTOUCHED, CommandLine, Ran, at_terminal
from tests.provision.stacks import IDS

OURS: Final = "brand-new"
TAG: Final[Any] = [{"Key": "countagg:stack", "Value": "countagg"}]
DATA: Final = {"table/snapshots", "table/totals", "table/counters"}
NAME_ASKED: Final = "This cannot be undone. Type 'countagg' to go on: "
BUCKET_ASKED: Final = "The bucket goes with 2 objects and versions. Type 'brand-new' to go on: "
TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:countagg-alerts"
QUICK: Final = ("--yes", "--keep-logs")
"""Without the pause for late log lines."""

pytestmark = pytest.mark.usefixtures("account")


@pytest.fixture
def deployed(account: None, countagg: CommandLine) -> None:  # noqa: ARG001 - it must be there
    """Give a stack on a bucket of its own, which holds two objects."""
    set_up_ours(countagg)
    s3 = boto3.client("s3")
    # moto ignores the condition of our policy and would refuse every object.
    s3.delete_bucket_policy(Bucket=OURS)
    for key in ("counters/one", "counters/two"):
        s3.put_object(Bucket=OURS, Key=key, Body=b"A 1\n")


def set_up_ours(countagg: CommandLine) -> None:
    """Set up the stack on a bucket of its own."""
    ran = once("stack and bucket", lambda: countagg("setup", "--bucket", OURS, "--create-bucket", "--yes"))
    assert ran.code == 0


def set_up_theirs() -> None:
    """Set up the stack on the bucket that is there."""
    once("stack of the command line", set_up)


def buckets() -> set[str]:
    return {bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]}


def tables() -> list[str]:
    return boto3.client("dynamodb").list_tables()["TableNames"]


def groups() -> list[str]:
    return [group["logGroupName"] for group in boto3.client("logs").describe_log_groups()["logGroups"]]


def kept(ran: Ran) -> dict[str, str]:
    """Return what a teardown kept, with the reasons."""
    return {each["resource"]: each["note"] for each in ran.document["changes"] if each["action"] == "keep"}


def typing(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    at_terminal(monkeypatch, "".join(f"{line}\n" for line in lines))


# The plan and the questions


@pytest.mark.usefixtures("deployed")
def test_the_plan_comes_first_and_the_stacks_name_is_typed(
    countagg: CommandLine, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "yes")
    declined = countagg("teardown")

    assert (declined.code, declined.out) == (8, "")
    assert calls.mutating == []
    assert declined.err.startswith("account    123456789012\nregion     us-east-1\n")
    plan, _, rest = declined.err.partition(NAME_ASKED)
    assert "- delete  notification/uploads " in plan
    assert "\nIAM: who may do what\n- delete  role/publisher " in plan
    lost = plan[plan.index("\nDeletes what cannot be brought back\n") :]
    assert [line.split()[2] for line in lost.splitlines() if line.startswith("- ")] == [
        "table/counters",
        "table/totals",
        "table/snapshots",
        "logs/publisher",
        "logs/aggregator",
        "logs/processor",
    ]
    assert (
        f"\nStays as it is\n= keep    bucket  {OURS}  (it holds 2 objects and versions; --delete-objects" in plan
    )
    assert plan.endswith(f"\nplan: 0 to create, 0 to update, 1 to keep, {len(IDS) - 1} to delete\n\n")
    assert rest == f"countagg: the answer was not 'countagg'{UNTOUCHED}"

    typing(monkeypatch, " countagg ")
    removed = countagg("teardown", "--keep-logs")
    assert removed.code == 0
    assert BUCKET_ASKED not in removed.err
    assert tables() == []


@pytest.mark.usefixtures("deployed")
def test_a_bucket_that_goes_with_objects_is_confirmed_by_its_own_name(
    countagg: CommandLine, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    for typed in ("countagg", "yes", ""):
        typing(monkeypatch, "countagg", typed)
        declined = countagg("teardown", "--delete-objects")
        assert (declined.code, declined.out) == (8, "")
        assert declined.err.endswith(
            f"{NAME_ASKED}{BUCKET_ASKED}countagg: the answer was not 'brand-new'{UNTOUCHED}"
        )
        assert "\n- delete  bucket " in declined.err
        assert calls.mutating == []

    typing(monkeypatch, "countagg", OURS)
    removed = countagg("teardown", "--delete-objects", "--keep-logs")
    assert removed.code == 0
    assert buckets() == {BUCKET}


def test_an_empty_bucket_needs_no_second_name(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up_ours(countagg)
    typing(monkeypatch, "countagg")

    removed = countagg("teardown", "--delete-objects", "--keep-logs")

    assert removed.code == 0
    assert "The bucket goes with" not in removed.err
    assert buckets() == {BUCKET}


@pytest.mark.usefixtures("deployed")
def test_a_kept_bucket_needs_no_second_name(countagg: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    typing(monkeypatch, "countagg")

    removed = countagg("teardown", "--delete-objects", "--keep-data", "--keep-logs")

    assert removed.code == 0
    assert buckets() == {BUCKET, OURS}


@pytest.mark.usefixtures("deployed")
def test_off_a_terminal_nothing_is_asked_and_nothing_touched(countagg: CommandLine, calls: Calls) -> None:
    ran = countagg("teardown", "--delete-objects")

    assert (ran.code, ran.out) == (2, "")
    assert "countagg: --yes: there is no terminal to ask on\n" in ran.err
    assert calls.mutating == []


# What goes and what stays


@pytest.mark.usefixtures("deployed")
def test_yes_removes_everything_and_the_receipt_tells_it(countagg: CommandLine) -> None:
    ran = countagg("teardown", "--yes", "--delete-objects")

    assert ran.code == 0
    assert "to go on" not in ran.err
    assert "waiting for late log lines, which could make a log group anew\n" in ran.err
    lines = ran.out.splitlines()
    assert [line.split()[:3] for line in lines[:-2]] == [["-", "deleted", name] for name in reversed(IDS)]
    assert f"- deleted bucket                         {OURS}  (2 objects and versions)" in lines
    assert lines[-2] == ""
    assert TALLY.fullmatch(lines[-1])
    assert (buckets(), tables(), groups()) == ({BUCKET}, [], [])


@pytest.mark.usefixtures("deployed")
def test_a_terminal_that_shows_each_step_is_told_only_what_stays(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing(monkeypatch, "countagg")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    ran = countagg("teardown", "--keep-logs")

    assert ran.code == 0
    assert "delete  topic/alerts\n" in ran.err
    lines = ran.out.splitlines()
    assert (lines[0], lines[-2]) == ("Stays as it is", "")
    assert {line.split()[0] for line in lines[1:-2] if line[:1] != " "} == {"="}
    assert "topic" not in ran.out


@pytest.mark.usefixtures("deployed")
def test_data_that_is_kept_is_found_again_by_the_next_setup(countagg: CommandLine) -> None:
    ran = countagg("teardown", *QUICK, "--keep-data", "--delete-objects", "--output", "json")

    assert ran.code == 0
    notes = kept(ran)
    assert {name for name, note in notes.items() if note == "--keep-data"} == DATA | {"bucket"}
    assert {name for name, note in notes.items() if note == "--keep-logs"} == {
        "logs/processor",
        "logs/aggregator",
        "logs/publisher",
    }
    again = countagg("setup", "--bucket", OURS, "--yes", "--output", "json")
    assert again.document["summary"]["keep"] == 7 - 1
    assert again.document["summary"]["update"] == 1


def test_protected_tables_stay_unless_told(countagg: CommandLine) -> None:
    countagg("setup", "--bucket", BUCKET, "--deletion-protection", "--yes")

    stayed = countagg("teardown", *QUICK, "--output", "json")
    assert stayed.code == 0
    assert {name for name, note in kept(stayed).items() if "--delete-protected" in note} == DATA
    assert len(tables()) == 3

    gone = countagg("teardown", *QUICK, "--delete-protected", "--output", "json")
    assert gone.code == 0
    assert {each["resource"] for each in gone.document["changes"] if each["action"] == "delete"} == DATA
    assert {each["loses"] for each in gone.document["changes"] if each["action"] == "delete"} == {"data"}
    assert tables() == []


@pytest.mark.usefixtures("deployed")
def test_another_bucket_than_the_stacks_is_refused(countagg: CommandLine, calls: Calls) -> None:
    ran = countagg("teardown", "--yes", "--bucket", BUCKET)

    assert (ran.code, ran.out) == (2, "")
    assert f"countagg: --bucket: the stack 'countagg' works on the bucket {OURS!r}, not on {BUCKET!r}" in ran.err
    assert calls.mutating == []


@pytest.mark.usefixtures("deployed")
def test_a_failure_in_the_middle_says_where_it_stopped_and_the_same_command_goes_on(
    countagg: CommandLine, calls: Calls
) -> None:
    calls.errors["DeleteRole"] = [answer("AccessDenied", "no", "DeleteRole")]
    failed = countagg("teardown", *QUICK)
    assert (failed.code, failed.out) == (1, "")
    assert "countagg: role/publisher: " in failed.err
    assert (
        "the same command again: it stopped at role/publisher, 21 of 35 done, and goes on from there" in failed.err
    )

    done = countagg("teardown", *QUICK, "--output", "json")
    assert done.code == 0
    assert done.document["summary"]["delete"] == len(IDS) - 20 - 4
    assert boto3.client("iam").list_roles()["Roles"] == []


@pytest.mark.usefixtures("deployed")
def test_a_bucket_that_alone_is_left_is_found_by_its_tag(countagg: CommandLine) -> None:
    countagg("teardown", *QUICK)
    assert OURS in buckets()

    ran = countagg("teardown", *QUICK, "--delete-objects", "--output", "json")

    assert ran.code == 0
    deleted = [each["resource"] for each in ran.document["changes"] if each["action"] == "delete"]
    assert deleted == ["bucket"]
    assert buckets() == {BUCKET}


def test_a_teardown_of_nothing_says_so_and_asks_nothing(countagg: CommandLine) -> None:
    ran = countagg("teardown", "--output", "json")

    assert ran.code == 0
    assert {name: ran.document[name] for name in ("changes", "left_over", "searched_by_tag")} == {
        "changes": [],
        "left_over": [],
        "searched_by_tag": True,
    }
    assert ran.document["foreign_notifications"] is None
    assert ran.err.endswith(
        "nothing is left of a stack 'countagg' in us-east-1; "
        "if its bucket still notifies it, name the bucket with --bucket\n"
    )


# What is left


def test_without_the_permission_to_search_by_tag_the_receipt_says_so(countagg: CommandLine, calls: Calls) -> None:
    set_up_theirs()
    calls.errors["GetResources"] = [answer("AccessDeniedException", "no", "GetResources")]

    ran = countagg("teardown", *QUICK, "--output", "json")

    assert ran.code == 0
    assert ran.document["searched_by_tag"] is False
    assert "\nnot searched by tag: this principal may not (tag:GetResources)\n" in ran.err
    assert countagg("teardown", *QUICK, "--output", "json").document["searched_by_tag"] is True


def notify_others(prefix: str) -> None:
    """Let the bucket notify a queue of somebody else's, beside what it notifies already."""
    s3 = boto3.client("s3")
    found = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    entry: Any = {
        "Id": "theirs",
        "QueueArn": "arn:aws:sqs:us-east-1:123456789012:theirs",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
    }
    topics = found.get("TopicConfigurations", [])
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={"TopicConfigurations": topics, "QueueConfigurations": [entry]},
    )


def test_notifications_of_others_are_counted_and_stay(countagg: CommandLine) -> None:
    boto3.client("sqs").create_queue(QueueName="theirs")
    notify_others("theirs/")
    countagg("setup", "--bucket", BUCKET, "--yes")

    ran = countagg("teardown", *QUICK, "--output", "json")

    assert ran.code == 0
    assert (ran.document["foreign_notifications"], ran.document["foreign_notifications_unchanged"]) == (1, True)
    assert ran.err.endswith("\nnotifications of others on the bucket: 1, unchanged\n")
    found = boto3.client("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert [entry["Id"] for entry in found["QueueConfigurations"]] == ["theirs"]
    assert "TopicConfigurations" not in found


def test_notifications_that_others_change_meanwhile_are_told(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("sqs").create_queue(QueueName="theirs")
    countagg("setup", "--bucket", BUCKET, "--yes")
    during = meanwhile("DeleteFunction", lambda: notify_others("theirs/"))
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, during])

    ran = countagg("teardown", *QUICK, "--output", "json")

    assert ran.code == 0
    assert (ran.document["foreign_notifications"], ran.document["foreign_notifications_unchanged"]) == (0, False)
    assert ran.err.endswith("\nnotifications of others on the bucket: 0, CHANGED by somebody else meanwhile\n")


def meanwhile(operation: str, happening: Callable[[], None], call: int = 1) -> tuple[str, Callable[..., None]]:
    """Return a handler of botocore's that lets something happen before one of an operation's calls."""
    numbers = itertools.count(1)

    def before(model: Any, **_: object) -> None:
        if model.name == operation and next(numbers) == call:
            happening()

    return ("before-call", before)


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait until AWS no longer lists what was deleted."""
    monkeypatch.setattr(deployment, "_SHOWN_AFTER_DELETION", 0.0)


@pytest.mark.usefixtures("_no_patience")
def test_what_is_left_by_name_ends_with_4_and_is_named(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_theirs()

    def make_anew() -> None:
        boto3.client("sns").create_topic(Name="countagg-alerts", Tags=TAG)

    # The topics go one after the other: at the second call the first is gone.
    during = meanwhile("DeleteTopic", make_anew, call=2)
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, during])
    ran = countagg("teardown", *QUICK, "--output", "json")

    assert ran.code == 4
    assert ran.document["left_over"] == ["topic/alerts countagg-alerts"]
    assert ran.err.endswith(
        "countagg: still there: topic/alerts countagg-alerts\n  try: run `countagg teardown` again\n"
    )


@pytest.mark.usefixtures("_no_patience")
def test_what_is_left_by_tag_ends_with_4_and_is_named_by_its_arn(countagg: CommandLine) -> None:
    set_up_theirs()
    arn = boto3.client("sns").create_topic(Name="copied-by-hand", Tags=TAG)["TopicArn"]

    ran = countagg("teardown", *QUICK, "--output", "json")

    assert ran.code == 4
    assert ran.document["left_over"] == [arn]
    assert ran.document["searched_by_tag"] is True
    assert ran.err.endswith(
        f"countagg: still there: {arn}\n"
        "  try: run `countagg teardown` again; "
        "what is named by its ARN only bears the stack's tag: remove it, or the tag, yourself\n"
    )


@pytest.mark.usefixtures("_no_patience")
def test_a_teardown_of_nothing_does_not_say_so_if_something_bears_the_tag(countagg: CommandLine) -> None:
    tag: Any = [{"Key": "countagg:stack", "Value": "ghost"}]
    boto3.client("sns").create_topic(Name="copied-by-hand", Tags=tag)

    ran = countagg("teardown", "--stack", "ghost")

    assert ran.code == 4
    assert "nothing is left" not in ran.err


def test_a_whole_stack_of_another_name_is_neither_touched_nor_left_over(countagg: CommandLine) -> None:
    set_up_theirs()
    countagg("setup", "--bucket", OURS, "--create-bucket", "--stack", "countagg-2", "--yes")

    assert countagg("teardown", *QUICK, "--output", "json").document["left_over"] == []

    assert countagg("plan", "--stack", "countagg-2", "--detailed-exitcode").code == 0
    assert boto3.client("sns").get_topic_attributes(TopicArn=TOPIC.replace("countagg", "countagg-2"))
