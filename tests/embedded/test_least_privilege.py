"""Every permission is needed: each action of each statement is taken away in turn, and the day must stop there.

What the engine does not ask for stands in `NOT_ASKED`, with where it is proved instead; that it does not ask is
tested too, so that a newer engine which does is noticed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from countagg.data.silence_turns import TURN_KEY
from countagg.local import EngineRecord, LocalEngine
from countagg.provision.place import Place
from tests.embedded.permissions import Day, Grant, Roles, Stopped, grants_of, without
from tests.embedded.world import CommandLine, DeployedStack, engine_clients, wait_until
from tests.provision.stacks import make_stack

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

ROLES: Final = ("processor", "aggregator", "publisher")
STACK: Final = "least"
BUCKET: Final = "least-data"

BREAKS: Final[dict[Grant, str]] = {
    Grant("processor", "ReadCounterFiles", "s3:GetObject"): "the total",
    Grant("processor", "ReadVersionsBeforeRefusedFiles", "s3:GetObjectVersion"): "the refusal",
    Grant("processor", "ListVersionsBeforeRefusedFiles", "s3:ListBucketVersions"): "the refusal",
    Grant("processor", "WriteSnapshots", "dynamodb:GetItem"): "the total",
    Grant("processor", "WriteSnapshots", "dynamodb:PutItem"): "the total",
    Grant("processor", "SendRefusals", "sqs:SendMessage"): "the refusal",
    Grant("aggregator", "KeepTotals", "dynamodb:GetItem"): "the total",
    Grant("aggregator", "KeepTotals", "dynamodb:PutItem"): "the total",
    Grant("aggregator", "RebuildFromSnapshots", "dynamodb:Query"): "the total",
    Grant("aggregator", "ReadWhenDaysExpire", "dynamodb:GetItem"): "the total",
    Grant(
        "publisher", "EngineChecksTheCallInsteadOfItsStatements", "dynamodb:BatchExecuteStatement"
    ): "the counter",
    Grant("publisher", "KeepPublishedTotals", "s3:GetObject"): "the counter",
    Grant("publisher", "KeepPublishedTotals", "s3:PutObject"): "the object",
    Grant("publisher", "FindLimitsAndCompareCounters", "dynamodb:Query"): "the counter",
    Grant("publisher", "ClaimAlerts", "dynamodb:Query"): "the alert",
    Grant("publisher", "ClaimAlerts", "dynamodb:PutItem"): "the alert",
    Grant("publisher", "SendAlerts", "sns:Publish"): "the alert",
}
"""What does not come about without an action."""
BREAKS_SPREAD: Final[dict[Grant, str]] = {
    Grant("publisher", "ReadNewestTotals", "dynamodb:GetItem"): "the counter",
}
"""What does not come about on a day of several partitions."""

LAMBDA_ITSELF: Final = "Lambda acts itself, with the role: tests/provision/test_grants_of_lambda.py"
AGGREGATOR_STREAM: Final = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
NOT_ASKED: Final[dict[Grant, str]] = {
    **{
        Grant(role, "WriteLogs", action): LAMBDA_ITSELF
        for role in ROLES
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    },
    **{
        Grant("processor", "ReceiveUploads", action): LAMBDA_ITSELF
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    },
    **{Grant("aggregator", "ReadSnapshotsStream", action): LAMBDA_ITSELF for action in AGGREGATOR_STREAM},
    **{Grant("publisher", "ReadTotalsStream", action): LAMBDA_ITSELF for action in AGGREGATOR_STREAM},
    Grant("aggregator", "ListStreamsKnowsNoResource", "dynamodb:ListStreams"): LAMBDA_ITSELF,
    Grant("publisher", "ListStreamsKnowsNoResource", "dynamodb:ListStreams"): LAMBDA_ITSELF,
    Grant("aggregator", "SendFailedBatches", "sqs:SendMessage"): LAMBDA_ITSELF,
    Grant("publisher", "SendDaysGivenUpAndFailedBatches", "sqs:SendMessage"): (
        "only a day that cannot be published needs it: tests/functions/test_days_apart.py"
    ),
    Grant("processor", "ReadWhatADayNames", "dynamodb:GetItem"): (
        "without it no bound of a day is kept, and no upload waits for that: tests/functions/test_day_bound.py"
    ),
    Grant("processor", "WriteSnapshots", "dynamodb:BatchGetItem"): (
        "without it each snapshot is read with its file: tests/functions/test_snapshots_ahead.py"
    ),
    **{
        Grant("publisher", "WriteCounters", action): "by statement: tests/functions/test_partiql_grants.py"
        for action in ("dynamodb:PartiQLInsert", "dynamodb:PartiQLUpdate")
    },
    **{
        Grant(role, "TellAbsentFromForbidden", "s3:ListBucket"): "the engine answers 404 without it, S3 403"
        for role in ("processor", "publisher")
    },
}
"""What the engine does not ask for, and where it is proved or why it is needed."""


@pytest.fixture(scope="module")
def stack(engine: EngineRecord, command_line: CommandLine) -> Iterator[DeployedStack]:
    """Return a stack of which every total passes a limit."""
    bucket = ("--bucket", BUCKET, "--create-bucket", "--bucket-versioning")
    command_line("setup", "--stack", STACK, *bucket, "--retention", "snapshots=400", "--yes")
    command_line("limits", "set", "A", "1", "--stack", STACK)
    yield DeployedStack(STACK, BUCKET, command_line, engine_clients(engine))
    command_line("teardown", "--stack", STACK, "--delete-objects", "--yes")


@pytest.fixture(scope="module")
def roles(stack: DeployedStack) -> Roles:
    return Roles(stack)


def new_day(stack: DeployedStack) -> Day:
    return Day(stack, stack.new_day())


def run_without(stack: DeployedStack, roles: Roles, grant: Grant) -> Stopped | None:
    """Run a day without an action; then see that what it stopped comes about when the action is back."""
    day = new_day(stack)
    with roles.exchanged(grant.role, without(roles.policy(grant.role), grant)):
        stopped = day.run(grant.role, grant.action)
    if stopped is not None and grant.role == "processor":
        # A message that the processor could not work on would come again after six minutes, in another test.
        stack.clients.sqs.purge_queue(
            QueueUrl=stack.clients.sqs.get_queue_url(QueueName=stack.names.uploads)["QueueUrl"]
        )
    elif stopped is not None:
        day.wait_for(stopped.outcome)
    return stopped


def test_every_action_is_in_one_of_the_two_tables(roles: Roles) -> None:
    granted = {grant for role in ROLES for grant in grants_of(role, roles.policy(role))}
    tables = (BREAKS, BREAKS_SPREAD, NOT_ASKED)
    assert granted == {grant for table in tables for grant in table}
    assert len(granted) == sum(map(len, tables))


def test_with_all_permissions_the_day_comes_to_its_end(stack: DeployedStack) -> None:
    assert new_day(stack).run() is None


@pytest.mark.parametrize("grant", BREAKS, ids=lambda grant: f"{grant.role}-{grant.sid}-{grant.action}")
def test_without_an_action_the_day_stops(stack: DeployedStack, roles: Roles, grant: Grant) -> None:
    assert run_without(stack, roles, grant) == Stopped(grant.role, grant.action, BREAKS[grant])


@pytest.fixture
def spread(stack: DeployedStack) -> Iterator[None]:
    """Have new days spread over partitions."""
    stack.run("setup", "--lanes", "2", "--counter-shards", "2", "--yes")
    yield
    stack.run("setup", "--lanes", "1", "--counter-shards", "1", "--yes")


@pytest.mark.usefixtures("spread")
@pytest.mark.parametrize("grant", BREAKS_SPREAD, ids=lambda grant: f"{grant.role}-{grant.sid}-{grant.action}")
def test_without_an_action_a_day_of_several_partitions_stops(
    stack: DeployedStack, roles: Roles, grant: Grant
) -> None:
    # Where days are in one piece nobody needs it.
    assert run_without(stack, roles, grant) == Stopped(grant.role, grant.action, BREAKS_SPREAD[grant])


@pytest.mark.usefixtures("spread")
def test_of_the_processor_the_parts_of_a_transaction_are_asked_for(stack: DeployedStack, roles: Roles) -> None:
    """Writing several items together needs what writing one does, and no more."""
    day = new_day(stack)
    steps = list(day.steps())[:3]
    assert [step.outcome for step in steps] == ["the total", "the counter", "the object"]
    for step in steps:
        step.act()
        wait_until(f"{step.outcome} of {day.date}", step.is_done)
    actions = {grant.action for grant in grants_of("processor", roles.policy("processor"))}
    assert {action for action in actions if action.startswith("dynamodb:")} == {
        "dynamodb:BatchGetItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
    }


@pytest.fixture
def watched(stack: DeployedStack) -> Iterator[None]:
    """Have silent instances looked for."""
    stack.run("setup", "--stale-alarm", "3m", "--yes")
    yield
    stack.run("setup", "--stale-alarm", "none", "--yes")


def look(stack: DeployedStack, told: str) -> None:
    """Upload a file of today; wait for what the processor writes about its look for silent instances."""
    stack.clients.dynamodb.delete_item(TableName=stack.names.snapshots, Key=TURN_KEY)
    stack.put(datetime.now(UTC).date().isoformat(), "i-1", "A 1\n")
    group, read = stack.names.log_group(stack.names.processor), stack.clients.logs.filter_log_events
    wait_until(told, lambda: told in str(read(logGroupName=group)["events"]))


@pytest.mark.usefixtures("watched")
def test_without_an_action_nobody_looks_for_silent_instances(stack: DeployedStack, roles: Roles) -> None:
    policy = roles.policy("processor")
    (grant,) = set(grants_of("processor", policy)) - BREAKS.keys() - NOT_ASKED.keys()
    assert grant == Grant("processor", "ReadWhenInstancesUploaded", "dynamodb:Query")
    with roles.exchanged("processor", without(policy, grant)):
        look(stack, "silent instances not counted")
    # With another choice there is another environment, which has not looked yet.
    stack.run("setup", "--stale-alarm", "4m", "--yes")
    look(stack, "InstancesSilent")


def test_what_the_engine_does_not_ask_for_is_as_the_table_says(stack: DeployedStack, roles: Roles) -> None:
    processor, aggregator, publisher = (
        without(roles.policy(role), *(grant for grant in NOT_ASKED if grant.role == role)) for role in ROLES
    )
    with (
        roles.exchanged("processor", processor),
        roles.exchanged("aggregator", aggregator),
        roles.exchanged("publisher", publisher),
    ):
        assert new_day(stack).run() is None


def test_an_action_that_nobody_needs_is_found(stack: DeployedStack, roles: Roles) -> None:
    surplus = Grant("processor", "Surplus", "dynamodb:DeleteItem")
    policy = roles.policy("processor")
    statement = {"Sid": surplus.sid, "Effect": "Allow", "Action": surplus.action, "Resource": "*"}
    with roles.exchanged("processor", {**policy, "Statement": [*policy["Statement"], statement]}):
        assert run_without(stack, roles, surplus) is None


# The policies of topics, queues and the bucket

TOPIC: Final = f"arn:aws:sns:us-east-1:000000000000:{STACK}-uploads"
# In the place of the owner's statement, by which the engine lets S3 in as well.
NOBODY: Final = {
    "Sid": "Nobody",
    "Effect": "Deny",
    "Principal": {"AWS": "arn:aws:iam::000000000000:user/nobody"},
    "Action": "sns:Subscribe",
    "Resource": TOPIC,
}
DELIVERS: Final = {"topic-uploads": "CountaggBucketPublishes", "queue-uploads": "CountaggTopicSends"}
NOT_DELIVERED: Final = {
    "queue-dead-letters": "the engine puts what SNS cannot deliver nowhere",
    "topic-alerts": "the engine's alarms publish without asking the topic",
}


def put_policy(stack: DeployedStack, template: str, statements: list[dict[str, Any]]) -> None:
    """Give the topic or the queue a policy of these statements alone."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    if template.startswith("topic"):
        stack.clients.sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy)
    else:
        url = stack.clients.sqs.get_queue_url(QueueName=stack.names.uploads)["QueueUrl"]
        stack.clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def statements_of(template: str) -> list[dict[str, Any]]:
    """Return what setup puts there."""
    place = Place("000000000000", "us-east-1", tls=False, embedded=True)
    return list(make_stack(place, stack=STACK, bucket=BUCKET).policy(template)["Statement"])


@pytest.mark.parametrize("template", DELIVERS)
def test_without_its_statement_no_event_passes_a_topic_or_a_queue(
    stack: DeployedStack, command_line: CommandLine, template: str
) -> None:
    ours, date = statements_of(template), stack.new_day()
    assert [each["Sid"] for each in ours] == [DELIVERS[template]]
    log = LocalEngine(command_line.state_home / "countagg" / "local")

    def denials() -> int:
        return sum("policy denies delivery" in line and f"{STACK}-uploads" in line for line in log.read_log())

    before = denials()
    put_policy(stack, template, [NOBODY] if template.startswith("topic") else [])
    stack.put(date, "i-1", "A 1\n")
    wait_until("the denial", lambda: denials() > before, 300)
    assert stack.snapshot(date, "i-1") is None

    put_policy(stack, template, [*ours, *([NOBODY] if template.startswith("topic") else [])])
    stack.put(date, "i-1", "A 2\n")
    wait_until("the total", lambda: stack.totals(date) == {"A": 2}, 300)


def test_every_statement_that_lets_a_service_in_is_in_one_of_the_two_tables() -> None:
    for template in ("topic-uploads", "queue-uploads", "topic-alerts", "queue-dead-letters"):
        assert len(statements_of(template)) == 1
        assert (template in DELIVERS) != (template in NOT_DELIVERED)


def test_plain_http_is_refused_where_tls_is_demanded(stack: DeployedStack) -> None:
    """The engine speaks plain HTTP, so with the statements of AWS topics and queues refuse their own account.

    Of buckets' policies it asks nobody of the bucket's account.
    """
    aws, clients = make_stack(Place("000000000000", "us-east-1"), stack="plain"), stack.clients
    url = clients.sqs.create_queue(QueueName="plain-uploads")["QueueUrl"]
    arn = clients.sns.create_topic(Name="plain-uploads")["TopicArn"]
    clients.sns.publish(TopicArn=arn, Message="m")
    clients.sqs.send_message(QueueUrl=url, MessageBody="m")
    topic, queue = (json.dumps(aws.policy(template)) for template in DELIVERS)

    clients.sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=topic)
    clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": queue})

    with pytest.raises(ClientError, match="AuthorizationError"):
        clients.sns.publish(TopicArn=arn, Message="m")
    with pytest.raises(ClientError, match="AccessDenied"):
        clients.sqs.send_message(QueueUrl=url, MessageBody="m")
