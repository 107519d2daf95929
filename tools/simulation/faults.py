"""Faults: which kinds there are, how often each strikes, and how often it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """What can go wrong, as the report names it. Each is a behaviour that AWS documents or does not exclude."""

    # S3, SNS and SQS
    EVENT_DUPLICATED = "event duplicated by S3 or SNS"
    EVENT_DELAYED = "event delayed by minutes to hours"
    EVENT_OVERTAKEN = "event overtaken by a newer one of its key"
    MESSAGE_REPEATED = "message delivered again though in flight or deleted"
    DELETION_LOST = "message done but not deleted, visible again after the time-out"
    RECEIVES_EXHAUSTED = "message moved to the dead letters after its last receive"
    OBJECT_UNSEEN = "object that exists answered with 404"
    # Service calls of a handler
    KILLED_BEFORE = "handler killed before a call"
    KILLED_AFTER = "handler killed after a call"
    KILLED_BY_TIMEOUT = "handler killed by the function's time-out"
    SLOW_CALL = "call takes seconds or minutes"
    THROTTLED = "call throttled"
    STATEMENT_THROTTLED = "one statement of a batch throttled"
    REQUEST_LOST = "request lost, the client tries again"
    ANSWER_LOST = "call landed, the caller saw a time-out and tries again"
    LANDED_LATE = "call landed after the client had tried again"
    CLIENT_GAVE_UP = "client gives up instead of trying again"
    OWN_WRITE_MET = "condition failed on the own write, done before"
    BODY_BROKEN = "connection broken while an object is read"
    PUT_CONFLICT = "conditional write of an object met another under way"
    READ_CANCELLED = "reading transaction met a write under way"
    KEY_UNPROCESSED = "read of several items left one out"
    STALE_READ = "eventually consistent read showed the past"
    # Functions
    ENVIRONMENT_LOST = "execution environment begun anew"
    OVERLAPPED = "invocation overlaps another of its function"
    SHORT_OF_TIME = "invocation of the publisher begun with little time"
    FUNCTION_BROKEN = "function fails for minutes or hours"
    # Stream mappings
    BATCH_CUT = "batch cut before its end"
    BATCH_BISECTED = "batch bisected"
    BATCH_REGROWN = "batch of another size on retry"
    INVOKE_THROTTLED = "invocation throttled"
    OUTCOME_UNSEEN = "batch done but the poller did not see it"
    STALE_POLLER = "stale poller goes on beside its successor"
    CHECKPOINT_BACK = "poller begins again before its place"
    TRIES_EXHAUSTED = "batch given up after its last try"
    RECORD_EXPIRED = "record unread for 24 h and lost"
    MAPPING_RECREATED = "mapping made anew, up to 24 h replayed"
    FACTOR_CHANGED = "parallelization factor changed"
    OUTAGE = "mapping disabled for hours or more than a day"
    REPAIRED = "day repaired while all goes on"
    RETENTION_CHANGED = "retention changed by the operator"
    # Tables and streams
    SHARD_SPLIT = "shard split or rolled over"
    STREAM_RECREATED = "stream disabled and made anew"
    RECORD_UNREAD = "record of a stream that was made anew, never read"
    TTL_REMOVED = "item removed by TTL"
    DAY_DENIED = "object of one day denied to the publisher"
    TOTALS_LOST = "totals table lost and made anew"


Strike = tuple[Fault, int]
"""A fault at its n-th opportunity, counted from 1."""


class Faults:
    """Decides when a fault strikes: by chance, or as a script says.

    Its chances are its own, so that a script that repeats what chance did leaves all other chances as they were.

    Args:
        seed: of its chances.
        rates: how probable each fault is at each opportunity; never where not named.
        script: what strikes, instead of chance.

    Attributes:
        injected: how often each struck.
        struck: what struck, for a script.
        on: whether any may strike.
    """

    def __init__(self, seed: int, rates: Mapping[Fault, float], script: Collection[Strike] | None) -> None:
        self._random = Random(seed + 1)
        self._rates = rates
        self._script = script
        self._opportunities: Counter[Fault] = Counter()
        self.injected: Counter[Fault] = Counter()
        self.struck: list[Strike] = []
        self.on = True

    def strikes(self, fault: Fault) -> bool:
        """Decide, and count."""
        if not self.on:
            return False
        self._opportunities[fault] += 1
        strike = (fault, self._opportunities[fault])
        if self._script is None:
            rate = self._rates.get(fault, 0.0)
            struck = rate > 0 and self._random.random() < rate
        else:
            struck = strike in self._script
        if struck:
            self.injected[fault] += 1
            self.struck.append(strike)
        return struck

    def note(self, fault: Fault) -> None:
        """Count one that follows from others or was planned."""
        self.injected[fault] += 1
