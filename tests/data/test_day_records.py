"""A day's record as an item."""

from __future__ import annotations

from typing import Any, Final

import pytest

from countagg.core.days import Expiry
from countagg.core.partitions import Layout
from countagg.data.day_records import DayRecord

DAY: Final = "2026-11-20"
CHOSEN: Final = Expiry.chosen(DAY, 35, 400)
RECORD: Final = DayRecord(Layout(4, 2), CHOSEN)
OLDER: Final[dict[str, Any]] = {
    "Date": {"S": "layout"},
    "Instance": {"S": DAY},
    "Lanes": {"N": "4"},
    "CounterShards": {"N": "2"},
}


def test_a_record_is_read_as_it_was_written_whatever_is_chosen_now() -> None:
    assert DayRecord.from_item(RECORD.to_item(DAY), Expiry.chosen(DAY, 1, 2)) == RECORD


def test_a_record_never_expires() -> None:
    assert "ExpiresAt" not in RECORD.to_item(DAY)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ((35, 400), (35, 400), (35, 400)),
        # Settings of today do not make it live longer than what was stored first,
        ((10, 10), (35, 400), (10, 400)),
        # nor its totals shorter.
        ((35, 400), (10, 10), (10, 400)),
    ],
)
def test_a_record_of_the_older_form_gets_an_expiry_that_what_is_stored_reaches(
    before: tuple[int, int], now: tuple[int, int], expected: tuple[int, int]
) -> None:
    # That form expired itself, with the last of the day.
    last = max(Expiry.chosen(DAY, *before).snapshots, Expiry.chosen(DAY, before[1], before[1]).snapshots)
    item = OLDER | {"ExpiresAt": {"N": str(last)}}
    found = DayRecord.from_item(item, Expiry.chosen(DAY, *now))
    assert found == DayRecord(Layout(4, 2), Expiry.chosen(DAY, *expected), is_complete=False)


def test_a_record_without_any_expiry_gets_what_is_chosen() -> None:
    assert DayRecord.from_item(OLDER, CHOSEN) == DayRecord(Layout(4, 2), CHOSEN, is_complete=False)
