"""What a stack puts into things of others that are subscribed: a mapping, a policy in a role, one in a queue."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from countagg.aws.answers import MISSING
from countagg.aws.errors import code_of, suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.lambda_mappings import EventSourceMapping
from countagg.aws.waiting import ROLE_BUSY
from countagg.core.errors import CountaggError
from countagg.core.names import OWNER_TAG, Names
from countagg.provision.differences import FieldChange
from countagg.provision.policies import canonical, statements_of
from countagg.provision.reconcile import Observed
from countagg.provision.states import MappingState, QueueGrantState, RolePolicyState

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_sqs import SQSClient


@contextmanager
def must_exist(what: str) -> Iterator[None]:
    """Tell what to do if something of others that is subscribed is gone.

    Raises:
        CountaggError: it is.
    """
    try:
        yield
    except ClientError as error:
        if code_of(error) not in MISSING:
            raise
        raise CountaggError(
            f"{what} is gone, and is subscribed",
            hint="`countagg subscribe list` shows it, and `countagg subscribe remove` ends the subscription",
        ) from error


class Consumer(EventSourceMapping):
    """A mapping of a stream of the stack's to a function of somebody else's. It is ours by its own tags."""

    _not_yet = ()

    def create(self, desired: MappingState) -> None:
        """Create it; the role's rights on the stream take some time until Lambda sees them."""
        with must_exist(f"function {self._function}"):
            super().create(desired)

    def _function_tags(self) -> dict[str, str]:
        # The function is not ours: what it bears does not matter, and nobody need be allowed to read it.
        return {}

    def _is_owned(self, state: MappingState, _function_tags: Mapping[str, str] | None) -> bool:
        owner = state.tags.of.get(OWNER_TAG) if state.tags is not None else None
        if owner is not None:
            return owner == self._context.stack
        # Where mappings may have no tags, and where a hand took ours off: it sends its failures to the stack.
        return state.on_failure.endswith(f":{Names(self._context.stack).dead_letters}")

    def _remember_no_tags(self) -> None:
        """Leave the function as it is."""


class RolePolicy:
    """An inline policy in a role of somebody else's. Its name says whose it is; all others stay."""

    def __init__(self, iam: IAMClient, role: str, policy: str, context: StackContext) -> None:
        self._iam = iam
        self._busy = context.patience.over(iam, ROLE_BUSY, f"role {role}, being changed by others")
        self._role = role
        self._policy = policy

    def read(self) -> Observed[RolePolicyState] | None:
        """Return it as it is."""
        document = self._iam.get_role_policy(RoleName=self._role, PolicyName=self._policy)["PolicyDocument"]
        return Observed(RolePolicyState(canonical(document)))

    def create(self, desired: RolePolicyState) -> None:
        """Put it."""
        with must_exist(f"role {self._role}"):
            self._busy.put_role_policy(RoleName=self._role, PolicyName=self._policy, PolicyDocument=desired.policy)

    def update(self, desired: RolePolicyState, _changes: Sequence[FieldChange]) -> None:
        """Put it anew."""
        self.create(desired)

    def delete(self) -> None:
        """Delete it."""
        with suppress_missing():
            self._busy.delete_role_policy(RoleName=self._role, PolicyName=self._policy)


class QueueGrant:
    """A statement in the policy of a queue of somebody else's. All others stay as they are."""

    def __init__(self, sqs: SQSClient, queue: str, sid: str) -> None:
        self._sqs = sqs
        self._queue = queue
        self._sid = sid

    def read(self) -> Observed[QueueGrantState] | None:
        """Return it as it is; None also if there is no queue."""
        _, policy = self._read()
        ours = [each for each in statements_of(policy) if each.get("Sid") == self._sid]
        return Observed(QueueGrantState(canonical(ours[0]))) if ours else None

    def _read(self) -> tuple[str, dict[str, Any]]:
        url = self._sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        policy: dict[str, Any] = json.loads(answer.get("Attributes", {}).get("Policy") or "{}")
        return url, policy

    def create(self, desired: QueueGrantState) -> None:
        """Add it to what others have put there."""
        with must_exist(f"queue {self._queue}"):
            self._put([json.loads(desired.statement)])

    def update(self, desired: QueueGrantState, _changes: Sequence[FieldChange]) -> None:
        """Put it in place of what it became."""
        self.create(desired)

    def delete(self) -> None:
        """Take it out."""
        with suppress_missing():
            self._put([])

    def _put(self, ours: list[dict[str, Any]]) -> None:
        url, policy = self._read()
        statements = [*(each for each in statements_of(policy) if each.get("Sid") != self._sid), *ours]
        whole = {"Version": "2012-10-17", **policy, "Statement": statements}
        # An empty one is none; a policy without a statement is refused.
        text = json.dumps(whole) if statements else ""
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
