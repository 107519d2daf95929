"""The day's files equal what was added: over midnights, restarts, outages of S3, and kills at every step."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.operate.upload.world import World, added_per_day, utc

MEMORY = next((each for each in ("/dev/shm",) if Path(each).is_dir()), None)  # noqa: S108 - a folder below it
"""Where a write is quick, if there is such a place: thousands are made here."""
BEGIN = utc("2026-11-20T23:58:10")
END = utc("2026-11-21T00:02:40")
LONG_AGO = utc("2026-11-19T08:00:00")


def script(world: World) -> None:
    """Have the source work every seven seconds, restart before and after midnight, and S3 refuse over midnight."""
    chance, moment = random.Random(7), BEGIN
    while moment < END:
        world.happen(moment, partial(world.source.work, chance.choice("AB"), chance.randrange(5)))
        moment += timedelta(seconds=7)
    world.happen(utc("2026-11-20T23:58:50"), world.source.restart)
    world.happen(utc("2026-11-20T23:59:20"), partial(world.bucket.refuse_until, utc("2026-11-21T00:00:30")))
    world.happen(utc("2026-11-21T00:01:15"), world.source.restart)


def files(world: World) -> dict[str, dict[str, int]]:
    """Return the files that are there, without days on which nothing was added."""
    return {day: counters for day, counters in world.bucket.totals().items() if counters}


def run_killed_at(*steps: int) -> World:
    with TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder), BEGIN, started=LONG_AGO)
        world.source.raw.update(A=10_000, B=20_000)
        world.source.work("A", 5)
        world.kill_at = set(steps)
        script(world)
        world.run(END)
    return world


def test_the_files_are_what_was_added_where_nothing_is_killed() -> None:
    world = run_killed_at()

    assert files(world) == added_per_day(world.source)
    assert set(files(world)) == {"2026-11-20", "2026-11-21"}
    assert all(sum(each.values()) > 10 for each in files(world).values())


@pytest.mark.parametrize("step", range(len(run_killed_at().steps)))
def test_the_files_are_what_was_added_wherever_the_uploader_is_killed(step: int) -> None:
    world = run_killed_at(step)

    assert len(world.steps) > step
    assert files(world) == added_per_day(world.source)


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[int, str, int]]:
    """Make what happens in some days: seconds after the beginning, what, and how long or how often."""
    kinds = st.sampled_from(["work", "work", "work", "restart", "refuse", "kill", "stop"])
    happening = st.tuples(st.integers(0, 3 * 86_400), kinds, st.integers(1, 20_000))
    return draw(st.lists(happening, max_size=60))


def live(life: list[tuple[int, str, int]], world: World, begin: datetime) -> bool:
    """Have it happen; return whether the uploader is at work at each midnight."""
    is_there = True
    for after, what, amount in life:
        # Never at the very moment of a midnight, which is of neither day.
        at = begin + timedelta(seconds=after + 0.5)
        until = at + timedelta(seconds=amount)
        if what == "work":
            world.happen(at, partial(world.source.work, "ABC"[amount % 3], amount))
        elif what == "restart":
            world.happen(at, world.source.restart)
        elif what == "refuse":
            world.happen(at, partial(world.bucket.refuse_until, until))
        elif what == "kill":
            world.kill_at.add(amount % 500)
        else:
            world.happen(at, partial(world.stop_until, until))
            is_there &= at.date() == until.date()
    return is_there


@settings(deadline=None, max_examples=40, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(lives(), st.integers(0, 86_399))
def test_whatever_happens_nothing_is_lost_or_counted_twice(life: list[tuple[int, str, int]], second: int) -> None:
    begin = utc("2026-11-20") + timedelta(seconds=second)
    with TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder), begin, LONG_AGO, interval=3_600)
        is_there = live(life, world, begin)
        world.run(begin + timedelta(days=3, hours=12))

    found, added = files(world), added_per_day(world.source)
    if is_there:
        assert found == {day: counters for day, counters in added.items() if counters}
    # What was gained while no uploader saw midnight is of one of the two days.
    assert total(found) == total(added)


def total(days: dict[str, dict[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for counters in days.values():
        found.update(counters)
    return found
