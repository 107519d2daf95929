"""Binds the specs of a stack to clients: which class provisions which kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from countagg.aws.cloudwatch import Alarm
from countagg.aws.dynamodb import Table
from countagg.aws.errors import aws_errors
from countagg.aws.iam import Role
from countagg.aws.kms import Key
from countagg.aws.lambda_functions import Function
from countagg.aws.lambda_mappings import EventSourceMapping
from countagg.aws.logs import LogGroup
from countagg.aws.s3 import Bucket
from countagg.aws.s3_notifications import Notification
from countagg.aws.session import Clients
from countagg.aws.sns import EmailSubscription, Subscription, Topic
from countagg.aws.sqs import Queue
from countagg.aws.waiting import Patience
from countagg.provision.blueprint import Spec
from countagg.provision.differences import FieldChange
from countagg.provision.identities import (
    AlarmId,
    BucketId,
    EmailId,
    FunctionId,
    Identity,
    KeyId,
    LogGroupId,
    NotificationId,
    QueueId,
    QueueMappingId,
    RoleId,
    StreamMappingId,
    SubscriptionId,
    TableId,
    TopicId,
)
from countagg.provision.place import Place
from countagg.provision.reconcile import Node, Observed, Resource

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@dataclass(frozen=True, slots=True)
class Forced:
    """What a teardown may delete besides the plain: a bucket of ours with its objects, and protected tables."""

    objects: bool = False
    protected: bool = False


class Binder:
    """Makes nodes out of specs.

    Args:
        clients: to provision with.
        place: where the stack lives.
        stack: its name, which the owner's tag bears.
        patience: how waiting is done.
        forced: what may be deleted besides the plain.
    """

    def __init__(
        self,
        clients: Clients,
        place: Place,
        stack: str,
        patience: Patience,
        forced: Forced = Forced(),
    ) -> None:
        self._clients = clients
        self._place = place
        self._stack = stack
        self._patience = patience
        self._forced = forced

    def bind(self, specs: Iterable[Spec[Any]]) -> list[Node[Any]]:
        """Return a node for each spec."""
        return [
            Node(
                id=spec.id,
                name=spec.identity.name,
                resource=_Translated(spec.id, self.resource(spec.identity)),
                desired=spec.desired,
                needs=spec.needs,
                immutable=spec.immutable,
                holds=spec.holds,
                borrowed=spec.borrowed,
                unwanted=spec.unwanted,
            )
            for spec in specs
        ]

    def _lambda_sending(self, size: int) -> LambdaClient:
        return self._clients.sending(size).lambda_

    def resource(self, identity: Identity) -> Resource[Any]:  # noqa: C901, PLR0911, PLR0912 - one line a kind
        """Return the resource of that identity."""
        clients, place, stack, patience = self._clients, self._place, self._stack, self._patience
        match identity:
            case TopicId():
                return Topic(clients.sns, identity, place, stack)
            case QueueId():
                return Queue(clients.sqs, identity, stack, patience)
            case SubscriptionId():
                return Subscription(clients.sns, identity, place, stack)
            case EmailId():
                return EmailSubscription(clients.sns, identity, place, stack)
            case TableId():
                return Table(clients.dynamodb, identity, stack, patience, delete_protected=self._forced.protected)
            case LogGroupId():
                return LogGroup(clients.logs, identity, place, stack, patience)
            case RoleId():
                return Role(clients.iam, identity, stack, patience)
            case FunctionId():
                return Function(self._lambda_sending, identity, place, stack, patience)
            case QueueMappingId() | StreamMappingId():
                return EventSourceMapping(clients.lambda_, identity, place, stack, patience)
            case AlarmId():
                return Alarm(clients.cloudwatch, identity, place, stack)
            case KeyId():
                return Key(clients.kms, identity)
            case BucketId():
                return Bucket(clients.s3, identity, place, stack, delete_objects=self._forced.objects)
            case NotificationId():
                return Notification(clients.s3, identity, place, patience)


class _Translated:
    """A resource whose errors name it."""

    def __init__(self, node: str, resource: Resource[Any]) -> None:
        self._node = node
        self._resource = resource

    def read(self) -> Observed[Any] | None:
        with aws_errors(self._node):
            return self._resource.read()

    def create(self, desired: Any) -> None:  # noqa: ANN401 - the kind's state
        with aws_errors(self._node):
            self._resource.create(desired)

    def update(self, desired: Any, changes: Sequence[FieldChange]) -> None:  # noqa: ANN401 - the kind's state
        with aws_errors(self._node):
            self._resource.update(desired, changes)

    def delete(self) -> None:
        with aws_errors(self._node):
            self._resource.delete()
