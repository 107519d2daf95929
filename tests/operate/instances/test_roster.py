from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from countagg.aws.day_reader import DayReader
from countagg.core.object_keys import build_object_key
from countagg.core.partitions import Layout
from countagg.core.sequencer import normalise_sequencer
from countagg.core.snapshot import pack_counters
from countagg.core.values import SCALE
from countagg.data.attributes import Attribute
from countagg.data.letters import Refusal, UnpublishedDay
from countagg.data.snapshots import StoredSnapshot
from countagg.operate.instances.refusals import Refusals
from countagg.operate.instances.roster import InstanceState, RosterReader

DAY, YESTERDAY, TOMORROW = "2026-11-20", "2026-11-19", "2026-11-21"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
STALE = timedelta(minutes=10)


def sequencer(number: int) -> str:
    return normalise_sequencer(f"{number:016X}")


class Held(DayReader):
    """Snapshots in memory, of days that are all spread alike."""

    def __init__(self, layout: Layout | None = None) -> None:
        self._layout = layout or Layout()
        self.held: list[StoredSnapshot] = []
        self.shown: tuple[Attribute, ...] = ()

    def hold(
        self, instance: str, at: datetime | str, day: str = DAY, *, etag: str = "e", names: str = "AB"
    ) -> None:
        """Store the fifth snapshot of an instance."""
        packed = pack_counters(dict.fromkeys(names, SCALE) if etag else {})
        uploaded_at = at if isinstance(at, str) else at.isoformat()
        self.held.append(StoredSnapshot(day, instance, sequencer(5), packed, etag, "k", uploaded_at))

    def snapshots(self, day: str, *shown: Attribute) -> Iterator[StoredSnapshot]:
        self.shown = shown
        return (each for each in self.held if each.day == day)

    def layout(self, day: str) -> Layout:  # noqa: ARG002 - all alike
        return self._layout


@pytest.fixture(name="held")
def _held() -> Held:
    return Held()


def ago(minutes: float, now: datetime = NOON) -> datetime:
    return now - timedelta(minutes=minutes)


def refusal(instance: str, number: int, day: str = DAY) -> str:
    key = build_object_key("counters/", day, instance)
    return Refusal("b", key, sequencer(number), "why", 3, "e", "r", "then").to_message()


NOTHING: Final[dict[str, Any]] = {
    **dict.fromkeys(("uploaded_at", "counters", "bytes", "refused")),
    "is_withdrawn": False,
    "is_silent": False,
    "lane": 0,
}


def state(instance: str, **known: Any) -> InstanceState:
    return InstanceState(instance=instance, date=DAY, **{**NOTHING, **known})


def test_each_instance_of_a_day_is_listed_by_its_id(held: Held) -> None:
    held.hold("i-2", ago(3), names="A")
    held.hold("i-1", ago(1), names="ABC")
    held.hold("i-3", ago(2), YESTERDAY)
    roster = RosterReader(held).look(DAY, NOON)
    assert (roster.day, roster.stale, roster.silent, roster.lanes) == (DAY, None, [], 1)
    assert roster.instances == (
        state("i-1", uploaded_at=ago(1), counters=3, bytes=len(b"A 1\nB 1\nC 1\n")),
        state("i-2", uploaded_at=ago(3), counters=1, bytes=len(b"A 1\n")),
    )
    assert [each.age_seconds(NOON) for each in roster.instances] == [60, 180]


def test_neither_key_nor_expiry_are_read(held: Held) -> None:
    RosterReader(held).look(DAY, NOON)
    assert [each.name for each in held.shown] == ["Instance", "Sequencer", "Counters", "ETag", "UploadedAt"]


def test_who_withdrew_has_no_counters_and_is_never_silent(held: Held) -> None:
    held.hold("i-1", ago(300), etag="")
    roster = RosterReader(held).look_for_silent(NOON, STALE)
    assert roster.instances == (state("i-1", uploaded_at=ago(300), is_withdrawn=True),)


def test_a_damaged_snapshot_says_what_it_can(held: Held) -> None:
    held.held.append(StoredSnapshot(DAY, "i-1", sequencer(5), b"", "e", "k", "then"))
    held.hold("i-2", "2026-11-20T11:00:00")
    for each in RosterReader(held).look_for_silent(NOON, STALE).instances:
        assert (each.uploaded_at, each.age_seconds(NOON), each.is_silent) == (None, None, False)
    assert [each.counters for each in RosterReader(held).look(DAY, NOON).instances] == [None, 2]


def test_an_instance_of_a_split_day_has_a_lane() -> None:
    held = Held(Layout(3, 2))
    for number in range(9):
        held.hold(f"i-{number}", ago(1))
    roster = RosterReader(held).look(DAY, NOON)
    assert roster.lanes == 3
    for each in roster.instances:
        assert held.layout(DAY).partitions_of(DAY, each.instance)[0].startswith(f"{DAY}#{each.lane}/3#")


def test_silent_is_who_uploaded_nothing_for_so_long(held: Held) -> None:
    held.hold("i-1", ago(9))
    held.hold("i-2", ago(11))
    roster = RosterReader(held).look_for_silent(NOON, STALE)
    assert (roster.stale, roster.silent) == (STALE, ["i-2"])
    assert [each.is_silent for each in roster.instances] == [False, True]


def test_shortly_after_midnight_the_silent_ones_of_yesterday_are_listed_and_no_other(held: Held) -> None:
    now = ago(-5, MIDNIGHT)
    held.hold("i-1", ago(6, MIDNIGHT), YESTERDAY)
    held.hold("i-2", ago(1, MIDNIGHT), YESTERDAY)
    held.hold("i-3", ago(600, MIDNIGHT), YESTERDAY)
    held.hold("i-4", ago(6, MIDNIGHT), YESTERDAY)
    held.hold("i-4", ago(1, now))
    roster = RosterReader(held).look_for_silent(now, STALE)
    assert [(each.instance, each.date, each.is_silent) for each in roster.instances] == [
        ("i-1", YESTERDAY, True),
        ("i-4", DAY, False),
    ]


def test_who_writes_the_file_of_tomorrow_is_shown_by_it(held: Held) -> None:
    held.hold("i-1", ago(300))
    held.hold("i-1", ago(1), TOMORROW, names="ABC")
    roster = RosterReader(held).look_for_silent(NOON, STALE)
    assert [(each.date, each.counters, each.is_silent) for each in roster.instances] == [(TOMORROW, 3, False)]


def test_files_that_were_refused_since_are_counted(held: Held) -> None:
    held.hold("i-1", ago(1))
    held.hold("i-2", ago(1))
    bodies = [refusal("i-1", 4), refusal("i-1", 6), refusal("i-1", 7), refusal("i-1", 8, YESTERDAY)]
    roster = RosterReader(held, Refusals.of(bodies, "counters/")).look(DAY, NOON)
    assert [(each.instance, each.refused) for each in roster.instances] == [("i-1", 2), ("i-2", 0)]


def test_an_instance_of_which_no_file_was_ever_taken_is_listed_too(held: Held) -> None:
    refusals = Refusals.of([refusal("i-9", 1), refusal("i-9", 2), refusal("i-8", 1, YESTERDAY)], "counters/")
    (found,) = RosterReader(held, refusals).look(DAY, NOON).instances
    assert found == state("i-9", refused=2)


def test_dead_letters_that_are_no_refusal_of_a_counter_file_say_nothing() -> None:
    bodies = [
        "x",
        "[1]",
        "null",
        "{}",
        "[" * 100_000,
        UnpublishedDay(DAY, "why", "r", "then").to_message(),
        refusal("i 1", 1),
        refusal("i-1", 1).replace("values_", "notes_"),
        '{"kind": "refused-file"}',
    ]
    assert Refusals.of(bodies, "counters/") == Refusals()
