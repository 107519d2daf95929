"""Which handlers run: the real ones, unless a proof puts others in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from countagg.data.store import Store
from countagg.functions.aggregator import Aggregator
from countagg.functions.limits import LimitAlerts
from countagg.functions.limits_topic import AlertsTopic
from countagg.functions.outputs import make_outputs
from countagg.functions.processor import Processor
from countagg.functions.publisher import Publisher
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
    store = Store(runtime.settings, runtime.clients)
    outputs = make_outputs(store, runtime.logger, COUNTERS_A_SLICE)
    send_letter = store.dead_letters.send
    most, alerts = runtime.settings.max_counters, None
    if runtime.sns is not None:
        topic = AlertsTopic(runtime.settings.alerts_topic_arn, runtime.sns)
        alerts = LimitAlerts(runtime.settings, store.limits, topic, runtime.logger, runtime.now).send
    return Publisher(outputs, send_letter, runtime.logger, runtime.metrics, runtime.now, most, alerts)


@dataclass(frozen=True, slots=True)
class Rules:
    """The handlers of a run.

    Attributes:
        keeps_ledger: whether the totals are ledgers that must be right at every moment, not only after quiet.
        is_upgraded: whether functions of an older countagg run beside those of this one: a ledger may then be
            rebuilt although nothing was lost.
        sees_repeats: whether the filter of an older countagg stands, which leaves out no repeated uploads.
    """

    processor: MakeHandler = real_processor
    aggregator: MakeHandler = real_aggregator
    publisher: MakeHandler = real_publisher
    keeps_ledger: bool = True
    is_upgraded: bool = False
    sees_repeats: bool = False


REAL = Rules()
