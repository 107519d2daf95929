"""What a batch of records tells of days, and what is known to be written of it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from countagg.core.errors import CountaggError
from countagg.core.partitions import Layout
from countagg.functions.publications import OnUnreadable, Told, WrittenDay, changes_by_day, tell
from tests.events.loading import load_event
from tests.functions.publishing import TOMORROW, Record, ledger, record, stream
from tests.functions.world import DAY


def asked(*records: Record) -> list[Told]:
    """Return what records tell that are all readable."""
    return told_by(records, unreadable)


def unreadable(day: str, _version: int | None, error: CountaggError) -> None:
    raise AssertionError(day) from error


def told_by(records: Sequence[Record], on_unreadable: OnUnreadable) -> list[Told]:
    """Return what a batch of records tells."""
    days = changes_by_day(records, on_unreadable)
    return [each for changes in days for each in tell(changes, on_unreadable)]


def span(told: Told, partition: str = DAY) -> tuple[int, int]:
    """Return from which version to which the records tell every change."""
    return told.partitions[partition].base, told.partitions[partition].newest


def damaged(found: Record, image: str) -> Record:
    found["dynamodb"][image]["Document"]["B"] = "AAAA"
    return found


def test_a_batch_tells_of_each_day_once() -> None:
    today = stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 1}])
    tomorrow = stream([{"c": 9}], TOMORROW)
    first, second = asked(today[1], tomorrow[0], today[2])
    assert (first.day, span(first), first.changed) == (DAY, (1, 3), {"a"})
    assert (second.day, span(second, TOMORROW), second.changed) == (TOMORROW, (0, 1), {"c"})


def test_names_that_change_without_end_are_told_in_parts_that_follow_one_another() -> None:
    (changes,) = changes_by_day(stream([{f"n{number}": 1} for number in range(5)]), unreadable)
    found = list(tell(changes, unreadable, 1))
    assert [(span(each), sorted(each.changed)) for each in found] == [
        ((0, 3), ["n0", "n1", "n2"]),
        ((3, 5), ["n2", "n3", "n4"]),
    ]


def test_everything_in_a_days_first_version_is_changed() -> None:
    (told,) = asked(*stream([{"a": 1, "b": 0}]))
    assert told.changed == {"a", "b"}


def test_the_newest_version_is_found_in_any_order_also_past_version_9() -> None:
    records = stream([{"a": number} for number in range(12)])
    (told,) = asked(records[10], records[11], records[8], records[9])
    assert span(told) == (8, 12)


def test_the_base_is_where_the_unbroken_chain_of_versions_begins() -> None:
    records = stream([{"a": number} for number in range(9)])
    (told,) = asked(records[1], records[2], records[6], records[7], records[7], records[6])
    assert span(told) == (6, 8)


def test_a_counter_that_changed_and_came_back_is_told() -> None:
    (told,) = asked(*stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1}])[1:])
    assert told.partitions[DAY].changed == {"a": 3}


def test_a_counter_without_instances_is_changed() -> None:
    (told,) = asked(*stream([{"a": 1, "b": 1}, {"a": 1}])[1:])
    assert told.changed == {"b"}


def test_a_version_that_only_moves_what_is_seen_changes_nothing() -> None:
    (told,) = asked(record(2, ledger({"a": 1}, 1), ledger({"a": 1}, 2)))
    assert (span(told), told.changed) == ((1, 2), set())


def test_a_ledger_past_its_time_to_live_tells_nothing() -> None:
    assert asked(load_event("stream-totals-ttl-remove")) == []
    assert asked() == []


Left = list[tuple[str, int | None]]


def with_left(*records: Record) -> tuple[list[Told], Left]:
    """Return what records tell, and which of them are left out."""
    left: Left = []
    found = told_by(records, lambda day, version, _: left.append((day, version)))
    return found, left


def test_a_version_that_cannot_be_read_is_told_and_left_out() -> None:
    first, second = stream([{"a": 1}, {"a": 2}])
    found, left = with_left(first, damaged(second, "NewImage"))
    assert [(span(told), told.changed) for told in found] == [((0, 1), {"a"})]
    assert left == [(DAY, 2)]


def test_of_a_day_without_a_readable_version_nothing_is_told() -> None:
    assert with_left(damaged(stream([{"a": 1}])[0], "NewImage")) == ([], [(DAY, 1)])


@pytest.mark.parametrize("attribute", ["Version", "UpdatedAt", "Document"])
def test_a_ledger_that_somebody_damaged_keeps_no_other_day_from_being_told(attribute: str) -> None:
    (ours,), (other,) = stream([{"a": 1}]), stream([{"c": 9}], TOMORROW)
    del ours["dynamodb"]["NewImage"][attribute]
    found, left = with_left(ours, other)
    assert [told.day for told in found] == [TOMORROW]
    assert left == [(DAY, None)]


def test_a_record_that_is_of_no_ledger_is_told_and_left_out() -> None:
    assert with_left({"eventName": "INSERT"}) == ([], [("{'eventName': 'INSERT'}", None)])


def test_after_a_damaged_ledger_was_replaced_nobody_knows_what_changed() -> None:
    second = stream([{"a": 1}, {"a": 2}])[1]
    del second["dynamodb"]["OldImage"]["Version"]
    (told,) = asked(second)
    assert (span(told), told.changed) == ((2, 2), set())


def test_after_a_version_that_cannot_be_read_nobody_knows_what_changed() -> None:
    second = stream([{"a": 1}, {"a": 2}])[1]
    (told,) = asked(damaged(second, "OldImage"))
    assert (span(told), told.changed) == ((2, 2), set())


# What is known to be written

VERSIONS = ({"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2, "b": 2}, {"a": 3, "b": 2})


def test_what_was_written_for_a_later_version_needs_not_be_written_for_an_earlier_one() -> None:
    (told,) = asked(*stream(VERSIONS)[1:3])
    assert told.unwritten(WrittenDay({DAY: 3}, frozenset("ab"))) == set()
    assert told.unwritten(WrittenDay({DAY: 3}, frozenset("a"))) == {"b"}
    assert told.unwritten(WrittenDay({DAY: 2}, frozenset("ab"))) == {"b"}


def test_what_was_told_before_is_written_whatever_was_written_since() -> None:
    (told,) = asked(*stream(VERSIONS)[1:3])
    held = WrittenDay({DAY: 3}).having(told)
    assert told.unwritten(held) == set()
    (more,) = asked(*stream(VERSIONS)[2:4])
    assert more.unwritten(held) == {"a"}


def test_what_came_before_is_known_whatever_comes_again() -> None:
    (first,), (second,) = asked(*stream(VERSIONS)[:1]), asked(*stream(VERSIONS)[1:3])
    assert WrittenDay({DAY: 3}).having(second).having(first).told == {DAY: 3}


@pytest.mark.parametrize(("told_before", "is_gap"), [(0, True), (1, True), (2, False), (3, False)])
def test_records_that_do_not_follow_those_before_are_behind_a_gap(told_before: int, *, is_gap: bool) -> None:
    (told,) = asked(stream(VERSIONS)[2])
    # That a version was published says nothing of the records that lead to it.
    held = WrittenDay({DAY: 3}, told={DAY: told_before} if told_before else {})
    assert told.is_behind_a_gap(held if told_before else WrittenDay({DAY: 1})) is is_gap


def test_a_partition_that_begins_is_behind_no_gap() -> None:
    one, other = Layout(2, 1).partitions(DAY)
    first = record(1, None, ledger({"a": 1}), other)
    (told,) = asked(first)
    assert not told.is_behind_a_gap(WrittenDay({one: 5, other: 0}, told={one: 5}))
    assert told.unwritten(WrittenDay({one: 5, other: 0}, frozenset("a"), {one: 5})) == {"a"}
