"""The queues: messages that are sent, and those of the dead letter queue, looked at and given back, or deleted.

SQS cannot show a message without receiving it. So messages are received with a short visibility time-out and given
back at the end; if that is prevented, they come back by themselves. Their receive counts rise, which is harmless:
the dead letter queue has no redrive policy of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.data.calls import DataClients

VISIBILITY_SECONDS: Final = 120
_AT_ONCE: Final = 10
"""Messages of one call, as SQS limits them."""
_WAIT_SECONDS: Final = 1
"""A receive that waits asks every server of SQS; one that does not, only some."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """A message that was received and is invisible to others for a while.

    Attributes:
        id: given by SQS.
        handle: by which it is given back or deleted.
        body: its text.
        sent_at: when it was first sent, aware UTC.
        receives: how often it was received, this time included.
        attributes: what its sender added, by name.
        source: ARN of the queue that SQS's own redrive took it from; None if it was sent here.
    """

    id: str
    handle: str
    body: str
    sent_at: datetime
    receives: int
    attributes: Mapping[str, str]
    source: str | None = None


class EventQueue:
    """The queue that feeds the processor: for events sent by us rather than by S3.

    Args:
        clients: to work with.
        stack: the stack's name.
    """

    def __init__(self, clients: DataClients, stack: str) -> None:
        self._clients = clients
        self._name = Names(stack).uploads

    def send(self, bodies: Sequence[str]) -> Iterator[list[bool]]:
        """Send messages; yield, for each call, which of its messages were accepted, in their order."""
        with self._clients.errors(f"queue {self._name}"):
            url = self._clients.sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
            for part in _parts(bodies):
                entries: Any = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(part)]
                answer = self._clients.sqs.send_message_batch(QueueUrl=url, Entries=entries)
                accepted = {entry["Id"] for entry in answer.get("Successful", [])}
                yield [str(index) in accepted for index in range(len(part))]


class DeadLetterQueue:
    """The dead letter queue of a stack.

    Args:
        clients: to work with.
        url: the queue's.
    """

    def __init__(self, clients: DataClients, url: str) -> None:
        self._clients = clients
        self._url = url

    def send(self, body: str) -> None:
        """Put a message into the queue."""
        self._clients.sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def receive(self) -> Iterator[HeldMessage]:
        """Yield every message, each once. Whoever takes them gives them back or deletes them."""
        seen: set[str] = set()
        while True:
            with self._clients.errors(_WHERE):
                answer = self._clients.sqs.receive_message(
                    QueueUrl=self._url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=VISIBILITY_SECONDS,
                    WaitTimeSeconds=_WAIT_SECONDS,
                    MessageSystemAttributeNames=["All"],
                    MessageAttributeNames=["All"],
                )
            # After the visibility time-out the first ones come again.
            new = [message for message in map(_held, answer.get("Messages", [])) if message.id not in seen]
            if not new:
                return
            seen.update(message.id for message in new)
            yield from new

    def give_back(self, messages: Sequence[HeldMessage]) -> None:
        """Make messages visible again at once."""
        self._change_visibility(messages, 0)

    def hold(self, messages: Sequence[HeldMessage]) -> None:
        """Keep messages invisible for another while."""
        self._change_visibility(messages, VISIBILITY_SECONDS)

    def _change_visibility(self, messages: Sequence[HeldMessage], seconds: int) -> None:
        with self._clients.errors(_WHERE):
            for part in _parts(messages):
                # One that is visible already, or gone, is answered as failed: there is nothing left to do for it.
                entries = _entries(part, VisibilityTimeout=seconds)
                self._clients.sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def delete(self, messages: Sequence[HeldMessage]) -> list[HeldMessage]:
        """Delete messages; return those that were deleted."""
        deleted: list[HeldMessage] = []
        with self._clients.errors(_WHERE):
            for part in _parts(messages):
                answer = self._clients.sqs.delete_message_batch(QueueUrl=self._url, Entries=_entries(part))
                deleted += [part[int(entry["Id"])] for entry in answer.get("Successful", [])]
        return deleted


_WHERE: Final = "dead letter queue"


def _parts(messages: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (messages[start : start + _AT_ONCE] for start in range(0, len(messages), _AT_ONCE))


def _entries(part: Sequence[HeldMessage], **more: int) -> Any:  # noqa: ANN401 - a parameter of boto3
    return [{"Id": str(index), "ReceiptHandle": message.handle, **more} for index, message in enumerate(part)]


def _held(message: Any) -> HeldMessage:  # noqa: ANN401 - an answer of boto3
    system = message.get("Attributes", {})
    added = message.get("MessageAttributes", {})
    return HeldMessage(
        id=message["MessageId"],
        handle=message["ReceiptHandle"],
        body=message["Body"],
        sent_at=datetime.fromtimestamp(int(system.get("SentTimestamp", "0")) / 1000, UTC),
        receives=int(system.get("ApproximateReceiveCount", "1")),
        attributes={name: found.get("StringValue", "") for name, found in added.items()},
        source=system.get("DeadLetterQueueSourceArn"),
    )
