"""A file that is packed in parts, one a shard, is what it would be in one piece."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.errors import CorruptDocument, InvalidCounterFile
from countagg.core.partitions import Layout
from countagg.core.snapshot import MAX_PACKED_BYTES, join_parts, pack_counters, unpack_canonical
from tests.core.strategies import counter_sets


@given(counter_sets(20), st.integers(1, 5))
# Sorted as whole lines, the second would come first.
@example({"a": 1, "a\x01": 2}, 2)
def test_parts_are_joined_to_what_packing_the_whole_file_gives(counters: dict[str, int], shards: int) -> None:
    parts = [pack_counters(share) for share in Layout(1, shards).split(counters)]
    assert join_parts(parts) == pack_counters(counters)


def test_a_whole_may_be_too_large_for_an_item() -> None:
    source = Random(1)
    counters = {f"{source.getrandbits(64):016x}": source.getrandbits(32) for _ in range(40_000)}
    with pytest.raises(InvalidCounterFile):
        pack_counters(counters)

    joined = join_parts([pack_counters(share) for share in Layout(1, 3).split(counters)])

    assert len(joined) > MAX_PACKED_BYTES
    assert unpack_canonical(joined).count(b"\n") == len(counters)


def test_a_single_part_is_left_as_it_is() -> None:
    assert join_parts([b"garbage"]) == b"garbage"


def test_a_damaged_part_is_said() -> None:
    with pytest.raises(CorruptDocument):
        join_parts([pack_counters({"a": 1}), b"garbage"])
