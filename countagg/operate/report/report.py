"""A day's report, as one value: everything that the page shows, and nothing of how."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property

from countagg.core.errors import InvalidObjectKey
from countagg.core.lazy_dataclass import dataclass
from countagg.core.object_keys import CounterFileKey, parse_object_key
from countagg.operate.dead_letters.dead_letters import DeadLetter, LetterKind
from countagg.operate.health.status import HopHealth
from countagg.operate.instances.roster import InstanceState, Roster
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.moves import Move, find_moves
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay


@dataclass(frozen=True, slots=True)
class DayRefusal:
    """A file that was refused, by whose it is and what the dead letters say of it."""

    instance: str
    letter: DeadLetter


# Without slots: what takes long with many counters is found once.
@dataclass(frozen=True, kw_only=True)
class DayReport:
    """What there is to tell of a day. What the principal may not read says so in its place.

    Attributes:
        stack: the stack's name.
        bucket: with the counter files.
        prefix: of their keys, with its slash.
        day: YYYY-MM-DD.
        patterns: names of the counters that it is about, or patterns of them; all counters if empty.
        at: when it was read, aware.
        is_closed: whether files of the day are taken no more.
        history: totals of the day and of those before it, at least one; the largest first in each.
        roster: the instances of the day.
        letters: all dead letters, the oldest first.
        hops: of the pipeline, as they are now.
    """

    stack: str
    bucket: str
    prefix: str
    day: str
    patterns: tuple[str, ...]
    at: datetime
    is_closed: bool | NotAllowed
    history: History | NotAllowed
    roster: Roster | NotAllowed
    letters: tuple[DeadLetter, ...] | NotAllowed
    hops: tuple[HopHealth, ...]

    @property
    def totals(self) -> TotalsOfDay | None:
        """The totals of the day; None if they may not be read."""
        return None if isinstance(self.history, NotAllowed) else self.history.days[-1]

    @property
    def before(self) -> TotalsOfDay | None:
        """The totals of the day before; None if there are none, or they may not be read."""
        if isinstance(self.history, NotAllowed) or len(self.history.days) == 1:
            return None
        found = self.history.days[-2]
        return found if found.version else None

    @cached_property
    def moves(self) -> tuple[Move, ...] | None:
        """What moved against the day before, the farthest first; None without totals of both days."""
        if self.totals is None or not self.totals.version or self.before is None:
            return None
        return find_moves(self.before.totals, self.totals.totals)

    @property
    def is_over(self) -> bool:
        """Whether the day is over (UTC)."""
        return self.day < self.at.astimezone(UTC).date().isoformat()

    @cached_property
    def refused(self) -> tuple[DayRefusal, ...]:
        """The refused files of the day that are in the dead letters, the oldest first."""
        letters = () if isinstance(self.letters, NotAllowed) else self.letters
        keys = ((self._key_of(each), each) for each in letters if each.kind is LetterKind.REFUSAL)
        return tuple(
            DayRefusal(key.instance, each) for key, each in keys if key is not None and key.day == self.day
        )

    @cached_property
    def instances(self) -> tuple[InstanceState, ...]:
        """The instances of the day, those with refused files first, then the longest silent."""
        states = () if isinstance(self.roster, NotAllowed) else self.roster.instances

        def rank(state: InstanceState) -> tuple[bool, bool, float, str]:
            age = state.age_seconds(self.at)
            return not state.refused, state.is_withdrawn, 0 if age is None else -age, state.instance

        return tuple(sorted(states, key=rank))

    @property
    def not_allowed(self) -> list[str]:
        """The actions that the principal may not do, and that would tell more."""
        return list(dict.fromkeys(self._denied()))

    def _denied(self) -> Iterator[str]:
        for part in (self.is_closed, self.history, self.roster, self.letters):
            if isinstance(part, NotAllowed):
                yield part.action
        for hop in self.hops:
            yield from hop.not_allowed

    def _key_of(self, letter: DeadLetter) -> CounterFileKey | None:
        try:
            return parse_object_key(letter.key or "", self.prefix)
        except InvalidObjectKey:
            return None
