"""Aggregator: snapshots to totals.

Folds the links of a batch into the ledgers of their days and stores each by compare-and-set on its version. Where
the chain has a gap, or a ledger or an image of a snapshot cannot be read, the day is rebuilt from its snapshots
(`core.ledger` has the rules).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.errors import CorruptDocument
from countagg.core.events import parse_snapshot_record
from countagg.core.ledger import GapInChain, Ledger, Link, decode_ledger, encode_ledger, fold, rebuild
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.functions.clients import make_clients
from countagg.functions.store import Store, StoredLedger
from countagg.functions.telemetry import make_telemetry, report, utc_now

LINKS_ADDED: Final = "LinksAdded"
LINKS_SKIPPED: Final = "LinksSkipped"
DAYS_REBUILT: Final = "DaysRebuilt"
CONFLICTS: Final = "LedgerConflicts"

_ATTEMPTS: Final = 20
_DAYS_HELD: Final = 3


class LedgerContended(Exception):
    """Other invocations changed the ledger at every attempt; the batch is retried."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A ledger as it is stored, and decoded."""

    stored: StoredLedger
    ledger: Ledger


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
        """Fold a batch of the snapshots table's stream records."""
        links: defaultdict[str, list[Link]] = defaultdict(list)
        for record in event["Records"]:
            link = parse_snapshot_record(record)
            if link is not None:
                links[link.day].append(link)
        counts: Counter[str] = Counter()
        for day, links_of_day in links.items():
            self._include(day, links_of_day, counts)
        report(self._logger, self._metrics, counts)

    def _include(self, day: str, links: Sequence[Link], counts: Counter[str]) -> None:
        for _ in range(_ATTEMPTS):
            # Taken out: what is folded and then not stored must not be held.
            held = self._held.pop(day, None)
            stored = self._store.load_ledger(day) if held is None else held.stored
            try:
                ledger = _decode(stored) if held is None else held.ledger
                added = fold(ledger, links)
            except (GapInChain, CorruptDocument) as reason:
                if held is not None:
                    # Another invocation may have gone on since: only the stored ledger tells whether it is a gap.
                    continue
                done = self._rebuild(day, stored, reason, counts)
            else:
                done = not added or self._save(day, stored, ledger)
                if done:
                    self._held.setdefault(day, _Held(stored, ledger))
                    counts[LINKS_ADDED] += added
                    counts[LINKS_SKIPPED] += len(links) - added
            if done:
                return
            counts[CONFLICTS] += 1
        raise LedgerContended(f"{day}: {_ATTEMPTS} attempts")

    def _rebuild(
        self, day: str, stored: StoredLedger, reason: GapInChain | CorruptDocument, counts: Counter[str]
    ) -> bool:
        """Replace the ledger by the sum of the snapshots.

        They are read after the batch was emitted and strongly consistent, so they include all of its links.
        """
        ledger = rebuild(self._store.snapshots_of(day))
        if isinstance(reason, GapInChain):
            self._logger.warning("gap in the chain, day rebuilt", day=day, instance=reason.link.instance)
        else:
            self._logger.warning("unreadable document, day rebuilt", day=day, reason=str(reason))
        counts[DAYS_REBUILT] += 1
        return self._save(day, stored, ledger)

    def _save(self, day: str, replaced: StoredLedger, ledger: Ledger) -> bool:
        """Store the ledger in place of the one that was read, and hold it for the next batch.

        Returns:
            False if the stored one is of another version by now.
        """
        document = encode_ledger(ledger)
        if document == replaced.document:
            return True
        now = self._now().isoformat(timespec="milliseconds")
        if not self._store.save_ledger(day, replaced, document, now):
            return False
        while len(self._held) >= _DAYS_HELD:
            self._held.pop(next(iter(self._held)))
        self._held[day] = _Held(StoredLedger(replaced.version + 1, document), ledger)
        return True


def _decode(stored: StoredLedger) -> Ledger:
    return decode_ledger(stored.document) if stored.version else Ledger()


@cache
def _aggregator() -> Aggregator:
    settings = FunctionSettings.from_environment(os.environ)
    logger, metrics = make_telemetry(Names(settings.stack).aggregator)
    return Aggregator(Store(settings, make_clients()), logger, metrics, utc_now)


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point of AWS Lambda."""
    _aggregator().handle(event, context)
