"""Reading again and again, and what is told after reads that fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from botocore.exceptions import ClientError

from countagg.aws.errors import translate_answer
from countagg.aws.pipeline import DayTotals, Pipeline
from countagg.core.errors import AccessDenied, ConnectionProblem, StackNotFound
from countagg.core.values import SCALE
from countagg.data.files import ListedObject
from countagg.operate.health.status import HopHealth
from countagg.operate.serve.exposition import ExpositionForm, render
from countagg.operate.serve.families import age_families, health_families
from countagg.operate.serve.stack_reader import LONGEST_PAUSE, PartState, ReadPart, StackReader, Subject
from countagg.operate.totals.query import Choice
from tests.fakes.pipeline import DAY, FakePipeline

NOW: Final = datetime(2026, 7, 1, 12, tzinfo=UTC)
HOPS: Final = (
    HopHealth("queue/uploads", healthy=True, state="present"),
    HopHealth("mapping/processor", healthy=False, state="Disabled"),
    HopHealth("alarms", healthy=None, state="unknown"),
)


FAILING: Final[dict[str, Exception]] = {}
"""What a read fails with, by what is read."""


def fail(what: str) -> None:
    if what in FAILING:
        raise FAILING[what]


class Stack(FakePipeline):
    """A stack of which reads may fail, and whose totals tell when they changed."""

    def totals(self, day: str) -> DayTotals:
        fail("totals")
        found = super().totals(day)
        at = "2026-07-01T11:59:50+00:00" if found.version else None
        return DayTotals(day, found.version, at, found.ledger)

    def list_objects(self, day: str) -> Iterator[ListedObject]:
        fail("files")
        return super().list_objects(day)


class World:
    """A reader, its stack and its clock."""

    def __init__(self, *patterns: str) -> None:
        FAILING.clear()
        self.stack = Stack()
        self.now = NOW
        self.day = DAY
        self.told: list[str] = []
        self.found = 0
        subject = Subject(self.find, self.look, lambda: self.day, Choice(patterns))
        self.reader = StackReader(subject, 30.0, lambda: self.now, self.told.append)

    def find(self) -> Pipeline:
        self.found += 1
        fail("find")
        return self.stack

    def look(self, pipeline: Pipeline) -> Sequence[HopHealth]:
        assert pipeline is self.stack
        fail("hops")
        return HOPS

    def upload(self, instance: str, value: int) -> None:
        self.stack.hold(instance, {"http_get": value, "errors": 1})
        self.stack.aggregate()
        self.stack.in_bucket.append(ListedObject(f"counters/{DAY}/values_{instance}", "etag", 1, NOW))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def metrics(self) -> str:
        last = self.reader.last
        families = [
            *age_families(last.totals, last.parts, self.now),
            *health_families(last.waiting, last.hops),
        ]
        text = render(families, ExpositionForm.OPENMETRICS)
        return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))


@pytest.fixture
def world() -> World:
    world = World()
    world.upload("i-1", 5)
    return world


def throttled() -> Exception:
    answer = ClientError({"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}, "GetItem")
    error = translate_answer(answer, "totals")
    error.__cause__ = answer
    return error


def test_before_the_first_read_nothing_is_known_but_that(world: World) -> None:
    assert world.reader.last.totals is None
    assert world.metrics().startswith("countagg_up 0\n")
    assert 'countagg_reads_total{part="totals"} 0\n' in world.metrics()
    assert "last_read" not in world.metrics()


def test_a_read_tells_totals_files_and_hops(world: World) -> None:
    world.stack.in_bucket.append(ListedObject(f"counters/{DAY}/values_i-2", "etag", 1, NOW))

    world.reader.read()

    totals = world.reader.last.totals
    assert totals is not None
    assert totals.totals == {"errors": SCALE, "http_get": 5 * SCALE}
    world.later(2)
    assert world.metrics() == (
        "countagg_up 1\n"
        "countagg_totals_age_seconds 12\n"
        + "".join(f'countagg_last_read_timestamp_seconds{{part="{part}"}} 1782907200\n' for part in ReadPart)
        + "".join(f'countagg_last_read_age_seconds{{part="{part}"}} 2\n' for part in ReadPart)
        + "".join(f'countagg_reads_total{{part="{part}"}} 1\n' for part in ReadPart)
        + "".join(f'countagg_read_errors_total{{part="{part}"}} 0\n' for part in ReadPart)
        + "countagg_files_not_included 1\n"
        'countagg_hop_healthy{hop="queue/uploads"} 1\n'
        'countagg_hop_healthy{hop="mapping/processor"} 0\n'
        "countagg_hops_unknown 1\n"
    )


def test_only_the_counters_that_are_wanted_are_told() -> None:
    world = World("http_*")
    world.upload("i-1", 5)

    world.reader.read()

    totals = world.reader.last.totals
    assert totals is not None
    assert totals.totals == {"http_get": 5 * SCALE}


@pytest.mark.parametrize(
    ("what", "parts"),
    [
        ("find", set(ReadPart)),
        ("totals", {ReadPart.TOTALS, ReadPart.FILES}),
        ("files", {ReadPart.FILES}),
        ("hops", {ReadPart.HOPS}),
    ],
)
def test_what_cannot_be_read_stays_as_it_was_with_its_age(world: World, what: str, parts: set[ReadPart]) -> None:
    world.reader.read()
    before = world.reader.last
    world.later(30)
    FAILING[what] = ConnectionProblem("no answer", where="AWS", hint="wait")
    world.upload("i-2", 6)

    world.reader.read()

    after = world.reader.last
    for part in ReadPart:
        failed = part in parts
        assert after.parts[part] == PartState(2, int(failed), failed, NOW if failed else world.now)
    assert (after.totals == before.totals) is (ReadPart.TOTALS in parts)
    assert (after.waiting, after.hops) == (before.waiting, before.hops)
    assert "countagg_up 0\n" in world.metrics()
    assert world.told == ["AWS: no answer; wait; what was read before is served, with its age"]


def test_a_failure_is_told_once_and_its_end_too(world: World) -> None:
    FAILING["hops"] = StackNotFound("gone")
    world.reader.read()
    world.reader.read()
    FAILING["hops"] = KeyError("Table")
    world.reader.read()
    FAILING.clear()
    world.reader.read()
    world.reader.read()

    assert world.told == [
        "gone; what was read before is served, with its age",
        "unexpected KeyError: \"'Table'\"; what was read before is served, with its age",
        "everything can be read again",
    ]
    assert world.reader.last.parts[ReadPart.HOPS] == PartState(5, 3, failed=False, read_at=NOW)


def test_at_midnight_the_next_day_is_told_and_nothing_of_the_one_before(world: World) -> None:
    world.stack.in_bucket.append(ListedObject(f"counters/{DAY}/values_i-2", "etag", 1, NOW))
    world.reader.read()
    world.day = "2026-07-02"
    FAILING["files"] = ConnectionProblem("no answer")

    world.reader.read()

    totals = world.reader.last.totals
    assert totals is not None
    assert (totals.day, totals.version, dict(totals.totals)) == ("2026-07-02", 0, {})
    assert world.reader.last.waiting is None


def test_who_may_not_list_the_files_is_told_nothing_of_them(world: World) -> None:
    FAILING["files"] = AccessDenied("no", action="s3:ListBucket")

    world.reader.read()

    assert world.reader.last.waiting is None
    assert world.reader.last.parts[ReadPart.FILES] == PartState(1, 0, failed=False, read_at=NOW)
    assert "countagg_up 1\n" in world.metrics()
    assert "files_not_included" not in world.metrics()


@pytest.mark.parametrize("what", ["find", "totals", "hops"])
def test_throttled_reads_are_further_and_further_apart(world: World, what: str) -> None:
    pauses = []
    FAILING[what] = throttled()
    for _ in range(8):
        pauses.append(world.reader.pause)
        world.reader.read()
    assert pauses == [30, 60, 120, 240, 480, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]

    FAILING.clear()
    world.reader.read()
    assert world.reader.pause == 30


def test_other_failures_are_tried_again_after_the_interval(world: World) -> None:
    FAILING["totals"] = ConnectionProblem("no answer")
    for _ in range(3):
        world.reader.read()

    assert world.reader.pause == 30


def test_an_interval_beyond_the_longest_pause_stays_as_it_is() -> None:
    reader = StackReader(Subject(Stack, lambda _: HOPS, lambda: DAY), 3600.0, lambda: NOW, print)
    FAILING["totals"] = throttled()
    reader.read()

    assert reader.pause == 3600
