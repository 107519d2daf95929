"""Instances that look like copies of others, as doctor judges."""

from __future__ import annotations

from typing import Final

import pytest

from countagg.core.ledger import Ledger, encode_ledger
from countagg.core.partitions import Layout
from countagg.data.ledgers import StoredDay, StoredLedger
from countagg.operate.doctor.checks import State
from countagg.operate.doctor.instance_check import judge_instances, look_alikes

DAY: Final = "2026-11-20"


def day_of(*instances: str, layout: Layout = Layout()) -> StoredDay:  # noqa: B008 - frozen
    held = encode_ledger(Ledger({}, {}, dict.fromkeys(instances, "S")))
    empty = [StoredLedger()] * (layout.lanes - 1)
    return StoredDay((*empty, StoredLedger(1, "then", held)), layout)


@pytest.mark.parametrize(
    "ending", [".tmp", ".bak", ".part", ".gz", ".1", ".2026", ".TMP", ".old", ".zst", ".partial"]
)
def test_an_instance_that_ends_like_a_copy_beside_its_original_is_pointed_at(ending: str) -> None:
    assert list(look_alikes(["web-x", f"web-x{ending}", "other"])) == [f"web-x{ending}"]


@pytest.mark.parametrize("name", ["web.tmp", "web.gz", "web.part"])
def test_an_ending_that_tells_it_by_itself_needs_no_original(name: str) -> None:
    assert list(look_alikes([name])) == [name]


@pytest.mark.parametrize(
    "names",
    [
        ["10.0.0.1", "10.0.0.2"],
        ["web", "web-1", "web-2"],
        ["i-0abc", "i-0abcd"],
        ["tmp", "gz", ".tmp"],
        ["web.local", "web"],
    ],
)
def test_addresses_numbers_and_names_are_instances_like_any_other(names: list[str]) -> None:
    assert list(look_alikes(names)) == []


def test_doctor_names_the_day_and_the_instances() -> None:
    found = judge_instances({DAY: day_of("x", "x.bak"), "2026-11-19": day_of("x")})
    assert found.state is State.PROBLEM
    assert found.detail == f"each counts as an instance of its own: {DAY}: x.bak"
    assert found.fix


def test_of_many_some_are_named() -> None:
    found = judge_instances({DAY: day_of(*(f"x{number}.gz" for number in range(7)))})
    assert found.detail.endswith("x4.gz and 2 more")


@pytest.mark.parametrize("layout", [Layout(), Layout(2, 1)])
def test_without_any_all_is_well(layout: Layout) -> None:
    found = judge_instances({DAY: day_of("x", "y", layout=layout)})
    assert (found.state, found.detail) == (State.OK, "none of 2 looks like a copy")


def test_a_ledger_that_cannot_be_read_is_for_others_to_tell() -> None:
    assert judge_instances({DAY: StoredDay((StoredLedger(1, "then", b"junk"),), Layout())}).state is State.OK
