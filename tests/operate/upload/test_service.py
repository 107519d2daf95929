"""The service: its timetable, its patience, what it writes, and that it does not grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from countagg.operate.upload.day_sums import Values
from countagg.operate.upload.service import LONGEST_PAUSE, Timetable
from tests.operate.upload.test_day_files import LONG_AGO, MEMORY
from tests.operate.upload.world import World, utc

NOON = utc("2026-11-20T12:00:00")


def puts(world: World) -> list[datetime]:
    return [at for at, _ in world.bucket.puts]


@pytest.fixture
def folder() -> Iterator[Path]:
    with TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture
def world(folder: Path) -> World:
    return World(folder, NOON, LONG_AGO)


def work_every(world: World, seconds: int, until: datetime) -> None:
    moment = world.clock.now + timedelta(seconds=1)
    while moment < until:
        world.happen(moment, partial(world.source.work, "A", 1))
        moment += timedelta(seconds=seconds)


def test_a_fleet_is_spread_over_the_interval() -> None:
    offsets = [Timetable(60, f"i-{number:08x}").offset for number in range(6_000)]

    assert all(60 <= offsets.count(second) <= 150 for second in range(60))


@pytest.mark.parametrize("every", [10, 60, 3_600, 86_400])
def test_an_instance_uploads_at_its_own_second_of_each_interval(every: int) -> None:
    table = Timetable(every, "i-1")
    first = table.next_upload(NOON)

    assert 0 < (first - NOON).total_seconds() <= every
    assert first.timestamp() % every == table.offset
    assert table.next_upload(first) - first == timedelta(seconds=every)


def test_what_changes_is_sent_each_minute_and_nothing_else(world: World) -> None:
    end = NOON + timedelta(minutes=20)
    work_every(world, 50, NOON + timedelta(minutes=10))

    world.run(end)

    assert len(puts(world)) == 10
    assert {at.timestamp() % 60 for at in puts(world)} == {Timetable(60, "i-1").offset}
    assert max(puts(world)) < NOON + timedelta(minutes=12)


def test_tries_to_send_become_rarer_while_s3_refuses_and_readings_go_on(world: World) -> None:
    world.bucket.refuses_until = NOON + timedelta(hours=5)
    work_every(world, 30, NOON + timedelta(hours=5))

    world.run(NOON + timedelta(hours=6))

    failed = [text for text in world.told if text.startswith("failed")]
    assert 15 < len(failed) < 50
    assert "the next try is in" in failed[0]
    first = puts(world)[0]
    assert first <= NOON + timedelta(hours=5, seconds=LONGEST_PAUSE + 60)
    assert f"sent again; failures before: {len(failed)}" in world.told
    assert world.bucket.totals() == {"2026-11-20": {"A": 600}}


def test_the_pause_is_never_longer_than_a_quarter_of_an_hour_or_the_interval() -> None:
    table = Timetable(60, "i-1")
    pauses = [table.pause(failures).total_seconds() for failures in range(2_000)]

    assert pauses == sorted(pauses)
    assert 30 <= pauses[0] <= 60
    assert pauses[-1] <= LONGEST_PAUSE
    assert Timetable(7_200, "i-1").pause(50).total_seconds() <= 7_200


def test_the_day_that_is_over_is_sent_after_an_outage_over_two_midnights(folder: Path) -> None:
    begin = utc("2026-11-20T22:00:00")
    world = World(folder, begin, LONG_AGO, interval=600)
    work_every(world, 60, begin + timedelta(hours=30))
    world.bucket.refuses_until = begin + timedelta(hours=29)

    world.run(begin + timedelta(hours=31))

    assert world.bucket.totals() == {
        "2026-11-20": {"A": 120},
        "2026-11-21": {"A": 1_440},
        "2026-11-22": {"A": 240},
    }


def test_nothing_is_sent_shortly_before_midnight_and_the_reading_there_is_in_time(folder: Path) -> None:
    table = Timetable(60, "i-1")
    begin = utc("2026-11-20T23:50:00")
    world = World(folder, begin, LONG_AGO)
    work_every(world, 5, begin + timedelta(minutes=15))

    world.run(begin + timedelta(minutes=20))

    midnight = utc("2026-11-21")
    assert not [at for at in puts(world) if timedelta() < midnight - at < timedelta(seconds=30)]
    assert world.bucket.totals()["2026-11-20"] == {"A": 120}
    # An instance whose second lies there sends at midnight what it has put off.
    assert (midnight in puts(world)) is (table.offset > 30)


def test_a_source_that_is_down_is_told_and_the_last_upload_stays(world: World) -> None:
    work_every(world, 50, NOON + timedelta(minutes=9))
    world.happen(NOON + timedelta(minutes=3), lambda: setattr(world, "is_source_down", True))
    world.happen(NOON + timedelta(minutes=6), lambda: setattr(world, "is_source_down", False))

    world.run(NOON + timedelta(minutes=10))

    assert [text for text in world.told if text.startswith("failed")] == [
        "failed: http://127.0.0.1/metrics: cannot be read: connection refused"
    ] * 3
    assert world.bucket.totals() == {"2026-11-20": {"A": 11}}


def test_a_remark_that_stays_the_same_is_made_once(world: World) -> None:
    work_every(world, 50, NOON + timedelta(minutes=9))

    world.run(NOON + timedelta(minutes=10))

    assert len([text for text in world.told if "left out" in text]) == 1


def test_the_end_is_a_last_reading_and_upload(world: World) -> None:
    at = NOON + timedelta(minutes=10)
    world.happen(at - timedelta(seconds=1), partial(world.source.work, "A", 7))

    world.run(at)

    assert world.bucket.totals() == {"2026-11-20": {"A": 7}}


def test_an_upload_that_hangs_over_midnight_makes_the_reading_there_late_but_not_missing(folder: Path) -> None:
    begin = utc("2026-11-20T23:55:00")
    world = World(folder, begin, LONG_AGO)
    work_every(world, 1, begin + timedelta(minutes=8))
    midnight = utc("2026-11-21")

    def hang(*_: object) -> None:
        if midnight - timedelta(seconds=50) < world.clock.now < midnight:
            world.advance(world.clock.now + timedelta(seconds=45))

    world.bucket.forward = hang
    world.run(begin + timedelta(minutes=10))

    found = world.bucket.totals()
    assert 290 <= found["2026-11-20"]["A"] <= 330
    assert found["2026-11-20"]["A"] + found["2026-11-21"]["A"] == 479
    assert world.reads_late(midnight) <= timedelta(seconds=16)


def test_a_clock_that_is_set_back_is_followed(world: World) -> None:
    work_every(world, 30, NOON + timedelta(minutes=2))

    def set_back(*_: object) -> None:
        if world.clock.now > NOON + timedelta(minutes=1):
            world.clock.now -= timedelta(hours=2)
            world.source.work("A", 1)

    world.bucket.forward = set_back
    world.run(NOON + timedelta(minutes=2))

    earlier = [NOON - at for at in puts(world) if at < NOON]
    assert timedelta(hours=1, minutes=57) <= earlier[0] <= timedelta(hours=1, minutes=59)


def test_as_they_are_numbers_are_not_read_at_midnight_when_they_may_be_of_either_day(folder: Path) -> None:
    begin = utc("2026-11-20T23:58:10")
    world = World(folder, begin, LONG_AGO, values=Values.AS_IS)
    work_every(world, 5, begin + timedelta(minutes=3))

    world.run(begin + timedelta(minutes=4))

    assert {at.timestamp() % 60 for at in world.read_at[1:-1]} == {Timetable(60, "i-1").offset}
    assert len(puts(world)) == 4
