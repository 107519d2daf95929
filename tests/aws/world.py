"""An AWS account on moto: clients whose calls are recorded and can be the last ones of a process.

A call that changes something is one whose operation is not a Get, List, Describe or Head. A process can die before
such a call, so that nothing happened, or after it, so that it happened and nobody knows.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Self

from botocore.exceptions import ClientError
from moto import mock_aws

from countagg.aws.errors import aws_errors, message_of
from countagg.aws.kinds.binding import Binder
from countagg.aws.kinds.context import Forced, StackContext
from countagg.aws.session import Clients, ConnectionOptions
from countagg.aws.waiting import Patience
from countagg.core.names import OWNER_TAG
from countagg.core.polling import Polling
from countagg.provision.blueprint import Blueprint
from countagg.provision.bundle import make_code
from countagg.provision.code import Code
from countagg.provision.place import Place
from countagg.provision.reconcile import Action, Change, Holds, Node, deploy, destroy
from countagg.provision.settings import StackSettings
from countagg.provision.stack import stack_nodes
from tests.aws.moto_gaps import ACCOUNT, MotoGaps
from tests.fakes.provisioning import silent
from tests.quick_moto import READING

if TYPE_CHECKING:
    from tests.aws.delays import Delays

REGION: Final = "eu-central-1"
STACK: Final = "countagg"
BUCKET: Final = "fleet-counters"
PLACE: Final = Place(ACCOUNT, REGION, queue_endpoint=f"https://sqs.{REGION}.amazonaws.com")
ELSEWHERE: Final = Place(ACCOUNT, "us-west-2", queue_endpoint="https://sqs.us-west-2.amazonaws.com")
OURS: Final = {OWNER_TAG: STACK}


class OneClient:
    """Fakes in the places of some clients of a session."""

    errors = staticmethod(aws_errors)
    message_of = staticmethod(message_of)

    def __init__(self, **fakes: object) -> None:
        self.__dict__.update(fakes)

    def sending(self, _size: int) -> Self:
        """Return these clients: fakes have time for every request."""
        return self


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


IMPATIENT: Final = Patience(lambda _: None, Polling(0))
"""Waits for nothing."""


def make_context(
    patience: Patience = IMPATIENT, place: Place = PLACE, forced: Forced | None = None
) -> StackContext:
    """Return what a resource that is looked at alone belongs to."""
    return StackContext(place, STACK, patience, forced)


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
        asked_for: operations with their parameters, of all calls.
        dies_before: index of the call before which the process dies.
        dies_after: index of the call after which the process dies.
        errors: by operation, errors that AWS answers with, one a call, before it does what it is asked; None is
            a call that is answered as usual.
        delays: answers that AWS gives for some time after another call; None if it gives none.
    """

    mutating: list[str] = field(default_factory=list)
    asked_for: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    dies_before: int | None = None
    dies_after: int | None = None
    errors: dict[str, list[ClientError | None]] = field(default_factory=dict)
    delays: Delays | None = None

    def asked(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: object) -> None:
        """Handle `before-parameter-build`."""
        context["asked"] = params
        self.asked_for.append((model.name, params))

    def before(self, model: Any, context: dict[str, Any], **_: object) -> None:
        """Handle `before-call`."""
        if not model.name.startswith(READING):
            if len(self.mutating) == self.dies_before:
                raise Killed
            self.mutating.append(model.name)
        if self.errors.get(model.name) and (error := self.errors[model.name].pop(0)):
            raise error
        if self.delays and (refusal := self.delays.refuse(_full_name(model), context["asked"])):
            raise refusal

    def after(self, model: Any, context: dict[str, Any], parsed: dict[str, Any], **_: object) -> None:
        """Handle `after-call`."""
        if self.delays and "Error" not in parsed:
            self.delays.answered(_full_name(model), context["asked"], parsed)
        if not model.name.startswith(READING) and len(self.mutating) - 1 == self.dies_after:
            raise Killed

    def forget(self) -> None:
        """Record from here on."""
        self.mutating.clear()
        self.asked_for.clear()

    def reset(self) -> None:
        """Begin anew."""
        self.forget()
        self.dies_before = self.dies_after = None
        self.errors.clear()
        self.delays = None


def _full_name(model: Any) -> str:
    return f"{model.service_model.service_name}.{model.name}"


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

    def __init__(self, clients: Clients, calls: Calls, place: Place = PLACE) -> None:
        self.clients = clients
        self.calls = calls
        self.place = place
        self.bucket = BUCKET if place == PLACE else f"{BUCKET}-elsewhere"
        self.clock = Clock()
        self.waited_for: list[str] = []
        self.warnings: list[str] = []
        self.patience = Patience(
            self.waited_for.append, Polling(600, self.clock.sleep, lambda: self.clock.now), self.warnings.append
        )
        self.code = make_zip()
        self.parts: tuple[str, ...] = ()
        self.chosen: dict[str, Any] = {}

    def choose(self, **settings: Any) -> World:
        """Set up every stack with these settings, unless `nodes` is told others."""
        self.chosen = settings
        return self

    def focus(self, *parts: str) -> World:
        """Leave out of every stack what begins with none of these: each call of moto takes 2 ms."""
        self.parts = parts
        return self

    def nodes(
        self,
        *only: str,
        stack: str = STACK,
        bucket: str = "",
        create_bucket: bool = True,
        forced: Forced | None = None,
        **settings: Any,
    ) -> list[Node[Any]]:
        """Return the nodes of a stack, or only some, as if they needed no others."""
        chosen = StackSettings(
            stack, bucket or self.bucket, create_bucket=create_bucket, **{**self.chosen, **settings}
        )
        binder = Binder(self.clients, self.place, stack, self.patience, forced or Forced())
        nodes = stack_nodes(Blueprint(chosen, self.place, self.code, binder.bind))
        if not only and not self.parts:
            return list(nodes)
        wanted = [node for node in nodes if (node.id in only if only else node.id.startswith(self.parts))]
        names = {node.id for node in wanted}
        return [replace(node, needs=tuple(need for need in node.needs if need in names)) for node in wanted]

    def set_up(self, nodes: Iterable[Node[Any]] | None = None) -> tuple[Change, ...]:
        """Deploy to the end; the calls are recorded from here on."""
        self.calls.forget()
        return tuple(deploy(self.nodes() if nodes is None else nodes, dry_run=False, announce=silent))

    def plan(self, nodes: Iterable[Node[Any]] | None = None) -> tuple[Change, ...]:
        """Plan, which must not change anything."""
        self.calls.forget()
        changes = tuple(deploy(self.nodes() if nodes is None else nodes, dry_run=True, announce=silent))
        assert self.calls.mutating == []
        return changes

    def tear_down(
        self, nodes: Iterable[Node[Any]] | None = None, keep: frozenset[Holds] = frozenset()
    ) -> tuple[Change, ...]:
        """Destroy to the end; the calls are recorded from here on."""
        self.calls.forget()
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

    def answers(self, operation: str, code: str, message: str = "", *, times: int = 1, skip: int = 0) -> None:
        """Let calls of an operation be answered with an error: so many, after some that are answered as usual."""
        errors = [answer(code, message, operation) for _ in range(times)]
        self.calls.errors[operation] = [*[None] * skip, *errors]

    @property
    def mutating(self) -> list[str]:
        """Operations of the last run that change something."""
        return list(self.calls.mutating)

    def sent(self, operation: str) -> list[dict[str, Any]]:
        """Return what the last run sent in calls of an operation."""
        return [params for name, params in self.calls.asked_for if name == operation]


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


def touched(changes: Iterable[Change]) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Return what was not just kept: the resource, the action and, of an update, the fields."""
    return [
        (
            change.resource,
            change.action,
            tuple(each.name for each in change.fields if change.action is Action.UPDATE),
        )
        for change in changes
        if change.action is not Action.KEEP
    ]


def updated(node: str, *names: str) -> list[tuple[str, Action, tuple[str, ...]]]:
    """Return what `touched` returns if these fields of one resource differ."""
    return [(node, Action.UPDATE, names)]


def make_clients(calls: Calls, region: str = REGION) -> Clients:
    """Make clients that are recorded. They outlive moto's mocks, which reset only the world behind them."""
    clients = Clients(ConnectionOptions(region=region, credentials=("testing", "testing")))
    MotoGaps(clients.session)
    clients.session.events.register("before-parameter-build", calls.asked)
    clients.session.events.register("before-call", calls.before)
    clients.session.events.register("after-call", calls.after)
    return clients


@contextmanager
def account() -> Iterator[None]:
    """Open an empty account."""
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield
