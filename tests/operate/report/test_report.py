"""What a report tells of a day, and what it reads for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest

from countagg.aws.pipeline import DayTotals
from countagg.core.days import Expiry
from countagg.core.errors import AccessDenied
from countagg.core.ledger import Ledger
from countagg.core.partitions import Layout
from countagg.core.values import SCALE
from countagg.data.attributes import Attribute
from countagg.data.queues import DeadLetterQueue, HeldMessage
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.reading import ReportReader
from countagg.operate.report.report import DayReport
from tests.cli.report.reports import DAY, NOW, make_report, refused
from tests.fakes.health import NAMES, FakeStack, healthy_stack
from tests.fakes.pipeline import FakePipeline

TOTALS: Final = {DAY: {"a": 5, "b": 1}, "2026-11-18": {"a": 4}}


@dataclass
class Stored(FakePipeline):
    """Totals of days in memory; what is `denied` may not be read."""

    denied: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    def totals(self, day: str) -> DayTotals:
        self._ask("totals", day)
        sums = {name: value * SCALE for name, value in TOTALS.get(day, {}).items()}
        return DayTotals(day, 1 if sums else 0, f"{day}T10:00:00Z" if sums else None, Ledger(sums))

    def snapshots(self, day: str, *_shown: Attribute) -> Iterator[StoredSnapshot]:
        self._ask("snapshots", day)
        return iter(())

    def layout(self, day: str) -> Layout:
        self._ask("layout", day)
        return Layout()

    def expiry(self, day: str) -> Expiry:
        self._ask("expiry", day)
        return self.settings.expiry_of(day)

    def _ask(self, what: str, day: str) -> None:
        self.asked[f"{what} {day}"] += 1
        if what == self.denied:
            raise AccessDenied("no", action=f"right to {what}")


@dataclass
class Letters(DeadLetterQueue):
    held: Sequence[HeldMessage]
    is_denied: bool = False
    given_back: list[HeldMessage] = field(default_factory=list)

    def receive(self) -> Iterator[HeldMessage]:
        if self.is_denied:
            raise AccessDenied("no", action="")
        yield from self.held

    def give_back(self, messages: Sequence[HeldMessage]) -> None:
        self.given_back += messages


def read(stored: Stored, letters: Letters, day: str = DAY, days: int = 3, now: datetime = NOW) -> DayReport:
    fake = healthy_stack()
    stored.mappings, stored.tables, stored.queues = (
        fake.pipeline.mappings,
        fake.pipeline.tables,
        fake.pipeline.queues,
    )
    stored.topics, stored.notified = fake.pipeline.topics, True
    inspector = FakeStack(stored, fake.health).inspector()
    return ReportReader(stored, letters, inspector, ("a",)).read(day, days, now)


def test_each_part_is_read_once_and_dead_letters_are_given_back() -> None:
    stored, letters = Stored(), Letters([refused("i-2", "why"), refused("i-1", "why", day="2026-11-17")])

    report = read(stored, letters)

    assert {what: times for what, times in stored.asked.items() if not what.startswith("layout")} == {
        f"totals {DAY}": 1,
        "totals 2026-11-19": 1,
        "totals 2026-11-18": 1,
        f"snapshots {DAY}": 1,
        f"expiry {DAY}": 1,
    }
    assert letters.given_back == letters.held
    assert not isinstance(report.history, NotAllowed)
    assert [(day.day, dict(day.totals)) for day in report.history.days] == [
        ("2026-11-18", {"a": 4 * SCALE}),
        ("2026-11-19", {}),
        (DAY, {"a": 5 * SCALE}),
    ]
    assert (report.before, report.moves) == (None, None)
    assert not isinstance(report.letters, NotAllowed)
    assert [each.key for each in report.letters] == [
        "counters/2026-11-17/values_i-1",
        f"counters/{DAY}/values_i-2",
    ]
    assert [each.instance for each in report.refused] == ["i-2"]
    assert [(each.instance, each.refused) for each in report.instances] == [("i-2", 1)]
    assert (report.patterns, report.is_over, report.is_closed, report.not_allowed) == (("a",), True, False, [])
    assert (report.stack, NAMES.stack) == ("countagg", "countagg")


@pytest.mark.parametrize(
    ("denied", "lacking"),
    [
        ("totals", {"history"}),
        ("snapshots", {"roster"}),
        ("layout", {"roster"}),
        ("expiry", {"is_closed"}),
        ("letters", {"letters"}),
    ],
)
def test_what_may_not_be_read_is_named_and_the_rest_is_there(denied: str, lacking: set[str]) -> None:
    report = read(Stored(denied=denied), Letters([], is_denied=denied == "letters"))

    parts: Mapping[str, Any] = {
        name: getattr(report, name) for name in ("is_closed", "history", "roster", "letters")
    }
    assert {name for name, part in parts.items() if isinstance(part, NotAllowed)} == lacking
    action = "sqs:ReceiveMessage" if denied == "letters" else f"right to {denied}"
    assert report.not_allowed == [action]
    assert all(hop.healthy for hop in report.hops)
    assert (report.moves, report.refused) == (None, ())


def test_the_first_day_that_there_is_has_none_before_it() -> None:
    report = read(Stored(), Letters([]), day=date.min.isoformat(), days=14)

    assert not isinstance(report.history, NotAllowed)
    assert [day.day for day in report.history.days] == ["0001-01-01"]
    assert (report.before, report.moves) == (None, None)


def test_a_day_whose_snapshots_expire_is_closed() -> None:
    later = datetime(2027, 3, 1, tzinfo=UTC)

    assert read(Stored(), Letters([]), now=later).is_closed is True


@pytest.mark.parametrize(
    ("at", "is_over"),
    [(datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), False), (datetime(2026, 11, 21, tzinfo=UTC), True)],
)
def test_a_day_ends_at_midnight_utc(at: datetime, is_over: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert make_report(at=at).is_over is is_over


def test_who_may_need_a_look_comes_first() -> None:
    assert [each.instance for each in make_report().instances][:3] == ["i-flub", "i-new", "i-0002"]
    assert make_report().instances[-1].is_withdrawn
