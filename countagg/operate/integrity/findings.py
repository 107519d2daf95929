"""What a verification finds."""

from __future__ import annotations

from dataclasses import field
from decimal import Decimal
from enum import StrEnum

from countagg.core.lazy_dataclass import dataclass


class Hop(StrEnum):
    """Where something differs from what the hop before it says."""

    SNAPSHOTS = "snapshots"
    LEDGER = "ledger"
    COUNTERS = "counters"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what it should be.

    Attributes:
        hop: where it was found.
        what: what is wrong, in a few words.
        instance: whose; None if it concerns no single one.
        counter: which; None if it concerns no single one.
        expected: the value that the hop before says; None for no value.
        found: the value that is there; None for no value.
        state: versions and sequencers involved. As long as they change, the pipeline is at work on it.
        certain: whether nothing that is under way can explain it.
    """

    hop: Hop
    what: str
    instance: str | None = None
    counter: str | None = None
    expected: Decimal | None = None
    found: Decimal | None = None
    state: str = ""
    certain: bool = False

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What makes it the same difference at the next look."""
        return (self.hop, self.what, self.instance, self.counter, self.state)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that the rules refuse, or that S3 does not read out; the snapshot before it stands."""

    key: str
    reason: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a verification.

    Attributes:
        day: YYYY-MM-DD.
        files: how many counter files there are.
        version: of the ledger; 0 if there is none.
        differences: what is wrong.
        in_flight: what differs, but was still on its way at the last look.
        refused: files that the rules refuse, or that S3 does not read out.
    """

    day: str
    files: int
    version: int
    differences: tuple[Difference, ...] = ()
    in_flight: tuple[Difference, ...] = ()
    refused: tuple[RefusedFile, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.differences
