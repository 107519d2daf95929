"""An AWS account on moto: clients whose calls are recorded and can be the last ones of a process.

A call that changes something is one whose operation is not a Get, List, Describe or Head. A process can die before
such a call, so that nothing happened, or after it, so that it happened and nobody knows.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends

from countagg.aws.binding import Binder
from countagg.aws.session import Clients, ConnectionOptions
from countagg.aws.waiting import Patience
from countagg.core.names import OWNER_TAG
from countagg.provision.bundle import make_code
from countagg.provision.place import Place
from countagg.provision.reconcile import Action, Change, Holds, Node, deploy, destroy
from countagg.provision.settings import StackSettings
from countagg.provision.stack import Stack
from countagg.provision.states import Code

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"
STACK: Final = "countagg"
BUCKET: Final = "fleet-counters"
PLACE: Final = Place(ACCOUNT, REGION)
OURS: Final = {OWNER_TAG: STACK}

_READING: Final = ("Get", "List", "Describe", "Head")
_SETTINGS: Final = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN")
ENVIRONMENT: Final[dict[str, str | None]] = {
    **dict.fromkeys(_SETTINGS),
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": None,
    "AWS_REGION": None,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What every test of this folder finds in its environment; None is unset."""


class NetworkReached(BaseException):
    """A test tried to reach the network."""


class Killed(BaseException):
    """The process was killed. No `except Exception` stops it."""


def make_zip(content: str = "") -> Code:
    """Return a zip that is no function's; moto does not run it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("handler.py"), content)
    return make_code(buffer.getvalue())


@dataclass
class Calls:
    """Records the calls that change something, kills at one of them, or answers it with an error.

    Attributes:
        mutating: names of the operations.
        dies_before: index of the call before which the process dies.
        dies_after: index of the call after which the process dies.
        errors: by operation, errors that AWS answers with, one a call, before it does what it is asked.
    """

    mutating: list[str] = field(default_factory=list)
    dies_before: int | None = None
    dies_after: int | None = None
    errors: dict[str, list[ClientError]] = field(default_factory=dict)

    def before(self, model: Any, **_: object) -> None:
        """Handle `before-call`."""
        if not model.name.startswith(_READING):
            if len(self.mutating) == self.dies_before:
                raise Killed
            self.mutating.append(model.name)
        if self.errors.get(model.name):
            raise self.errors[model.name].pop(0)

    def after(self, model: Any, **_: object) -> None:
        """Handle `after-call`."""
        if not model.name.startswith(_READING) and len(self.mutating) - 1 == self.dies_after:
            raise Killed

    def reset(self) -> None:
        """Begin anew."""
        self.mutating.clear()
        self.dies_before = self.dies_after = None
        self.errors.clear()


class MotoGaps:
    """What moto 5.2 does not know, made up for through botocore's events.

    - A function's LoggingConfig: moto forgets it. It is kept here and put into the answers.
    - Tags in CreateBucket: moto forgets them. They are put by a client of our own, within the same call.
    - SetQueueAttributes without a policy: moto then drops the queue's policy. It is added to the call.
    - A table's stream that was switched off: moto refuses to switch it on again, because it keeps its label.
    """

    def __init__(self, session: boto3.Session) -> None:
        self._logging: dict[str, object] = {}
        unrecorded = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name=REGION)
        self._s3, self._sqs = unrecorded.client("s3"), unrecorded.client("sqs")
        register = session.events.register_first
        for operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            session.events.register(f"before-parameter-build.lambda.{operation}", self._note_logging)
            register(f"after-call.lambda.{operation}", self._keep_logging)
        register("after-call.lambda.GetFunction", self._tell_logging)
        session.events.register("before-parameter-build.s3.CreateBucket", self._note_tags)
        register("after-call.s3.CreateBucket", self._put_tags)
        session.events.register("before-parameter-build.sqs.SetQueueAttributes", self._keep_policy)
        session.events.register("before-parameter-build.dynamodb.UpdateTable", self._note_stream)
        register("after-call.dynamodb.UpdateTable", self._forget_label)

    def _note_logging(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["their_logging"] = (params["FunctionName"], params.get("LoggingConfig"))

    def _keep_logging(self, parsed: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        name, logging = context["their_logging"]
        if "FunctionArn" in parsed and logging:
            self._logging[name] = logging

    def _tell_logging(self, parsed: dict[str, Any], **_: object) -> None:
        if "Configuration" in parsed:
            name = parsed["Configuration"]["FunctionName"]
            parsed["Configuration"]["LoggingConfig"] = self._logging[name]

    def _note_tags(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["their_tags"] = (params["Bucket"], params.get("CreateBucketConfiguration", {}).get("Tags"))

    def _put_tags(self, context: dict[str, Any], **_: object) -> None:
        name, tags = context["their_tags"]
        if tags:
            self._s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})

    def _keep_policy(self, params: dict[str, Any], **_: object) -> None:
        found = self._sqs.get_queue_attributes(QueueUrl=params["QueueUrl"], AttributeNames=["Policy"])
        params["Attributes"] = {**found.get("Attributes", {}), **params["Attributes"]}

    def _note_stream(self, params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        off = params.get("StreamSpecification", {}).get("StreamEnabled") is False
        context["without_stream"] = params["TableName"] if off else None

    def _forget_label(self, context: dict[str, Any], **_: object) -> None:
        if name := context["without_stream"]:
            dynamodb_backends[ACCOUNT][REGION].get_table(name).latest_stream_label = None


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class World:
    """An account: clients as countagg makes them, what they did, and a stack to set up with them."""

    def __init__(self, clients: Clients, calls: Calls) -> None:
        self.clients = clients
        self.calls = calls
        self.clock = Clock()
        self.waited_for: list[str] = []
        self.patience = Patience(self.waited_for.append, 600, self.clock.sleep, lambda: self.clock.now)
        self.code = make_zip()
        self.parts: tuple[str, ...] = ()

    def focus(self, *parts: str) -> World:
        """Leave out of every stack what begins with none of these: each call of moto takes 2 ms."""
        self.parts = parts
        return self

    def nodes(
        self,
        *only: str,
        stack: str = STACK,
        bucket: str = BUCKET,
        create_bucket: bool = True,
        delete_objects: bool = False,
        prefix: str = "counters/",
    ) -> list[Node[Any]]:
        """Return the nodes of a stack, or only some, as if they needed no others."""
        settings = StackSettings(stack, bucket, create_bucket=create_bucket, prefix=prefix)
        binder = Binder(self.clients, PLACE, stack, self.patience, delete_objects=delete_objects)
        nodes = binder.bind(Stack(settings, PLACE, self.code).specs())
        if not only and not self.parts:
            return nodes
        chosen = [node for node in nodes if (node.id in only if only else node.id.startswith(self.parts))]
        names = {node.id for node in chosen}
        return [replace(node, needs=tuple(need for need in node.needs if need in names)) for node in chosen]

    def set_up(self, nodes: Iterable[Node[Any]] | None = None) -> tuple[Change, ...]:
        """Deploy to the end; the calls are recorded from here on."""
        self.calls.mutating.clear()
        return tuple(deploy(self.nodes() if nodes is None else nodes, dry_run=False, announce=silent))

    def plan(self, nodes: Iterable[Node[Any]] | None = None) -> tuple[Change, ...]:
        """Plan, which must not change anything."""
        self.calls.mutating.clear()
        changes = tuple(deploy(self.nodes() if nodes is None else nodes, dry_run=True, announce=silent))
        assert self.calls.mutating == []
        return changes

    def tear_down(
        self, nodes: Iterable[Node[Any]] | None = None, keep: frozenset[Holds] = frozenset()
    ) -> tuple[Change, ...]:
        """Destroy to the end; the calls are recorded from here on."""
        self.calls.mutating.clear()
        return tuple(destroy(self.nodes() if nodes is None else nodes, keep=keep, dry_run=False, announce=silent))

    @contextmanager
    def dying(self, *, before: int | None = None, after: int | None = None) -> Iterator[list[bool]]:
        """Die at that mutating call, counted from here; what is yielded is true afterwards if it came to that."""
        self.calls.reset()
        self.calls.dies_before, self.calls.dies_after = before, after
        died: list[bool] = []
        try:
            yield died
        except Killed:
            died.append(True)
        finally:
            self.calls.reset()

    def answers(self, operation: str, code: str, message: str = "", *, times: int = 1) -> None:
        """Let the next calls of an operation be answered with an error."""
        self.calls.errors[operation] = [answer(code, message, operation) for _ in range(times)]

    @property
    def mutating(self) -> list[str]:
        """Operations of the last run that change something."""
        return list(self.calls.mutating)


def answer(code: str, message: str = "", operation: str = "Operation", request: str = "req-1") -> ClientError:
    """Return an error as AWS answers with."""
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "RequestId": request,
                "HTTPStatusCode": 400,
                "HTTPHeaders": {},
                "RetryAttempts": 0,
                "HostId": "",
            },
        },
        operation,
    )


def silent(_node: str, _action: Action) -> None:
    """Announce nothing."""


def touched(changes: Iterable[Change]) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Return what was not just kept: the resource, the action and the fields."""
    return [
        (change.resource, change.action, tuple(each.name for each in change.fields))
        for change in changes
        if change.action is not Action.KEEP
    ]


def updated(node: str, *names: str) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Return what `touched` returns if these fields of one resource differ."""
    return [(node, Action.UPDATE, names)]


def make_clients(calls: Calls) -> Clients:
    """Make clients that are recorded. They outlive moto's mocks, which reset only the world behind them."""
    clients = Clients(ConnectionOptions(region=REGION, credentials=("testing", "testing")))
    MotoGaps(clients.session)
    clients.session.events.register("before-call", calls.before)
    clients.session.events.register("after-call", calls.after)
    return clients


@contextmanager
def account() -> Iterator[None]:
    """Open an empty account."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def inventory(clients: Clients) -> dict[str, Any]:
    """List everything there is in the account, with what matters of it, by kind."""
    c = clients
    listings: dict[str, Callable[[], Any]] = {
        "topics": lambda: {
            each["TopicArn"]: c.sns.get_topic_attributes(TopicArn=each["TopicArn"])["Attributes"]["Policy"]
            for each in c.sns.list_topics()["Topics"]
        },
        "subscriptions": lambda: [
            (each["TopicArn"], each["Endpoint"]) for each in c.sns.list_subscriptions()["Subscriptions"]
        ],
        "queues": lambda: {
            url: c.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes")
            for url in c.sqs.list_queues().get("QueueUrls", [])
        },
        "tables": lambda: {
            name: c.dynamodb.describe_table(TableName=name)["Table"]
            for name in c.dynamodb.list_tables()["TableNames"]
        },
        "logs": lambda: [each["logGroupName"] for each in c.logs.describe_log_groups()["logGroups"]],
        "roles": lambda: [each["RoleName"] for each in c.iam.list_roles()["Roles"]],
        "functions": lambda: [each["FunctionName"] for each in c.lambda_.list_functions()["Functions"]],
        "mappings": lambda: [
            each["EventSourceArn"] for each in c.lambda_.list_event_source_mappings()["EventSourceMappings"]
        ],
        "buckets": lambda: {each["Name"]: _bucket(c, each["Name"]) for each in c.s3.list_buckets()["Buckets"]},
    }
    return {kind: listing() for kind, listing in listings.items()}


def _bucket(clients: Clients, name: str) -> str:
    notifications: Any = clients.s3.get_bucket_notification_configuration(Bucket=name)
    notifications.pop("ResponseMetadata")
    try:
        policy = clients.s3.get_bucket_policy(Bucket=name)["Policy"]
    except ClientError:
        policy = ""
    return json.dumps([notifications, policy])
