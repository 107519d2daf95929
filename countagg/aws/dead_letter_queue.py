"""The dead letter queue: its messages, looked at and given back, or deleted.

SQS cannot show a message without receiving it. So messages are received with a short visibility time-out and given
back at the end; if that is prevented, they come back by themselves. Their receive counts rise, which is harmless:
the queue has no redrive policy of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients

VISIBILITY_SECONDS: Final = 120
_AT_ONCE: Final = 10
_WAIT_SECONDS: Final = 1
"""A receive that waits asks every server of SQS; one that does not, only some."""


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


class DeadLetterQueue:
    """The queue of a stack.

    Args:
        clients: to work with.
        url: the queue's.
    """

    def __init__(self, clients: Clients, url: str) -> None:
        self._clients = clients
        self._url = url

    def receive(self) -> Iterator[HeldMessage]:
        """Yield every message, each once. Whoever takes them gives them back or deletes them."""
        seen: set[str] = set()
        while True:
            with aws_errors("dead letter queue"):
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
        with aws_errors("dead letter queue"):
            for part in _parts(messages):
                entries: Any = [
                    {"Id": str(index), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds}
                    for index, message in enumerate(part)
                ]
                # One that is visible already, or gone, is answered as failed: there is nothing left to do for it.
                self._clients.sqs.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def delete(self, messages: Sequence[HeldMessage]) -> list[HeldMessage]:
        """Delete messages; return those that were deleted."""
        deleted: list[HeldMessage] = []
        with aws_errors("dead letter queue"):
            for part in _parts(messages):
                answer = self._clients.sqs.delete_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": message.handle} for index, message in enumerate(part)
                    ],
                )
                deleted += [part[int(entry["Id"])] for entry in answer.get("Successful", [])]
        return deleted


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


def _parts(messages: Sequence[HeldMessage]) -> Iterator[Sequence[HeldMessage]]:
    return (messages[start : start + _AT_ONCE] for start in range(0, len(messages), _AT_ONCE))
