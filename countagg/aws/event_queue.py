"""The queue that feeds the processor: events sent by us rather than by S3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.names import Names

_AT_ONCE: Final = 10
"""Messages of one call, as SQS limits them."""


class EventQueue:
    """The uploads queue of a stack.

    Args:
        clients: to work with.
        stack: the stack's name.
    """

    def __init__(self, clients: Clients, stack: str) -> None:
        self._clients = clients
        self._name = Names(stack).uploads

    def send(self, bodies: Sequence[str]) -> Iterator[list[bool]]:
        """Send messages; yield, for each call, which of its messages were accepted, in their order."""
        with aws_errors(f"queue {self._name}"):
            url = self._clients.sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
            for start in range(0, len(bodies), _AT_ONCE):
                part = bodies[start : start + _AT_ONCE]
                answer = self._clients.sqs.send_message_batch(
                    QueueUrl=url,
                    Entries=[{"Id": str(index), "MessageBody": body} for index, body in enumerate(part)],
                )
                accepted = {entry["Id"] for entry in answer.get("Successful", [])}
                yield [str(index) in accepted for index in range(len(part))]
