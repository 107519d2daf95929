"""Redrive: feed dead letters to where they belong, and delete only what was taken there.

Doing it twice changes nothing: an event makes the processor look at the file as it is, and a day that is rebuilt
again is the same day. So it may be interrupted anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum

from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.data.queues import DeadLetterQueue, EventQueue
from countagg.operate.dead_letters.dead_letters import DeadLetter, LetterKind, StreamRange

_SHORTEST = 4
_OF_SUBSCRIBERS = {
    LetterKind.CHANGES: "it is for a function that is subscribed: have it read the totals, then `purge` it",
    LetterKind.ALERT: "an alert is not sent again; see `countagg subscribe list`, then `purge` it",
}


class RedriveOutcome(StrEnum):
    """What became of a dead letter."""

    SENT = "sent to the processor"
    REBUILT = "its days were rebuilt"
    PUBLISHED = "its day was published"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Redriven:
    """A dead letter and what became of it; the note says what to do about one that was left."""

    letter: DeadLetter
    outcome: RedriveOutcome
    note: str | None = None


def select(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """Return the letters with these ids, or with ids that begin so; all of them if none is named.

    Raises:
        UsageError: an id is of none, of several, or too short.
    """
    chosen: dict[str, DeadLetter] = {}
    for wanted in ids:
        found = [letter for letter in letters if letter.message.id.startswith(wanted)]
        if not found:
            raise UsageError(
                f"no dead letter has an id that begins with {wanted!r}",
                where="ID",
                hint="`countagg dead-letters list` shows those that there are",
            )
        if len(found) > 1 or len(wanted) < _SHORTEST:
            several = f": the ids of {len(found)} dead letters begin with it" if len(found) > 1 else ""
            raise UsageError(
                f"{wanted!r} is too short{several}",
                where="ID",
                hint=f"give {_SHORTEST} characters of the id or more; `countagg dead-letters list` shows it",
            )
        chosen[found[0].message.id] = found[0]
    return list(chosen.values()) if ids else list(letters)


@dataclass(frozen=True, slots=True)
class Redriver:
    """Feeds dead letters back.

    Attributes:
        dead: the queue that they are taken from.
        uploads: the queue that events go to.
        dates_of: returns the dates of a range of stream records; None if the stream no longer has them.
        rebuild: brings a day right, its ledger or its outputs, whichever table the stream belongs to; returns why
            it cannot, or None.
        publish: brings a day's outputs to what its totals are; returns why it cannot, or None.
    """

    dead: DeadLetterQueue
    uploads: EventQueue
    dates_of: Callable[[StreamRange], set[str] | None]
    rebuild: Callable[[str, str], str | None]
    publish: Callable[[str], str | None]

    def redrive(self, letters: Iterable[DeadLetter]) -> Iterator[Redriven]:
        """Feed letters back; yield each when it is done."""
        events: list[DeadLetter] = []
        # A day that goes on failing has a letter for each of its versions.
        refused: dict[str, str | None] = {}
        for letter in letters:
            if letter.events:
                events.append(letter)
            elif letter.kind in _OF_SUBSCRIBERS:
                yield Redriven(letter, RedriveOutcome.LEFT, _OF_SUBSCRIBERS[letter.kind])
            elif letter.batch is not None:
                yield self._rebuild(letter, letter.batch)
            elif letter.day is not None:
                if letter.day not in refused:
                    refused[letter.day] = self.publish(letter.day)
                yield self._published(letter, letter.day, refused[letter.day])
            elif letter.kind is LetterKind.FOREIGN:
                yield Redriven(
                    letter, RedriveOutcome.LEFT, f"{letter.reason}; send it back there, then `purge` it"
                )
            else:
                yield Redriven(letter, RedriveOutcome.LEFT, "its origin is unknown; `purge` deletes it")
        yield from self._send(events)

    def _send(self, letters: Sequence[DeadLetter]) -> Iterator[Redriven]:
        position = 0
        for accepted in self.uploads.send([letter.events for letter in letters if letter.events]):
            part = letters[position : position + len(accepted)]
            position += len(accepted)
            taken = [letter for letter, is_taken in zip(part, accepted, strict=True) if is_taken]
            self.dead.delete([letter.message for letter in taken])
            for letter in part:
                if letter in taken:
                    yield Redriven(letter, RedriveOutcome.SENT)
                else:
                    yield Redriven(letter, RedriveOutcome.LEFT, "the queue did not take it; redrive it again")

    def _published(self, letter: DeadLetter, day: str, refused: str | None) -> Redriven:
        if refused is not None:
            return Redriven(letter, RedriveOutcome.LEFT, refused)
        self.dead.delete([letter.message])
        return Redriven(letter, RedriveOutcome.PUBLISHED, day)

    def _rebuild(self, letter: DeadLetter, batch: StreamRange) -> Redriven:
        try:
            dates = self.dates_of(batch)
        except CountaggError as error:
            # One that cannot be read must not keep the others from being fed back.
            return Redriven(letter, RedriveOutcome.LEFT, str(error))
        if dates is None:
            first, last = batch.days
            note = (
                f"the stream no longer has its records; run `repair --since {first} --until {last}`, then purge it"
            )
            return Redriven(letter, RedriveOutcome.LEFT, note)
        refused = [reason for date in sorted(dates) if (reason := self.rebuild(batch.stream, date))]
        if refused:
            return Redriven(letter, RedriveOutcome.LEFT, "; ".join(refused))
        self.dead.delete([letter.message])
        return Redriven(letter, RedriveOutcome.REBUILT, ", ".join(sorted(dates)))
