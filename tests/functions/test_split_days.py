"""The publisher on days that are spread over partitions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from countagg.core.ledger import Ledger
from countagg.core.partitions import Layout
from countagg.core.published import PublishedTotals
from countagg.core.values import parse_sum
from tests.functions.publishing import Outside, Record, ledger, record, updated_at
from tests.functions.world import DAY, emitted_metrics

ONE, OTHER = Layout(2, 1).partitions(DAY)
Sums = dict[str, int]


class Split:
    """A day of two lanes: its ledgers, and the records of their changes."""

    def __init__(self) -> None:
        self.outside = Outside()
        self._ledgers: dict[str, tuple[int, Ledger | None]] = {ONE: (0, None), OTHER: (0, None)}

    def change(self, partition: str, sums: Sums) -> Record:
        """Store a ledger's next version; return the record of it."""
        version, old = self._ledgers[partition]
        new = ledger(sums, version)
        self._ledgers[partition] = version + 1, new
        self.outside.ledgers.store(partition, version + 1, new)
        return record(version + 1, old, new, partition)

    def sums(self) -> Sums:
        """Return what the day's totals are."""
        found: Sums = {}
        for _, each in self._ledgers.values():
            for name, value in (each.sums if each else {}).items():
                found[name] = found.get(name, 0) + value
        return found

    def agrees(self) -> bool:
        """Tell whether the outputs say the day's totals, in its version."""
        return self.outside.agrees_with(self.sums(), sum(version for version, _ in self._ledgers.values()))


def test_the_totals_are_the_sums_over_all_partitions() -> None:
    split = Split()
    first = split.change(ONE, {"a": 1, "b": 1})
    second = split.change(OTHER, {"a": 2, "c": 5})
    split.outside.publish(first, second)
    assert split.outside.published() == PublishedTotals(2, "", {"a": 3, "b": 1, "c": 5})
    assert split.agrees()
    found = split.outside.bucket.objects[f"totals/{DAY}"]
    assert found.metadata["countagg-updated-at"] == updated_at(1)


def test_a_record_of_one_partition_publishes_what_another_changed_meanwhile() -> None:
    split = Split()
    first = split.change(ONE, {"a": 1})
    second = split.change(OTHER, {"b": 2})
    split.outside.publish(first)
    assert split.agrees()
    split.outside.publish(second)
    assert split.agrees()


def test_a_batch_of_two_partitions_reads_and_writes_the_day_once(capsys: pytest.CaptureFixture[str]) -> None:
    split = Split()
    split.outside.publish(split.change(ONE, {"a": 1}), split.change(OTHER, {"a": 1}), split.change(ONE, {"a": 2}))
    assert split.outside.ledgers.reads == 1
    assert emitted_metrics(capsys) == {"VersionsSeen": 1, "CountersPublished": 1, "ObjectsPublished": 1}


def test_a_reading_that_met_a_write_is_tried_again() -> None:
    split = Split()
    split.outside.ledgers.cancelled = 3
    split.outside.publish(split.change(ONE, {"a": 1}))
    assert split.agrees()


def test_a_reading_that_always_meets_a_write_fails_the_batch() -> None:
    split = Split()
    split.outside.ledgers.cancelled = 100
    changed = split.change(ONE, {"a": 1})
    with pytest.raises(ClientError, match="TransactionConflict"):
        split.outside.publish(changed)
    assert split.outside.published() is None


def test_an_unreadable_partition_leaves_the_day_as_it_is_and_the_next_version_heals_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    split = Split()
    split.outside.publish(split.change(ONE, {"a": 1}), split.change(OTHER, {"b": 1}))
    item = split.outside.ledgers.items[OTHER]
    item["Document"] = {"B": b"damaged"}
    split.outside.publish(split.change(ONE, {"a": 2}))
    assert split.outside.published() == PublishedTotals(2, "", {"a": 1, "b": 1})
    assert emitted_metrics(capsys)["VersionsUnreadable"] == 1
    split.outside.publish(split.change(OTHER, {"b": 3}))
    assert split.agrees()


def test_a_counter_that_an_interrupted_attempt_wrote_is_put_right_by_its_own_record() -> None:
    split = Split()
    split.outside.publish(split.change(ONE, {"a": 1}), split.change(OTHER, {"b": 1}))
    first = split.change(ONE, {"a": 5})
    split.outside.bucket.failing.append("InternalError")
    with pytest.raises(ClientError, match="InternalError"):
        split.outside.publish(first, by=split.outside.start())
    assert split.outside.values()["a"] == "0.000000005"
    second = split.change(ONE, {"a": 1})
    split.outside.publish(first, second)
    assert split.agrees()


CHANGES = st.lists(
    st.tuples(st.sampled_from([ONE, OTHER]), st.dictionaries(st.sampled_from("abc"), st.integers(0, 2))),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200)
@given(CHANGES, st.data())
def test_records_in_any_order_and_repeated_publish_the_totals(
    changes: list[tuple[str, Sums]], data: st.DataObject
) -> None:
    split = Split()
    waiting: list[Record] = []
    for partition, sums in changes:
        waiting.append(split.change(partition, sums))
        if data.draw(st.booleans()):
            by = split.outside.warm if data.draw(st.booleans()) else split.outside.start()
            split.outside.publish(*data.draw(st.permutations(waiting)), by=by)
            if data.draw(st.booleans()):
                waiting.clear()
    if waiting:
        split.outside.publish(*waiting)
    table = {name: value for name, value in split.outside.values().items() if name in split.sums() or value != "0"}
    assert {name: parse_sum(value) for name, value in table.items()} == split.sums()
    published: Any = split.outside.published() or PublishedTotals()
    assert published.totals == split.sums()


def test_versions_of_later_moments_are_greater() -> None:
    split = Split()
    versions = []
    for number in range(4):
        split.outside.publish(split.change((ONE, OTHER)[number % 2], {"a": number}))
        published = split.outside.published()
        assert published is not None
        versions.append(published.version)
    assert all(earlier < later for earlier, later in pairwise(versions))


def test_of_a_day_whose_ledgers_were_lost_nothing_is_published_until_one_begins_anew() -> None:
    split = Split()
    lost = split.change(ONE, {"a": 1})
    kept = dict(split.outside.ledgers.items)
    split.outside.ledgers.items.clear()
    split.outside.publish(lost)
    assert (split.outside.values(), split.outside.published()) == ({}, None)
    split.outside.ledgers.items.update(kept)
    split.outside.publish(lost)
    assert split.agrees()
