"""Limits of totals, and the alerts that tell of totals which passed theirs (`data.limits` stores both)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from countagg.core.printable import printable
from countagg.core.values import format_value

MESSAGE_KIND: Final = "limit-passed"

MAX_SUBJECT: Final = 99
"""SNS takes less than 100 characters (docs/aws-facts.md#sns). Counted in bytes, the stricter reading."""

_CUT: Final = "..."


@dataclass(frozen=True, slots=True)
class Alert:
    """A total that passed a limit.

    Attributes:
        day: YYYY-MM-DD.
        counter: whose total it is.
        limit: in units of 10^-9.
        value: the total, greater than the limit, in units of 10^-9.
        version: of the ledger that has it.
    """

    day: str
    counter: str
    limit: int
    value: int
    version: int

    @property
    def name(self) -> str:
        """Sort key of its item, which tells it from the other alerts of its day."""
        return f"{self.counter} {format_value(self.limit)}"

    def subject(self) -> str:
        """Return one line for people, of at most `MAX_SUBJECT` bytes; a long name is cut."""
        before, after = "Limit passed: ", f" is above {format_value(self.limit)} on {self.day}"
        shown = printable(self.counter)
        room = MAX_SUBJECT - len(f"{before}{after}")
        if len(shown.encode()) > room:
            shown = shown.encode()[: room - len(_CUT)].decode(errors="ignore") + _CUT
        return f"{before}{shown}{after}"

    def to_message(self, stack: str) -> str:
        """Return the message: JSON in ASCII, with exact decimals."""
        members = {
            "schema": "1",
            "kind": json.dumps(MESSAGE_KIND),
            "stack": json.dumps(stack),
            "counter": json.dumps(self.counter),
            "date": json.dumps(self.day),
            "value": format_value(self.value),
            "limit": format_value(self.limit),
            "version": str(self.version),
        }
        return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}"


class AlertState(StrEnum):
    """How far an alert is. What is being sent, and is not marked as sent, is sent again."""

    SENDING = "sending"
    SENT = "sent"


def passed_limits(day: str, version: int, totals: Mapping[str, int], limits: Mapping[str, int]) -> Iterator[Alert]:
    """Yield an alert for each total that is greater than its limit; totals and limits in units of 10^-9."""
    for counter, limit in limits.items():
        value = totals.get(counter)
        if value is not None and value > limit:
            yield Alert(day, counter, limit, value, version)
