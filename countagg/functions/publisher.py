"""Publisher: totals to the outside world.

Sees each new version of a day's ledger and brings the outputs to the newest one of the batch. An output is a
callable that takes a `Publication`; each one is idempotent and never goes back to an older version.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics
from aws_lambda_powertools.utilities.typing import LambdaContext

from countagg.core.events import TotalsChange, parse_totals_record
from countagg.core.ledger import Ledger, changed_counters, decode_ledger
from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.functions.clients import make_clients
from countagg.functions.counters_table import CountersTable
from countagg.functions.telemetry import make_telemetry, report

VERSIONS_SEEN: Final = "VersionsSeen"
COUNTERS_PUBLISHED: Final = "CountersPublished"


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published of one day.

    Attributes:
        day: YYYY-MM-DD.
        version: of the ledger.
        totals: counter -> sum in units of 10^-9, all of them.
        changed: the counters whose sum changed since the version before the batch; those that are not in
            `totals` have no instance left.
    """

    day: str
    version: int
    totals: Mapping[str, int]
    changed: frozenset[str]


Output = Callable[[Publication], int]
"""Publishes; returns how many counters it wrote."""


class Publisher:
    """Brings the outputs up to date.

    Args:
        outputs: in the order in which they are written.
        logger: for one line a batch.
        metrics: for the counts.
    """

    def __init__(self, outputs: Sequence[Output], logger: Logger, metrics: EphemeralMetrics) -> None:
        self._outputs = outputs
        self._logger = logger
        self._metrics = metrics

    def handle(self, event: Mapping[str, Any], _context: LambdaContext) -> None:
        """Publish a batch of the totals table's stream records, each day once."""
        counts: Counter[str] = Counter()
        for publication in publications(event["Records"]):
            counts[VERSIONS_SEEN] += 1
            if publication.changed:
                counts[COUNTERS_PUBLISHED] += sum(output(publication) for output in self._outputs)
        report(self._logger, self._metrics, counts)


def publications(records: Sequence[Mapping[str, Any]]) -> Iterator[Publication]:
    """Turn a batch of stream records into one publication a day, of its newest version."""
    changes: defaultdict[str, list[TotalsChange]] = defaultdict(list)
    for record in records:
        change = parse_totals_record(record)
        if change is not None:
            changes[change.day].append(change)
    for day, steps in changes.items():
        decoded = [(_decode(step.old), _decode(step.new)) for step in steps]
        newest = max(range(len(steps)), key=lambda index: steps[index].version)
        yield Publication(
            day, steps[newest].version, decoded[newest][1].sums, frozenset(changed_counters(decoded))
        )


# The document after one change is the one before the next.
@lru_cache(maxsize=4)
def _decode(document: bytes | None) -> Ledger:
    return Ledger() if document is None else decode_ledger(document)


def counters_output(table: CountersTable) -> Output:
    """Return the output that writes the changed counters into the table."""

    def write(publication: Publication) -> int:
        # A counter that no instance names any more has the sum 0. Its item stays: without it, a late write of an
        # older version would find no version to lose against.
        values = {name: publication.totals.get(name, 0) for name in sorted(publication.changed)}
        return table.write(publication.day, publication.version, values)

    return write


@cache
def _publisher() -> Publisher:
    settings = FunctionSettings.from_environment(os.environ)
    names = Names(settings.stack)
    logger, metrics = make_telemetry(names.publisher)
    table = CountersTable(names.counters, settings.totals_retention_days, make_clients().dynamodb)
    return Publisher([counters_output(table)], logger, metrics)


def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Entry point of AWS Lambda."""
    _publisher().handle(event, context)
