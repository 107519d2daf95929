"""Verification: what is wrong is named, what is on its way is not taken for it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from countagg.core.days import Expiry
from countagg.core.values import SCALE
from countagg.data.ledgers import StoredDay
from countagg.operate.integrity.comparison import NAMED_COUNTERS
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Difference, Hop, RefusedFile, Verification
from tests.cli.running import REPOSITORY, process_environment
from tests.fakes.day import DAY, FakeDay
from tests.gzipped import gzipped
from tests.operate.corruptions import CORRUPTIONS, Corruption, Told, healthy_day


def told(differences: tuple[Difference, ...]) -> set[Told]:
    return {
        (str(each.hop), each.what, each.instance or "", each.counter or "", each.expected, each.found)
        for each in differences
    }


def test_a_day_on_which_all_hops_agree_is_ok_at_the_first_look() -> None:
    day = healthy_day()
    assert day.verify() == Verification(DAY, files=3, version=3)
    assert day.clock == 100.0


def test_a_day_without_anything_is_ok() -> None:
    assert FakeDay().verify() == Verification(DAY, files=0, version=0)


def test_values_of_any_size_are_added_exactly() -> None:
    day = FakeDay()
    for number in range(3):
        day.upload(f"i-{number}", "big 999999999999999999999999.999999999\ntiny -0.000000001\n")
    day.settle()
    assert day.verify().ok
    day.items["big"] = replace(day.items["big"], value=Decimal("2999999999999999999999999.999999998"))
    (found,) = day.verify().differences
    assert found.expected == Decimal("2999999999999999999999999.999999997")
    assert found.found == Decimal("2999999999999999999999999.999999998")


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_what_is_wrong_is_named(corruption: Corruption) -> None:
    day = healthy_day()
    corruption.plant(day)
    found = day.verify()
    assert not found.ok
    assert told(found.differences) == set(corruption.told)
    assert len(found.differences) == len(corruption.told)
    assert found.in_flight == ()


def test_of_a_file_that_differs_in_many_counters_not_all_are_named() -> None:
    day = FakeDay()
    day.upload("i-1", "".join(f"C{number:03} 1\n" for number in range(100)))
    day.settle()
    day.upload("i-1", "".join(f"C{number:03} 2\n" for number in range(100)), told=False)
    found = [each for each in day.verify().differences if each.hop is Hop.SNAPSHOTS]
    assert len(found) == NAMED_COUNTERS + 1
    assert found[-1].what == "the snapshot is not of this file: 80 more counters differ"


def test_a_file_that_says_the_same_in_other_words_without_an_event_is_another_version() -> None:
    day = healthy_day()
    day.upload("i-1", "A 1.0\n\n", told=False)
    assert told(day.verify().differences) == {("snapshots", "ETag is not that of the file", "i-1", "", None, None)}
    assert day.repair().verification.ok


# Files that the rules refuse


def test_a_refused_file_is_named_apart_and_the_snapshot_before_it_stands() -> None:
    day = healthy_day()
    day.upload("i-2", "A 10\nB\n")
    day.settle()
    day.objects[f"counters/{DAY}/values_i 7"] = b"A 1\n"
    day.objects[f"counters/{DAY}/notes.txt"] = b"no counter file"
    day.objects[f"counters/{DAY}/values_i-8"] = bytes(5 * 1024 * 1024 + 1)
    found = day.verify()
    assert (found.ok, found.files) == (True, 4)
    assert set(found.refused) == {
        RefusedFile(f"counters/{DAY}/values_i-2", "'B' is not COUNTER VALUE", 2),
        RefusedFile(
            f"counters/{DAY}/values_i 7", "the instance id 'i 7' is not 1 to 128 of A-Z a-z 0-9 . _ -", None
        ),
        RefusedFile(f"counters/{DAY}/values_i-8", "the file has 5242881 bytes; at most 5242880 are read", None),
    }


def test_a_file_that_takes_its_day_beyond_the_bound_is_refused_until_the_bound_is_raised() -> None:
    day = healthy_day()
    names = len(day.totals.sums)
    day.settings = replace(day.settings, max_counters=names)
    day.upload("i-9", "NEW 1\n", told=False)

    found = day.verify()

    assert (found.ok, len(found.refused)) == (True, 1)
    assert f"{DAY} would have {names + 1} different counters with this file" in found.refused[0].reason
    assert day.repair().verification.ok
    assert "NEW" not in day.totals.sums
    day.upload("i-9", "A 1\n")
    day.settle()
    assert day.verify().refused == ()
    day.upload("i-9", "NEW 1\n", told=False)
    day.settings = replace(day.settings, max_counters=names + 1)
    assert not day.verify().ok
    assert day.repair().verification.ok
    assert day.totals.sums["NEW"] == SCALE


def test_files_are_read_as_the_processor_reads_them_gzipd_and_empty() -> None:
    """Where the two read differently, a right day would be wrong, or an empty file would withdraw on repair."""
    day = healthy_day()
    day.upload("i-1", gzipped(b"A 5\n"))
    day.upload("i-2", "")
    day.settle()
    assert (day.verify().ok, day.totals.sums["A"]) == (True, (5 + 10) * SCALE)
    key = f"counters/{DAY}/values_i-2"
    refused = RefusedFile(
        key,
        "the file has no counter; to withdraw an instance, delete its object: `countagg upload --withdraw`",
        None,
    )
    assert day.verify().refused == (refused,)
    del day.held["i-1"]
    assert day.repair().verification.ok
    assert day.totals.sums["A"] == (5 + 10) * SCALE


def test_of_a_refused_file_a_damaged_snapshot_is_named() -> None:
    day = healthy_day()
    day.upload("i-2", "garbage")
    day.settle()
    day.held["i-2"] = replace(day.held["i-2"], packed=b"garbage")
    assert told(day.verify().differences) == {("snapshots", "the snapshot cannot be read", "i-2", "", None, None)}


def test_files_of_a_day_too_far_ahead_are_refused() -> None:
    day = FakeDay(today=date(2026, 11, 18))
    day.upload("i-1", "A 1\n", told=False)
    found = day.verify()
    assert (found.ok, found.files) == (True, 0)
    assert [each.reason for each in found.refused] == [
        "the date 2026-11-20 is more than 1 day ahead of 2026-11-18 (UTC)"
    ]


def test_of_a_day_that_is_closed_the_totals_are_compared_with_the_files_whatever_is_chosen_since() -> None:
    day = healthy_day()
    day.fixed = Expiry.chosen(DAY, 10, 400)
    day.today = date(2026, 12, 2)
    day.held.clear()
    assert Observer(day, DAY, day.today).look().expired
    assert day.verify().ok


def test_a_file_that_came_after_the_last_day_is_refused_and_its_snapshot_stands() -> None:
    day = healthy_day()
    day.today = date(2026, 12, 26)
    assert day.verify().refused == ()
    day.uploaded_at = datetime(2026, 12, 26, tzinfo=UTC)
    found = day.verify()
    assert {each.reason for each in found.refused} == {
        "the date 2026-11-20 is more than 35 days before 2026-12-26 (UTC)"
    }


def test_of_a_day_whose_snapshots_are_gone_by_age_the_totals_are_compared_with_the_files() -> None:
    day = healthy_day()
    day.today = date(2027, 1, 20)
    day.held.clear()
    assert day.verify().ok
    ledger = day.totals
    ledger.sums["A"] += SCALE
    day.put_ledger(ledger)
    assert ("ledger", "the sum is wrong", "", "A", Decimal(11), Decimal(12)) in told(day.verify().differences)


# A day on which uploads go on


def test_what_arrives_while_it_waits_is_no_difference() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    day.on_sleep = [day.process, day.aggregate, day.publish]
    assert day.verify() == Verification(DAY, files=3, version=4)
    assert 100.0 < day.clock < 110.0


def test_what_does_not_arrive_is_a_difference_after_the_time_to_settle_and_not_before() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    assert [each.found for each in day.verify(10.0).differences] == [Decimal(1)]
    assert day.clock == 110.0


def test_a_publisher_that_takes_its_time_is_no_difference() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    day.process()
    day.aggregate()
    day.on_sleep = [lambda: None, lambda: None, lambda: None, day.publish]
    assert day.verify() == Verification(DAY, files=3, version=4)


def test_a_sum_that_nothing_explains_needs_no_time_to_settle() -> None:
    day = healthy_day()
    ledger = day.totals
    ledger.sums["A"] += SCALE
    day.put_ledger(ledger)
    assert not day.verify(1_000.0).ok
    assert day.clock < 110.0


def test_an_index_that_lags_behind_for_a_look_is_no_difference() -> None:
    day = healthy_day()
    current = day.items["B"]
    day.items["B"] = replace(current, value=Decimal(4))
    day.on_sleep = [lambda: day.items.update(B=current)]
    assert day.verify().ok


def test_a_snapshot_that_the_ledger_includes_by_now_is_read_again() -> None:
    day = healthy_day()

    def meanwhile(*_shown: Any, **_how: Any) -> StoredDay:
        day.upload("i-1", "A 2\n")
        day.process()
        day.aggregate()
        return StoredDay((day.stored,))

    day.ledger = meanwhile  # type: ignore[method-assign]  # to interfere
    look = Observer(day, DAY, day.today).look()
    assert look.ledger is not None
    assert look.snapshots["i-1"].sequencer == look.ledger.seen["i-1"]


def test_uploads_that_never_end_are_in_flight_and_no_difference() -> None:
    day = healthy_day()

    def go_on() -> None:
        # Each hop is one upload behind the one before it.
        day.publish()
        day.aggregate()
        day.process()
        day.upload("i-1", f"A {day.events}\n")

    day.on_sleep = [go_on] * 99
    go_on()
    found = day.verify()
    assert found.ok
    assert {each.hop for each in found.in_flight} >= {Hop.SNAPSHOTS, Hop.LEDGER}
    assert day.clock < 110.0


def test_a_wrong_sum_is_found_while_uploads_never_end() -> None:
    day = healthy_day()
    ledger = day.totals
    ledger.sums["A"] += 5 * SCALE
    day.put_ledger(ledger)

    def go_on() -> None:
        day.publish()
        day.aggregate()
        day.process()
        day.upload("i-1", f"A {day.events}\n")

    day.on_sleep = [go_on] * 99
    found = day.verify()
    (off,) = [each for each in found.differences if each.hop is Hop.LEDGER]
    assert (off.counter, off.state) == ("A", f"off by {5 * SCALE}")


def test_a_wrong_item_is_found_while_uploads_of_others_never_end() -> None:
    day = healthy_day()
    day.items["B"] = replace(day.items["B"], value=Decimal(6))

    def go_on() -> None:
        day.publish()
        day.upload("i-1", f"A {day.events}\n")
        day.process()
        day.aggregate()

    go_on()
    day.on_sleep = [go_on] * 99
    found = day.verify()
    assert {(each.hop, each.counter) for each in found.differences} == {(Hop.COUNTERS, "B")}


def test_with_no_time_to_settle_one_look_decides() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    assert not day.verify(0.0).ok
    assert day.clock == 100.0


def test_files_are_read_once_and_progress_is_told() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    reads: list[str] = []
    read = day.read_object

    def counted(key: str) -> tuple[bytes, str] | None:
        reads.append(key)
        return read(key)

    day.read_object = counted  # type: ignore[method-assign]  # to count
    progress: list[tuple[int, int]] = []
    day.verify(progress=progress)
    assert sorted(reads) == [f"counters/{DAY}/values_i-{number}" for number in (1, 2, 3)]
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_a_file_that_goes_between_listing_and_reading_is_gone() -> None:
    day = healthy_day()
    read = day.read_object

    def gone(key: str) -> tuple[bytes, str] | None:
        if key.endswith("i-3") and key in day.objects:
            day.delete("i-3")
        return read(key)

    day.read_object = gone  # type: ignore[method-assign]  # to interfere
    day.on_sleep = [day.settle]
    found = day.verify()
    assert (found.ok, found.files) == (True, 2)


def test_a_file_that_is_listed_but_not_found_is_not_gone() -> None:
    day = healthy_day()
    day.unseen = set(day.objects)
    found = day.verify()
    assert (found.ok, found.files) == (True, 3)
    day.upload("i-3", "A 5\n", told=False)
    found = day.verify()
    assert told(found.differences) == {
        ("snapshots", "the file is listed, but S3 does not show it yet", "i-3", "", None, None)
    }


def test_a_day_of_ten_thousand_files_takes_less_than_300_megabytes() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.operate.large_day", "10000", "100"],
        env=process_environment(),
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        text=True,
    )
    found = json.loads(ran.stdout)
    assert (found["ok"], found["files"]) == (True, 10_000)
    assert 20 < found["megabytes"] < 300
