"""The published object: its lines, its metadata, and what is made of one that is damaged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.counter_file import parse_counters
from countagg.core.published import (
    CONTENT_TYPE,
    PublishedTotals,
    parse_published,
    published_key,
    published_metadata,
    read_strictly,
    render_published,
)
from countagg.core.values import SCALE
from tests.core.strategies import counter_sets

TOTALS = {"b": 5 * SCALE, "a": -SCALE // 4}


def test_it_lies_below_the_output_prefix_under_its_day() -> None:
    assert published_key("totals/", "2026-11-20") == "totals/2026-11-20"


def test_its_lines_are_sorted_counters_and_values() -> None:
    lines = render_published(TOTALS, 7).decode().split("\n")
    assert [line.rstrip() for line in lines] == ["a -0.25", "b 5", ""]


@given(counter_sets(), st.integers(1, 10**12))
def test_the_parser_of_counter_files_reads_it(totals: dict[str, int], version: int) -> None:
    assert parse_counters(render_published(totals, version)) == totals


@given(counter_sets(), st.integers(1, 10**12), st.integers(1, 10**12))
def test_two_versions_of_the_same_totals_differ_in_their_bytes(
    totals: dict[str, int], one: int, other: int
) -> None:
    assert (render_published(totals, one) == render_published(totals, other)) == (one == other)


@given(st.dictionaries(st.sampled_from("abc"), st.integers(-(10**40), 10**40)), st.integers(1, 10**6))
def test_it_is_read_back_also_with_sums_larger_than_any_value(totals: dict[str, int], version: int) -> None:
    found = parse_published(render_published(totals, version), published_metadata("s", version, "now"), "e", "s")
    assert found == PublishedTotals(version, "e", totals)


def test_its_metadata_tell_stack_version_and_time() -> None:
    assert published_metadata("mine", 7, "2026-11-20T10:00:00Z") == {
        "countagg-stack": "mine",
        "countagg-version": "7",
        "countagg-updated-at": "2026-11-20T10:00:00Z",
    }


@pytest.mark.parametrize(
    "metadata",
    [
        {"countagg-version": "x"},
        {"countagg-version": "²"},
        {"countagg-updated-at": "then"},
        {"countagg-stack": "mine"},
        {"countagg-stack": "", "countagg-version": ""},
    ],
)
def test_an_object_with_metadata_of_countagg_is_ours_though_damaged(metadata: dict[str, str]) -> None:
    assert parse_published(b"a 1\n", metadata, "e", "mine") == PublishedTotals(0, "e", {"a": SCALE})


def test_an_object_that_lost_its_metadata_is_ours_by_the_version_at_its_end() -> None:
    content = render_published({"a": SCALE}, 7)
    for metadata in ({}, {"written-by": "hand"}):
        assert parse_published(content, metadata, "e", "mine") == PublishedTotals(0, "e", {"a": SCALE})
        found = read_strictly(content, metadata, CONTENT_TYPE, "e", "mine")
        assert (found.version, found.foreign) == (7, None)


@pytest.mark.parametrize(
    ("content", "metadata"),
    [
        (b"a 1\n", {}),
        (b"", {}),
        (b" \t\n", {}),
        (b"a report of one day \t\n", {}),
        (b"\xff \t\n", {}),
        (b"a 1\n", {"x-countagg-version": "1"}),
        (render_published({"a": SCALE}, 7), {"countagg-stack": "theirs"}),
        (render_published({"a": SCALE}, 7), published_metadata("theirs", 7, "then")),
    ],
)
def test_an_object_of_somebody_else_is_foreign_and_nothing_in_it_counts(
    content: bytes, metadata: dict[str, str]
) -> None:
    for found in (
        parse_published(content, metadata, "e", "mine"),
        read_strictly(content, metadata, CONTENT_TYPE, "e", "mine"),
    ):
        assert found.foreign
        assert replace(found, foreign=None) == PublishedTotals(etag="e")


@pytest.mark.parametrize("content", [b"a\n", b"a 1 2\n", b"a one\n", b"\xff 1\n"])
def test_a_damaged_object_is_unreadable(content: bytes) -> None:
    found = parse_published(content, {"countagg-version": "7"}, "e", "mine")
    assert found == PublishedTotals(7, "e", readable=False)
