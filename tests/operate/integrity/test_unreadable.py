"""Files that S3 does not read out: each is named with its reason, and the rest of the day goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from countagg.core.errors import AccessDenied, UnreadableObject
from countagg.core.names import Names
from countagg.core.polling import Polling
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.explain import explain_counter
from countagg.operate.integrity.file_lineage import FileLineage, follow_file
from countagg.operate.integrity.file_log import FileLog
from countagg.operate.integrity.findings import Hop, RefusedFile
from tests.fakes.bucket import etag_of
from tests.fakes.day import DAY, NOW, FakeDay
from tests.operate.corruptions import healthy_day
from tests.operate.log_events import HeldLogs

ARCHIVED = UnreadableObject("it is archived")
NO_KEY = UnreadableObject("no permission to use its key", denied=True)


def key_of(instance: str) -> str:
    return f"counters/{DAY}/values_{instance}"


def shut(day: FakeDay, error: UnreadableObject, *instances: str) -> None:
    day.shut |= {key_of(instance): error for instance in instances}


def follow(day: FakeDay, instance: str) -> FileLineage:
    return follow_file(day, FileLog(HeldLogs(), Names("countagg"), NOW), key_of(instance), NOW)


@pytest.mark.parametrize("error", [ARCHIVED, NO_KEY], ids=lambda each: each.what)
def test_verify_names_it_and_compares_the_rest(error: UnreadableObject) -> None:
    day = healthy_day()
    shut(day, error, "i-2")
    day.upload("i-2", "A 7\n")
    day.settle()

    found = day.verify()

    assert found.refused == (RefusedFile(key_of("i-2"), error.what, None),)
    assert (found.ok, found.files) == (True, 3)

    day.items["C"] = replace(day.items["C"], value=Decimal(4))
    assert [(each.hop, each.counter) for each in day.verify().differences] == [(Hop.COUNTERS, "C")]


def test_a_file_without_a_snapshot_is_no_difference() -> None:
    day = healthy_day()
    shut(day, ARCHIVED, "i-9")
    day.upload("i-9", "A 7\n")
    day.settle()

    found = day.verify()

    assert (found.ok, [each.key for each in found.refused]) == (True, [key_of("i-9")])


def test_at_another_look_it_may_be_read() -> None:
    day = healthy_day()
    observer = Observer(day, DAY, day.today)
    shut(day, ARCHIVED, "i-2")
    assert [each.key for each in observer.look().refused] == [key_of("i-2")]
    day.shut.clear()
    look = observer.look()
    assert look.refused == ()
    assert look.files["i-2"].packed is not None


def test_repair_mends_the_rest() -> None:
    day = healthy_day()
    shut(day, ARCHIVED, "i-2")
    del day.held["i-1"]

    repaired = day.repair()

    assert [(each.hop, each.instance) for each in repaired.mended if each.instance] == [(Hop.SNAPSHOTS, "i-1")]
    assert repaired.verification.ok
    assert day.totals.sums["A"] == 11 * 10**9


def test_explain_of_a_total_tells_it_with_the_file() -> None:
    day = healthy_day()
    shut(day, ARCHIVED, "i-2")
    day.upload("i-2", "A 7\n")
    day.settle()

    found = explain_counter(Observer(day, DAY, day.today), "A", Polling(0))

    assert found.adds_up
    assert {part.instance: (part.value, part.pending) for part in found.parts} == {
        "i-1": (Decimal(1), None),
        "i-2": (Decimal(10), "the newest file is refused: it is archived"),
    }


def test_explain_of_the_file_tells_why_and_what_counts_in_its_place() -> None:
    day = healthy_day()
    shut(day, NO_KEY, "i-2")
    day.upload("i-2", "A 7\n")
    day.settle()

    found = follow(day, "i-2")

    assert found.found is not None
    assert (found.found.etag, found.found.size) == (etag_of(b"A 7\n"), 4)
    assert found.refused == RefusedFile(key_of("i-2"), NO_KEY.what, None)
    assert (found.is_included, found.counters, found.same_content) == (True, None, None)
    assert [(each.counter, each.file, each.snapshot) for each in found.shares] == [
        ("A", None, Decimal(10)),
        ("B", None, Decimal(5)),
    ]


# Whose permission it is


def test_a_principal_that_may_not_use_the_key_of_a_whole_day_is_told_so() -> None:
    day = healthy_day()
    shut(day, NO_KEY, "i-1", "i-2", "i-3")

    with pytest.raises(AccessDenied, match="none can be read, although the processor has read them") as raised:
        day.verify()

    assert raised.value.action == "kms:Decrypt"
    assert NO_KEY.what in raised.value.what


def test_a_day_of_which_the_processor_could_read_nothing_either_is_told_file_by_file() -> None:
    day = FakeDay()
    shut(day, NO_KEY, "i-1", "i-2")
    day.upload("i-1", "A 7\n")
    day.upload("i-2", "A 7\n")
    day.settle()

    found = day.verify()

    assert (found.ok, len(found.refused)) == (True, 2)


def test_a_day_that_was_archived_since_is_told_file_by_file() -> None:
    day = healthy_day()
    shut(day, ARCHIVED, "i-1", "i-2", "i-3")

    found = day.verify()

    assert (found.ok, len(found.refused)) == (True, 3)


# Closed days, whose files stand in for their snapshots


def test_of_a_closed_day_the_sums_cannot_be_checked_without_it_and_are_not_called_wrong() -> None:
    day = healthy_day()
    day.today = date(2027, 1, 20)
    day.held.clear()
    shut(day, ARCHIVED, "i-2")

    found = day.verify()

    assert [(each.hop, each.what, each.instance) for each in found.differences] == [
        (Hop.LEDGER, "its file cannot be read, nor the sums be checked without it", "i-2")
    ]
    assert [each.key for each in found.refused] == [key_of("i-2")]
