"""Aggregator: snapshots to totals.

Folds the links of a batch into the ledgers of their days and stores each by compare-and-set on its version. Where
the chain has a gap, the day is rebuilt from its snapshots (`core.ledger` has the rules).
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


class LedgerContended(Exception):
    """Other invocations changed the ledger at every attempt; the batch is retried."""


class Aggregator:
    """Keeps the ledgers.

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
            stored = self._store.load_ledger(day)
            ledger = decode_ledger(stored.document) if stored.version else Ledger()
            try:
                added = fold(ledger, links)
            except GapInChain as gap:
                done = self._rebuild(day, stored, gap, counts)
            else:
                done = not added or self._save(day, stored, encode_ledger(ledger))
                if done:
                    counts[LINKS_ADDED] += added
                    counts[LINKS_SKIPPED] += len(links) - added
            if done:
                return
            counts[CONFLICTS] += 1
        raise LedgerContended(f"{day}: {_ATTEMPTS} attempts")

    def _rebuild(self, day: str, stored: StoredLedger, gap: GapInChain, counts: Counter[str]) -> bool:
        """Replace the ledger by the sum of the snapshots.

        They are read after the batch was emitted and strongly consistent, so they include all of its links.
        """
        self._logger.warning("gap in the chain, day rebuilt", day=day, instance=gap.link.instance)
        document = encode_ledger(rebuild(self._store.snapshots_of(day)))
        counts[DAYS_REBUILT] += 1
        return document == stored.document or self._save(day, stored, document)

    def _save(self, day: str, stored: StoredLedger, document: bytes) -> bool:
        return self._store.save_ledger(day, stored, document, self._now().isoformat(timespec="milliseconds"))


@cache
def _aggregator() -> Aggregator:
    settings = FunctionSettings.from_environment(os.environ)
    logger, metrics = make_telemetry(Names(settings.stack).aggregator)
    return Aggregator(Store(settings, make_clients()), logger, metrics, utc_now)


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point of AWS Lambda."""
    _aggregator().handle(event, context)
