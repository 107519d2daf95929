"""What became of a file at each hop, and which totals it feeds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from countagg.aws.log_events import LogEvent
from countagg.core.counter_file import MAX_FILE_BYTES
from countagg.core.days import Expiry
from countagg.core.errors import AccessDenied, CorruptDocument, CountaggError
from countagg.core.names import Names
from countagg.core.object_keys import CounterFileKey
from countagg.operate.integrity.file_lineage import FileLineage, Share, follow_file
from countagg.operate.integrity.file_log import FileLog, mentions
from countagg.operate.integrity.lineage import TO_LEDGER, TO_SNAPSHOTS, WITHDRAWN
from countagg.operate.logs.log_lines import read_line
from countagg.operate.permitted import NotAllowed
from tests.fakes.bucket import etag_of
from tests.fakes.day import DAY, NOW, UPLOADED_AT, FakeDay
from tests.operate.log_events import HeldLogs

KEY = f"counters/{DAY}/values_i-1"
FILE_KEY = CounterFileKey(DAY, "i-1")


@pytest.fixture
def day() -> FakeDay:
    """Give a day on which all hops agree."""
    day = FakeDay()
    day.upload("i-1", "A 3\nB 0\n")
    day.upload("i-2", "A 9\nZ 5\n")
    day.settle()
    return day


def follow(day: FakeDay, key: str = KEY, logs: HeldLogs | None = None, now: datetime = NOW) -> FileLineage:
    log = FileLog((logs or HeldLogs()), Names("countagg"), now)
    return follow_file(day, log, key, now)


def test_a_file_that_counts(day: FakeDay) -> None:
    found = follow(day)

    assert found.found is not None
    assert (found.found.etag, found.found.size) == (etag_of(b"A 3\nB 0\n"), 8)
    assert (found.counters, found.refused, found.pending) == (2, None, None)
    assert found.snapshot == day.held["i-1"]
    assert found.same_content is True
    assert (found.version, found.is_included, found.included) == (1, True, day.held["i-1"].sequencer)
    assert found.shares == (
        Share("A", Decimal(3), Decimal(3), Decimal(12), Decimal("0.25")),
        Share("B", Decimal(0), Decimal(0), Decimal(0), None),
    )


def test_a_file_that_is_on_its_way(day: FakeDay) -> None:
    day.upload("i-1", "A 4\nC 1\n")

    found = follow(day)

    assert found.pending == TO_SNAPSHOTS
    assert (found.same_content, found.is_included) == (False, True)
    assert found.shares == (
        Share("A", Decimal(4), Decimal(3), Decimal(12), Decimal("0.25")),
        Share("B", None, Decimal(0), Decimal(0), None),
        Share("C", Decimal(1), None, None, None),
    )

    day.process()
    found = follow(day)

    assert (found.pending, found.same_content, found.is_included) == (TO_LEDGER, True, False)
    assert {each.share for each in found.shares} == {None}


def test_a_file_that_was_never_told_of(day: FakeDay) -> None:
    day.upload("i-3", "A 4\n", told=False)

    found = follow(day, f"counters/{DAY}/values_i-3")

    assert (found.snapshot, found.is_included, found.pending) == (None, False, TO_SNAPSHOTS)
    assert found.shares == (Share("A", Decimal(4), None, Decimal(12), None),)


def test_a_refused_file_is_told_with_its_line(day: FakeDay) -> None:
    day.upload("i-1", "A 4\nA 5\n")
    day.settle()

    found = follow(day)

    assert found.refused is not None
    assert (found.refused.line, found.refused.reason) == (2, "the counter 'A' is repeated")
    assert (found.counters, found.same_content, found.is_included) == (None, None, True)
    assert [each.snapshot for each in found.shares] == [Decimal(3), Decimal(0)]


def test_a_file_that_is_too_large_is_refused_unread(day: FakeDay) -> None:
    day.objects[KEY] = b"x" * (MAX_FILE_BYTES + 1)

    found = follow(day)

    assert found.found is not None
    assert found.found.content is None
    assert found.refused is not None
    assert str(MAX_FILE_BYTES + 1) in found.refused.reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (f"counters/{DAY}/values_not ours", "the instance id 'not ours'"),
        ("counters/2026-02-30/values_i-1", "'2026-02-30' is not a date"),
    ],
)
def test_a_file_that_is_refused_by_its_key(day: FakeDay, key: str, reason: str) -> None:
    day.objects[key] = b"A 1\n"

    found = follow(day, key)

    assert found.refused is not None
    assert found.refused.reason.startswith(reason)
    assert (found.file_key, found.snapshot, found.shares) == (None, None, ())
    with pytest.raises(CountaggError, match="no such file"):
        follow(day, f"{key}2")


def test_a_file_of_a_day_that_is_not_accepted_is_refused(day: FakeDay) -> None:
    day.objects["counters/2026-12-24/values_i-7"] = b"A 1\n"
    day.held.clear()
    day.stored = replace(day.stored, version=0)

    found = follow(day, "counters/2026-12-24/values_i-7")

    assert found.refused is not None
    assert "more than 1 day ahead" in found.refused.reason


def test_an_upload_after_the_last_day_is_refused(day: FakeDay) -> None:
    day.uploaded_at = datetime(2026, 12, 26, tzinfo=UTC)
    found = follow(day, now=day.uploaded_at)
    assert found.refused is not None
    assert found.refused.reason == "the date 2026-11-20 is more than 35 days before 2026-12-26 (UTC)"


def test_a_file_of_a_closed_day_stands_in_for_its_snapshot_whatever_is_chosen_since(day: FakeDay) -> None:
    day.held.clear()
    day.fixed = Expiry.chosen(DAY, 10, 400)
    found = follow(day, now=NOW + timedelta(days=12))
    assert (found.expired, found.is_included, found.refused) == (True, True, None)


def test_a_file_whose_snapshot_is_expired_stands_in_for_it(day: FakeDay) -> None:
    day.held.clear()

    found = follow(day, now=NOW + timedelta(days=100))

    assert (found.expired, found.is_included, found.refused, found.pending) == (True, True, None, None)
    assert (found.snapshot, found.same_content) == (None, None)
    assert found.shares[0] == Share("A", Decimal(3), Decimal(3), Decimal(12), Decimal("0.25"))


def test_a_file_that_is_listed_but_not_found_is_not_deleted(day: FakeDay) -> None:
    day.unseen = {KEY}
    found = follow(day)
    assert (found.found, found.pending, found.is_included) == (None, None, True)

    day.upload("i-1", "A 4\n")
    found = follow(day)
    assert (found.pending, found.is_included) == ("the file is listed, but S3 does not show it yet", True)

    day.unseen = {KEY.replace("i-1", "i-new")}
    day.upload("i-new", "A 4\n")
    assert follow(day, KEY.replace("i-1", "i-new")).pending == "the file is listed, but S3 does not show it yet"


def test_a_deleted_file_is_followed_by_its_snapshot(day: FakeDay) -> None:
    day.delete("i-1")
    found = follow(day)
    assert (found.found, found.pending, found.is_included) == (None, WITHDRAWN, True)

    day.settle()
    found = follow(day)

    assert (found.found, found.pending, found.shares) == (None, None, ())
    assert found.snapshot is not None
    assert found.snapshot.etag == ""


def test_a_snapshot_that_is_replaced_between_two_reads_is_read_again(day: FakeDay) -> None:
    ledger = day.ledger

    def late(*_shown: Any, **_how: Any) -> Any:
        day.upload("i-1", "A 5\n")
        day.settle()
        day.ledger = ledger  # type: ignore[method-assign]
        return ledger(DAY)

    day.ledger = late  # type: ignore[method-assign]

    found = follow(day)

    assert found.snapshot == day.held["i-1"]
    assert found.is_included


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (f"counters/{DAY}/values_i-9", "there is no such file, and none was ever counted"),
        (f"counters/{DAY}/else", "it is not a counter file, so the pipeline skips it"),
    ],
)
def test_a_file_that_is_nowhere_is_an_error_with_what_next(day: FakeDay, key: str, complaint: str) -> None:
    with pytest.raises(CountaggError, match=complaint) as caught:
        follow(day, key)
    assert caught.value.where == key
    assert caught.value.hint


def test_a_ledger_that_cannot_be_read_is_an_error_with_what_next(day: FakeDay) -> None:
    day.stored = replace(day.stored, document=b"garbage")
    with pytest.raises(CorruptDocument) as caught:
        follow(day)
    assert caught.value.where == f"totals of {DAY}"
    assert f"repair --date {DAY}" in caught.value.hint


# Logs


def written(at: datetime, function: str = "countagg-processor", **fields: Any) -> LogEvent:
    stamp = round(at.timestamp() * 1000)
    return LogEvent(function, "s", stamp, stamp, "", json.dumps({"level": "WARNING", **fields}))


def test_lines_around_the_upload_that_mention_the_file(day: FakeDay) -> None:
    minute = timedelta(minutes=1)
    about = [
        written(UPLOADED_AT - minute, message="file refused", key=KEY),
        written(UPLOADED_AT + 2 * minute, "countagg-aggregator", message="gap", day=DAY, instance="i-1"),
        written(UPLOADED_AT + 15 * minute, message="file refused", key=KEY),
    ]
    others = [
        written(UPLOADED_AT - 2 * minute, message="file refused", key=KEY),
        written(UPLOADED_AT + 16 * minute, message="file refused", key=KEY),
        written(UPLOADED_AT, message="file refused", key=f"{KEY}0"),
    ]
    logs = HeldLogs([*others, *about])

    found = follow(day, logs=logs)

    assert found.log is not None
    assert not isinstance(found.log.lines, NotAllowed)
    assert [line.event for line in found.log.lines] == about
    assert (found.log.since, found.log.until) == (UPLOADED_AT - minute, UPLOADED_AT + 15 * minute)
    assert [function for function, _ in logs.asked] == list(Names("countagg").functions.values())


def test_the_period_ends_now_at_the_latest(day: FakeDay) -> None:
    now = UPLOADED_AT + timedelta(seconds=5)

    found = follow(day, now=now)

    assert found.log is not None
    assert found.log.until == now


def test_logs_that_may_not_be_read_end_nothing(day: FakeDay) -> None:
    def refuse() -> None:
        raise AccessDenied("no", action="logs:FilterLogEvents")

    found = follow(day, logs=HeldLogs(on_look=refuse))

    assert found.log is not None
    assert found.log.lines == NotAllowed("logs:FilterLogEvents")
    assert found.is_included


def test_of_a_removed_file_the_time_of_its_removal_counts(day: FakeDay) -> None:
    day.delete("i-1")
    day.settle()
    assert follow(day).log is None
    day.held["i-1"] = replace(day.held["i-1"], uploaded_at="2026-11-20T09:00:00.000Z")

    found = follow(day)

    assert found.log is not None
    assert found.log.since == datetime(2026, 11, 20, 8, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({"key": KEY}, True),
        ({"message": f"read {KEY}, and more"}, True),
        ({"key": f"{KEY}0"}, False),
        ({"key": KEY.replace(DAY, "2026-11-19")}, False),
        ({"message": f"read s3://b/{KEY}"}, True),
        ({"day": DAY, "instance": "i-1"}, True),
        ({"day": DAY, "instance": "i-10"}, False),
        ({"day": DAY, "instance": "a-i-1"}, False),
        ({"day": "2026-11-19", "instance": "i-1"}, False),
        ({"message": "batch done"}, False),
    ],
)
def test_a_line_is_about_a_file_by_its_key_or_by_instance_and_day(fields: dict[str, str], *, about: bool) -> None:
    assert mentions(KEY, FILE_KEY)(read_line(written(NOW, **fields))) is about


@pytest.mark.parametrize("name", ["a\nb", 'a"b', "a\\b", "\x1b[31m", "\u540d"])
def test_a_line_is_about_a_file_whose_name_no_line_can_hold(name: str) -> None:
    key = f"counters/{DAY}/values_{name}"

    assert mentions(key, None)(read_line(written(NOW, key=key)))
    assert not mentions(key, None)(read_line(written(NOW, key=f"{key}c")))
