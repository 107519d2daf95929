"""Which publications a batch of records asks for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from countagg.core.errors import CountaggError
from countagg.core.partitions import Layout
from countagg.functions.publications import OnUnreadable, Publication, changes_by_day, publications
from tests.events.loading import load_event
from tests.functions.publishing import EXPIRES_AT, TOMORROW, Record, ledger, record, stream, updated_at
from tests.functions.world import DAY


def asked(*records: Record) -> list[Publication]:
    """Return the publications of records that are all readable."""
    return published(records, unreadable)


def unreadable(day: str, _version: int | None, error: CountaggError) -> None:
    raise AssertionError(day) from error


def published(records: Sequence[Record], on_unreadable: OnUnreadable) -> list[Publication]:
    """Return the publications of a batch of records."""
    days = changes_by_day(records, on_unreadable)
    return [each for changes in days for each in publications(changes, on_unreadable)]


def damaged(found: Record, image: str) -> Record:
    found["dynamodb"][image]["Document"]["B"] = "AAAA"
    return found


def test_a_batch_is_one_publication_a_day_of_its_newest_version() -> None:
    today = stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 3, "b": 1}])
    tomorrow = stream([{"c": 9}], TOMORROW)
    assert asked(today[1], tomorrow[0], today[2]) == [
        Publication(DAY, 1, 3, updated_at(3), {"a": 3, "b": 1}, frozenset({"a"}), Layout(), EXPIRES_AT),
        Publication(TOMORROW, 0, 1, updated_at(1), {"c": 9}, frozenset({"c"}), Layout(), EXPIRES_AT),
    ]


def test_names_that_change_without_end_are_several_publications_that_follow_one_another() -> None:
    (changes,) = changes_by_day(stream([{f"n{number}": 1} for number in range(5)]), unreadable)
    found = list(publications(changes, unreadable, 1))
    assert [(each.base, each.version, sorted(each.changed)) for each in found] == [
        (0, 3, ["n0", "n1", "n2"]),
        (3, 5, ["n2", "n3", "n4"]),
    ]
    assert [each.totals for each in found] == [{"n2": 1}, {"n4": 1}]


def test_everything_in_a_days_first_version_is_changed() -> None:
    (publication,) = asked(*stream([{"a": 1, "b": 0}]))
    assert publication.changed == {"a", "b"}


def test_the_newest_version_is_found_in_any_order_also_past_version_9() -> None:
    records = stream([{"a": number} for number in range(12)])
    (publication,) = asked(records[10], records[11], records[8], records[9])
    assert (publication.base, publication.version, publication.totals) == (8, 12, {"a": 11})


def test_the_base_is_where_the_unbroken_chain_of_versions_begins() -> None:
    records = stream([{"a": number} for number in range(9)])
    (publication,) = asked(records[1], records[2], records[6], records[7], records[7], records[6])
    assert (publication.base, publication.version) == (6, 8)


def test_a_counter_that_changed_and_came_back_is_published() -> None:
    (publication,) = asked(*stream([{"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 1, "b": 1}])[1:])
    assert (publication.totals, publication.changed) == ({"a": 1, "b": 1}, frozenset({"a"}))


def test_a_counter_without_instances_is_changed_and_not_in_the_totals() -> None:
    (publication,) = asked(*stream([{"a": 1, "b": 1}, {"a": 1}])[1:])
    assert (publication.totals, publication.changed) == ({"a": 1}, frozenset({"b"}))


def test_a_version_that_only_moves_what_is_seen_changes_nothing() -> None:
    (publication,) = asked(record(2, ledger({"a": 1}, 1), ledger({"a": 1}, 2)))
    assert (publication.version, publication.changed) == (2, frozenset())


def test_a_ledger_past_its_time_to_live_is_no_publication() -> None:
    assert asked(load_event("stream-totals-ttl-remove")) == []
    assert asked() == []


Told = list[tuple[str, int | None]]


def with_told(*records: Record) -> tuple[list[Publication], Told]:
    """Return the publications of records, and what was told of those that are left out."""
    told: Told = []
    found = published(records, lambda day, version, _: told.append((day, version)))
    return found, told


def test_a_version_that_cannot_be_read_is_told_and_left_out() -> None:
    first, second = stream([{"a": 1}, {"a": 2}])
    found, told = with_told(first, damaged(second, "NewImage"))
    assert [(publication.version, publication.totals) for publication in found] == [(1, {"a": 1})]
    assert told == [(DAY, 2)]


@pytest.mark.parametrize("attribute", ["Version", "UpdatedAt", "Document"])
def test_a_ledger_that_somebody_damaged_keeps_no_other_day_from_being_published(attribute: str) -> None:
    (ours,), (other,) = stream([{"a": 1}]), stream([{"c": 9}], TOMORROW)
    del ours["dynamodb"]["NewImage"][attribute]
    found, told = with_told(ours, other)
    assert [publication.day for publication in found] == [TOMORROW]
    assert told == [(DAY, None)]


def test_a_record_that_is_of_no_ledger_is_told_and_left_out() -> None:
    assert with_told({"eventName": "INSERT"}) == ([], [("{'eventName': 'INSERT'}", None)])


def test_after_a_damaged_ledger_was_replaced_nobody_knows_what_changed() -> None:
    second = stream([{"a": 1}, {"a": 2}])[1]
    del second["dynamodb"]["OldImage"]["Version"]
    (publication,) = asked(second)
    assert (publication.base, publication.version, publication.changed) == (2, 2, frozenset())


def test_after_a_version_that_cannot_be_read_nobody_knows_what_changed() -> None:
    second = stream([{"a": 1}, {"a": 2}])[1]
    (publication,) = asked(damaged(second, "OldImage"))
    assert (publication.base, publication.version, publication.changed) == (2, 2, frozenset())
