"""How days are spread over partitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.core.ledger import Ledger, Link, fold, merge, rebuild
from countagg.core.partitions import MAX_PARTITIONS, Layout, Partition, parse_partition
from tests.core.strategies import DAY, counter_sets, image

INSTANCES = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True)


def layouts() -> st.SearchStrategy[Layout]:
    """Layouts of few and of many partitions."""
    return st.integers(1, MAX_PARTITIONS).flatmap(
        lambda lanes: st.integers(1, MAX_PARTITIONS // lanes).map(lambda shards: Layout(lanes, shards))
    )


def test_a_whole_day_is_one_partition_that_is_named_like_it() -> None:
    assert Layout().partitions(DAY) == Layout().partitions_of(DAY, "i-1") == (DAY,)
    assert not Layout().is_split
    assert parse_partition(DAY) == Partition(DAY, Layout())


def test_the_keys_of_a_split_day_are_a_format() -> None:
    # Stored for 400 days: a change of the hash or of the form would lose what is there.
    assert Layout(2, 2).partitions(DAY) == (
        f"{DAY}#0/2#0/2",
        f"{DAY}#0/2#1/2",
        f"{DAY}#1/2#0/2",
        f"{DAY}#1/2#1/2",
    )
    assert Layout(4, 1).partitions_of(DAY, "i-deadbeef") == (f"{DAY}#1/4#0/1",)
    assert Layout(4, 1).partitions_of(DAY, "i-1") == (f"{DAY}#0/4#0/1",)
    assert Layout(1, 3).split({"REQUESTS": 1, "ERRORS": 2, "a": 3}) == ({"REQUESTS": 1, "a": 3}, {"ERRORS": 2}, {})


@given(layouts())
def test_the_keys_of_a_day_are_distinct_and_say_the_layout(layout: Layout) -> None:
    keys = layout.partitions(DAY)
    assert len(set(keys)) == layout.lanes * layout.shards
    assert {parse_partition(key) for key in keys} == {Partition(DAY, layout)}
    assert set(layout.first_partitions(DAY)) <= set(keys)
    assert len(layout.first_partitions(DAY)) == layout.lanes


@given(layouts(), INSTANCES)
def test_an_instance_stands_in_one_lane_with_all_its_shards(layout: Layout, instance: str) -> None:
    keys = layout.partitions_of(DAY, instance)
    assert set(keys) <= set(layout.partitions(DAY))
    assert len(keys) == layout.shards
    assert len(set(keys) & set(layout.first_partitions(DAY))) == 1


@given(layouts(), counter_sets())
def test_the_shares_of_a_file_are_its_counters_each_once(layout: Layout, counters: dict[str, int]) -> None:
    shares = layout.split(counters)
    assert len(shares) == layout.shards
    assert sum(map(len, shares)) == len(counters)
    assert {name: value for share in shares for name, value in share.items()} == counters


def test_instances_are_spread_evenly() -> None:
    layout = Layout(8, 1)
    found = [layout.partitions_of(DAY, f"i-{number:08x}")[0] for number in range(8_000)]
    assert all(800 < found.count(key) < 1_200 for key in layout.partitions(DAY))


@pytest.mark.parametrize(
    "key",
    [
        *("", "layout", "2026-02-30", "2026-11-2", f"{DAY}#", f"{DAY}#0/2", f"{DAY}#0/1#0/1", f"{DAY}#2/2#0/1"),
        *(f"{DAY}#0/2#1/1", f"{DAY}#0/0#0/0", f"{DAY}#0/101#0/1", f"{DAY}#0/11#0/10", f"{DAY}#0/2#0/1 "),
        *(f"{DAY}#-1/2#0/1", "2026-13-01#0/2#0/1"),
    ],
)
def test_what_is_no_partition_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="is not a partition of a day"):
        parse_partition(key)


@pytest.mark.parametrize(("lanes", "shards"), [(0, 1), (1, 0), (-1, -1), (101, 1), (11, 10)])
def test_a_layout_beyond_what_dynamodb_reads_at_once_is_refused(lanes: int, shards: int) -> None:
    with pytest.raises(UsageError):
        Layout.checked(lanes, shards)


def test_the_largest_layouts_are_accepted() -> None:
    assert Layout.checked(100, 1) == Layout(100, 1)
    assert Layout.checked(10, 10) == Layout(10, 10)


@given(layouts(), st.dictionaries(INSTANCES, counter_sets(), max_size=5))
def test_the_ledgers_of_a_split_day_add_up_to_that_of_the_whole_day(
    layout: Layout, files: dict[str, dict[str, int]]
) -> None:
    parts: dict[str, list[Link]] = {key: [] for key in layout.partitions(DAY)}
    for instance, counters in files.items():
        shares = layout.split(counters)
        for key, share in zip(layout.partitions_of(DAY, instance), shares, strict=True):
            parts[key].append(Link(key, instance, None, image(1, share)))
    ledgers = []
    for links in parts.values():
        ledger = Ledger()
        fold(ledger, links)
        ledgers.append(ledger)
    whole = rebuild((instance, image(1, counters)) for instance, counters in files.items())
    assert merge(ledgers, layout.shards) == whole


def test_an_instance_is_seen_as_far_as_every_shard_has_it() -> None:
    one = Ledger({"a": 1}, {"a": 1}, {"i-1": "02", "i-2": "01", "i-3": "05"})
    other = Ledger({"b": 2}, {"b": 1}, {"i-1": "03", "i-3": "05"})
    assert merge([one, other], 2) == Ledger({"a": 1, "b": 2}, {"a": 1, "b": 1}, {"i-1": "02", "i-3": "05"})
    assert merge([], 2) == Ledger()
