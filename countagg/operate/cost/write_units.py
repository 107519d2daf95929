"""Write units of both layouts, and the rhythm on which ours depend: how much goes into one invocation."""

from __future__ import annotations

from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.operate.cost.fleet_sizes import ArticleSizes, Sizes
from countagg.operate.cost.model import ASSUMED, Workload, seconds_per_file
from countagg.provision.functions import QUEUE_BATCH, SNAPSHOTS_BATCH, TOTALS_BATCH
from countagg.provision.settings import StackSettings

STREAM_POLL: Final = 0.25
"""Seconds between two looks at a stream (docs/aws-facts.md#event-source-mappings)."""
ARTICLE_UPDATES: Final = 2
"""Conditional updates of a counter's item: one makes the map, one sets the value. Both cost the whole item."""

_PAYLOAD: Final = 6 * 1024**2


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How much goes into one invocation.

    Attributes:
        files_per_call: of the processor.
        files_per_version: changed files of a batch of the aggregator; the day has another version then.
        versions_per_publication: versions of a batch of the publisher.
        ledgers_per_version: ledgers that such a batch writes: those of the partitions that its files are in.
    """

    files_per_call: float = 1.0
    files_per_version: float = 1.0
    versions_per_publication: float = 1.0
    ledgers_per_version: float = 1.0

    @property
    def files_per_publication(self) -> float:
        """Changed files between two publications."""
        return self.files_per_version * self.versions_per_publication


def rhythm_of(work: Workload, sizes: Sizes, choices: StackSettings) -> Rhythm:
    """Return how much the windows gather of a fleet that is spread evenly."""
    rate, window = work.per_second, choices.window
    changing = rate * work.changed
    own = ASSUMED.per_invocation / ASSUMED.pollers
    each = seconds_per_file(work, choices) / ASSUMED.pollers
    # What comes while all pollers are at work waits for the next of them.
    gathered = QUEUE_BATCH if rate * each >= 1 else rate * own / (1 - rate * each)
    called = min(QUEUE_BATCH, max(1.0, gathered, _within(rate / ASSUMED.pollers, window.processor)))
    files = min(_fitting(SNAPSHOTS_BATCH, sizes.packed), _within(changing, max(window.aggregator, STREAM_POLL)))
    versions = _within(changing / files, max(window.publisher, STREAM_POLL))
    lanes, shards = choices.layout.lanes, choices.layout.shards
    ledgers = shards * lanes * (1 - (1 - 1 / lanes) ** files)
    fitting = max(1.0, _fitting(TOTALS_BATCH, sizes.ledger) / ledgers)
    return Rhythm(called, files, min(fitting, versions), ledgers)


def _within(rate: float, window: float) -> float:
    """Return how many come within a window that the first one opens."""
    return 1 + rate * window


def _fitting(most: int, packed: float) -> float:
    """Return how many records with two images, written in base64, fit into a payload."""
    return max(1.0, min(most, _PAYLOAD / (2 * (packed * 4 / 3 + 600))))


def write_units_per_file(
    sizes: Sizes, rhythm: Rhythm, counters: int, changed: float = 1.0, changed_counters: float = 1.0
) -> float:
    """Return the write units of our layout for each file.

    Args:
        sizes: of the fleet's items.
        rhythm: how many changed files a version and a publication stand for.
        counters: in each file.
        changed: share of the files whose values changed; of the others, only the snapshot is written.
        changed_counters: share of the counters that changed in those.
    """
    published = counters * changed_in(rhythm.files_per_publication, changed_counters)
    return sizes.snapshot_units + changed * (
        sizes.ledger_units * rhythm.ledgers_per_version / rhythm.files_per_version
        # The index takes every attribute, so each write is written to it too.
        + 2 * sizes.counter_units * published / rhythm.files_per_publication
    )


def article_write_units_per_file(sizes: ArticleSizes, counters: int, changed: float = 1.0) -> float:
    """Return the write units of the article's layout for each file, of whose values a share changed.

    A condition that does not hold costs as much as a write (docs/aws-facts.md#dynamodb).
    """
    return counters * (ARTICLE_UPDATES * sizes.state_units + changed * sizes.total_units)


def changed_in(files: float, changed: float) -> float:
    """Return the share of the counters that at least one of so many files changed."""
    return float(1 - (1 - changed) ** files)
