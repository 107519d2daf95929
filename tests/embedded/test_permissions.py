"""The printed policies at work: each role can do what it is for, and is refused everything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from countagg.aws.answers import DENIED
from countagg.aws.session import Clients, ConnectionOptions
from countagg.core.limits import Limit
from countagg.core.names import Names
from countagg.data.limits import limit_item
from countagg.local import EngineRecord
from countagg.provision.permissions import Audience
from tests.embedded.people import Person, hire
from tests.embedded.world import CommandLine, DeployedStack, Ran, engine_clients, wait_until

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

STACK: Final = "roles"
BUCKET: Final = "roles-data"
NAMES: Final = Names(STACK)
KEY: Final = "counters/2026-11-20/values_"


@pytest.fixture(scope="module")
def root(engine: EngineRecord) -> Clients:
    return engine_clients(engine)


@pytest.fixture(scope="module")
def people(engine: EngineRecord, root: Clients, command_line: CommandLine) -> dict[Audience, Person]:
    """Give each role of commands somebody who has its printed policy and nothing else."""
    assert engine.enforce_policies
    found = {}
    for role in (Audience.DEPLOYER, Audience.OPERATOR, Audience.READER, Audience.TEARDOWN):
        named = ("--stack", STACK, "--bucket", BUCKET, "--create-bucket")
        policy = command_line("permissions", "print", "--role", role, *named).out
        found[role] = Person(engine, command_line, hire(root, f"roles-{role}", policy), STACK)
    return found


@pytest.fixture(scope="module")
def stack(people: dict[Audience, Person], command_line: CommandLine, root: Clients) -> Iterator[DeployedStack]:
    """Give a stack that a deployer set up and a teardown removes, each with its own policy."""
    deployer, remover = people[Audience.DEPLOYER], people[Audience.TEARDOWN]
    deployer("plan", "--bucket", BUCKET, "--create-bucket", "--detailed-exitcode", code=6)
    deployer(
        "setup", "--bucket", BUCKET, "--create-bucket", "--retention", "snapshots=400", "--dashboard", "--yes"
    )
    yield DeployedStack(STACK, BUCKET, command_line, root)
    removed = remover("teardown", "--delete-objects", "--yes", "--output", "json").json()
    assert (removed["left_over"], removed["searched_by_tag"]) == ([], True)
    assert removed["summary"]["keep"] == 0


def test_a_deployer_sets_up_changes_and_mends(people: dict[Audience, Person], stack: DeployedStack) -> None:
    deployer = people[Audience.DEPLOYER]
    stack.clients.lambda_.update_function_configuration(FunctionName=NAMES.publisher, MemorySize=1024)
    stack.clients.cloudwatch.delete_alarms(AlarmNames=[f"{STACK}-dead-letters"])
    stack.clients.iam.put_role_policy(
        RoleName=f"{NAMES.publisher}-us-east-1",
        PolicyName="by-hand",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    )

    changed = deployer("setup", "--tag", "team=fleet", "--retention", "logs=90", "--yes", "--output", "json")
    assert changed.json()["summary"]["update"] > 20
    deployer("plan", "--detailed-exitcode", "--tag", "none", code=6)
    deployer("setup", "--tag", "none", "--no-dashboard", "--yes")
    deployer("setup", "--dashboard", "--yes")
    deployer("plan", "--detailed-exitcode")
    deployer("outputs")


def test_an_operator_feeds_mends_and_limits(people: dict[Audience, Person], stack: DeployedStack) -> None:
    operator, day = people[Audience.OPERATOR], stack.new_day()
    operator("upload-sample", "--date", day, "--wait")
    operator("limits", "set", "COUNTER1", "5")
    operator("limits", "list", "--date", day)
    limits = stack.countagg.state_home / "limits-of-roles"
    limits.write_text("COUNTER2 7\n")
    operator("limits", "import", str(limits))
    operator("limits", "test", "COUNTER1", "--date", day)
    for counter in ("COUNTER1", "COUNTER2"):
        operator("limits", "unset", counter)
    # The publisher is slower than the aggregator.
    wait_until("published", lambda: stack.published_object(day).version > 0)
    stack.clients.dynamodb.delete_item(TableName=NAMES.totals, Key={"Date": {"S": day}})
    stack.clients.dynamodb.delete_item(
        TableName=NAMES.snapshots, Key={"Date": {"S": day}, "Instance": {"S": "i-deadbeef"}}
    )
    operator("repair", "--date", day, "--yes", "--timeout", "300")
    operator("verify", "--date", day)
    operator("upload-sample", "--date", day, "--remove")


def test_an_operator_looks_at_dead_letters_and_feeds_them_back(
    people: dict[Audience, Person], stack: DeployedStack
) -> None:
    operator, day = people[Audience.OPERATOR], stack.new_day()
    stack.put(day, "i-bad", "not a counter\n")

    def letters() -> list[Any]:
        return list(operator("dead-letters", "list", "--output", "json").json()["messages"])

    wait_until("a dead letter", lambda: len(letters()) == 1)
    operator("dead-letters", "show", letters()[0]["id"])
    report = operator("report", "--date", day, "--output", "json").json()
    assert (report["not_allowed"], len(report["refusals"])) == ([], 1)
    stack.put(day, "i-bad", "A 1\n")
    operator("dead-letters", "redrive", "--all", "--yes")
    stack.wait_for_totals(day, {"A": 1})
    operator("dead-letters", "purge", "--all", "--yes")


def test_a_reader_sees_everything(people: dict[Audience, Person], stack: DeployedStack) -> None:
    reader, day = people[Audience.READER], stack.new_day()
    stack.put(day, "i-1", "A 1\n")
    stack.wait_for_totals(day, {"A": 1})
    wait_until("published", lambda: stack.published_object(day).version > 0)

    assert reader("query", "--date", day, "--by-instance", "--output", "json").json()["totals"] == {"A": 1}
    reader("verify", "--date", day)
    reader("outputs")
    assert stack.name in {each["stack"] for each in reader("stacks", "--output", "json").json()["stacks"]}
    reader("logs", "--since", "1h")
    reader("limits", "list")
    reader("permissions", "print", "--role", "instance", "--instance-id", "i-1")
    hops = reader("status", "--output", "json", code=None).json()["hops"]
    assert len(hops) == 16
    assert not any(hop["not_allowed"] for hop in hops)
    report = reader("report", "--date", day, "--output", "json").json()
    assert (report["totals"]["totals"], report["not_allowed"]) == ({"A": 1}, ["sqs:ReceiveMessage"])


WRITING: Final = (
    ("setup", "--retention", "logs=14", "--yes"),
    ("upload-sample",),
    ("limits", "set", "A", "5"),
    ("limits", "unset", "A"),
    ("limits", "import", "limits-of-roles"),
    ("limits", "test", "UNCOUNTED"),
    ("dead-letters", "redrive", "--all", "--yes"),
    ("dead-letters", "purge", "--all", "--yes"),
    ("teardown", "--yes"),
)


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_reader_is_refused_every_writing_command(
    people: dict[Audience, Person], stack: DeployedStack, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(stack.countagg.state_home)
    (stack.countagg.state_home / "limits-of-roles").write_text("A 7\n")
    stack.clients.dynamodb.put_item(TableName=NAMES.counters, Item=limit_item(Limit("UNCOUNTED", 1)))
    ran = people[Audience.READER](*command, code=1)

    assert "no permission for" in ran.err


def test_a_reader_is_refused_a_repair(people: dict[Audience, Person], stack: DeployedStack) -> None:
    day = stack.new_day()
    stack.put(day, "i-1", "A 1\n")
    wait_until("published", lambda: stack.published_object(day).version > 0)
    item: Any = {"Counter": {"S": "A"}, "Date": {"S": day}, "Value": {"N": "99"}, "Version": {"N": "1"}}
    stack.clients.dynamodb.put_item(TableName=NAMES.counters, Item=item)

    ran = people[Audience.READER]("repair", "--date", day, "--yes", "--settle", "0", code=1)

    assert "no permission for dynamodb:BatchGetItem" in ran.err


def queue_url(clients: Clients, name: str) -> str:
    return f"{clients.sqs.meta.endpoint_url}/000000000000/{name}"


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:000000000000:{name}"


WRITES: Final[dict[str, Callable[[Clients], object]]] = {
    "a counter file": lambda c: c.s3.put_object(Bucket=BUCKET, Key=f"{KEY}i-1", Body=b"A 1\n"),
    "a published file": lambda c: c.s3.put_object(Bucket=BUCKET, Key="totals/2026-11-20", Body=b"A 1\n"),
    "a file's deletion": lambda c: c.s3.delete_object(Bucket=BUCKET, Key=f"{KEY}i-1"),
    "the notification": lambda c: c.s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={}
    ),
    "the bucket's policy": lambda c: c.s3.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
    "an event": lambda c: c.sns.publish(TopicArn=arn("sns", NAMES.uploads), Message="x"),
    "a topic": lambda c: c.sns.delete_topic(TopicArn=arn("sns", NAMES.uploads)),
    "a message": lambda c: c.sqs.send_message(QueueUrl=queue_url(c, NAMES.uploads), MessageBody="x"),
    "a purge": lambda c: c.sqs.purge_queue(QueueUrl=queue_url(c, NAMES.dead_letters)),
    "a snapshot": lambda c: c.dynamodb.put_item(
        TableName=NAMES.snapshots, Item={"Date": {"S": "d"}, "Instance": {"S": "i"}}
    ),
    "a ledger": lambda c: c.dynamodb.delete_item(TableName=NAMES.totals, Key={"Date": {"S": "d"}}),
    "a counter": lambda c: c.dynamodb.put_item(
        TableName=NAMES.counters, Item={"Counter": {"S": "c"}, "Date": {"S": "d"}}
    ),
    "a table": lambda c: c.dynamodb.delete_table(TableName=NAMES.totals),
    "code": lambda c: c.lambda_.update_function_code(FunctionName=NAMES.processor, ZipFile=b"x"),
    "an invocation": lambda c: c.lambda_.invoke(FunctionName=NAMES.processor),
    "a function's settings": lambda c: c.lambda_.update_function_configuration(
        FunctionName=NAMES.processor, MemorySize=128
    ),
    "a role's policy": lambda c: c.iam.put_role_policy(
        RoleName=f"{NAMES.processor}-us-east-1", PolicyName="p", PolicyDocument="{}"
    ),
    "an alarm": lambda c: c.cloudwatch.delete_alarms(AlarmNames=[f"{STACK}-dead-letters"]),
    "a log group": lambda c: c.logs.delete_log_group(logGroupName=Names.log_group(NAMES.processor)),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.usefixtures("stack")
def test_a_reader_is_refused_every_direct_write(people: dict[Audience, Person], write: str) -> None:
    with pytest.raises(ClientError) as caught:
        WRITES[write](people[Audience.READER].clients)

    assert caught.value.response["Error"]["Code"] in DENIED


@pytest.mark.usefixtures("stack")
def test_no_role_does_the_work_of_another(people: dict[Audience, Person]) -> None:
    operator, deployer, remover = (
        people[role] for role in (Audience.OPERATOR, Audience.DEPLOYER, Audience.TEARDOWN)
    )

    for person, command in (
        (operator, ("setup", "--yes")),
        (operator, ("teardown", "--yes")),
        (deployer, ("upload-sample",)),
        (deployer, ("query", "--date", "today")),
        (remover, ("query", "--date", "today")),
        (remover, ("setup", "--retention", "logs=14", "--yes")),
    ):
        assert "no permission for" in person(*command, code=1).err, command


@pytest.mark.usefixtures("stack")
def test_a_deployer_deletes_no_data(people: dict[Audience, Person]) -> None:
    clients = people[Audience.DEPLOYER].clients
    calls: list[Callable[[], object]] = [
        partial(clients.dynamodb.delete_table, TableName=NAMES.totals),
        partial(clients.s3.delete_bucket, Bucket=BUCKET),
        partial(clients.s3.delete_object, Bucket=BUCKET, Key=f"{KEY}i-1"),
        partial(clients.logs.delete_log_group, logGroupName=Names.log_group(NAMES.processor)),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()


def test_on_a_borrowed_bucket_deployers_and_teardown_touch_the_notification_alone(
    engine: EngineRecord, root: Clients, command_line: CommandLine
) -> None:
    bucket, key, stack = "roles-theirs", "theirs/secret", "borrowing"
    root.s3.create_bucket(Bucket=bucket)
    root.s3.put_object(Bucket=bucket, Key=key, Body=b"secret")
    named = ("--stack", stack, "--bucket", bucket)
    deployer, remover = (
        Person(
            engine,
            command_line,
            hire(root, f"borrowing-{role}", command_line("permissions", "print", "--role", role, *named).out),
            stack,
        )
        for role in (Audience.DEPLOYER, Audience.TEARDOWN)
    )

    deployer("setup", "--bucket", bucket, "--yes")
    deployer("plan", "--detailed-exitcode")
    tag: Any = {"TagSet": [{"Key": "countagg:stack", "Value": stack}]}
    for s3 in (deployer.clients.s3, remover.clients.s3):
        attacks: list[Callable[[], object]] = [
            partial(s3.list_objects_v2, Bucket=bucket),
            partial(s3.get_object, Bucket=bucket, Key=key),
            partial(s3.delete_object, Bucket=bucket, Key=key),
            partial(s3.delete_bucket, Bucket=bucket),
            partial(s3.delete_public_access_block, Bucket=bucket),
            partial(s3.put_bucket_policy, Bucket=bucket, Policy="{}"),
            partial(s3.put_bucket_tagging, Bucket=bucket, Tagging=tag),
        ]
        for attack in attacks:
            with pytest.raises(ClientError, match="AccessDenied"):
                attack()
    removed = remover("teardown", "--yes", "--output", "json").json()

    assert removed["left_over"] == []
    assert root.s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"secret"


def states(ran: Ran) -> dict[str, str]:
    return {check["check"]: check["state"] for check in ran.json()["checks"]}


@pytest.mark.usefixtures("stack")
def test_doctor_tries_what_it_may_not_simulate(people: dict[Audience, Person]) -> None:
    found = people[Audience.READER]("doctor", "--role", "reader", "--output", "json").json()
    document = {check["check"]: (check["state"], check["detail"]) for check in found["checks"]}

    assert found["ok"] is True
    assert document["permissions: query"][0] == "ok"
    assert "writes are not tried" in document["permissions"][1]
    assert document["permissions: verify"] == (
        "not checked",
        "4 of 5 actions tried, all allowed; not tried: s3:GetObject",
    )
    lacking = people[Audience.TEARDOWN]("doctor", "--role", "reader", "--output", "json", code=1)
    assert states(lacking)["permissions: query"] == "problem"


@pytest.mark.usefixtures("stack")
def test_doctor_asks_the_simulator_where_it_may(people: dict[Audience, Person], root: Clients) -> None:
    statement = {"Effect": "Allow", "Action": "iam:SimulatePrincipalPolicy", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    root.iam.put_user_policy(UserName="roles-operator", PolicyName="simulate", PolicyDocument=document)

    found = people[Audience.OPERATOR]("doctor", "--output", "json", code=1).json()

    by_command = {each["check"]: each for each in found["checks"] if each["check"].startswith("permissions: ")}
    assert by_command["permissions: repair"]["state"] == "ok", by_command["permissions: repair"]
    (told,) = [each["detail"] for each in found["checks"] if each["check"] == "permissions"]
    assert told == "simulated by IAM"
    lacking = by_command["permissions: setup"]
    assert lacking["state"] == "problem"
    assert "permissions print --role deployer" in lacking["fix"]
    root.iam.delete_user_policy(UserName="roles-operator", PolicyName="simulate")


def test_an_instance_writes_its_own_files_and_nothing_else(
    engine: EngineRecord, root: Clients, stack: DeployedStack
) -> None:
    # The engine knows no variables in policies, so only what is printed for a named instance can run here.
    policy = stack.run("permissions", "print", "--role", "instance", "--instance-id", "web-1").out
    keys, day = hire(root, "roles-instance", policy), stack.new_day()
    options = ConnectionOptions(region="us-east-1", endpoint_url=engine.endpoint_url, credentials=keys)
    s3 = Clients(options).s3

    s3.put_object(Bucket=BUCKET, Key=stack.key(day, "web-1"), Body=b"A 1\n")
    stack.wait_for_totals(day, {"A": 1})

    others = (stack.key(day, "web-2"), stack.key(day, "web-11"), "counters/values_web-1", f"totals/{day}")
    calls: list[Callable[[], object]] = [
        *(partial(s3.put_object, Bucket=BUCKET, Key=key, Body=b"A 1\n") for key in others),
        partial(s3.put_object, Bucket=BUCKET, Key=f"counters/x/{day}/values_web-1"),
        partial(s3.get_object, Bucket=BUCKET, Key=stack.key(day, "web-1")),
        partial(s3.delete_object, Bucket=BUCKET, Key=stack.key(day, "web-1")),
        partial(s3.list_objects_v2, Bucket=BUCKET),
    ]
    for call in calls:
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
