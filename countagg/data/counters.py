"""Counters in their table: an item for each counter and day, written only forward in versions.

PartiQL batches carry 25 writes a call, each with a condition of its own: a quarter of a hundred of the round
trips that single updates take, at the same price (`BatchExecuteStatement`, Amazon DynamoDB API Reference).

An update fails in one way for an item that is absent and for one of the same or a newer version: what fails
carries no item that would tell (docs/aws-facts.md#surprises). So an insert follows, which fails where there is
one, and where it does another update, in case that one is older. A counter that is there takes one statement, and
so does a new one that is known to be new. A repeated attempt takes three for each counter that the first one
wrote; a failed statement is charged like a write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import BY_DATE_INDEX
from countagg.core.values import format_value
from countagg.data.attributes import (
    DATE,
    EXPIRES_AT,
    VERSION,
    Attribute,
    Item,
    NumberAttribute,
    TextAttribute,
    unchanged,
)
from countagg.data.calls import ITEMS_TOGETHER, DataClients, StoredTable

COUNTER: Final = TextAttribute("Counter")
VALUE: Final = NumberAttribute("Value")
"""With decimals, unlike other numbers."""

STATEMENTS_PER_CALL: Final = 25
"""Of one BatchExecuteStatement (Amazon DynamoDB API Reference)."""

BeforeCall = Callable[[], None]
"""Called before each call; what it raises ends the writing."""


def _go_on() -> None:
    """Make every call."""


class StatementFailed(Exception):
    """A statement of a batch failed for a reason other than its condition, such as throttling.

    The invocation ends with it and is retried; what was written stays and is not written again.
    """


@dataclass(frozen=True, slots=True)
class CounterItem:
    """An item of the counters table: a counter's value in the version in which it changed last.

    Attributes:
        counter: which.
        value: None if it cannot be read.
        version: of the ledger; None if it cannot be read.
        item: as it is stored; None for one that is to be written.
    """

    counter: str
    value: Decimal | None
    version: int | None
    item: Item | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Statement:
    """A statement of PartiQL, and the error code of one whose condition does not hold."""

    text: str
    refusal: str


class CountersTable:
    """The table for the outside world.

    Args:
        clients: to work with.
        name: the table's name.
    """

    def __init__(self, clients: DataClients, name: str) -> None:
        self._update = _Statement(update_statement(name, VALUE, VERSION), "ConditionalCheckFailed")
        names = ",".join(f"'{each}':?" for each in (COUNTER, DATE, VALUE, VERSION, EXPIRES_AT))
        self._insert = _Statement(f'INSERT INTO "{name}" VALUE {{{names}}}', "DuplicateItem")
        self._table = StoredTable(clients, name)

    def read(self, day: str, *shown: Attribute) -> Iterator[CounterItem]:
        """Yield a day's items, by the index, which lags behind the table by moments.

        Args:
            day: YYYY-MM-DD.
            shown: the attributes that are read; all if none is named.
        """
        return map(_stored_counter, self._table.query(_where(day), DATE, day, *shown, index=BY_DATE_INDEX))

    def read_exactly(self, day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        """Yield those of a day's counters that the table has, strongly consistent, in no order."""
        keys: list[Item] = [_key(counter, day) for counter in counters]
        while keys:
            asked, keys = keys[:ITEMS_TOGETHER], keys[ITEMS_TOGETHER:]
            found, left = self._table.get_together(_where(day), asked)
            yield from map(_stored_counter, found)
            keys += left

    def replace(self, day: str, replaced: CounterItem | None, item: CounterItem, expires_at: int) -> bool:
        """Store an item if it still is as it was read, and return whether it was.

        Args:
            day: YYYY-MM-DD.
            replaced: as it was read; None if there was none.
            item: in its place.
            expires_at: seconds since 1970.
        """
        read: Item = {}
        if replaced is not None:
            read = replaced.item or counter_item(day, replaced, expires_at)
        return self._table.put(
            f"counter {item.counter} of {day}",
            counter_item(day, item, expires_at),
            unchanged(read, COUNTER, VALUE, VERSION),
        )

    def write(  # noqa: PLR0913 - what is written, and how
        self,
        day: str,
        version: int,
        values: Mapping[str, int],
        expires_at: int,
        *,
        absent: Collection[str] = (),
        before_call: BeforeCall = _go_on,
    ) -> int:
        """Set the values of a day's counters, except where the table has the same or a newer version.

        Args:
            day: YYYY-MM-DD.
            version: of the ledger that the values come from.
            values: counter -> sum in units of 10^-9.
            expires_at: seconds since 1970.
            absent: the counters that seem to have no item: they are inserted first. One that has takes a
                statement more.
            before_call: called before each call; what it raises ends the writing.

        Returns:
            How many items were written.

        Raises:
            StatementFailed: a write failed for another reason than its condition.
        """
        newer = _number(version)

        def update(due: Mapping[str, int]) -> dict[str, int]:
            """Return the values of those that are absent, or of the same or a newer version."""
            rows = {name: [_value(value), newer, {"S": name}, {"S": day}, newer] for name, value in due.items()}
            return {name: due[name] for name in self._execute(day, self._update, rows, before_call)}

        def insert(due: Mapping[str, int]) -> dict[str, int]:
            """Return the values of those that are there already."""
            more = [newer, _number(expires_at)]
            rows = {name: [{"S": name}, {"S": day}, _value(value), *more] for name, value in due.items()}
            return {name: due[name] for name in self._execute(day, self._insert, rows, before_call)}

        seen = {name: value for name, value in values.items() if name not in absent}
        unseen = {name: value for name, value in values.items() if name in absent}
        present = insert(update(seen) | unseen)
        # Found by the insert, and not older than this version: as it should be, or as a later one wrote it.
        return len(values) - len(update(present))

    def _execute(
        self, day: str, statement: _Statement, rows: Mapping[str, list[Any]], before_call: BeforeCall
    ) -> Iterator[str]:
        """Run a statement for each counter, given its parameters; yield those whose condition does not hold."""
        names = list(rows)
        for start in range(0, len(names), STATEMENTS_PER_CALL):
            batch = names[start : start + STATEMENTS_PER_CALL]
            before_call()
            answer = self._table.clients.dynamodb.batch_execute_statement(
                Statements=[{"Statement": statement.text, "Parameters": rows[name]} for name in batch]
            )
            for name, response in zip(batch, answer["Responses"], strict=True):
                error: Any = response.get("Error")
                if not error:
                    continue
                if error["Code"] != statement.refusal:
                    raise StatementFailed(f"{name!r} of {day}: {error}")
                yield name


def update_statement(table: str, *attributes: NumberAttribute) -> str:
    """Return the statement that sets attributes of a counter's item of a version below a given one."""
    # A table's name cannot be a parameter; `core.names` lets no quote into it.
    setting = " ".join(f'SET "{each}"=?' for each in attributes)
    return f'UPDATE "{table}" {setting} WHERE "{COUNTER}"=? AND "{DATE}"=? AND "{VERSION}"<?'


def _where(day: str) -> str:
    return f"counters of {day}"


def _key(counter: str, day: str) -> dict[str, Any]:
    return COUNTER.put(counter) | DATE.put(day)


def _value(value: int) -> dict[str, str]:
    return {"N": format_value(value)}


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}


def counter_item(day: str, item: CounterItem, expires_at: int) -> Item:
    """Return the item of a counter."""
    value = f"{item.value or Decimal(0):f}"
    plain = value.rstrip("0").rstrip(".") if "." in value else value
    key: Item = _key(item.counter, day) | {VALUE.name: {"N": plain}} | EXPIRES_AT.put(expires_at)
    return {**key, VERSION.name: {"N": str(item.version)}}


def _stored_counter(item: Item) -> CounterItem:
    number = item.get(VALUE.name, {}).get("N")
    value = None if number is None else Decimal(number)
    return CounterItem(COUNTER.read(item), value, VERSION.find(item), item)
