"""Aggregator: snapshots to totals.

Folds the links of a batch into the ledgers of their partitions and stores each by compare-and-set on its version.
Where the chain has a gap, or a ledger or an image of a snapshot cannot be read, the ledger is rebuilt from the
partition's snapshots (`core.ledger` has the rules).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.errors import CorruptDocument
from countagg.core.lazy_dataclass import dataclass
from countagg.core.ledger import GapInChain, Ledger, Link, encode_ledger, fold, rebuild
from countagg.core.names import Names
from countagg.core.partitions import MORE_PARTITIONS, parse_partition
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import MAX_PACKED_BYTES
from countagg.core.versions import is_beginning, version_after
from countagg.data.ledgers import StoredLedger
from countagg.data.snapshot_records import parse_snapshot_record
from countagg.data.store import Store
from countagg.functions.clients import make_clients
from countagg.functions.telemetry import make_telemetry, report, utc_now

LINKS_ADDED: Final = "LinksAdded"
LINKS_SKIPPED: Final = "LinksSkipped"
DAYS_REBUILT: Final = "DaysRebuilt"
CONFLICTS: Final = "LedgerConflicts"

LEDGERS_NEARLY_FULL: Final = "LedgersNearlyFull"

REBUILDS_REFUSED: Final = "RebuildsRefused"

_ATTEMPTS: Final = 20
_HELD_NAMES: Final = 40_000
"""Of counters and instances; they take 25 MB if all are as long as can be."""
_NEARLY_FULL_BYTES: Final = MAX_PACKED_BYTES * 3 // 4


class LedgerContended(Exception):
    """Other invocations changed the ledger at every attempt; the batch is retried."""


class SnapshotsMissing(Exception):
    """A rebuild would lose what a ledger includes; the batch is retried, and ends in the dead letters."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A ledger as it is stored, and decoded."""

    stored: StoredLedger
    ledger: Ledger

    @property
    def names(self) -> int:
        """How many names it has, of counters and instances."""
        return len(self.ledger.sums) + len(self.ledger.seen)


class Aggregator:
    """Keeps the ledgers.

    It holds those that it stored last, so that a warm function need not read them again. One that another
    invocation has replaced since is noticed when a link does not continue it, or when it is stored: the version
    is not the held one. Then it is read.

    Args:
        store: where ledgers are kept and snapshots read.
        logger: for one line a batch and one a rebuild.
        metrics: for the counts.
        now: the clock, aware UTC.
    """

    def __init__(
        self, store: Store, logger: Logger, metrics: EphemeralMetrics, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._logger = logger
        self._metrics = metrics
        self._now = now
        self._held: dict[str, _Held] = {}

    def handle(self, event: Mapping[str, Any], _context: LambdaContext) -> None:
        """Fold a batch of the snapshots table's stream records.

        Raises:
            SnapshotsMissing: a ledger was kept as it is. All others have taken the batch in.
        """
        links: defaultdict[str, list[Link]] = defaultdict(list)
        for record in event["Records"]:
            link = parse_snapshot_record(record)
            if link is not None:
                links[link.partition].append(link)
        counts: Counter[str] = Counter()
        refused: list[SnapshotsMissing] = []
        for partition, links_of_partition in links.items():
            try:
                self._include(partition, links_of_partition, counts)
            except SnapshotsMissing as reason:
                counts[REBUILDS_REFUSED] += 1
                refused.append(reason)
        report(self._logger, self._metrics, counts)
        if refused:
            raise refused[0]

    def _include(self, partition: str, links: Sequence[Link], counts: Counter[str]) -> None:
        for _ in range(_ATTEMPTS):
            # Taken out: what is folded and then not stored must not be held.
            held = self._held.pop(partition, None)
            stored = self._store.ledgers.load(partition) if held is None else held.stored
            begins = is_beginning(stored.version)
            try:
                if begins:
                    # It has the links already, with the snapshots that they lead to.
                    ledger, added = self._begin(partition, stored), len(links)
                else:
                    ledger = stored.decode() if held is None else held.ledger
                    added = fold(ledger, links)
            except (GapInChain, CorruptDocument) as reason:
                if held is not None:
                    # Another invocation may have gone on since: only the stored ledger tells whether it is a gap.
                    continue
                done = self._rebuild(partition, stored, reason, counts)
            else:
                if held is not None and added < len(links):
                    # A repair may have taken the stored ledger back to older versions: it alone tells what is
                    # included already.
                    continue
                done = not added or self._save(partition, stored, ledger, counts)
                if done and not stored.version:
                    continue
                if done:
                    self._held.setdefault(partition, _Held(stored, ledger))
                    counts[LINKS_ADDED] += added
                    counts[LINKS_SKIPPED] += len(links) - added
            if done:
                return
            counts[CONFLICTS] += 1
        raise LedgerContended(f"{partition}: {_ATTEMPTS} attempts")

    def _begin(self, partition: str, stored: StoredLedger) -> Ledger:
        """Return the sum of the snapshots that there are, for a ledger that is not there, or has just begun.

        Mostly they are those of the batch alone. Where a ledger was lost they are all, and the next one must not
        begin with whoever uploads first. Who reads them and stores their sum may be slow: if the table is lost in
        between and made anew, others have taken in newer snapshots. So what a ledger begins with is read and
        written once more before anything is added to it, by whoever meets it (`core.versions`).

        Raises:
            SnapshotsMissing: an instance that is included has none.
        """
        ledger = rebuild(self._store.snapshots.images(partition))
        if stored.version:
            self._check_complete(partition, stored, ledger)
        return ledger

    def _rebuild(
        self, partition: str, stored: StoredLedger, reason: GapInChain | CorruptDocument, counts: Counter[str]
    ) -> bool:
        """Replace the ledger by the sum of the partition's snapshots.

        They are read after the batch was emitted and strongly consistent, so they include all of its links.

        Raises:
            SnapshotsMissing: an instance that is included has none. An upload only ever replaces a snapshot, and
                a day is closed before they expire: a hand deleted it, and only a hand may take it out of the sum.
        """
        ledger = rebuild(self._store.snapshots.images(partition))
        self._check_complete(partition, stored, ledger)
        if isinstance(reason, GapInChain):
            self._logger.warning("gap in the chain, day rebuilt", day=partition, instance=reason.link.instance)
        else:
            self._logger.warning("unreadable document, day rebuilt", day=partition, reason=str(reason))
        counts[DAYS_REBUILT] += 1
        return self._save(partition, stored, ledger, counts)

    def _check_complete(self, partition: str, stored: StoredLedger, rebuilt: Ledger) -> None:
        try:
            missing = sorted(stored.decode().seen.keys() - rebuilt.seen.keys())
        except CorruptDocument:
            # Nobody knows what it includes.
            return
        if missing:
            self._logger.error(
                "snapshots are missing, ledger kept",
                day=partition,
                instances=len(missing),
                instance=missing[0],
                remedy="upload their files again, or leave them out: countagg repair",
            )
            raise SnapshotsMissing(f"{partition}: {len(missing)} instances have no snapshot, such as {missing[0]}")

    def _save(self, partition: str, replaced: StoredLedger, ledger: Ledger, counts: Counter[str]) -> bool:
        """Store the ledger in place of the one that was read, and hold it for the next batch.

        Returns:
            False if the stored one is of another version by now.
        """
        document = encode_ledger(ledger)
        if document == replaced.document and not is_beginning(replaced.version):
            return True
        now = self._now()
        # It expires with its day, and never earlier than the one that it replaces.
        expires_at = self._store.records.totals_expire(parse_partition(partition).day, self._store.settings)
        stored = StoredLedger(
            version_after(replaced.version, now),
            now.isoformat(timespec="milliseconds"),
            document,
            max(expires_at, replaced.expires_at or 0),
        )
        if not self._store.ledgers.save(partition, replaced, stored):
            return False
        self._warn_if_nearly_full(partition, document, counts)
        self._held[partition] = _Held(stored, ledger)
        while len(self._held) > 1 and sum(held.names for held in self._held.values()) > _HELD_NAMES:
            self._held.pop(next(iter(self._held)))
        return True

    def _warn_if_nearly_full(self, partition: str, document: bytes, counts: Counter[str]) -> None:
        if len(document) > _NEARLY_FULL_BYTES:
            counts[LEDGERS_NEARLY_FULL] += 1
            self._logger.warning(
                "ledger nearly full",
                day=partition,
                bytes=len(document),
                at_most=MAX_PACKED_BYTES,
                remedy=MORE_PARTITIONS,
            )


@cache
def _aggregator() -> Aggregator:
    settings = FunctionSettings.from_environment(os.environ)
    logger, metrics = make_telemetry(Names(settings.stack).aggregator)
    return Aggregator(Store(settings, make_clients()), logger, metrics, utc_now)


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point of AWS Lambda."""
    _aggregator().handle(event, context)
