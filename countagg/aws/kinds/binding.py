"""Binds the nodes of a stack to clients: which class provisions which kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from countagg.aws.answers import MISSING
from countagg.aws.errors import aws_errors, code_of, describe_answer, translate_answer
from countagg.aws.kinds.cloudwatch import Alarm, Dashboard
from countagg.aws.kinds.consumers import Consumer, QueueGrant, RolePolicy
from countagg.aws.kinds.context import Forced, StackContext
from countagg.aws.kinds.dynamodb import Table
from countagg.aws.kinds.iam import Role
from countagg.aws.kinds.kms import Key
from countagg.aws.kinds.lambda_functions import Function
from countagg.aws.kinds.lambda_mappings import EventSourceMapping
from countagg.aws.kinds.logs import LogGroup
from countagg.aws.kinds.s3 import Bucket
from countagg.aws.kinds.s3_notifications import Notification
from countagg.aws.kinds.shared_reads import SharedReads
from countagg.aws.kinds.sns import EmailSubscription, Subscription, Topic
from countagg.aws.kinds.sqs import Queue
from countagg.aws.session import Clients
from countagg.aws.waiting import EXISTS, READING_BUSY, SHOWN_AFTER_CREATION, Patience, is_one_of
from countagg.core.errors import MadeMeanwhile
from countagg.core.names import Names
from countagg.provision.deliveries import alerts_delivery
from countagg.provision.differences import FieldChange
from countagg.provision.place import Place
from countagg.provision.reconcile import Observed, Resource

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Binder:
    """Gives resources their clients.

    Args:
        clients: to provision with.
        place: where the stack lives.
        stack: its name.
        patience: how waiting is done.
        forced: what a teardown may delete besides the plain; None for who tears nothing down.
    """

    def __init__(
        self, clients: Clients, place: Place, stack: str, patience: Patience, forced: Forced | None = None
    ) -> None:
        self._clients = clients
        self._context = StackContext(place, stack, patience, forced)

    @property
    def reads(self) -> SharedReads:
        """What its resources share during a pass."""
        return self._context.reads

    def _lambda_sending(self, size: int) -> LambdaClient:
        return self._clients.sending(size).lambda_

    def bind(self, node: str, name: str, *parts: str) -> Resource[Any]:
        """Return a resource whose errors name its node; as `blueprint.Bind`."""
        kind = node.partition("/")[0]
        return _PatientResource(node, name, self._resource(kind, *(parts or (name,))), self._context.patience)

    def _resource(self, *found_by: str) -> Resource[Any]:  # noqa: C901, PLR0911, PLR0912 - one line a kind
        clients, context = self._clients, self._context
        match found_by:
            case "topic", name:
                return Topic(clients.sns, name, context)
            case "queue", name:
                return Queue(clients.sqs, name, context)
            case "subscription", topic, protocol, queue:
                return Subscription(clients.sns, topic, protocol, queue, context)
            case (("alert-queue" | "https" | "http"), topic, protocol, endpoint):
                pending = alerts_delivery(context.place, Names(context.stack), protocol, endpoint)
                return Subscription(clients.sns, topic, protocol, endpoint, context, pending)
            case "alert-queue-policy", queue, sid:
                return QueueGrant(clients.sqs, queue, sid)
            case "consumer-policy", role, policy:
                return RolePolicy(clients.iam, role, policy, context)
            case "consumer", function, table:
                return Consumer(clients.lambda_, function, table, context)
            case "email", topic, protocol, address:
                return EmailSubscription(clients.sns, topic, protocol, address, context)
            case "table", name:
                return Table(clients.dynamodb, name, context)
            case "logs", name:
                return LogGroup(clients.logs, name, context)
            case "role", name:
                return Role(clients.iam, name, context)
            case "function", name:
                return Function(self._lambda_sending, name, context)
            case "mapping", function, source:
                return EventSourceMapping(clients.lambda_, function, source, context)
            case "alarm", name:
                return Alarm(clients.cloudwatch, name, context)
            case "dashboard", name:
                return Dashboard(clients.cloudwatch, name, context)
            case "key", arn:
                return Key(clients.kms, arn)
            case "bucket", name:
                return Bucket(clients.s3, name, context)
            case "notification", bucket, entry:
                return Notification(clients.s3, bucket, entry, context)
        raise LookupError(f"no kind of resource is found by {found_by}")


class _PatientResource:
    """A resource whose errors name it, on an AWS that forgets and delays.

    - What denies it while it is read is its absence.
    - What was created may be denied for some time: reading it waits.
    - What is refused because it exists was made by somebody else since it was read. That too may not be seen yet;
      or it is on its way out.
    """

    def __init__(self, node: str, name: str, resource: Resource[Any], patience: Patience) -> None:
        self._node = node
        self._name = name
        self._resource = resource
        self._patience = patience.within(SHOWN_AFTER_CREATION)
        self._was_made = False
        self._denial = "not listed"

    def read(self) -> Observed[Any] | None:
        with aws_errors(self._node):
            if not self._was_made:
                return self._look()
            what = f"{self._name}, until AWS shows it"
            return self._patience.settled(self._look, lambda found: self._denial if found is None else None, what)

    def _look(self) -> Observed[Any] | None:
        try:
            return self._patience.call(self._resource.read, READING_BUSY, f"{self._name}, being changed by others")
        except ClientError as error:
            if code_of(error) in MISSING:
                self._denial = describe_answer(error)
                return None
            raise

    def create(self, desired: Any) -> None:  # noqa: ANN401 - the kind's state
        refusals: list[ClientError] = []

        def made() -> bool:
            try:
                self._resource.create(desired)
            except ClientError as error:
                if not is_one_of(error, EXISTS):
                    raise
                refusals.append(error)
                if self._look() is not None:
                    raise self._made_meanwhile(error) from error
                return False
            return True

        with aws_errors(self._node):
            what = f"{self._name}, which AWS says exists and does not show"
            self._patience.until(made, what, lambda: describe_answer(refusals[-1]))
        self._was_made = True

    def update(self, desired: Any, changes: Sequence[FieldChange]) -> None:  # noqa: ANN401 - the kind's state
        with aws_errors(self._node):
            try:
                self._resource.update(desired, changes)
            except ClientError as error:
                if is_one_of(error, EXISTS):
                    raise self._made_meanwhile(error) from error
                raise
        self._was_made = True

    def _made_meanwhile(self, error: ClientError) -> MadeMeanwhile:
        self._was_made = True
        told = translate_answer(error, self._node)
        return MadeMeanwhile(told.what, where=told.where, hint=told.hint, detail=told.detail)

    def delete(self) -> None:
        self._was_made = False
        with aws_errors(self._node):
            self._resource.delete()
