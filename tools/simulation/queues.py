"""The queue of uploads as SNS and SQS fill it, its mapping to the processor, and the dead letters.

A standard queue delivers at least once and in any order; a message that is received and not deleted comes again
after the visibility time-out, and after its last receive goes to the dead letters (docs/aws-facts.md#s3-events,
docs/aws-facts.md#sns and docs/aws-facts.md#boto3).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from countagg.data.letters import UNPUBLISHED_DAY
from countagg.provision.states import MappingState
from tests.functions.world import sqs_record
from tools.simulation.faults import Fault
from tools.simulation.functions import Function
from tools.simulation.invocations import Outcome, Setting
from tools.simulation.timeline import HOUR, MINUTE


@dataclass(slots=True)
class Message:
    """A message in the queue of uploads."""

    id: str
    body: str
    receives: int = 0
    deleted: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in the dead letters: an exhausted message of the queue, a refusal, or a batch given up."""

    body: str
    key: str = ""

    def document(self) -> dict[str, Any]:
        """Return the body, if it is a JSON object; else an empty one."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class DeadLetters:
    """The queue of dead letters."""

    messages: list[DeadLetter] = field(default_factory=list)

    def send(self, body: str, key: str = "") -> str:
        """Take a message; return a word for the trace."""
        self.messages.append(DeadLetter(body, key))
        return f"dead letter {body[:240]}"

    def take_unpublished(self) -> set[str]:
        """Take out what tells of days that could not be published; return these days."""
        days = self.unpublished()
        self.messages = [letter for letter in self.messages if letter.document().get("kind") != UNPUBLISHED_DAY]
        return days

    def unpublished(self) -> set[str]:
        """Return the days that could not be published."""
        found = (letter.document() for letter in self.messages)
        return {each["day"] for each in found if each.get("kind") == UNPUBLISHED_DAY}

    def take_exhausted(self) -> list[DeadLetter]:
        """Take out the messages of the queue of uploads."""
        taken = [letter for letter in self.messages if letter.key]
        self.messages = [letter for letter in self.messages if not letter.key]
        return taken


class UploadsQueue:
    """The queue together with the pollers of its mapping.

    Args:
        setting: of the world.
        state: how the stack sets the mapping up.
        visibility: time-out in seconds.
        max_receives: after which a message goes to the dead letters.
        function: the processor.
        dead_letters: where exhausted messages go.
    """

    def __init__(
        self,
        setting: Setting,
        state: MappingState,
        *,
        visibility: float,
        max_receives: int,
        function: Function,
        dead_letters: DeadLetters,
    ) -> None:
        self.disabled_until = 0.0
        self._setting = setting
        self._state = state
        self._visibility = visibility
        self._max_receives = max_receives
        self._function = function
        self._dead_letters = dead_letters
        self._visible: list[Message] = []
        self._polling = False
        self._sent = 0
        self._newest: dict[str, str] = {}

    # S3 and SNS

    def notify(self, key: str, sequencer: str, body: str) -> None:
        """Carry an event of the bucket into the queue: at least once, some time."""
        faults, random = self._setting.faults, self._setting.random
        copies = 1
        while faults.strikes(Fault.EVENT_DUPLICATED):
            copies += 1
        for _ in range(copies):
            delay = random.random() * 2.0
            if faults.strikes(Fault.EVENT_DELAYED):
                delay = random.choice((MINUTE, 10 * MINUTE, 6 * HOUR, 36 * HOUR)) * random.random()
            self._setting.timeline.after(delay, partial(self._arrive, key, sequencer, body))

    def _arrive(self, key: str, sequencer: str, body: str) -> None:
        if sequencer < self._newest.get(key, ""):
            self._setting.faults.note(Fault.EVENT_OVERTAKEN)
        self._newest[key] = max(sequencer, self._newest.get(key, ""))
        self._setting.trace.tell("queue", f"event {sequencer} of {key} arrives")
        self.send(body, key)

    def send(self, body: str, key: str) -> None:
        """Put a message into the queue."""
        self._sent += 1
        self._show(Message(f"message-{self._sent}", body, key=key))

    # The queue

    def _show(self, message: Message) -> None:
        if message.deleted:
            return
        self._visible.append(message)
        self._wake(self._setting.random.random() * 0.1)

    def _receive(self, count: int) -> list[Message]:
        """Take messages in any order; each becomes visible again after the time-out unless it is deleted."""
        received: list[Message] = []
        self._setting.random.shuffle(self._visible)
        while self._visible and len(received) < count:
            message = self._visible.pop()
            if message.receives >= self._max_receives:
                self._setting.faults.note(Fault.RECEIVES_EXHAUSTED)
                self._setting.trace.tell("queue", f"{message.id} of {message.key} is exhausted")
                self._dead_letters.send(message.body, message.key)
                continue
            message.receives += 1
            received.append(message)
            self._setting.timeline.after(self._visibility, partial(self._show, message))
        return received

    # The mapping

    def _wake(self, seconds: float) -> None:
        if not self._polling:
            self._polling = True
            wait = max(seconds, self.disabled_until - self._setting.timeline.now)
            self._setting.timeline.after(wait, self._poll)

    def _poll(self) -> None:
        self._polling = False
        if self._setting.timeline.now < self.disabled_until:
            self._wake(0)
            return
        size = self._state.batch_size
        if self._setting.faults.strikes(Fault.BATCH_CUT):
            size = self._setting.random.randint(1, size)
        messages = self._receive(size)
        if self._visible:
            self._wake(self._setting.random.random() * 0.2)
        if not messages:
            return
        again = [message for message in messages if self._setting.faults.strikes(Fault.MESSAGE_REPEATED)]
        for message in again:
            copy = Message(message.id, message.body, message.receives, key=message.key)
            delay = self._setting.random.choice((0.05, 5.0, HOUR)) * self._setting.random.random()
            self._setting.timeline.after(delay, partial(self._show, copy))
        if self._setting.faults.strikes(Fault.INVOKE_THROTTLED):
            return
        records = [sqs_record_of(message) for message in messages]
        self._function.invoke({"Records": records}, partial(self._done, messages))

    def _done(self, messages: Sequence[Message], outcome: Outcome) -> None:
        failed = failed_ids(outcome, [message.id for message in messages])
        for message in messages:
            if message.id not in failed and not self._setting.faults.strikes(Fault.DELETION_LOST):
                message.deleted = True


_RECORD = sqs_record("", "")


def sqs_record_of(message: Message) -> Mapping[str, Any]:
    """Return a message as Lambda hands it over."""
    return _RECORD | {"messageId": message.id, "body": message.body}


def failed_ids(outcome: Outcome, ids: Sequence[str]) -> set[str]:
    """Read the processor's answer as Lambda does: what it does not understand fails the batch (section 4)."""
    if outcome.failure:
        return set(ids)
    failures = (outcome.answer or {}).get("batchItemFailures") or []
    named = {failure.get("itemIdentifier") for failure in failures}
    return set(ids) if named - set(ids) else named
