"""How the parts of a stack are, in memory, for `status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from countagg.aws.health import FunctionHealth, Health, LastChange
from countagg.aws.pipeline import MappingHealth, QueueDepth
from countagg.core.errors import AccessDenied
from countagg.core.names import Names
from countagg.operate.health.status import HopHealth, Inspector
from countagg.provision.watched_metrics import alarm_names
from tests.fakes.pipeline import FakePipeline

if TYPE_CHECKING:
    from countagg.provision.metrics import Metric

NAMES: Final = Names("countagg")
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
CODE: Final = "hash of our zip"
HOPS: Final = [
    "notification/uploads",
    "topic/uploads",
    "queue/uploads",
    "function/processor",
    "mapping/processor",
    "table/snapshots",
    "function/aggregator",
    "mapping/aggregator",
    "table/totals",
    "function/publisher",
    "mapping/publisher",
    "table/counters",
    "queue/dead-letters",
    "alarms",
    "last-upload",
    "last-published",
]
"""Every hop, in the order of the data."""


@dataclass
class FakeHealth(Health):
    """What `Health` would read.

    Attributes:
        functions: by name; what is not there is absent.
        grants: why a function cannot decrypt its environment, by name.
        values: of metrics; those without are without data.
        states: of alarms, by name.
        ledgers, objects: the last changes, by day.
        arriving: changes of ledgers that only a consistent read sees.
        skipped: key of an object that was skipped; None if the log tells none.
        denied: method -> the action that AWS names; empty if it names none.
        asked: when metrics were read.
        skipped_asked: how often the log was looked at for such a key.
    """

    functions: dict[str, FunctionHealth] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    values: dict[Metric, float] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    ledgers: dict[str, LastChange] = field(default_factory=dict)
    objects: dict[str, LastChange] = field(default_factory=dict)
    arriving: dict[str, LastChange] = field(default_factory=dict)
    skipped: str | None = None
    skipped_asked: int = 0
    denied: dict[str, str] = field(default_factory=dict)
    asked: list[datetime] = field(default_factory=list)

    def function(self, name: str) -> FunctionHealth | None:
        self._require("function")
        return self.functions.get(name)

    def grant_problem(self, function: str) -> str | None:
        self._require("grant_problem")
        return self.grants.get(function)

    def metrics(self, wanted: Sequence[Metric], now: datetime) -> dict[Metric, float | None]:
        self._require("metrics")
        self.asked.append(now)
        return {metric: self.values.get(metric) for metric in wanted}

    def skipped_key(self, processor: str, _now: datetime) -> str | None:
        assert processor == NAMES.processor
        self.skipped_asked += 1
        self._require("skipped_key")
        return self.skipped

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        self._require("alarms")
        return {name: self.states[name] for name in names if name in self.states}

    def counted(self, day: str, *, consistent: bool = False) -> LastChange | None:
        if consistent:
            self.ledgers |= self.arriving
        self._require("counted")
        return self.ledgers.get(day)

    def published(self, day: str) -> LastChange | None:
        self._require("published")
        return self.objects.get(day)

    def _require(self, method: str) -> None:
        if method in self.denied:
            raise AccessDenied("no", action=self.denied[method])


@dataclass
class FakeStack:
    """A stack, and the clock by which it is looked at."""

    pipeline: FakePipeline = field(default_factory=FakePipeline)
    health: FakeHealth = field(default_factory=FakeHealth)
    now: datetime = NOW

    def inspector(self) -> Inspector:
        return Inspector(self.pipeline, self.health, CODE, lambda: self.now)

    def look(self) -> tuple[HopHealth, ...]:
        return self.inspector().look()

    def hop(self, name: str) -> HopHealth:
        (found,) = [hop for hop in self.look() if hop.name == name]
        return found


def healthy_stack() -> FakeStack:
    """Return a stack of which every hop is healthy."""
    functions = NAMES.functions.values()
    pipeline = FakePipeline(
        mappings=dict.fromkeys(functions, MappingHealth("Enabled", "OK")),
        tables=dict.fromkeys((NAMES.snapshots, NAMES.totals, NAMES.counters), "ACTIVE"),
        queues={NAMES.uploads: QueueDepth(3, 2), NAMES.dead_letters: QueueDepth(0, 0)},
        topics={NAMES.uploads},
        notified=True,
    )
    health = FakeHealth(
        functions=dict.fromkeys(functions, FunctionHealth("Active", CODE)),
        states=dict.fromkeys(alarm_names(NAMES, None).values(), "OK"),
        ledgers={"2026-11-20": LastChange("2026-11-20", 9, "2026-11-20T11:59:50.250+00:00")},
        objects={"2026-11-20": LastChange("2026-11-20", 8, "2026-11-20T11:58:00+00:00")},
    )
    return FakeStack(pipeline, health)
