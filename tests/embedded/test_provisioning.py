"""Provisioning with every option on the embedded engine: silent the second time, healing, killed in the middle."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.aws.session import Clients
from countagg.aws.tagged import tagged_arns
from countagg.aws.waiting import Patience
from countagg.local import EngineRecord
from countagg.operate.stack.deployment import Deployment, apply
from countagg.provision.choices import Chosen
from countagg.provision.reconcile import Action
from tests.embedded.test_lifecycle import inventory
from tests.embedded.world import CommandLine, DeployedStack, engine_clients
from tests.provision.stacks import IDS

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

_READS: Final = ("Get", "List", "Describe", "Head")
STACK: Final = "options"
BUCKET: Final = "options-data"


@pytest.fixture(scope="module")
def clients(engine: EngineRecord) -> Clients:
    return engine_clients(engine)


def make_key(clients: Clients) -> str:
    """Make a key that the services may use which pass our messages on."""
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    services = {"Service": ["cloudwatch.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"]}
    statements = [
        {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"},
        {
            "Effect": "Allow",
            "Principal": services,
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return clients.kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]


def make_boundary(clients: Clients) -> str:
    allowing = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowing]})
    return clients.iam.create_policy(PolicyName="options-boundary", PolicyDocument=document)["Policy"]["Arn"]


@pytest.fixture(scope="module")
def stack(clients: Clients, command_line: CommandLine) -> Iterator[DeployedStack]:
    """Return a stack with every option, and check at the end that nothing is left of it."""
    boundary, key = make_boundary(clients), make_key(clients)
    options = (
        *("--bucket", BUCKET, "--create-bucket", "--prefix", "in/", "--output-prefix", "out/"),
        *("--memory", "processor=512", "--window", "publisher=1"),
        *("--retention", "snapshots=20", "--retention", "logs=90"),
        *("--alarm-email", "ops@example.org", "--tag", "team=fleet", "--tag", "cost=5"),
        *("--permissions-boundary", boundary, "--role-path", "/ops/", "--kms-key", key),
        *("--bucket-versioning", "--point-in-time-recovery", "--deletion-protection", "--dashboard"),
    )
    made = command_line("setup", "--stack", STACK, *options, "--yes", "--output", "json").json()
    assert made["summary"] == {"create": len(IDS) + 2, "update": 0, "keep": 1, "delete": 0}
    yield DeployedStack(STACK, BUCKET, command_line, clients, prefix="in/")
    clients.iam.delete_policy(PolicyArn=boundary)


def set_up_silently(engine: EngineRecord, stack: str) -> tuple[list[Action], list[str]]:
    """Set up in this process; return what was done, and the calls that change something."""
    clients, calls = engine_clients(engine), list[str]()
    clients.session.events.register("before-call", lambda model, **_: calls.append(model.name))
    deployment = Deployment(clients, clients.caller(), Patience(lambda _: None))
    done = [change.action for change in apply(deployment.plan(Chosen(stack)), lambda *_: None)]
    assert calls
    return done, [name for name in calls if not name.startswith(_READS)]


def test_a_second_setup_with_every_option_makes_no_mutating_call(
    engine: EngineRecord, stack: DeployedStack
) -> None:
    done, mutating = set_up_silently(engine, stack.name)

    assert done == [Action.KEEP] * (len(IDS) + 3)
    assert mutating == []


def test_the_pipeline_works_with_every_option(stack: DeployedStack) -> None:
    day = stack.new_day()

    stack.run("upload-sample", "--date", day, "--wait")

    assert stack.query(day)["totals"] == {"COUNTER1": 191122, "COUNTER2": 54321}
    assert stack.run("status", "--output", "json").json()["healthy"] is True


def change_queue(clients: Clients) -> None:
    url = clients.sqs.get_queue_url(QueueName="options-uploads")["QueueUrl"]
    clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})


def change_function(clients: Clients) -> None:
    found = clients.lambda_.get_function_configuration(FunctionName="options-aggregator")
    variables = {**found["Environment"]["Variables"], "COUNTAGG_PREFIX": "elsewhere/", "BY_HAND": "1"}
    clients.lambda_.update_function_configuration(
        FunctionName="options-aggregator", MemorySize=1024, Environment={"Variables": variables}
    )


def change_mapping(clients: Clients) -> None:
    (found,) = clients.lambda_.list_event_source_mappings(FunctionName="options-processor")["EventSourceMappings"]
    clients.lambda_.update_event_source_mapping(UUID=found["UUID"], BatchSize=1)


def change_logs(clients: Clients) -> None:
    clients.logs.put_retention_policy(logGroupName="/aws/lambda/options-publisher", retentionInDays=1)


def change_role(clients: Clients) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    clients.iam.put_role_policy(
        RoleName="options-publisher-us-east-1", PolicyName="by-hand", PolicyDocument=json.dumps(policy)
    )


def change_bucket(clients: Clients) -> None:
    clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    clients.s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})


def change_alarm(clients: Clients) -> None:
    clients.cloudwatch.delete_alarms(AlarmNames=["options-dead-letters"])


def change_dashboard(clients: Clients) -> None:
    name = "options-us-east-1"
    body = json.loads(clients.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    (widget,) = (each for each in body["widgets"] if each["properties"].get("title") == "Dead letters")
    widget["height"] = 9
    clients.cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body, indent=1))


DRIFT: Final[dict[str, tuple[Callable[[Clients], None], dict[str, set[str]]]]] = {
    "queue": (change_queue, {"queue/uploads": {"visibility_timeout"}}),
    "function": (
        change_function,
        {"function/aggregator": {"memory", "environment.COUNTAGG_PREFIX", "environment.BY_HAND"}},
    ),
    "mapping": (change_mapping, {"mapping/processor": {"batch_size"}}),
    "logs": (change_logs, {"logs/publisher": {"retention"}}),
    "role": (change_role, {"role/publisher": {"policies.by-hand.All"}}),
    "bucket": (
        change_bucket,
        {"bucket": {"versioning"}, "notification/uploads": {"topic", "events", "prefix"}},
    ),
    "alarm": (change_alarm, {"alarm/dead-letters": set()}),
    "dashboard": (change_dashboard, {"dashboard": {"body.widgets.Dead letters.height"}}),
}


def test_what_was_changed_by_hand_is_named_field_by_field_and_put_back(
    engine: EngineRecord, clients: Clients, stack: DeployedStack
) -> None:
    expected: dict[str, set[str]] = {}
    for change, fields in DRIFT.values():
        change(clients)
        expected |= fields

    ran = stack.run("plan", "--detailed-exitcode", "--output", "json", code=6)
    pending = {
        change["resource"]: {field["name"] for field in change["fields"]}
        for change in ran.json()["changes"]
        if change["action"] != "keep"
    }
    assert pending.pop("alarm/dead-letters") >= {"metric", "threshold"}
    del expected["alarm/dead-letters"]
    assert pending == expected

    mended = stack.run("setup", "--yes", "--output", "json").json()
    assert mended["summary"] == {"create": 2, "update": 7, "keep": len(IDS) + 3 - 9, "delete": 0}
    assert set_up_silently(engine, stack.name)[1] == []


def test_teardown_of_every_option_leaves_nothing_by_name_and_by_tag(
    clients: Clients, stack: DeployedStack
) -> None:
    # Of a whole stack the engine lists tables, functions, topics, queues and the bucket.
    assert len(tagged_arns(clients, STACK)) >= 11

    protected = stack.run("teardown", "--yes", "--keep-logs", "--output", "json").json()
    kept = {change["resource"]: change["note"] for change in protected["changes"] if change["action"] == "keep"}
    assert {name for name, note in kept.items() if "--delete-protected" in note} == {
        "table/snapshots",
        "table/totals",
        "table/counters",
    }
    assert "--delete-objects" in kept["bucket"]
    assert protected["left_over"] == []
    options = ("--delete-protected", "--delete-objects", "--yes", "--output", "json")
    removed = stack.run("teardown", *options).json()

    assert {change["resource"] for change in removed["changes"] if change["action"] == "delete"} == {
        "table/snapshots",
        "table/totals",
        "table/counters",
        "logs/processor",
        "logs/aggregator",
        "logs/publisher",
        "bucket",
    }
    assert (removed["left_over"], removed["searched_by_tag"]) == ([], True)
    assert inventory(clients, STACK) == set()
    assert tagged_arns(clients, STACK) == frozenset()


def kill_at(command_line: CommandLine, line: str, *arguments: str) -> None:
    """Start a command, and kill its process when it announces a step."""
    child = subprocess.Popen(
        [sys.executable, "-m", "countagg", *arguments],
        env=command_line.environment(),
        cwd=Path(command_line.state_home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    told = []
    for said in child.stderr:
        told.append(said)
        if said.split() == line.split():
            child.send_signal(signal.SIGKILL)
            break
    child.communicate()
    assert child.returncode == -signal.SIGKILL, "".join(told)


def actions(document: Any) -> set[str]:
    return {change["action"] for change in document["changes"]}


def test_a_setup_and_a_teardown_that_are_killed_again_and_again_come_to_their_end(
    engine: EngineRecord, clients: Clients, command_line: CommandLine
) -> None:
    place = ("--stack", "killed")
    setup = ("setup", *place, "--bucket", "killed-data", "--create-bucket", "--yes")
    for step in (
        "topic/alerts",
        "table/totals",
        "role/publisher",
        "function/aggregator",
        "mapping/publisher",
        "bucket",
    ):
        kill_at(command_line, f"create {step}", *setup)
    finished = command_line(*setup, "--output", "json").json()
    assert actions(finished) <= {"create", "update", "keep"}
    assert finished["summary"]["keep"] > 25
    assert set_up_silently(engine, "killed")[1] == []
    command_line("upload-sample", "--wait", *place)

    teardown = ("teardown", *place, "--delete-objects", "--yes")
    for step in ("bucket", "mapping/aggregator", "function/processor", "role/processor", "topic/uploads"):
        kill_at(command_line, f"delete {step}", *teardown)
    removed = command_line(*teardown, "--output", "json").json()
    assert removed["left_over"] == []
    assert inventory(clients, "killed") == set()
    assert tagged_arns(clients, "killed") == frozenset()
