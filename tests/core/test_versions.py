from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from countagg.core.versions import changes_of, is_beginning, version_after, version_before_all, version_of_day

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def test_a_ledger_begins_with_its_moment_and_counts_its_changes() -> None:
    first = version_after(0, NOW)
    second = version_after(first, NOW)
    third = version_after(second, LATER)
    assert [first + 1, second + 1] == [second, third]
    assert [changes_of(each) for each in (first, second, third)] == [1, 2, 3]
    assert version_before_all(third) == version_before_all(first) == first - 1


def test_a_ledger_that_begins_has_the_moment_of_its_second_write() -> None:
    begun = version_after(0, NOW)
    assert is_beginning(0)
    assert is_beginning(begun)
    assert not is_beginning(version_after(begun, LATER))
    assert version_after(begun, LATER) == version_after(0, LATER) + 1
    assert version_after(begun, NOW - timedelta(seconds=1)) == begun + 1


@given(st.integers(1, 100_000))
def test_a_ledger_that_begins_anew_is_newer_than_all_of_the_one_before(changes: int) -> None:
    version = version_after(0, NOW) + changes
    assert version_before_all(version_after(0, NOW + timedelta(seconds=0.1))) > version


def test_a_version_is_exact_in_every_reader_of_json_for_decades() -> None:
    assert version_after(0, datetime(2052, 1, 1, tzinfo=UTC)) + 10**6 < 2**53


def test_versions_from_before_moments_go_on_and_are_older_than_any_other() -> None:
    assert version_after(7, NOW) == 8
    assert changes_of(7) == 7
    assert version_before_all(7) == 0
    assert version_after(0, datetime(2001, 1, 1, tzinfo=UTC)) == 1


def test_a_day_without_ledgers_has_no_version() -> None:
    assert version_of_day([]) == version_of_day([0, 0]) == 0


def test_a_day_of_one_ledger_has_its_version() -> None:
    version = version_after(0, NOW) + 5
    assert version_of_day([version]) == version_of_day([0, version, 0]) == version


@given(st.lists(st.sampled_from([0, 1, 2, 3, 0, 1, None]), max_size=40))
def test_the_version_of_a_day_grows_with_each_change_also_when_the_table_is_lost(events: list[int | None]) -> None:
    """None is the loss of the table; a number is the partition that changes."""
    stored, newest, now = [0, 0, 0, 0], 0, NOW
    for partition in events:
        now += timedelta(seconds=0.2)
        if partition is None:
            stored = [0, 0, 0, 0]
            continue
        stored[partition] = version_after(stored[partition], now)
        found = version_of_day(stored)
        assert found > newest
        newest = found


def test_a_partition_that_was_lost_makes_the_day_newer_when_it_is_back() -> None:
    stored = [version_after(0, NOW) + 50, version_after(0, NOW) + 3]
    published = version_of_day(stored)
    assert version_of_day([0, stored[1]]) < published
    assert version_of_day([version_after(0, LATER), stored[1]]) > published
