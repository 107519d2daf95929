from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import InvalidEvent
from countagg.core.sequencer import (
    WIDTH,
    normalise_sequencer,
    sequencer_after,
    sequencer_before,
    sequencer_problem,
)
from tests.core.strategies import raw_sequencers


def s3_sequencers() -> st.SearchStrategy[str]:
    """Sequencers of the width that S3's own have."""
    return st.integers(0, 16**18 - 2).map(lambda number: f"{number:018X}")


@given(raw_sequencers())
def test_normalising_is_idempotent_and_gives_one_width(text: str) -> None:
    normal = normalise_sequencer(text)
    assert len(normal) == WIDTH
    assert normal.startswith(text.upper())
    assert normalise_sequencer(normal) == normal


@given(raw_sequencers())
def test_case_does_not_matter(text: str) -> None:
    assert normalise_sequencer(text.lower()) == normalise_sequencer(text.upper())


@given(
    st.integers(1, WIDTH).flatmap(lambda width: st.tuples(*[st.integers(0, 16**width - 1)] * 2, st.just(width)))
)
def test_string_order_is_number_order_for_equal_lengths(drawn: tuple[int, int, int]) -> None:
    one, other, width = drawn
    normal_one, normal_other = normalise_sequencer(f"{one:0{width}x}"), normalise_sequencer(f"{other:0{width}X}")
    assert (normal_one < normal_other) == (one < other)
    assert (normal_one == normal_other) == (one == other)


def test_unequal_lengths_are_aligned_at_the_time_in_front() -> None:
    earlier_and_long, later_and_short = "00674760B047BD3051", "00674760C147"
    assert normalise_sequencer(earlier_and_long) < normalise_sequencer(later_and_short)
    assert normalise_sequencer("00674760C147") == normalise_sequencer("00674760C147000000")


@pytest.mark.parametrize(
    "text", ["", "g", "0x1F", " 1F", "1F\n", "-1", "1.0", "0" * 33, "\u0661", "\ufb00", "1F 2"]
)
def test_what_is_no_hexadecimal_number_of_32_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidEvent, match="is not a hexadecimal number of 1 to 32 digits"):
        normalise_sequencer(text)


@given(s3_sequencers(), s3_sequencers())
def test_the_next_sequencer_comes_after_all_and_before_any_later_one_of_s3(one: str, other: str) -> None:
    known = [normalise_sequencer(one), normalise_sequencer(other)]
    following = sequencer_after(*known)
    assert following > max(known)
    assert normalise_sequencer(following) == following
    later = f"{int(max(one, other), 16) + 1:018X}"
    assert normalise_sequencer(later) > following


@given(s3_sequencers(), s3_sequencers())
def test_right_before_a_sequencer_is_after_every_earlier_one(one: str, other: str) -> None:
    earlier, later = sorted(map(normalise_sequencer, (one, other)))
    before = sequencer_before(later)
    assert normalise_sequencer(before) == before
    assert earlier == later or earlier < before < later


def test_before_the_first_there_is_none() -> None:
    assert sequencer_before("0" * WIDTH) == "0" * WIDTH


def test_the_first_sequencer_of_all_comes_before_any_of_s3() -> None:
    assert sequencer_after() == "0" * 31 + "1"
    assert sequencer_after() < normalise_sequencer("000000000000000001")


def test_after_the_last_there_is_none() -> None:
    with pytest.raises(InvalidEvent):
        sequencer_after("F" * 32)


NOW = 1_795_824_000
"""Seconds: 2026-11-28."""


@pytest.mark.parametrize(
    "text",
    [
        "006B096D800000000100000000000000",  # S3: now
        "00674760B047BD305100000000000000",  # S3: 2024
        "00674760B047BD305100000000000001",  # right after one of S3's, by a repair
        "00000000000000000000000000000001",  # before all of S3's, by a repair
        "000006549B2F4A8C1D00000000000000",  # an engine that counts microseconds in 18 digits
        "617F08299329D1890000000000000000",  # an engine that begins with the seconds
        "17FE8DAAB64B78B40000000000000000",  # an engine that counts nanoseconds
    ],
)
def test_what_an_event_may_have_is_no_problem(text: str) -> None:
    assert sequencer_problem(text, NOW) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("F" * 32, "is later than any event"),
        (f"{'F' * 10:0<32}", "is later than any event"),
        (f"00{NOW + 1:08X}{'0' * 22}", "is later than any event"),
        ("00FFFFFFFF0000000000000000000000", "is later than any event"),
        ("01000000000000000000000000000000", "is later than any event"),
        ("0A1B2C3D4E5F67890100000000000000", "is later than any event"),
        ("80000000000000000000000000000000", "is later than any event"),
        ("0" * 32, "is no normalised sequencer"),
        ("00674760B047BD3051", "is no normalised sequencer"),
        ("00674760b047bd305100000000000000", "is no normalised sequencer"),
        ("0" * 31 + "G", "is no normalised sequencer"),
        ("", "is no normalised sequencer"),
    ],
)
def test_what_no_event_can_have_is_told(text: str, problem: str) -> None:
    assert sequencer_problem(text, NOW) == problem
