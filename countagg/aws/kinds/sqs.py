"""SQS: queues."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.waiting import DEAD_LETTERS_NOT_YET, QUEUE_DELETED_RECENTLY, QUEUE_NOT_YET
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.messaging import OWN_ENCRYPTION
from countagg.provision.policies import canonical, merge_statements, our_statements
from countagg.provision.reconcile import Observed
from countagg.provision.states import QueueState

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class Queue:
    """A queue. Its policy is shared: statements that are not ours stay."""

    def __init__(self, sqs: SQSClient, name: str, context: StackContext) -> None:
        self._sqs = sqs
        self._name = name
        self._context = context
        self._patience = context.patience
        self._made = self._patience.over(sqs, QUEUE_NOT_YET, f"queue {name}, until SQS knows it")

    def read(self) -> Observed[QueueState] | None:
        """Return it as it is; its output is `url`."""
        url = self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
        attributes = self._attributes(self._sqs, url)
        tags = self._sqs.list_queue_tags(QueueUrl=url).get("Tags", {})
        state = QueueState(
            visibility_timeout=int(attributes["VisibilityTimeout"]),
            retention=int(attributes["MessageRetentionPeriod"]),
            redrive_policy=_normalised_redrive(attributes.get("RedrivePolicy", "")),
            statements=our_statements(json.loads(attributes.get("Policy") or "{}")),
            encryption=_encryption(attributes),
            tags=Tags(tags),
        )
        return Observed(state, {"url": url}, owned=self._context.owns(tags))

    @staticmethod
    def _attributes(sqs: SQSClient, url: str) -> dict[str, str]:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return {str(name): value for name, value in answer.get("Attributes", {}).items()}

    def create(self, desired: QueueState) -> None:
        """Create it with everything in one call."""
        attributes: Any = {
            name: text for field in _FIELDS for name, text in _attributes(desired, field, {}).items() if text
        }
        self._patience.call(
            lambda: self._sqs.create_queue(QueueName=self._name, Attributes=attributes, tags=desired.tags.of),
            (*QUEUE_DELETED_RECENTLY, *DEAD_LETTERS_NOT_YET),
            f"queue {self._name}, deleted less than 60 s ago or without its dead letters yet",
        )

    def update(self, desired: QueueState, changes: Sequence[FieldChange]) -> None:
        """Set the attributes that differ."""
        url = self._made.get_queue_url(QueueName=self._name)["QueueUrl"]
        policy = json.loads(self._attributes(self._made, url).get("Policy") or "{}")
        attributes: Any = {}
        for change in changes:
            if change.name == "tags":
                self._put_tags(url, change)
            else:
                attributes |= _attributes(desired, change.name, policy)
        if attributes:
            self._made.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def _put_tags(self, url: str, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_queue(QueueUrl=url, Tags=change.tags_to_set)
        if change.tags_to_drop:
            self._made.untag_queue(QueueUrl=url, TagKeys=change.tags_to_drop)

    def delete(self) -> None:
        """Delete it."""
        with suppress_missing():
            url = self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
            self._sqs.delete_queue(QueueUrl=url)


_FIELDS: Final = ("visibility_timeout", "retention", "redrive_policy", "statements", "encryption")


def _attributes(desired: QueueState, field: str, policy: Mapping[str, Any]) -> dict[str, str]:
    """Return the attributes that stand for a field."""
    match field:
        case "visibility_timeout":
            return {"VisibilityTimeout": str(desired.visibility_timeout)}
        case "retention":
            return {"MessageRetentionPeriod": str(desired.retention)}
        case "redrive_policy":
            return {"RedrivePolicy": desired.redrive_policy}
        case "encryption" if desired.encryption == OWN_ENCRYPTION:
            return {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"}
        case "encryption":
            # A queue has one of the two: SQS refuses both at once.
            return {"KmsMasterKeyId": desired.encryption, "SqsManagedSseEnabled": "false"}
        case _:
            return {"Policy": json.dumps(merge_statements(policy, desired.statements))}


def _encryption(found: Mapping[str, str]) -> str:
    if key := found.get("KmsMasterKeyId"):
        return key
    return OWN_ENCRYPTION if found.get("SqsManagedSseEnabled") == "true" else "none"


def _normalised_redrive(text: str) -> str:
    if not text:
        return ""
    policy = json.loads(text)
    return canonical({**policy, "maxReceiveCount": int(policy["maxReceiveCount"])})
