"""Tables of DynamoDB: conditional writes, both kinds of reads, a stream that can be switched off, TTL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from botocore.exceptions import ClientError

from tests.fakes.conditions import Item, holds
from tools.simulation.faults import Fault, Faults
from tools.simulation.streams import Key, Stream
from tools.simulation.timeline import Timeline

_OLDEST_SHOWN_SECONDS: Final = 3.0


def has_expired(item: Item, now: float) -> bool:
    """Tell whether TTL may remove an item; one without a time to live it leaves alone."""
    return "ExpiresAt" in item and int(item["ExpiresAt"]["N"]) < now


class Table:
    """One table.

    Args:
        name: its name.
        key_names: the attributes of its key.
        timeline: when things happen.
        faults: what goes wrong.
        random: of the run.

    Attributes:
        items: what it holds.
        history: each item's past, as (moment, item or None).
        stream: where changes go, if anywhere.
        unheard: called with (key, item) for a change that no stream takes.
        watchers: called with (key, item) at each write.
        absent: whether there is no such table now.
        lost: the keys of the items that were lost with the table.
    """

    def __init__(
        self, name: str, key_names: tuple[str, ...], timeline: Timeline, faults: Faults, random: Random
    ) -> None:
        self.name = name
        self.items: dict[Key, Item] = {}
        self.history: dict[Key, list[tuple[float, Item | None]]] = {}
        self.stream: Stream | None = None
        self.unheard: Callable[[Key, Item], None] = lambda _key, _item: None
        self.watchers: list[Callable[[Key, Item], None]] = []
        self.absent = False
        self.lost: set[Key] = set()
        self._key_names = key_names
        self._timeline = timeline
        self._faults = faults
        self._random = random

    @property
    def partition_key(self) -> str:
        """The name of the first attribute of its key."""
        return self._key_names[0]

    def key_of(self, item: Item) -> Key:
        """Return the item's key."""
        return tuple(item[name]["S"] for name in self._key_names)

    def put(self, item: Item, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> str:
        """Replace an item if the condition holds for the present one.

        Returns:
            A word for the trace.

        Raises:
            ClientError: the condition does not hold; it shows the item as it is.
        """
        key = self.key_of(item)
        old = self.items.get(key)
        if not self.allows(item, condition, names, values):
            error = {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
            failed: Any = {"Error": error, **({} if old is None else {"Item": old})}
            raise ClientError(failed, "PutItem")
        self._change(key, old, item)
        for watch in self.watchers:
            watch(key, item)
        return f"{self.name} {'/'.join(key)} written"

    def allows(self, item: Item, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        """Tell whether a condition holds for the present item of that key."""
        self._check_present()
        return not condition or holds(condition, names, values, self.items.get(self.key_of(item)))

    def expire(self) -> None:
        """Remove what is past its time, as TTL does."""
        for key, item in list(self.items.items()):
            if has_expired(item, self._timeline.now):
                self._faults.note(Fault.TTL_REMOVED)
                self._change(key, item, None, by_ttl=True)

    def lose(self) -> None:
        """Delete the table with all that it holds; no stream tells of it."""
        self.lost |= self.items.keys()
        self.items, self.history = {}, {}
        self.stream, self.absent = None, True

    def _check_present(self) -> None:
        if self.absent:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": self.name}}, "Operation")

    def _change(self, key: Key, old: Item | None, new: Item | None, *, by_ttl: bool = False) -> None:
        if new is None:
            del self.items[key]
        else:
            self.items[key] = new
        self.history.setdefault(key, []).append((self._timeline.now, new))
        # "A write that changes nothing makes no stream record" (docs/aws-facts.md#dynamodb).
        if old == new:
            return
        if self.stream is not None:
            self.stream.append(key, old, new, by_ttl=by_ttl)
        elif new is not None:
            self.unheard(key, new)

    def get(self, key: Key, *, consistent: bool) -> Item | None:
        """Read an item."""
        self._check_present()
        return self._seen(key, consistent=consistent)

    def page(self, partition: str, after: str, limit: int, *, consistent: bool) -> tuple[Sequence[Item], str]:
        """Read items of a partition in the order of their sort keys.

        Returns:
            At most `limit` items behind `after`, and where the next page goes on; empty at the end.
        """
        self._check_present()
        keys = sorted(key for key in self.history if key[0] == partition and key[1] > after)
        found = [self._seen(key, consistent=consistent) for key in keys[:limit]]
        last = keys[limit - 1][1] if len(keys) > limit else ""
        return [item for item in found if item is not None], last

    def _seen(self, key: Key, *, consistent: bool) -> Item | None:
        now = self.items.get(key)
        if consistent:
            return now
        moment = self._timeline.now - self._random.random() * _OLDEST_SHOWN_SECONDS
        past = [item for written, item in self.history.get(key, ()) if written <= moment]
        shown = past[-1] if past else None
        if shown != now:
            self._faults.note(Fault.STALE_READ)
        return shown
