"""Limits and alerts in the counters table: items whose keys are no counter's and no day's.

A limit has the counter's name and the date `limit`; whoever may write the table may set one. A limit below has the
name, a space and `below` instead, so that a counter may have both, and one query finds all. An alert has a key
with a space in it, which no counter's name has: partition `alerts DAY`, sort key `COUNTER LIMIT`, or with `below`
between the two. So there is one per day, counter, direction and limit, a raised limit has an alert of its own, and
one query finds all of a day.

The item of an alert about a limit below begins when the total reaches the limit: by it a fall is told from a day
that has only begun.

A claim of an alert is a conditional write, so that of several invocations one sends. It lasts until that one must
have ended; what is not marked as sent by then, the next one claims and sends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final

from botocore.exceptions import ClientError

from countagg.core.errors import AwsCallFailed, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.limits import Alert, AlertState, Direction, Limit, parse_owner
from countagg.core.names import BY_DATE_INDEX
from countagg.core.values import format_value, parse_sum, parse_value
from countagg.data.attributes import DATE, EXPIRES_AT, Item, NumberAttribute, TextAttribute, unchanged
from countagg.data.calls import CONDITION_FAILED, DataClients, StoredTable, code_of
from countagg.data.counters import COUNTER, VALUE

LIMIT_DATE: Final = "limit"

TOTAL: Final = NumberAttribute("Total")
"""With decimals, like `Value`."""
LEDGER_VERSION: Final = NumberAttribute("LedgerVersion")
STATE: Final = TextAttribute("State")
SENDING_UNTIL: Final = NumberAttribute("SendingUntil")
SENT_AT: Final = TextAttribute("SentAt")

_MAX_EXPONENT: Final = 130
_WRITES_PER_CALL: Final = 25
"""Items, as DynamoDB limits them."""
_ROUNDS: Final = 8
_FIRST_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class StoredLimit:
    """A limit as its item has it.

    Attributes:
        counter: whose.
        value: in units of 10^-9; None for an invalid one.
        problem: why it is invalid; empty for a valid one.
        direction: which totals pass it.
    """

    counter: str
    value: int | None
    problem: str = ""
    direction: Direction = Direction.ABOVE

    @property
    def limit(self) -> Limit | None:
        """The limit; None for an invalid one."""
        return None if self.value is None else Limit(self.counter, self.value, self.direction)


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """An alert as its item has it; `sent_at` is UTC, ISO 8601, and empty before it was sent."""

    alert: Alert
    state: AlertState
    sent_at: str = ""


class Claim(Enum):
    """What came of a claim."""

    OURS = auto()
    BUSY = auto()
    """Another invocation has it, and may be about to send it."""
    DONE = auto()
    """Another invocation has sent it."""


class LimitsTable:
    """The counters table of a stack, as far as limits and alerts are concerned.

    Args:
        clients: to work with.
        name: the table's name.
        sleep: waits for so many seconds.
    """

    def __init__(self, clients: DataClients, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._table = StoredTable(clients, name)
        self._where = f"limits in {name}"
        self._sleep = sleep

    def read(self) -> Iterator[StoredLimit]:
        """Yield all limits, by the index, which lags behind by moments."""
        for item in self._table.query(self._where, DATE, LIMIT_DATE, COUNTER, VALUE, index=BY_DATE_INDEX):
            yield _stored_limit(item)

    def alert_items(self, day: str) -> Iterator[Item]:
        """Yield the items of a day's alerts, strongly consistent, and what somebody else put there."""
        return self._table.query(self._where, COUNTER, alerts_partition(day))

    def alerts(self, day: str) -> Iterator[StoredAlert]:
        """Yield a day's alerts, strongly consistent; what somebody else put there is left out."""
        for item in self.alert_items(day):
            with suppress(ValueError):
                yield parse_alert(item, day)

    def put(self, limit: Limit) -> StoredLimit | None:
        """Set a limit; return the one that it replaces, None if there was none."""
        clients, name = self._table.clients, self._table.name
        with clients.errors(f"limit of {limit.counter}"):
            answer = clients.dynamodb.put_item(TableName=name, Item=limit_item(limit), ReturnValues="ALL_OLD")
        return _stored_limit(answer["Attributes"]) if answer.get("Attributes") else None

    def delete(self, counter: str, direction: Direction = Direction.ABOVE) -> StoredLimit | None:
        """Delete a limit; return what it was, None if there was none."""
        clients, name = self._table.clients, self._table.name
        with clients.errors(f"limit of {counter}"):
            answer = clients.dynamodb.delete_item(
                TableName=name, Key=_key(Limit(counter, 0, direction)), ReturnValues="ALL_OLD"
            )
        return _stored_limit(answer["Attributes"]) if answer.get("Attributes") else None

    def put_all(self, limits: Collection[Limit]) -> Iterator[int]:
        """Set many limits; yield, after each call, how many are written.

        Raises:
            AwsCallFailed: DynamoDB refused some at every attempt; those that are written stay.
        """
        clients, name = self._table.clients, self._table.name
        pending: list[Any] = [{"PutRequest": {"Item": limit_item(each)}} for each in limits]
        pauses = (_FIRST_PAUSE * 2**number for number in range(_ROUNDS))
        while pending:
            batch, pending = pending[:_WRITES_PER_CALL], pending[_WRITES_PER_CALL:]
            with clients.errors(self._where):
                answer = clients.dynamodb.batch_write_item(RequestItems={name: batch})
            # What is throttled is left for another call.
            refused = answer.get("UnprocessedItems", {}).get(name, [])
            pending += refused
            yield len(limits) - len(pending)
            if refused:
                pause = next(pauses, None)
                if pause is None:
                    raise AwsCallFailed(
                        f"{len(pending)} of {len(limits)} limits were not accepted",
                        where=self._where,
                        hint="run it again: what was written stays",
                    )
                self._sleep(pause)

    def claim(self, alert: Alert, now: int, until: int, expires_at: int) -> Claim:
        """Claim an alert that nobody has sent, and that no other invocation is about to send.

        One about a limit below is only claimed where it is written down that the limit was reached.

        Args:
            alert: what is to be sent.
            now: milliseconds since 1970.
            until: when this invocation has ended, whatever happens; milliseconds since 1970.
            expires_at: of the item; seconds since 1970.
        """
        names, values = {f"#{STATE}": STATE.name}, dict[str, Any]()
        if alert.direction is Direction.BELOW:
            nobody_has_it, values = f"#{STATE} = :reached", {":reached": {"S": AlertState.REACHED}}
        else:
            nobody_has_it = f"attribute_not_exists(#{COUNTER})"
            names[f"#{COUNTER}"] = COUNTER.name
        its_claimant_has_ended = f"#{STATE} = :sending AND {SENDING_UNTIL} < :now"
        try:
            self._table.clients.dynamodb.put_item(
                TableName=self._table.name,
                Item=alert_item(alert, AlertState.SENDING, expires_at) | SENDING_UNTIL.put(until),
                ConditionExpression=f"({nobody_has_it}) OR ({its_claimant_has_ended})",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values
                | {":sending": {"S": AlertState.SENDING}, ":now": {"N": str(now)}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if code_of(error) not in CONDITION_FAILED:
                raise
            item: Any = error.response.get("Item", {})
            return Claim.DONE if STATE.find(item) == AlertState.SENT else Claim.BUSY
        return Claim.OURS

    def reach(self, alert: Alert, expires_at: int) -> bool:
        """Write down that a total has reached a limit below, unless that is known; tell whether it was not."""
        item = alert_item(alert, AlertState.REACHED, expires_at)
        return self._table.put(self._where, item, unchanged({}, COUNTER))

    def release(self, alert: Alert, until: int, expires_at: int) -> None:
        """Give a claim of ours up, so that the next attempt need not wait for its end.

        Each claim ends later than the one that it follows, so its end tells whose it is.
        """
        ours = STATE.put(AlertState.SENDING) | SENDING_UNTIL.put(until)
        item = alert_item(alert, AlertState.SENDING, expires_at) | SENDING_UNTIL.put(0)
        self._table.put(self._where, item, unchanged(ours, STATE, SENDING_UNTIL))

    def mark_sent(self, alert: Alert, sent_at: str, expires_at: int) -> None:
        """Write down that an alert was sent; unconditional, because it was."""
        self._table.put(self._where, alert_item(alert, AlertState.SENT, expires_at) | SENT_AT.put(sent_at), {})


def limit_item(limit: Limit) -> dict[str, Any]:
    """Return the item of a limit."""
    return _key(limit) | {VALUE.name: {"N": format_value(limit.value)}}


def _key(limit: Limit) -> dict[str, Any]:
    return COUNTER.put(limit.owner) | DATE.put(LIMIT_DATE)


def _stored_limit(item: Item) -> StoredLimit:
    counter, direction = parse_owner(COUNTER.read(item))
    try:
        return StoredLimit(counter, parse_limit(item), direction=direction)
    except ValueError as error:
        return StoredLimit(counter, None, str(error), direction)


def parse_limit(item: Item) -> int:
    """Read the value of a limit's item.

    Returns:
        The limit in units of 10^-9.

    Raises:
        ValueError: it has no number, or one that no counter file may have.
    """
    try:
        text = item[VALUE.name]["N"]
    except (KeyError, TypeError) as error:
        raise ValueError("the limit has no number as its Value") from error
    return parse_value(_plain(text))


def alerts_partition(day: str) -> str:
    """Return the partition key of a day's alerts."""
    return f"alerts {day}"


def alert_item(alert: Alert, state: AlertState, expires_at: int) -> dict[str, Any]:
    """Return the item of an alert that has come so far.

    The names of the attributes differ from those of a counter's item, so that nobody takes one for the other.
    """
    return (
        COUNTER.put(alerts_partition(alert.day))
        | DATE.put(alert.name)
        | {TOTAL.name: {"N": format_value(alert.value)}}
        | LEDGER_VERSION.put(alert.version)
        | STATE.put(state)
        | EXPIRES_AT.put(expires_at)
    )


def parse_alert(item: Item, day: str) -> StoredAlert:
    """Read an alert's item.

    Raises:
        ValueError: it is none.
    """
    try:
        limit = _parse_name(DATE.read(item))
        value = parse_sum(_plain(item[TOTAL.name]["N"]))
        alert = limit.alert(day, value, LEDGER_VERSION.read(item))
        return StoredAlert(alert, AlertState(STATE.read(item)), SENT_AT.find(item))
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(f"the item is not an alert: {shorten(error)}") from error


def _parse_name(name: str) -> Limit:
    """Reverse `Limit.name`; what it does not write is refused, or the alert would be another item's."""
    owner, _, value = name.rpartition(" ")
    counter, direction = parse_owner(owner)
    limit = Limit(counter, parse_value(value), direction)
    if " " in counter or limit.name != name:
        raise ValueError(f"{shorten(name)} names no limit")
    return limit


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
