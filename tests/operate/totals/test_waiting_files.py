"""Files that the totals do not include yet: new ones, and of changed ones few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from countagg.aws.pipeline import DayTotals
from countagg.data.files import ListedObject
from countagg.operate.totals.waiting_files import MOST_LISTED, WaitingFiles, find_waiting_files
from tests.fakes.pipeline import DAY, FakePipeline

UPDATED: Final = datetime(2026, 7, 1, 10, 0, 30, 500_000, tzinfo=UTC)
BEFORE: Final = UPDATED - timedelta(minutes=3)
AFTER: Final = UPDATED.replace(microsecond=0)
"""S3 tells whole seconds: it may have been half a second later."""
NONE: Final = WaitingFiles(0, None, is_all=True)


class Dated(FakePipeline):
    """A fake whose ledger tells when it changed."""

    def totals(self, day: str) -> DayTotals:
        found = super().totals(day)
        return DayTotals(day, found.version, UPDATED.isoformat(), found.ledger) if found.version else found


def upload(fake: FakePipeline, instance: str, at: datetime = AFTER, etag: str = "etag") -> None:
    fake.in_bucket.append(ListedObject(f"counters/{DAY}/values_{instance}", etag, 1, at))


@pytest.fixture
def fake() -> Dated:
    """Give a day whose totals include the file of `i-1`."""
    fake = Dated()
    fake.hold("i-1", {"a": 1})
    fake.aggregate()
    return fake


def test_of_a_day_without_totals_all_files_wait() -> None:
    fake = Dated()
    upload(fake, "i-1", BEFORE)
    upload(fake, "i-2")

    assert find_waiting_files(fake, DAY) == WaitingFiles(2, BEFORE, is_all=True)
    assert find_waiting_files(fake, "2026-07-02") == NONE


def test_what_is_included_does_not_wait_nor_what_is_no_counter_file(fake: Dated) -> None:
    upload(fake, "i-1")
    upload(fake, "i/1")
    fake.in_bucket.append(ListedObject(f"counters/{DAY}/values_i-9.tmp/x", "etag", 1, AFTER))

    assert find_waiting_files(fake, DAY) == NONE


def test_new_files_wait_whatever_else_is_included(fake: Dated) -> None:
    upload(fake, "i-1", BEFORE)
    upload(fake, "i-2")

    assert find_waiting_files(fake, DAY) == WaitingFiles(1, AFTER, is_all=True)


def test_a_changed_file_waits_until_its_snapshot_is_included(fake: Dated) -> None:
    upload(fake, "i-1", etag="newer")
    assert find_waiting_files(fake, DAY).count == 1

    fake.hold("i-1", {"a": 2}, number=2, etag="newer")
    assert find_waiting_files(fake, DAY).count == 1

    fake.aggregate()
    assert find_waiting_files(fake, DAY) == NONE


def test_of_a_fleet_at_work_only_new_files_are_told(fake: Dated) -> None:
    for number in range(1, 9):
        fake.hold(f"i-{number}", {"a": 1})
        upload(fake, f"i-{number}", etag="newer")
    fake.aggregate()
    upload(fake, "i-9")

    assert find_waiting_files(fake, DAY).count == 1


def test_only_so_many_files_are_looked_at() -> None:
    fake = Dated()
    for number in range(MOST_LISTED + 1):
        upload(fake, f"i-{number}")

    assert find_waiting_files(fake, DAY) == WaitingFiles(MOST_LISTED, AFTER, is_all=False)
