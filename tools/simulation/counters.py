"""The counters table and its index, which lags behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.fakes.conditions import holds
from tests.fakes.partiql import FakeTable, Item
from tools.simulation.faults import Fault, Faults
from tools.simulation.tables import has_expired
from tools.simulation.timeline import Timeline

_LONGEST_LAG_SECONDS: Final = 3.0
# `verify` takes for certain what it sees twice, half a second apart.
_LAG_SEEN_BY_THE_OPERATOR: Final = 0.4


class Counters:
    """The table that the publisher writes.

    Args:
        name: its name.
        timeline: when things happen.
        faults: what goes wrong.
        random: of the run.

    Attributes:
        table: the table itself.
        watchers: called with (counter, day, item) at each write.
    """

    def __init__(self, name: str, timeline: Timeline, faults: Faults, random: Random) -> None:
        self.table = FakeTable(name)
        self._timeline = timeline
        self._faults = faults
        self._random = random
        self._history: dict[tuple[str, str], list[tuple[float, Item | None]]] = {}
        self.watchers: list[Callable[[str, str, Item], None]] = []

    def execute(self, statement: Any) -> Any:
        """Run one statement of a batch."""
        if self._faults.strikes(Fault.STATEMENT_THROTTLED):
            return {"Error": {"Code": "ThrottlingError", "Message": "throttled"}}
        [response] = self.table.batch_execute_statement(Statements=[statement])["Responses"]
        if "Error" not in response:
            self._write_down()
        return response

    def _write_down(self) -> None:
        for key, item in self.table.items.items():
            past = self._history.setdefault(key, [])
            if not past or past[-1][1] != item:
                past.append((self._timeline.now, dict(item)))
                for watch in self.watchers:
                    watch(*key, item)

    def expire(self) -> None:
        """Remove what is past its time, as TTL does."""
        for key, item in list(self.table.items.items()):
            if has_expired(item, self._timeline.now):
                self._faults.note(Fault.TTL_REMOVED)
                del self.table.items[key]
                self._history[key].append((self._timeline.now, None))

    def put(self, item: Item, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        """Replace an item if the condition holds for the present one.

        Raises:
            ClientError: the condition does not hold.
        """
        key = (item["Counter"]["S"], item["Date"]["S"])
        if not holds(condition, names, values, self.table.items.get(key)):
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}, "PutItem")
        self.table.items[key] = dict(item)
        self._write_down()

    def pages(self, **request: Any) -> Iterable[dict[str, Any]]:
        """Answer a query of the index: each item as it was some moments ago."""
        by_publisher = "ProjectionExpression" in request
        lag = _LONGEST_LAG_SECONDS if by_publisher else _LAG_SEEN_BY_THE_OPERATOR
        shown = {key: item for key in self.table.items if (item := self._as_it_was(key, lag)) is not None}
        if shown != self.table.items:
            self._faults.note(Fault.STALE_READ)
        if by_publisher:
            return FakeTable(self.table.name, shown).paginate(**request)
        day = request["ExpressionAttributeValues"][":key"]
        return [{"Items": [dict(item) for item in shown.values() if item["Date"] == day]}]

    def _as_it_was(self, key: tuple[str, str], lag: float) -> Item | None:
        moment = self._timeline.now - self._random.random() * lag
        past = [item for written, item in self._history.get(key, ()) if written <= moment]
        return past[-1] if past else None
