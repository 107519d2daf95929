"""All that a stack stores, and how to reach it."""

from __future__ import annotations

from countagg.core.names import Names
from countagg.core.settings import FunctionSettings
from countagg.data.calls import DataClients
from countagg.data.counters import CountersTable
from countagg.data.day_records import DayRecords
from countagg.data.files import CounterFiles
from countagg.data.ledgers import LedgersTable
from countagg.data.limits import LimitsTable
from countagg.data.published import PublishedObjects
from countagg.data.queues import DeadLetterQueue
from countagg.data.silence_turns import SilenceTurns
from countagg.data.snapshots import SnapshotsTable


class Store:
    """The stored forms of a stack.

    Args:
        settings: of the stack.
        clients: to work with.
    """

    def __init__(self, settings: FunctionSettings, clients: DataClients) -> None:
        names = Names(settings.stack)
        self.settings = settings
        self.files = CounterFiles(clients, settings)
        self.snapshots = SnapshotsTable(clients, names.snapshots)
        self.records = DayRecords(clients, names.snapshots)
        self.silence_turns = SilenceTurns(clients, names.snapshots)
        self.ledgers = LedgersTable(clients, names.totals)
        self.counters = CountersTable(clients, names.counters)
        self.limits = LimitsTable(clients, names.counters)
        self.published = PublishedObjects(clients, settings)
        self.dead_letters = DeadLetterQueue(clients, settings.dead_letters_url)
