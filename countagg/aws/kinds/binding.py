"""Binds the specs of a stack to clients: which class provisions which kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from countagg.aws.errors import aws_errors, code_of, describe_answer, translate_answer
from countagg.aws.kinds.cloudwatch import Alarm
from countagg.aws.kinds.dynamodb import Table
from countagg.aws.kinds.iam import Role
from countagg.aws.kinds.kms import Key
from countagg.aws.kinds.lambda_functions import Function
from countagg.aws.kinds.lambda_mappings import EventSourceMapping
from countagg.aws.kinds.logs import LogGroup
from countagg.aws.kinds.s3 import Bucket
from countagg.aws.kinds.s3_notifications import Notification
from countagg.aws.kinds.sns import EmailSubscription, Subscription, Topic
from countagg.aws.kinds.sqs import Queue
from countagg.aws.session import Clients
from countagg.aws.waiting import EXISTS, MISSING, READING_BUSY, SHOWN_AFTER_CREATION, Patience, is_one_of
from countagg.core.errors import MadeMeanwhile
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
                resource=_Patient(spec.id, spec.identity.name, self.resource(spec.identity), self._patience),
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
                return Topic(clients.sns, identity, place, stack, patience)
            case QueueId():
                return Queue(clients.sqs, identity, stack, patience)
            case SubscriptionId():
                return Subscription(clients.sns, identity, place, stack, patience)
            case EmailId():
                return EmailSubscription(clients.sns, identity, place, stack, patience)
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
                return Alarm(clients.cloudwatch, identity, place, stack, patience)
            case KeyId():
                return Key(clients.kms, identity)
            case BucketId():
                return Bucket(clients.s3, identity, place, stack, patience, delete_objects=self._forced.objects)
            case NotificationId():
                return Notification(clients.s3, identity, place, patience)


class _Patient:
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
