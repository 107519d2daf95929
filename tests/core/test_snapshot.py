from __future__ import annotations

import random
import tracemalloc
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countagg.core.counter_file import MAX_FILE_BYTES, render_counters
from countagg.core.errors import CorruptDocument, InvalidCounterFile
from countagg.core.snapshot import MAX_PACKED_BYTES, inflate, pack_counters, unpack_canonical
from tests.core.strategies import counter_sets

MEGABYTE = 1024 * 1024


def bomb(size: int) -> bytes:
    """Return a few bytes that hold `size` zeros."""
    compressor = zlib.compressobj()
    blocks = [compressor.compress(bytes(MEGABYTE)) for _ in range(size // MEGABYTE)]
    return b"".join([*blocks, compressor.flush()])


@given(counter_sets())
@example({})
def test_packing_keeps_the_canonical_form(counters: dict[str, int]) -> None:
    assert unpack_canonical(pack_counters(counters)) == render_counters(counters)


@given(counter_sets())
def test_packing_is_deterministic(counters: dict[str, int]) -> None:
    assert pack_counters(dict(reversed(counters.items()))) == pack_counters(counters)


def test_any_file_that_fits_into_an_item_unpacks() -> None:
    counters = {"n" * 57 + f"{number:06d}": 0 for number in range(80_000)}
    canonical = render_counters(counters)
    assert len(canonical) > MAX_FILE_BYTES * 0.9
    assert unpack_canonical(pack_counters(counters)) == canonical


def test_counters_that_do_not_fit_into_an_item_are_refused() -> None:
    source = random.Random(1)
    counters = {f"{source.getrandbits(64):016x}": source.getrandbits(32) for _ in range(40_000)}
    with pytest.raises(InvalidCounterFile) as refused:
        pack_counters(counters)
    assert refused.value.reason.startswith("40000 counters take ")
    assert f" bytes compressed, and at most {MAX_PACKED_BYTES} fit; " in refused.value.reason
    assert "--counter-shards" in refused.value.reason
    assert refused.value.line is None


@given(counter_sets().map(pack_counters), st.data())
def test_bytes_that_are_cut_short_are_corrupt(packed: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(CorruptDocument, match=r"^the snapshot is cut short or larger than "):
        unpack_canonical(packed[:cut])


@pytest.mark.parametrize("packed", [b"garbage", b"a 1\n", zlib.compress(b"a 1\n")[:-1] + b"?"])
def test_bytes_that_are_damaged_are_corrupt(packed: bytes) -> None:
    with pytest.raises(CorruptDocument, match=r"^the snapshot cannot be decompressed: "):
        unpack_canonical(packed)


def test_a_snapshot_that_grows_beyond_any_file_is_corrupt() -> None:
    with pytest.raises(CorruptDocument, match=f"larger than {4 * MAX_FILE_BYTES} bytes"):
        unpack_canonical(bomb(64 * MEGABYTE))


def test_a_decompression_bomb_is_refused_without_unpacking_it() -> None:
    packed = bomb(64 * MEGABYTE)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptDocument, match=r"^the thing is cut short or larger than 1048576 bytes"):
            inflate(packed, MEGABYTE, "thing")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MEGABYTE


def test_the_limit_itself_is_allowed() -> None:
    assert inflate(zlib.compress(b"x" * 1000), 1000, "thing") == b"x" * 1000
    with pytest.raises(CorruptDocument):
        inflate(zlib.compress(b"x" * 1001), 1000, "thing")
