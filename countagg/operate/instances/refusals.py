"""Files that were refused, as the dead letters tell: how many of an instance, since its last good one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Self

from countagg.core.errors import InvalidObjectKey
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import CounterFileKey, parse_object_key
from countagg.data.letters import Refusal, parse_letter
from countagg.data.queues import DeadLetterQueue, HeldMessage


@dataclass(frozen=True, slots=True)
class Refusals:
    """Refused files, as pairs of whose file of which day, and the sequencer of its event."""

    known: tuple[tuple[CounterFileKey, str], ...] = ()

    @classmethod
    def read(cls, queue: DeadLetterQueue, prefix: str) -> Self:
        """Look at all dead letters, and give them back."""
        return cls.of((message.body for message in look_at_letters(queue)), prefix)

    @classmethod
    def of(cls, bodies: Iterable[str], prefix: str) -> Self:
        """Read messages; those that are no refusal of a counter file say nothing."""
        found = (_read(body, prefix) for body in bodies)
        return cls(tuple(each for each in found if each is not None))

    def since(self, day: str, instance: str, sequencer: str) -> int:
        """Count the files of an instance and a day that were refused under a newer event than this."""
        return sum(key == CounterFileKey(day, instance) and newer > sequencer for key, newer in self.known)

    def of_day(self, day: str) -> Mapping[str, int]:
        """Count the refused files of a day by instance."""
        return Counter(key.instance for key, _ in self.known if key.day == day)


def look_at_letters(queue: DeadLetterQueue) -> list[HeldMessage]:
    """Return all dead letters, and give them back."""
    held: list[HeldMessage] = []
    try:
        held.extend(queue.receive())
    finally:
        queue.give_back(held)
    return held


def _read(body: str, prefix: str) -> tuple[CounterFileKey, str] | None:
    try:
        letter = parse_letter(json.loads(body))
        if not isinstance(letter, Refusal):
            return None
        key = parse_object_key(str(letter.key), prefix)
    except (AttributeError, InvalidObjectKey, RecursionError, TypeError, ValueError):
        return None
    return None if key is None else (key, str(letter.sequencer))
