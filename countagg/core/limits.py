"""Limits of totals, and the alerts that tell of totals which passed theirs.

Both are items of the counters table. A limit has the counter's name and the date `limit`; whoever may write the
table may set one. An alert has a key with a space in it, which no counter's name has: partition `alerts DAY`, sort
key `COUNTER LIMIT`. So there is one per day, counter and limit, a raised limit has an alert of its own, and one
query finds all of a day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from countagg.core.errors import shorten
from countagg.core.printable import printable
from countagg.core.values import format_value, parse_sum, parse_value

LIMIT_DATE: Final = "limit"
MESSAGE_KIND: Final = "limit-passed"

MAX_SUBJECT: Final = 99
"""SNS takes less than 100 characters (docs/aws-facts.md#sns). Counted in bytes, the stricter reading."""

_CUT: Final = "..."
_MAX_EXPONENT: Final = 130


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


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as its item has it; `sent_at` is UTC, ISO 8601, and empty before it was sent."""

    alert: Alert
    state: AlertState
    sent_at: str = ""


def alerts_partition(day: str) -> str:
    """Return the partition key of a day's alerts."""
    return f"alerts {day}"


def passed_limits(day: str, version: int, totals: Mapping[str, int], limits: Mapping[str, int]) -> Iterator[Alert]:
    """Yield an alert for each total that is greater than its limit; totals and limits in units of 10^-9."""
    for counter, limit in limits.items():
        value = totals.get(counter)
        if value is not None and value > limit:
            yield Alert(day, counter, limit, value, version)


def parse_limit(item: Mapping[str, Any]) -> int:
    """Read the value of a limit's item, in DynamoDB's attribute form.

    Returns:
        The limit in units of 10^-9.

    Raises:
        ValueError: it has no number, or one that no counter file may have.
    """
    try:
        text = item["Value"]["N"]
    except (KeyError, TypeError) as error:
        raise ValueError("the limit has no number as its Value") from error
    return parse_value(_plain(text))


def alert_attributes(alert: Alert) -> dict[str, Any]:
    """Return what an alert's item says of the alert itself, in DynamoDB's attribute form.

    The names differ from those of a counter's item, so that nobody takes one for the other.
    """
    return {
        "Counter": {"S": alerts_partition(alert.day)},
        "Date": {"S": alert.name},
        "Total": {"N": format_value(alert.value)},
        "LedgerVersion": {"N": str(alert.version)},
    }


def parse_alert(item: Mapping[str, Any], day: str) -> StoredAlert:
    """Read an alert's item.

    Raises:
        ValueError: it is none.
    """
    try:
        counter, limit = item["Date"]["S"].split(" ")
        value, version = parse_sum(_plain(item["Total"]["N"])), int(item["LedgerVersion"]["N"])
        alert = Alert(day, counter, parse_sum(limit), value, version)
        return StoredAlert(alert, AlertState(item["State"]["S"]), item.get("SentAt", {}).get("S", ""))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"the item is not an alert: {shorten(error)}") from error


def _plain(text: str) -> str:
    """Return a number of DynamoDB's without exponent and without zeros at its end."""
    try:
        number = Decimal(text)
    except (ArithmeticError, TypeError) as error:
        raise ValueError(f"{shorten(text)} is not a decimal number") from error
    if not number.is_finite():
        raise ValueError(f"{shorten(text)} is not a decimal number")
    # DynamoDB's numbers end at 10^126; a larger exponent would become that many digits.
    if abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueError(f"{shorten(text)} is out of range")
    plain = f"{number:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
