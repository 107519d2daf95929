"""Setup and teardown on the embedded engine: idempotent, complete, and polite to what is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from countagg.aws.session import Clients
from countagg.aws.waiting import Patience
from countagg.local import EngineRecord
from countagg.operate.stack.deployment import Deployment, apply
from countagg.provision.choices import Chosen
from countagg.provision.reconcile import Action
from tests.embedded.world import CommandLine, engine_clients
from tests.provision.stacks import IDS

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

_READS = ("Get", "List", "Describe", "Head")


@pytest.fixture
def clients(engine: EngineRecord) -> Clients:
    return engine_clients(engine)


@pytest.fixture
def foreign_bucket(clients: Clients) -> Iterator[str]:
    """Return a bucket of somebody else's, which notifies a queue of theirs."""
    name = "somebody-elses"
    clients.s3.create_bucket(Bucket=name)
    url = clients.sqs.create_queue(QueueName="their-queue")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:their-queue"
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"sqs:SendMessage","Resource":"{arn}"}}]}}'
    )
    clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    clients.s3.put_bucket_notification_configuration(
        Bucket=name,
        NotificationConfiguration={
            "QueueConfigurations": [
                {
                    "Id": "theirs",
                    "QueueArn": arn,
                    "Events": ["s3:ObjectCreated:*"],
                    "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "theirs/"}]}},
                }
            ],
            "EventBridgeConfiguration": {},
        },
    )
    yield name
    for found in clients.s3.list_objects_v2(Bucket=name).get("Contents", []):
        clients.s3.delete_object(Bucket=name, Key=found["Key"])
    clients.s3.delete_bucket(Bucket=name)
    clients.sqs.delete_queue(QueueUrl=url)


def inventory(clients: Clients, stack: str) -> set[str]:
    """List everything of the account whose name begins with the stack's."""
    found = {topic["TopicArn"].split(":")[-1] for topic in clients.sns.list_topics()["Topics"]}
    found |= {url.rsplit("/")[-1] for url in clients.sqs.list_queues().get("QueueUrls", [])}
    found |= set(clients.dynamodb.list_tables()["TableNames"])
    found |= {each["FunctionName"] for each in clients.lambda_.list_functions()["Functions"]}
    found |= {each["RoleName"] for each in clients.iam.list_roles()["Roles"]}
    found |= {bucket["Name"] for bucket in clients.s3.list_buckets()["Buckets"]}
    groups = clients.logs.describe_log_groups()["logGroups"]
    found |= {group["logGroupName"].removeprefix("/aws/lambda/") for group in groups}
    found |= {each["EventSourceArn"].split(":")[-1] for each in _mappings(clients)}
    found |= {each["DashboardName"] for each in clients.cloudwatch.list_dashboards()["DashboardEntries"]}
    found |= {each["AlarmName"] for each in clients.cloudwatch.describe_alarms()["MetricAlarms"]}
    return {name for name in found if name.startswith(stack)}


def _mappings(clients: Clients) -> list[Any]:
    return list(clients.lambda_.list_event_source_mappings()["EventSourceMappings"])


def notification(clients: Clients, bucket: str) -> Any:
    answer: Any = clients.s3.get_bucket_notification_configuration(Bucket=bucket)
    answer.pop("ResponseMetadata")
    return answer


def test_setup_twice_then_teardown_leaves_nothing(
    engine: EngineRecord, clients: Clients, command_line: CommandLine
) -> None:
    assert engine.enforce_policies
    options = ("--stack", "twice", "--output", "json")

    planned = command_line(
        "plan", "--bucket", "twice-data", "--create-bucket", "--detailed-exitcode", *options, code=6
    )
    first = command_line("setup", "--bucket", "twice-data", "--create-bucket", "--yes", *options).json()
    second = command_line("setup", "--yes", *options).json()
    actions = [(change["resource"], change["action"]) for change in first["changes"]]
    assert actions == [(name, "create") for name in IDS]
    assert [(change["resource"], change["action"]) for change in planned.json()["changes"]] == actions
    assert first["summary"] == {"create": len(IDS), "update": 0, "keep": 0, "delete": 0}
    assert second["summary"] == {"create": 0, "update": 0, "keep": len(IDS), "delete": 0}
    assert second["outputs"] == first["outputs"]
    command_line("plan", "--detailed-exitcode", *options)

    removed = command_line("teardown", "--yes", *options).json()

    assert removed["summary"] == {"create": 0, "update": 0, "keep": 0, "delete": len(IDS)}
    assert (removed["left_over"], removed["searched_by_tag"]) == ([], True)
    assert inventory(clients, "twice") == set()
    assert command_line("teardown", "--yes", *options).json()["changes"] == []
    command_line("query", "--date", "today", "--stack", "twice", code=5)


def test_a_second_setup_makes_no_mutating_call(engine: EngineRecord, command_line: CommandLine) -> None:
    command_line("setup", "--stack", "silent", "--bucket", "silent-data", "--create-bucket", "--yes")
    clients, calls = engine_clients(engine), list[str]()
    clients.session.events.register("before-call", lambda model, **_: calls.append(model.name))

    deployment = Deployment(clients, clients.caller(), Patience(lambda _: None))
    changes = list(apply(deployment.plan(Chosen("silent")), lambda *_: None))

    assert [change.action for change in changes] == [Action.KEEP] * len(IDS)

    assert calls
    assert [name for name in calls if not name.startswith(_READS)] == []
    command_line("teardown", "--stack", "silent", "--yes")


def test_a_bucket_of_others_keeps_its_notifications_and_stays(
    clients: Clients, foreign_bucket: str, command_line: CommandLine
) -> None:
    before = notification(clients, foreign_bucket)
    options = ("--stack", "guest")

    day = datetime.now(UTC).date().isoformat()
    clients.s3.put_object(Bucket=foreign_bucket, Key=f"counters/{day}/values_early", Body=b"EARLY 5\n")

    made = command_line("setup", "--bucket", foreign_bucket, "--yes", *options)
    assert "the bucket has 1 file of today already\n" in made.err
    command_line("setup", "--take-up", "--yes", *options)
    assert command_line("query", "--date", day, "--output", "json", *options).json()["totals"] == {"EARLY": 5}
    with_ours = notification(clients, foreign_bucket)
    command_line("upload-sample", "--wait", "--yes", *options)
    removed = command_line("teardown", "--yes", "--output", "json", *options).json()

    assert [entry["Id"] for entry in with_ours["TopicConfigurations"]] == ["guest-uploads"]
    assert {name: with_ours[name] for name in before} == before
    assert notification(clients, foreign_bucket) == before
    kept = {change["resource"]: change["note"] for change in removed["changes"] if change["action"] == "keep"}
    assert kept == {"bucket": "not ours"}
    assert (removed["foreign_notifications"], removed["foreign_notifications_unchanged"]) == (2, True)
    assert inventory(clients, "guest") == set()
