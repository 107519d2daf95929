"""Lanes: the pollers of a mapping, each with its share of a shard's records.

A lane keeps the order of its items and waits for the function before it goes on. A batch that failed comes again,
whole, in halves or in another size, up to the last try (docs/aws-facts.md#event-source-mappings). A lane may begin
again at an older place, and a stale one may go on beside its successor: both are what "at least once" means.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from tools.simulation.faults import Fault
from tools.simulation.invocations import Outcome
from tools.simulation.streams import Shard, StreamRecord
from tools.simulation.timeline import HOUR

if TYPE_CHECKING:
    from tools.simulation.mappings import StreamMapping

_LONGEST_WAIT: Final = 1_800.0
_OLDER_PLACE_AT_MOST: Final = 8


class Lane:
    """A poller of the records of one shard whose hash falls to it.

    Args:
        mapping: it belongs to.
        shard: it reads.
        share: its number, and of how many.
        position: in the shard's records, of the first that is not done.
        batches_left: after how many batches a stale poller notices that it is one; None for one that is not.
    """

    def __init__(
        self,
        mapping: StreamMapping,
        shard: Shard,
        share: tuple[int, int],
        position: int,
        batches_left: int | None = None,
    ) -> None:
        self.position = position
        self.closed = False
        self._mapping = mapping
        self._setting = mapping.setting
        self._shard = shard
        self._share = share
        self._batches_left = batches_left
        self._pieces: list[tuple[int, int]] = []
        self._tries = 0
        self._busy = False

    def retire(self) -> None:
        """Give way to a successor: at once, or after some batches more."""
        self._batches_left = self._setting.random.randint(0, 3)
        self.closed = not self._batches_left

    def wake(self) -> None:
        """Look for records, now or when the present batch is done."""
        if not self._busy and not self.closed and self.position < len(self._shard.records):
            window = self._mapping.state.window + 0.25
            self._later(self._setting.random.random() * window)

    def _later(self, seconds: float) -> None:
        self._busy = True
        wait = max(seconds, self._mapping.disabled_until - self._setting.timeline.now)
        self._setting.timeline.after(wait, self._poll)

    def _ours(self, start: int, end: int) -> list[StreamRecord]:
        number, factor = self._share
        mapping = self._mapping
        return [
            record
            for record in self._shard.records[start:end]
            if (record.hash >> 4) % factor == number and mapping.wants(record)
        ]

    def _poll(self) -> None:
        if self.closed:
            return
        if self._setting.timeline.now < self._mapping.disabled_until:
            self._later(0)
            return
        self._skip_expired()
        piece = self._next_piece()
        records = self._ours(*piece)
        if not records:
            self._advance(piece[1])
        elif self._setting.faults.strikes(Fault.INVOKE_THROTTLED):
            self._later(self._setting.random.random() * 10)
        else:
            if self._batches_left is None and self._setting.faults.strikes(Fault.STALE_POLLER):
                self._leave_behind()
            event = {"Records": [record.event for record in records]}
            self._mapping.function.invoke(event, partial(self._done, piece, records))

    def _leave_behind(self) -> None:
        """Go on beside a twin that begins at the same place and soon notices that it is stale."""
        random = self._setting.random
        twin = Lane(self._mapping, self._shard, self._share, self.position, batches_left=random.randint(1, 3))
        lag = random.choice((1.0, 60.0, 6 * HOUR)) * random.random()
        self._setting.timeline.after(lag, twin.wake)

    def _skip_expired(self) -> None:
        readable = self._shard.first_readable(self._setting.timeline.now)
        if readable > self.position:
            if self._batches_left is None:
                self._mapping.lose(self._ours(self.position, readable), Fault.RECORD_EXPIRED)
            self.position, self._pieces = readable, []

    def _next_piece(self) -> tuple[int, int]:
        """Return the bounds of the next batch, or of the next part of one that was bisected."""
        if not self._pieces:
            end, size = len(self._shard.records), self._mapping.state.batch_size
            if self._setting.faults.strikes(Fault.BATCH_CUT):
                size = self._setting.random.randint(1, 4)
            self._pieces = [(self.position, min(end, self.position + size))]
        return self._pieces[0]

    def _done(self, piece: tuple[int, int], records: Sequence[StreamRecord], outcome: Outcome) -> None:
        if not outcome.failure:
            self._mapping.take(records)
        if self.closed:
            return
        if outcome.failure:
            self._failed(piece, records)
        elif self._setting.faults.strikes(Fault.OUTCOME_UNSEEN):
            self._again()
        else:
            self._advance(piece[1])

    def _advance(self, end: int) -> None:
        self._busy, self._tries = False, 0
        self.position = end
        self._pieces = self._pieces[1:]
        if self._batches_left is not None:
            self._batches_left -= 1
            self.closed = not self._batches_left
        elif self._setting.faults.strikes(Fault.CHECKPOINT_BACK):
            self.position = max(0, end - self._setting.random.randint(1, _OLDER_PLACE_AT_MOST))
            self._pieces = []
        self.wake()
        if not self.closed and self.position >= len(self._shard.records):
            self._mapping.wake(self._shard)

    def _failed(self, piece: tuple[int, int], records: Sequence[StreamRecord]) -> None:
        state, faults = self._mapping.state, self._setting.faults
        start, end = piece
        if faults.strikes(Fault.BATCH_REGROWN):
            self._pieces = []
        elif state.bisect and len(records) > 1:
            faults.note(Fault.BATCH_BISECTED)
            middle = (start + end) // 2
            self._pieces[0:1] = [(start, middle), (middle, end)]
        else:
            self._tries += 1
            if 0 <= state.tries < self._tries:
                self._mapping.give_up(self._shard, records, stale=self._batches_left is not None)
                self._advance(end)
                return
        self._again()

    def _again(self) -> None:
        self._later(min(_LONGEST_WAIT, 2.0 ** min(self._tries, 12)) * self._setting.random.random())
