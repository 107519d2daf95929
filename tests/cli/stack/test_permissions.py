"""permissions print and doctor: what they write, and what they end with."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import Any, Final

import boto3
import pytest

from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.partitions import Layout
from countagg.provision.permissions import COMMANDS_OF, Audience
from tests.cli.account import ACCOUNT, BUCKET, write_day
from tests.cli.running import CommandLine
from tests.readme import README

OFFLINE: Final = ("--account", "111122223333", "--region", "eu-west-1", "--bucket", "b-1")
CHECKS: Final = [
    "python",
    "boto3",
    "region",
    "endpoint",
    "clock",
    "names",
    "credentials",
    "settings",
    "stack",
    "bucket",
    "roles",
    "ledgers",
    "instances",
    "lambda quota",
    "dynamodb quota",
    "permissions",
]


@pytest.fixture
def _simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put in what moto lacks: a simulator and Lambda's limits, without `sqs:SendMessage` and with little room."""
    initialise = Clients.__init__

    def simulate(params: Any, **_: object) -> Any:
        asked = [text for name, text in sorted(params["body"].items()) if name.startswith("ActionNames.")]
        results = [
            {"EvalActionName": each, "EvalDecision": "implicitDeny" if each == "sqs:SendMessage" else "allowed"}
            for each in asked
        ]
        return ANSWERED, {"EvaluationResults": results, "IsTruncated": False, "ResponseMetadata": {}}

    def limits(**_: object) -> Any:
        account = {"UnreservedConcurrentExecutions": 3, "TotalCodeSize": 10**11}
        return ANSWERED, {"AccountLimit": account, "AccountUsage": {"TotalCodeSize": 0}}

    def completed(clients: Clients, options: ConnectionOptions) -> None:
        initialise(clients, options)
        events: Any = clients.session.events
        events.register("before-call.iam.SimulatePrincipalPolicy", simulate)
        events.register("before-call.lambda.GetAccountSettings", limits)

    monkeypatch.setattr(Clients, "__init__", completed)


class _Answered:
    status_code = 200


ANSWERED: Final = _Answered()


# permissions print


@pytest.mark.usefixtures("signed_out")
@pytest.mark.parametrize("role", Audience)
def test_a_policy_is_printed_without_credentials_and_alone(role: Audience, countagg: CommandLine) -> None:
    ran = countagg("permissions", "print", "--role", role, *OFFLINE)

    assert ran.code == 0
    document = json.loads(ran.out)
    assert list(document) == ["Version", "Statement"]
    assert "arn:aws:s3:::b-1" in ran.out
    if role is not Audience.INSTANCE:
        assert ":eu-west-1:111122223333:" in ran.out
        assert ("a role takes it as an inline one" in ran.err) is (role is Audience.SELFTEST)


def test_a_policy_that_makes_roles_without_a_boundary_says_what_it_amounts_to(countagg: CommandLine) -> None:
    printing = ("permissions", "print", *OFFLINE, "--role")
    boundary = ("--permissions-boundary", "arn:aws:iam::111122223333:policy/bounds")

    for role in Audience:
        told = "any right of the account" in countagg(*printing, role).err
        assert told is (role in {Audience.DEPLOYER, Audience.SELFTEST})
        assert "any right of the account" not in countagg(*printing, role, *boundary).err


@pytest.mark.usefixtures("account")
def test_a_policy_for_a_bucket_that_setup_creates_is_asked_for_or_remembered(countagg: CommandLine) -> None:
    printing = ("permissions", "print", "--role", "deployer")
    offline = (*printing, *OFFLINE)

    assert "s3:PutBucketPolicy" not in countagg(*offline).out
    assert "s3:PutBucketPolicy" in countagg(*offline, "--create-bucket").out
    assert "s3:PutBucketPolicy" in countagg("permissions", "print", "--role", "selftest", *OFFLINE[:4]).out
    countagg("setup", "--bucket", "brand-new", "--create-bucket", "--yes")
    assert "s3:PutBucketPolicy" in countagg(*printing).out
    countagg("setup", "--yes")
    assert "s3:PutBucketPolicy" in countagg(*printing).out
    assert countagg("plan", "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("account")
def test_both_forms_print_the_same(countagg: CommandLine) -> None:
    arguments = ("permissions", "print", "--role", "reader", "--bucket", BUCKET)
    assert countagg(*arguments).out == countagg(*arguments, "--output", "json").out
    assert countagg(*arguments, "--output", "csv").code == 2


@pytest.mark.usefixtures("account")
def test_the_deployed_stack_tells_what_nobody_says(countagg: CommandLine) -> None:
    assert countagg("permissions", "print", "--role", "reader").code == 2
    countagg("setup", "--bucket", BUCKET, "--prefix", "in/", "--role-path", "/ops/", "--yes")

    printed = countagg("permissions", "print", "--role", "operator").out
    deployer = countagg("permissions", "print", "--role", "deployer").out

    assert f"arn:aws:s3:::{BUCKET}/in/*" in printed
    assert f"arn:aws:iam::{ACCOUNT}:role/ops/countagg-processor-us-east-1" in deployer
    assert countagg("permissions", "print", "--role", "reader", "--bucket", "another").code == 2


def test_instances_are_named_or_tagged(countagg: CommandLine) -> None:
    printing = ("permissions", "print", "--role", "instance", *OFFLINE)
    named = countagg(*printing, "--instance-id", "i-1", "--instance-id", "i-2")
    tagged = countagg(*printing)

    granted = [each["Resource"] for each in named.document["Statement"] if each["Effect"] == "Allow"]
    assert [arn.rpartition("_")[2] for arn in granted] == ["i-1", "i-2"]
    assert named.err == ""
    assert "${aws:PrincipalTag/countagg-instance}" in tagged.out
    assert "tag the instance's role" in tagged.err


def test_a_long_list_of_instances_says_that_it_is_long(countagg: CommandLine) -> None:
    many = [option for number in range(60) for option in ("--instance-id", f"i-{number:017x}")]
    ran = countagg("permissions", "print", "--role", "instance", *OFFLINE, *many)
    assert "more than a policy may have" in ran.err


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--role", "admin"), "admin"),
        (("--role", "reader", "--instance-id", "i-1"), "--instance-id"),
        (("--role", "instance", "--instance-id", "a/b"), "--instance-id"),
        (("--role", "instance", "--instance-id", "*"), "--instance-id"),
        (("--role", "reader", "--account", "12"), "--account"),
        (("--role", "reader", "--bucket", "NO"), "--bucket"),
        (("--role", "reader", "--prefix", "a/", "--output-prefix", "a/b/"), "overlap"),
    ],
)
def test_what_cannot_be_printed_is_explained(
    options: tuple[str, ...], complaint: str, countagg: CommandLine
) -> None:
    ran = countagg("permissions", "print", *OFFLINE, *options)

    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err


def test_a_region_that_is_none_is_refused(countagg: CommandLine) -> None:
    ran = countagg("permissions", "print", "--role", "reader", *OFFLINE, "--region", "nowhere")
    assert (ran.code, ran.out) == (3, "")
    assert "  try: check --region, AWS_REGION and the profile; a region is, for example, eu-central-1\n" in ran.err


def test_the_policy_of_an_instance_stands_in_readme_as_it_is_printed(countagg: CommandLine) -> None:
    ((line, printed),) = re.findall(
        r"^\$ countagg (permissions print .*)\n(\{\n(?:.*\n)*?\}\n)", README, re.MULTILINE
    )

    assert countagg(*line.split()).out == printed


# doctor


@pytest.mark.usefixtures("account", "_simulator")
def test_doctor_before_setup_and_after(countagg: CommandLine) -> None:
    before = countagg("doctor", "--role", "reader", "--bucket", BUCKET, "--output", "json").document
    countagg("setup", "--bucket", BUCKET, "--yes")
    ran = countagg("doctor", "--role", "reader", "--output", "json")

    assert list(ran.document) == ["schema", "stack", "ok", "checks"]
    assert all(list(each) == ["check", "state", "detail", "fix"] for each in ran.document["checks"])
    expected = [*CHECKS, *(f"permissions: {command}" for command in COMMANDS_OF[Audience.READER])]
    assert [each["check"] for each in ran.document["checks"]] == expected
    assert [each["check"] for each in before["checks"]] == expected
    stacks = [
        each["detail"] for found in (before, ran.document) for each in found["checks"] if each["check"] == "stack"
    ]
    assert stacks == ["countagg is not deployed yet", "countagg is deployed"]
    ledgers = [each for found in (before, ran.document) for each in found["checks"] if each["check"] == "ledgers"]
    assert [(each["state"], each["detail"]) for each in ledgers] == [
        ("not checked", "no stack is deployed"),
        ("ok", "the largest takes 0 of 400 KB"),
    ]


@pytest.mark.usefixtures("account", "_simulator")
def test_doctor_tells_of_a_ledger_that_is_nearly_full(countagg: CommandLine) -> None:
    countagg("setup", "--bucket", BUCKET, "--yes")
    today, layout = datetime.now(UTC).date().isoformat(), Layout(2, 1)
    write_day(today, {}, layout=layout)
    item: Any = {"Date": {"S": layout.partitions(today)[1]}, "Version": {"N": "1"}}
    boto3.client("dynamodb").put_item(TableName="countagg-totals", Item=item | {"Document": {"B": bytes(250_000)}})

    ran = countagg("doctor", "--role", "reader", "--output", "json")

    (found,) = [each for each in ran.document["checks"] if each["check"] == "ledgers"]
    assert ran.code == 1
    assert found["state"] == "problem"
    assert found["detail"] == f"the ledger of {today}#1/2#0/1 takes 244 of 400 KB"
    assert "--lanes" in found["fix"]


@pytest.mark.usefixtures("account", "_simulator")
def test_problems_come_with_a_way_out(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--role", "operator", "--bucket", "no-such-bucket", "--output", "json")
    found = {each["check"]: each for each in ran.document["checks"]}

    assert (ran.code, ran.document["ok"]) == (1, False)
    wrong = {name for name, each in found.items() if each["state"] == "problem"}
    assert wrong == {"bucket", "lambda quota", "permissions: repair", "permissions: dead-letters redrive"}
    assert all((each["fix"] is not None) == (each["state"] == "problem") for each in found.values())
    assert "--create-bucket" in found["bucket"]["fix"]
    assert "sqs:SendMessage" in found["permissions: repair"]["detail"]
    assert f"4 of {len(found)} checks found a problem" in ran.err


@pytest.mark.usefixtures("account", "_simulator")
def test_a_bucket_that_setup_is_to_create_need_not_be_there(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--role", "reader", "--bucket", "brand-new", "--create-bucket", "--output", "csv")
    rows = {row["check"]: row for row in csv.DictReader(io.StringIO(ran.out))}
    assert rows["bucket"]["state"] == "ok"
    assert "brand-new" not in [each["Name"] for each in boto3.client("s3").list_buckets()["Buckets"]]


def states(ran: Any) -> dict[str, str]:
    return {each["check"]: each["state"] for each in ran.document["checks"]}


@pytest.mark.usefixtures("account", "signed_out")
def test_without_credentials_the_rest_is_checked_all_the_same(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--output", "json")
    found = states(ran)

    assert ran.code == 3
    assert found["credentials"] == "problem"
    assert {found[name] for name in ("python", "boto3", "region", "endpoint", "names", "settings")} == {"ok"}
    assert found["stack"] == found["permissions"] == "not checked"


@pytest.mark.usefixtures("signed_out")
def test_without_a_region_and_with_overlapping_prefixes(
    countagg: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    ran = countagg("doctor", "--bucket", BUCKET, "--prefix", "a/", "--output-prefix", "a/b/", "--output", "json")
    found = states(ran)

    assert ran.code == 3
    assert found["region"] == found["settings"] == found["credentials"] == "problem"
    assert found["endpoint"] == found["clock"] == "not checked"


def test_an_endpoint_that_nobody_answers_on_is_one_problem_among_the_checks(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--endpoint-url", "http://127.0.0.1:9", "--output", "json")

    assert ran.code == 3
    assert states(ran)["endpoint"] == "problem"
    assert states(ran)["python"] == "ok"


def test_an_engine_that_does_not_run_is_one_problem_among_the_checks(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--local")

    assert ran.code == 3
    assert "countagg local start" in ran.out


def test_a_stack_that_cannot_be_is_told(countagg: CommandLine) -> None:
    ran = countagg("doctor", "--stack", "Not-A-Name", "--endpoint-url", "http://127.0.0.1:9", "--output", "json")
    assert states(ran)["names"] == states(ran)["settings"] == "problem"


def test_an_instance_runs_no_commands(countagg: CommandLine) -> None:
    assert countagg("doctor", "--role", "instance").code == 2
