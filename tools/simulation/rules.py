"""Which handlers run: the real ones, unless a proof puts others in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from countagg.core.names import Names
from countagg.functions.aggregator import Aggregator
from countagg.functions.counters_table import CountersTable
from countagg.functions.outputs import Outputs, counters_output
from countagg.functions.processor import Processor
from countagg.functions.published_object import PublishedObjects
from countagg.functions.publisher import Publisher, letters_to
from countagg.functions.store import Store
from countagg.functions.totals_table import TotalsTable
from tools.simulation.functions import Handler, Runtime

COUNTERS_A_SLICE: Final = 1
"""So that the few counters of a run are several slices."""

MakeHandler = Callable[[Runtime], Handler]


def real_processor(runtime: Runtime) -> Handler:
    """Make the processor as its module does for Lambda."""
    store = Store(runtime.settings, runtime.clients)
    return Processor(runtime.settings, store, runtime.logger, runtime.metrics, runtime.now)


def real_aggregator(runtime: Runtime) -> Handler:
    """Make the aggregator as its module does for Lambda."""
    store = Store(runtime.settings, runtime.clients)
    return Aggregator(store, runtime.logger, runtime.metrics, runtime.now)


def real_publisher(runtime: Runtime) -> Handler:
    """Make the publisher as its module does for Lambda."""
    names = Names(runtime.settings.stack)
    table = CountersTable(names.counters, runtime.settings.totals_retention_days, runtime.clients.dynamodb)
    objects = PublishedObjects(runtime.settings, runtime.clients.s3)
    totals = TotalsTable(names.totals, runtime.clients.dynamodb)
    writers = [counters_output(table, COUNTERS_A_SLICE)]
    outputs = Outputs(
        writers, objects, totals.read, table.written_after, runtime.logger, asks_from=COUNTERS_A_SLICE
    )
    send_letter = letters_to(runtime.settings.dead_letters_url, runtime.clients.sqs)
    return Publisher(outputs, send_letter, runtime.logger, runtime.metrics, runtime.now)


@dataclass(frozen=True, slots=True)
class Rules:
    """The handlers of a run.

    Attributes:
        keeps_ledger: whether the totals are ledgers that must be right at every moment, not only after quiet.
    """

    processor: MakeHandler = real_processor
    aggregator: MakeHandler = real_aggregator
    publisher: MakeHandler = real_publisher
    keeps_ledger: bool = True


REAL = Rules()
