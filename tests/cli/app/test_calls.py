"""The catalogue of `provision.calls` against what the commands really call, in both directions."""

from __future__ import annotations

import contextlib
import io
import json
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from moto.awslambda_simple.models import lambda_simple_backends

from countagg.aws.pipeline import Pipeline
from countagg.aws.session import Clients, ConnectionOptions
from countagg.aws.simulation import PROBES
from countagg.cli.app.options import GLOBAL_NAMES, PEOPLE_FORMS
from countagg.cli.app.registry import open_session
from countagg.cli.main import main
from countagg.cli.serve.serve_command import ServeRequest, serve_until_ended
from countagg.core.counter_file import parse_counter_file
from countagg.core.errors import InvalidCounterFile
from countagg.core.partitions import Layout
from countagg.core.published import CONTENT_TYPE, published_metadata, render_published
from countagg.core.values import format_value
from countagg.data.day_records import record_key
from countagg.data.letters import Refusal
from countagg.operate.selftest.selftest import THROW_AWAY, throw_away_bucket
from countagg.provision.calls import CALLS
from countagg.provision.metrics import files_skipped
from countagg.provision.resource_arns import resource_arns
from countagg.provision.settings import StackSettings
from countagg.provision.targets import On
from tests.aws.authorization import Need, Recorder, Where
from tests.aws.by_hand import FUNCTIONS, ROLES, TABLES, mapping, queue_url, replace_stream
from tests.aws.drift_functions import ANYBODY
from tests.aws.drift_messaging import change_subscription
from tests.aws.moto_gaps import ACCOUNT, MotoGaps
from tests.aws.others import ADDRESS, OUR_BOUNDARY, THEIR_POLICY, make_key
from tests.aws.subscribers import (
    FUNCTION,
    OTHER_ROLE,
    QUEUE_ARN,
    ROLE,
    SUBSCRIBERS,
    THEIR_STATEMENT,
    URL,
    alert_subscription,
    make_subscribers,
    put_queue_policy,
    role_arn,
)
from tests.aws.world import BUCKET, PLACE, REGION, Calls, World, make_clients, make_zip
from tests.cli.account import moto_account, put_counter, updated_at, write_day
from tests.cli.app.test_help import leaves, tree
from tests.events.loading import load_event

WITHOUT_AWS: Final = {"local start", "local stop", "local status", "local env", "local logs", "demo", "bundle"}
"""Commands that only start, stop or use an engine of this machine, or only look at it."""
KEY: Final = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*"
_ANSWERED: Final = SimpleNamespace(status_code=200)
FIRST_LOST: Final = "800000000003126276362"
OWN: Final = StackSettings(THROW_AWAY, throw_away_bucket(PLACE), role_path="/ops/")
"""The stack that a self-test makes."""
FOR_WHAT_IS_THERE: Final = {"dynamodb:DeleteItem", "sqs:ChangeMessageVisibility"}
"""What a self-test calls where a stack was there before, with dead letters of its own; nobody hears its alerts."""
DAY: Final = datetime.now(UTC).date().isoformat()
YESTERDAY: Final = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()

pytestmark = pytest.mark.xdist_group("calls")
"""One process runs all commands, and not each its own."""


class Operator:
    """Runs commands, and does by hand what makes them do everything that they can."""

    def __init__(self, recorder: Recorder, folder: Path) -> None:
        self.recorder = recorder
        self.folder = folder
        self.world = World(make_clients(Calls()), Calls())
        self.before_upload: Callable[[], None] = lambda: None
        self.after_upload: Callable[[], None] = lambda: None

    def run(self, command: str, *options: str) -> int:
        """Run a command and record what it needs."""
        out, err = io.StringIO(), io.StringIO()
        with self.recorder.during(command), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*command.split(), *options, "--region", REGION])
        assert "Traceback" not in err.getvalue()
        self.said = out.getvalue() + err.getvalue()
        return code

    def succeed(self, command: str, *options: str) -> None:
        assert self.run(command, *options) == 0, self.said


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Run every command in every way that calls something else."""
    folder, found = tmp_path_factory.mktemp("account"), Recorder(Where(ACCOUNT, REGION, "/ops/"))
    initialise = Clients.__init__

    def recorded(clients: Clients, options: ConnectionOptions) -> None:
        initialise(clients, options)
        MotoGaps(clients.session)
        clients.session.events.register("before-parameter-build", found.before)
        # moto has no simulator: nobody may use it.
        clients.session.events.register("before-call.iam.SimulatePrincipalPolicy", refuse)  # type: ignore[arg-type]  # it answers
        clients.session.events.register("before-call.s3.PutObject", lambda **_: operator.before_upload())
        clients.session.events.register("after-call.s3.PutObject", lambda **_: operator.after_upload())
        # moto's streams know no shards like those of AWS: one with a single record answers in their place.
        clients.session.events.register("before-call.dynamodb-streams.GetShardIterator", begin_stream)  # type: ignore[arg-type]  # it answers
        clients.session.events.register("before-call.dynamodb-streams.GetRecords", end_stream)  # type: ignore[arg-type]  # it answers

    with moto_account(folder), pytest.MonkeyPatch.context() as patch:
        operator = Operator(found, folder)
        patch.setattr(Clients, "__init__", recorded)
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        for scenario in (make, subscribe, mend_by_setup, change_choices, use, tear_down, show_that_it_works):
            scenario(operator)
    return found


def refuse(**_: object) -> tuple[Any, dict[str, Any]]:
    refusal = {"Error": {"Code": "AccessDenied", "Message": "not authorized"}, "ResponseMetadata": {}}
    return SimpleNamespace(status_code=403), refusal


def begin_stream(params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
    return _ANSWERED, {"ShardIterator": f"{json.loads(params['body'])['StreamArn']}|1"}


def end_stream(**_: object) -> tuple[Any, dict[str, Any]]:
    keys = {"Date": {"S": DAY}}
    return _ANSWERED, {"Records": [{"dynamodb": {"SequenceNumber": FIRST_LOST, "Keys": keys}}]}


def make(operator: Operator) -> None:
    """Set up with every option, so that every kind is made."""
    world = operator.world
    world.clients.iam.create_policy(PolicyName="bounds", PolicyDocument=THEIR_POLICY)
    options = (
        *("--bucket", BUCKET, "--create-bucket", "--bucket-versioning", "--kms-key", make_key(world)),
        *("--permissions-boundary", OUR_BOUNDARY, "--role-path", "/ops/", "--alarm-email", ADDRESS),
        *("--tag", "team=fleet", "--point-in-time-recovery", "--deletion-protection"),
        *("--stale-alarm", "15m", "--dashboard"),
    )
    operator.succeed("plan", *options)
    operator.succeed("setup", *options, "--yes")
    operator.succeed("plan")


def subscribe(operator: Operator) -> None:
    """Subscribe others, change by hand what is then put back, end it, and leave it for the other commands."""
    world = operator.world
    aws, sns = world.clients.lambda_, world.clients.sns
    make_subscribers(world)
    operator.succeed("subscribe function", FUNCTION, "--counter", "A", "--yes")
    for role in (OTHER_ROLE, ROLE):
        aws.update_function_configuration(FunctionName=FUNCTION, Role=role_arn(role))
        aws.untag_resource(Resource=mapping(world, FUNCTION)["EventSourceMappingArn"], TagKeys=["team"])
        operator.succeed("subscribe function", FUNCTION, "--yes")
    replace_stream(world, "table/counters")
    operator.succeed("subscribe function", FUNCTION, "--yes")
    for command, end in (("queue", QUEUE_ARN), ("https", URL), ("email", "on-call@example.org")):
        operator.succeed(f"subscribe {command}", end, "--yes")
        if command != "email":
            raw = "false" if command == "queue" else "true"
            arn = alert_subscription(world, end)
            change: Any = {"AttributeName": "RawMessageDelivery", "AttributeValue": raw}
            sns.set_subscription_attributes(SubscriptionArn=arn, **change)
            operator.succeed(f"subscribe {command}", end, "--yes")
            sns.set_subscription_attributes(SubscriptionArn=arn, **change)
    operator.succeed("subscribe list")
    operator.succeed("plan")
    world.clients.iam.delete_role_policy(RoleName=ROLE, PolicyName=f"countagg-countagg-{REGION}")
    put_queue_policy(world, {"Version": "2012-10-17", "Statement": [THEIR_STATEMENT]})
    operator.succeed("setup", "--yes")
    for command, end in (("function", FUNCTION), ("queue", QUEUE_ARN)):
        operator.succeed("subscribe remove", end, "--yes")
        operator.succeed(f"subscribe {command}", end, "--yes")


def mend_by_setup(operator: Operator) -> None:
    """Change by hand what setup then puts back by a call of its own."""
    world, iam = operator.world, operator.world.clients.iam
    other_code = make_zip("another").content
    boundary = iam.create_policy(PolicyName="others", PolicyDocument=THEIR_POLICY)["Policy"]["Arn"]
    for role in ROLES.values():
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=ANYBODY)
        iam.put_role_policy(RoleName=role, PolicyName="theirs", PolicyDocument=THEIR_POLICY)
        iam.attach_role_policy(RoleName=role, PolicyArn=boundary)
        iam.delete_role_permissions_boundary(RoleName=role)
    for function in FUNCTIONS.values():
        world.clients.lambda_.update_function_code(FunctionName=function, ZipFile=other_code)
    change_subscription(world, "RawMessageDelivery", "false")
    world.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    operator.succeed("setup", "--yes")
    for table in ("table/snapshots", "table/totals"):
        replace_stream(world, table)
    operator.succeed("setup", "--yes")


def change_choices(operator: Operator) -> None:
    """Choose anew what can be chosen anew."""
    options = (
        *("--tag", "cost=5", "--kms-key", "none", "--permissions-boundary", "none", "--alarm-email", "none"),
        *("--no-point-in-time-recovery", "--no-deletion-protection", "--no-bucket-versioning"),
        *("--memory", "processor=512", "--memory", "aggregator=1024", "--memory", "publisher=512"),
        *("--window", "processor=1", "--window", "publisher=5", "--retention", "logs=90"),
    )
    operator.succeed("setup", *options, "--yes")
    operator.succeed("setup", "--stale-alarm", "none", "--no-dashboard", "--yes")
    operator.succeed("setup", "--dashboard", "--yes")


def use(operator: Operator) -> None:
    """Run what works on a stack."""
    world = operator.world
    # moto ignores the condition of our policy and would refuse every object.
    world.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    operator.succeed("upload", "/proc/vmstat", "--bucket", BUCKET, "--instance-id", "i-own", "--state", "state")
    waiting = ("--bucket", BUCKET, "--wait", "--timeout", "0")
    assert operator.run("upload", "/proc/vmstat", "--instance-id", "i-own", "--state", "state", *waiting) == 9
    operator.succeed("upload", "--withdraw", "--bucket", BUCKET, "--instance-id", "i-own", "--state", "state")
    operator.succeed("upload-sample")
    operator.succeed("upload-sample", "--remove")
    operator.succeed("upload-sample")
    process(world)
    # It waits for later snapshots than those there are.
    assert operator.run("upload-sample", "--wait", "--timeout", "0") == 9
    process(world)
    for command in ("outputs", "open", "stacks", "logs"):
        operator.succeed(command)
    operator.succeed("verify", "--date", "today")
    skip_a_file(world)
    operator.run("status")
    serve(operator)
    operator.succeed("query", "--date", "today")
    operator.succeed("query", "--date", "2020-01-01")
    operator.succeed("query", "--date", "today", "--by-instance")
    write_day(YESTERDAY, {"i-1": {"A": "1"}}, layout=Layout(2, 2))
    operator.succeed("query", "--date", YESTERDAY, "--by-instance")
    operator.succeed("explain", "COUNTER1")
    operator.succeed("explain", f"counters/{DAY}/values_i-deadbeef")
    operator.run("explain", f"counters/{DAY}/values_i-nobody")
    operator.succeed("cost", "--counters", "100", "--measured")
    load(operator)
    operator.succeed("permissions print", "--role", "reader")
    operator.succeed("permissions print", "--role", "deployer", "--subscriber", FUNCTION)
    operator.succeed("export cloudformation", "--out", str(operator.folder / "handover"))
    operator.run("doctor")
    operator.succeed("limits set", "A", "5")
    operator.succeed("limits list")
    # The publisher's answer: the id of a message.
    lambda_simple_backends[ACCOUNT][REGION].lambda_simple_results_queue.append('"id"')
    operator.succeed("limits test", "A")
    operator.succeed("limits unset", "A")
    (operator.folder / "limits").write_text("A 5\n")
    operator.succeed("limits import", str(operator.folder / "limits"))
    repair(operator)
    dead_letters(operator)


def serve(operator: Operator) -> None:
    """Serve metrics for as long as one read takes."""
    session = open_session(dict.fromkeys(GLOBAL_NAMES) | {"region": REGION}, "serve", PEOPLE_FORMS)
    request = ServeRequest(0, ip_address("127.0.0.1"), (), 30.0, "today", ())
    with operator.recorder.during("serve"), contextlib.redirect_stderr(io.StringIO()):
        serve_until_ended(session, request, lambda _: signal.raise_signal(signal.SIGTERM))


def skip_a_file(world: World) -> None:
    """Count an object that the processor skipped, so that `status` looks for an example."""
    metric = files_skipped("countagg-processor")
    dimensions: Any = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    counted: Any = {"MetricName": metric.name, "Dimensions": dimensions, "Value": 1}
    # moto takes the time of its own for one that no period holds.
    counted["Timestamp"] = datetime.now(UTC) - timedelta(minutes=5)
    world.clients.cloudwatch.put_metric_data(Namespace=metric.namespace, MetricData=[counted])


def load(operator: Operator) -> None:
    """Put a load on the stack, of which no function of moto's takes anything."""
    # By this seed, both files are due in the first tenth of the second.
    fleet = ("--instances", "2", "--counters", "1", "--interval", "1", "--duration", "1", "--seed", "235")
    patience = ("--drain-timeout", "0", "--settle", "0")
    assert operator.run("loadtest", *fleet, *patience, "--cleanup", "--max-cost", "9", "--yes") == 9


def process(world: World, stack: str = "countagg", bucket: str = BUCKET) -> None:
    """Write what the functions would have written for the files of today."""
    s3, dynamodb = world.clients.s3, world.clients.dynamodb
    files: dict[str, dict[str, str]] = {}
    objects: dict[str, tuple[str, str]] = {}
    for found in s3.list_objects_v2(Bucket=bucket, Prefix=f"counters/{DAY}/")["Contents"]:
        instance = found["Key"].rpartition("values_")[2]
        content = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        try:
            files[instance] = {name: format_value(value) for name, value in parse_counter_file(content).items()}
        except InvalidCounterFile as error:
            refuse_file(world, stack, found["Key"], error)
            return
        objects[instance] = (found["ETag"].strip('"'), found["LastModified"].isoformat(timespec="seconds"))
    write_day(DAY, files, stack)
    for instance, (etag, modified_at) in objects.items():
        dynamodb.update_item(
            TableName=f"{stack}-snapshots",
            Key={"Date": {"S": DAY}, "Instance": {"S": instance}},
            UpdateExpression="SET ETag = :etag, UploadedAt = :modified_at",
            ExpressionAttributeValues={":etag": {"S": etag}, ":modified_at": {"S": modified_at}},
        )
    totals = Pipeline.deployed(world.clients, stack).totals(DAY).ledger.sums
    for name, value in totals.items():
        put_counter(DAY, name, format_value(value), stack)
    s3.put_object(
        Bucket=bucket,
        Key=f"totals/{DAY}",
        Body=render_published(totals, 7),
        Metadata=published_metadata(stack, 7, updated_at(DAY)),
        ContentType=CONTENT_TYPE,
    )


def refuse_file(world: World, stack: str, key: str, error: InvalidCounterFile) -> None:
    """Put what the processor says of a file into the dead letter queue."""
    body = Refusal("b", key, f"{7:032X}", error.reason, error.line, "e", "req", f"{DAY}T10:00:00Z").to_message()
    world.clients.sqs.send_message(QueueUrl=queue_url(world, f"{stack}-dead-letters"), MessageBody=body)


def repair(operator: Operator) -> None:
    """Damage a day at every hop, and repair it."""
    world, at_once = operator.world, ("--date", DAY, "--settle", "0", "--timeout", "0", "--yes")
    damage(world)
    operator.succeed("repair", *at_once)
    gone: Any = {"Date": {"S": DAY}, "Instance": {"S": "i-deadbeef"}}
    world.clients.dynamodb.delete_item(TableName="countagg-snapshots", Key=gone)
    assert operator.run("verify", "--date", DAY, "--settle", "0") == 7
    # No function of moto's takes what is fed in.
    assert operator.run("repair", *at_once) in {4, 9}


def damage(world: World) -> None:
    """Take away the day's record, and what the aggregator and the publisher wrote."""
    world.clients.dynamodb.delete_item(TableName="countagg-snapshots", Key=record_key(DAY))
    for table, key in (("totals", {}), ("counters", {"Counter": {"S": "COUNTER1"}})):
        whole: Any = {**key, "Date": {"S": DAY}}
        world.clients.dynamodb.delete_item(TableName=f"countagg-{table}", Key=whole)
    world.clients.s3.delete_object(Bucket=BUCKET, Key=f"totals/{DAY}")


def dead_letters(operator: Operator) -> None:
    """Look at dead letters of each kind, feed them back and delete them."""
    world = operator.world
    key = f"counters/{DAY}/values_i-flub"
    refusal = Refusal("b", key, f"{7:032X}", "why", 3, "e", "req", f"{DAY}T10:00:00Z").to_message()
    upload = json.dumps(load_event("s3-object-created-put"))
    for body in (refusal, upload, *map(lost_batch(world), ("snapshots", "totals"))):
        world.clients.sqs.send_message(QueueUrl=queue_url(world, "countagg-dead-letters"), MessageBody=body)
    operator.succeed("dead-letters list")
    operator.succeed("instances")
    operator.run("report")
    operator.succeed(
        "dead-letters show",
        *(each["id"] for each in letters(operator) if each["kind"] == "upload without its object"),
    )
    damage(world)
    operator.run("dead-letters redrive", "--all", "--yes")
    world.clients.sqs.send_message(QueueUrl=queue_url(world, "countagg-dead-letters"), MessageBody="x")
    operator.succeed("dead-letters purge", "--all", "--yes")


def letters(operator: Operator) -> list[dict[str, Any]]:
    operator.succeed("dead-letters list", "--output", "json")
    found: list[dict[str, Any]] = json.loads(operator.said[: operator.said.rindex("}") + 1])["messages"]
    return found


def lost_batch(world: World) -> Callable[[str], str]:
    """Return what makes the message about a batch of a table's stream that a function failed on."""

    def make_message(table: str) -> str:
        found = world.clients.dynamodb.describe_table(TableName=f"countagg-{table}")["Table"]["LatestStreamArn"]
        batch = load_event("stream-batch-failed")
        lost = {"streamArn": found, "startSequenceNumber": FIRST_LOST, "endSequenceNumber": FIRST_LOST}
        batch["DDBStreamBatchInfo"] |= lost
        return json.dumps(batch)

    return make_message


def tear_down(operator: Operator) -> None:
    """Tear down what somebody has changed by hand, and look at what is gone."""
    clients = operator.world.clients
    operator.succeed("setup", "--alarm-email", ADDRESS, "--yes")
    clients.s3.delete_bucket_policy(Bucket=BUCKET)
    clients.s3.put_object(Bucket=BUCKET, Key="left", Body=b"over")
    for table in TABLES.values():
        clients.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    for role in ROLES.values():
        clients.iam.attach_role_policy(RoleName=role, PolicyArn=OUR_BOUNDARY)
    operator.succeed("teardown", "--delete-objects", "--delete-protected", "--yes")
    assert operator.run("logs") == 5


def show_that_it_works(operator: Operator) -> None:
    """Run a self-test on an account whose functions do the least that leads from step to step."""
    world = operator.world

    def allow() -> None:
        # moto ignores the condition of our policy and would refuse every object. So setup finds it missing.
        world.clients.s3.delete_bucket_policy(Bucket=OWN.bucket)

    operator.before_upload = allow
    operator.after_upload = lambda: process(world, OWN.stack, OWN.bucket)
    # What an organisation demands of every stack.
    (operator.folder / "countagg.toml").write_text('role_path = "/ops/"\ntags = { team = "fleet" }\n')
    # moto's functions echo, the same file again has no later snapshot, and nothing is alerted of or withdrawn.
    assert operator.run("selftest", "--timeout", "0", "--yes", "--output", "json", "--quiet") == 7
    steps = json.loads(operator.said)["steps"]
    failed = {step["step"] for step in steps if step["outcome"] == "failed"}
    echoing = {name.replace("function/", "invoke ") for name in FUNCTIONS}
    by_effect = {"same again", "limit", "withdrawal", "verify", "statement", "new role", "versioning"}
    assert failed == echoing | by_effect, steps
    operator.before_upload = operator.after_upload = lambda: None


# The catalogue


def granted(command: str) -> set[Need]:
    """Return the catalogue of a command, with its resources as patterns."""
    # The role that the function had before is one of those that it is taken out of.
    before = (replace(SUBSCRIBERS[0], role=f"ops/{OTHER_ROLE}"),) if command == "subscribe function" else ()
    stack = StackSettings("countagg", BUCKET, role_path="/ops/", subscriptions=(*SUBSCRIBERS, *before))
    settings = OWN if command == "selftest" else stack
    return {
        (action, arn)
        for on, actions in CALLS[command].items()
        for action in actions
        for arn in ((KEY,) if on is On.KEY else resource_arns(on, settings, PLACE))
    }


def covers(grant: Need, need: Need) -> bool:
    return grant[0] == need[0] and fnmatchcase(need[1], grant[1].replace("[", "[[]"))


def test_the_catalogue_knows_every_command() -> None:
    assert CALLS.keys() | WITHOUT_AWS == dict(leaves(tree())).keys()


@pytest.mark.parametrize("command", CALLS)
def test_nothing_is_called_that_the_catalogue_lacks(recorder: Recorder, command: str) -> None:
    grants = granted(command)
    missing = {need for need in recorder.needed[command] if not any(covers(grant, need) for grant in grants)}
    if command == "doctor":
        # It tries what it may do, and goes by the answer.
        missing = {need for need in missing if need[0] not in {*PROBES, "iam:SimulatePrincipalPolicy"}}

    assert recorder.needed[command]
    assert missing == set()


@pytest.mark.parametrize("command", CALLS)
def test_nothing_is_in_the_catalogue_that_is_never_called(recorder: Recorder, command: str) -> None:
    needed = recorder.needed[command]
    idle = {grant for grant in granted(command) if not any(covers(grant, need) for need in needed)}
    if command == "selftest":
        idle = {(action, arn) for action, arn in idle if action not in FOR_WHAT_IS_THERE and "-alerts" not in arn}
    if command == "loadtest":
        # It ends with what `verify` does, once all is included: here nothing ever is.
        idle -= granted("verify")

    assert idle == set()
