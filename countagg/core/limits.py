"""Limits of totals, and the alerts that tell of totals which passed theirs (`data.limits` stores both)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.core.values import format_value, parse_sum

MESSAGE_KIND: Final = "limit-passed"
TEST_KIND: Final = "limit-test"
"""Of a message that only tries the way: programs that act on `MESSAGE_KIND` leave it alone."""

MAX_SUBJECT: Final = 99
"""SNS takes less than 100 characters (docs/aws-facts.md#sns). Counted in bytes, the stricter reading."""

_CUT: Final = "..."

_READ_BY_CHATS: Final = re.compile("[&<>`@]")
"""What begins a link, a mention or the end of a code span in a chat; names of counters come from outside."""


class Direction(StrEnum):
    """Which totals pass a limit: those above it, or those that have fallen below it."""

    ABOVE = "above"
    BELOW = "below"


_SAYING: Final = {Direction.ABOVE: "is above", Direction.BELOW: "has fallen below"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a counter's daily total, which may have one in each direction.

    A day begins at nothing. So a limit below counts from when the day's total has reached it: a total passes it by
    falling, and one that never reached it does not pass it.

    Attributes:
        counter: whose.
        value: in units of 10^-9.
        direction: which totals pass it.
    """

    counter: str
    value: int
    direction: Direction = Direction.ABOVE

    @property
    def owner(self) -> str:
        """The counter's name, with a word behind it for a limit below; no counter's name has a space in it."""
        return self.counter if self.direction is Direction.ABOVE else f"{self.counter} {self.direction}"

    @property
    def name(self) -> str:
        """What tells its alert from the other alerts of a day."""
        return f"{self.owner} {format_value(self.value)}"

    def is_passed_by(self, total: int | None) -> bool:
        """Tell whether a total is beyond the limit; None if no instance counts it, or none any more.

        A limit below is passed only where the day's total had reached it before.
        """
        if self.direction is Direction.ABOVE:
            return total is not None and total > self.value
        return (total or 0) < self.value

    def is_reached_by(self, total: int | None) -> bool:
        """Tell whether a total has got to where it may fall below the limit; never of a limit above."""
        return self.direction is Direction.BELOW and total is not None and total >= self.value

    def alert(self, day: str, total: int | None, version: int) -> Alert:
        """Return the alert of a day's total in that version of its ledger."""
        return Alert(day, self.counter, self.value, total or 0, version, self.direction)


def parse_owner(owner: str) -> tuple[str, Direction]:
    """Reverse `Limit.owner`; whatever has no such word behind it is a counter's name."""
    counter, _, word = owner.partition(" ")
    return (counter, Direction.BELOW) if word == Direction.BELOW else (owner, Direction.ABOVE)


@dataclass(frozen=True, slots=True)
class Alert:
    """A total that passed a limit.

    Attributes:
        day: YYYY-MM-DD.
        counter: whose total it is.
        limit: in units of 10^-9.
        value: the total in units of 10^-9; 0 where no instance counts it any more.
        version: of the ledger that has it.
        direction: of the limit.
        is_test: whether nothing has passed, and only the way of the message is tried.
    """

    day: str
    counter: str
    limit: int
    value: int
    version: int
    direction: Direction = Direction.ABOVE
    is_test: bool = False

    @property
    def name(self) -> str:
        """Sort key of its item, which tells it from the other alerts of its day."""
        return Limit(self.counter, self.limit, self.direction).name

    def subject(self) -> str:
        """Return one line for people, of at most `MAX_SUBJECT` bytes; a long name is cut."""
        before, after = f"{self._title()}: ", f" {self._what()}"
        shown = printable(self.counter)
        room = MAX_SUBJECT - len(f"{before}{after}")
        if len(shown.encode()) > room:
            shown = shown.encode()[: room - len(_CUT)].decode(errors="ignore") + _CUT
        return f"{before}{shown}{after}"

    def to_message(self, stack: str) -> str:
        """Return the message for programs: JSON in ASCII, with exact decimals."""
        members = self.to_members(stack)
        for name in ("kind", "stack", "counter", "date", "direction"):
            members[name] = json.dumps(members[name])
        return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}"

    def to_messages(self, stack: str) -> str:
        """Return what each protocol of a topic gets, in the form of MessageStructure json (docs/aws-facts.md#sns).

        Mail and telephones get sentences. What comes by https is a custom notification, the only form that AWS's
        chat service shows; it subscribes by https. All else gets the message for programs.
        """
        message, sentence = self.to_message(stack), self._sentence(printable(self.counter), stack)
        return json.dumps(
            {
                "default": message,
                "email": f"{sentence}\n\n{message}\n",
                "sms": self.subject(),
                "https": json.dumps(self._notification(stack)),
            }
        )

    def _notification(self, stack: str) -> dict[str, object]:
        shown = _READ_BY_CHATS.sub(lambda found: f"\\x{ord(found[0]):02x}", printable(self.counter))
        content = {
            "textType": "client-markdown",
            "title": self._title(),
            "description": self._sentence(f"`{shown}`", stack),
            "keywords": [stack],
        }
        members = self.to_members(stack)
        metadata = {"summary": self._title(), "eventType": members["kind"], "additionalContext": members}
        return {"version": "1.0", "source": "custom", "content": content, "metadata": metadata}

    def to_members(self, stack: str) -> dict[str, str]:
        """Return what the message says, as text."""
        return {
            "schema": "1",
            "kind": TEST_KIND if self.is_test else MESSAGE_KIND,
            "stack": stack,
            "counter": self.counter,
            "date": self.day,
            "value": format_value(self.value),
            "limit": format_value(self.limit),
            "direction": self.direction,
            "version": str(self.version),
        }

    def _title(self) -> str:
        return "[TEST] Limit passed" if self.is_test else "Limit passed"

    def _what(self) -> str:
        return f"{_SAYING[self.direction]} {format_value(self.limit)} on {self.day}"

    def _sentence(self, shown: str, stack: str) -> str:
        marked = "This is a test, nothing has passed. " if self.is_test else ""
        return f"{marked}{shown} {self._what()}: the total is {format_value(self.value)} (stack {stack})."


def ask_for_test(alert: Alert) -> dict[str, object]:
    """Return the event by which the publisher is asked to send a marked message that looks like an alert."""
    return {TEST_KIND: alert.to_members("")}


def parse_test(event: Mapping[str, Any]) -> Alert | None:
    """Read such an event; None if it is another one.

    Raises:
        KeyError, ValueError: it is damaged.
    """
    if (members := event.get(TEST_KIND)) is None:
        return None
    return Alert(
        members["date"],
        members["counter"],
        parse_sum(members["limit"]),
        parse_sum(members["value"]),
        int(members["version"]),
        Direction(members["direction"]),
        is_test=True,
    )


class AlertState(StrEnum):
    """How far an alert is. What is being sent, and is not marked as sent, is sent again."""

    REACHED = "reached"
    """The total has reached a limit below, and has not been seen below it since."""
    SENDING = "sending"
    SENT = "sent"
