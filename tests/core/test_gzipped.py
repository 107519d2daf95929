from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.counter_file import MAX_FILE_BYTES, parse_counter_file
from countagg.core.errors import InvalidCounterFile
from countagg.core.gzipped import gunzip
from countagg.core.values import SCALE
from tests.gzipped import gzipped

MEGABYTE = 2**20


@given(st.lists(st.binary(max_size=20_000), min_size=1, max_size=4), st.integers(0, 9))
def test_members_one_after_the_other_are_read_as_one(parts: list[bytes], level: int) -> None:
    whole = b"".join(parts)
    members = b"".join(gzipped(part, level) for part in parts)
    assert gunzip(members, len(whole)) == whole
    assert gunzip(members + b"\0" * 700, len(whole)) == whole


@given(st.binary(min_size=1, max_size=9_000), st.data())
def test_a_file_that_is_cut_short_says_so(content: bytes, data: st.DataObject) -> None:
    whole = gzipped(content)
    kept = data.draw(st.integers(2, len(whole) - 1))
    with pytest.raises(ValueError, match="is cut short"):
        gunzip(whole[:kept], MEGABYTE)


def test_what_does_not_decompress_compressed_is_read_too() -> None:
    content = bytes(range(256)) * 64
    assert gunzip(gzipped(content, 0), MEGABYTE) == content


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (b"\x1f\x8b\x07" + bytes(7), "the gzip'd file is damaged: unknown compression method"),
        (gzipped(b"a 1\n")[:-8] + b"\1" * 8, "the gzip'd file is damaged: incorrect data check"),
        (gzipped(b"a 1\n")[:-4] + b"\1" * 4, "the gzip'd file is damaged: incorrect length check"),
        (gzipped(b"a 1\n") + b"b 2\n", "the gzip'd file goes on with something else after its end"),
        (gzipped(b"a 1\n") + b"\0\0b", "the gzip'd file goes on with something else after its end"),
        (gzipped(b"a 1\n") + b"\x1f\x8b", "the gzip'd file is cut short"),
    ],
)
def test_a_damaged_file_is_refused_with_what_is_wrong(spoilt: bytes, reason: str) -> None:
    with pytest.raises(InvalidCounterFile) as refused:
        parse_counter_file(spoilt)
    assert (refused.value.what, refused.value.line) == (reason, None)


def test_no_byte_more_than_allowed_is_decompressed() -> None:
    bomb = gzipped(b"0" * (300 * MEGABYTE))
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"at most {MEGABYTE}"):
        gunzip(bomb, MEGABYTE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * MEGABYTE


def test_the_limit_is_of_all_members_together() -> None:
    members = gzipped(b"0" * 600) * 2
    assert len(gunzip(members, 1_200)) == 1_200
    with pytest.raises(ValueError, match="at most 1199"):
        gunzip(members, 1_199)


def test_a_file_of_exactly_the_largest_size_is_read() -> None:
    largest = b"a 1\n" + b" " * (MAX_FILE_BYTES - 4)
    assert parse_counter_file(gzipped(largest)) == {"a": SCALE}
    with pytest.raises(InvalidCounterFile, match=f"more bytes than are read: at most {MAX_FILE_BYTES}"):
        parse_counter_file(gzipped(largest + b" "))


def test_many_tiny_members_are_read_in_the_time_of_their_bytes() -> None:
    """A copy of what is left of the input for each of them would be 100 GB, and take minutes."""
    tiny = gzipped(b"")
    many = tiny * (2 * MEGABYTE // len(tiny))
    assert gunzip(many + gzipped(b"a 1\n"), MEGABYTE) == b"a 1\n"
