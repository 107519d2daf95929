"""Limits, alerts and the topic that they go to; and the judge of what was told.

At every moment: a message says a total that the day had in the version that it names, beyond its limit; and where
it tells of a fall, an older version had reached the limit.
After quiet: whatever the newest totals are beyond is told, a fall where it is known that the limit was reached,
and nothing waits to be sent. No message comes twice where no call failed and nobody died.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from countagg.core.limits import AlertState, Direction, Limit
from countagg.core.values import format_value, parse_sum
from countagg.data.limits import alerts_partition, limit_item, parse_alert
from tests.fakes.unfaithful import Unfaithful
from tools.simulation.tables import Table

Sums = Mapping[str, int]

_PROTOCOLS: Final = frozenset({"default", "email", "sms", "https"})


@dataclass(frozen=True, slots=True)
class Message:
    """What was sent about a limit: of which day, with which total, in which version of its ledger."""

    day: str
    limit: Limit
    value: int
    version: int


class AlertsWorld:
    """What the publisher reaches for alerts.

    Args:
        table: the items of alerts; the counters are elsewhere (`tools.simulation.counters`).
        limits: that stand all the time.

    Attributes:
        messages: what was sent.
        watchers: called with each message.
    """

    def __init__(self, table: Table, limits: tuple[Limit, ...]) -> None:
        self.table = table
        self.limits = limits
        self.messages: list[Message] = []
        self.watchers: list[Callable[[Message], None]] = []

    def limit_pages(self, **_: Any) -> Iterable[dict[str, Any]]:
        """Answer the query for the limits."""
        return [{"Items": [limit_item(each)]} for each in self.limits]

    def publish(self, **request: Any) -> str:
        """Take a message; return its id."""
        forms = json.loads(request["Message"])
        if request["MessageStructure"] != "json" or forms.keys() != _PROTOCOLS:
            raise Unfaithful(f"message {request}")
        told = json.loads(forms["default"], parse_float=str, parse_int=str)
        limit = Limit(told["counter"], parse_sum(told["limit"]), Direction(told["direction"]))
        self.messages.append(Message(told["date"], limit, parse_sum(told["value"]), int(told["version"])))
        for watch in self.watchers:
            watch(self.messages[-1])
        return str(len(self.messages))


class AlertsJudge:
    """Watches what is told.

    Args:
        world: that is judged.
        sums: day and version -> the sums of the day's ledgers, for every version that there was.
        note: takes a sentence for everything that is wrong.
    """

    def __init__(
        self, world: AlertsWorld, sums: Mapping[tuple[str, int], Sums], note: Callable[[str], None]
    ) -> None:
        self._world = world
        self._sums = sums
        self._note = note
        world.watchers.append(self._see)

    def _see(self, message: Message) -> None:
        about = f"message about {message.limit.name} of {message.day}, version {message.version}"
        total = self._sums.get((message.day, message.version), {}).get(message.limit.counter)
        if message.limit not in self._world.limits or message.value != (total or 0):
            self._note(f"{about}: says {format_value(message.value)}, the total is {total}")
        if not message.limit.is_passed_by(total):
            self._note(f"{about}: the limit is not passed")
        if message.limit.direction is Direction.BELOW and not self._was_reached(message):
            self._note(f"{about}: the total never was at the limit before")

    def _was_reached(self, message: Message) -> bool:
        before = [
            sums.get(message.limit.counter)
            for (day, version), sums in self._sums.items()
            if day == message.day and version < message.version
        ]
        return any(map(message.limit.is_reached_by, before))

    def judge(self, day: str, version: int, sums: Sums) -> None:
        """Compare what was told of a day with its newest totals, after quiet."""
        told = {each.limit for each in self._world.messages if each.day == day}
        states = self._states(day)
        for limit in self._world.limits:
            total, (state, reached) = sums.get(limit.counter), states.get(limit.name, (None, version))
            if state is AlertState.SENDING:
                self._note(f"alert about {limit.name} of {day} waits for ever")
            if limit.is_reached_by(total) and state is None:
                self._note(f"{limit.name} of {day} was reached, and nobody knows")
            is_fall = limit.direction is Direction.BELOW and reached < version
            is_due = limit.direction is Direction.ABOVE or is_fall
            if is_due and limit.is_passed_by(total) and limit not in told:
                self._note(f"{limit.name} of {day} is passed by {total}, and nobody was told")

    def _states(self, day: str) -> dict[str, tuple[AlertState, int]]:
        """Return the items of a day's alerts: name -> state and version."""
        found = {}
        for (partition, name), item in self._world.table.items.items():
            if partition == alerts_partition(day):
                stored = parse_alert(item, day)
                found[name] = (stored.state, stored.alert.version)
        return found

    def judge_repeats(self) -> None:
        """See that no message came twice; to be called where no call failed and nobody died."""
        for (day, limit), count in Counter((each.day, each.limit) for each in self._world.messages).items():
            if count > 1:
                self._note(f"alert about {limit.name} of {day} was sent {count} times")
