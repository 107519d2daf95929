"""A pipeline in memory, for the use cases that read and upload."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from countagg.aws.pipeline import DayTotals, MappingHealth, Pipeline, QueueDepth, SnapshotHead
from countagg.core.ledger import Image, Ledger, rebuild
from countagg.core.names import Names
from countagg.core.sequencer import normalise_sequencer
from countagg.core.settings import FunctionSettings
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from countagg.data.attributes import Attribute
from countagg.data.files import ListedObject
from countagg.data.snapshots import StoredSnapshot
from tests.fakes.bucket import etag_of

if TYPE_CHECKING:
    from collections.abc import Callable

DAY: Final = "2026-07-01"


def sequencer(number: int) -> str:
    """Return a normalised sequencer; larger numbers are later."""
    return normalise_sequencer(f"{number:016X}")


@dataclass
class FakePipeline(Pipeline):
    """Holds the snapshots of one day, the ledger, and the state of each part.

    Attributes:
        held: the snapshots, by instance.
        included: what the aggregator made of them.
        version: of the ledger, which is `included`.
        uploaded: keys and contents, in the order in which the uploads ended.
        in_bucket: what the bucket lists of the day.
        on_put: called with the key while a file is uploaded.
        mappings, tables, queues, topics: by name; what is not there is absent.
    """

    held: dict[str, StoredSnapshot] = field(default_factory=dict)
    included: Ledger = field(default_factory=Ledger)
    version: int = 0
    uploaded: list[tuple[str, bytes]] = field(default_factory=list)
    in_bucket: list[ListedObject] = field(default_factory=list)
    on_put: Callable[[str], None] = lambda _: None
    mappings: dict[str, MappingHealth] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    queues: dict[str, QueueDepth] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    notified: bool = False
    settings: FunctionSettings = field(
        default_factory=lambda: FunctionSettings(
            "countagg", "b", "1", "counters/", "totals/", "url", 35, 400, "arn"
        )
    )
    names: Names = field(default_factory=lambda: Names("countagg"))

    def hold(self, instance: str, counters: Mapping[str, int], *, number: int = 1, etag: str = "etag") -> None:
        """Store a snapshot, as the processor does; the ledger stays behind."""
        packed = pack_counters({name: value * SCALE for name, value in counters.items()})
        self.held[instance] = StoredSnapshot(DAY, instance, sequencer(number), packed, etag, "key", "then")

    def aggregate(self) -> None:
        """Bring the ledger up to the snapshots."""
        self.included = rebuild((each.instance, Image(each.sequencer, each.packed)) for each in self.held.values())
        self.version += 1

    def totals(self, day: str) -> DayTotals:
        if day != DAY or not self.version:
            return DayTotals(day, 0, None, Ledger())
        return DayTotals(day, self.version, "now", self.included)

    def snapshots(self, day: str, *_shown: Attribute) -> Iterator[StoredSnapshot]:
        return iter(self.held.values() if day == DAY else ())

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        return iter(self.in_bucket if day == DAY else ())

    def snapshot(self, day: str, instance: str) -> StoredSnapshot | None:
        return self.held.get(instance) if day == DAY else None

    def snapshot_heads(self, day: str) -> Iterator[SnapshotHead]:
        for each in self.snapshots(day):
            yield SnapshotHead(each.instance, each.sequencer, each.etag, each.content_sequencer)

    def put_counter_file(self, key: str, content: bytes) -> str:
        self.on_put(key)
        self.uploaded.append((key, content))
        return etag_of(content)

    def queue_depth(self, name: str) -> QueueDepth | None:
        return self.queues.get(name)

    def topic_exists(self, name: str) -> bool:
        return name in self.topics

    def has_notification(self) -> bool:
        return self.notified

    def mapping_health(self, function: str) -> MappingHealth | None:
        return self.mappings.get(function)

    def table_status(self, name: str) -> str:
        return self.tables.get(name, "absent")
