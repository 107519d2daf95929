"""The files that a total is the sum of, whatever is still on its way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from countagg.core.errors import CorruptDocument, CountaggError, UsageError
from countagg.core.sequencer import normalise_sequencer
from countagg.operate.integrity.comparison import INCLUDES_NEWER, UNREADABLE
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.explain import explain_counter, file_key
from countagg.operate.integrity.lineage import TO_LEDGER, TO_SNAPSHOTS, WITHDRAWN, CounterLineage
from tests.fakes.bucket import etag_of
from tests.fakes.day import DAY, SETTINGS, FakeDay


@pytest.fixture
def day() -> FakeDay:
    """Give a day on which all hops agree."""
    day = FakeDay()
    day.upload("i-1", "A 1.5\nB 2\n")
    day.upload("i-2", "A 10\n")
    day.upload("i-3", "C 7\n")
    day.settle()
    return day


def explain(day: FakeDay, counter: str = "A", looks: int = 1) -> CounterLineage:
    return explain_counter(Observer(day, DAY, day.today), counter, day.settling(2.0 * (looks - 1)))


def told(found: CounterLineage) -> list[tuple[str, Decimal | None, bool, str | None, Decimal | None]]:
    return [(each.instance, each.value, each.included, each.pending, each.pending_value) for each in found.parts]


def test_a_total_is_the_sum_of_the_files_that_name_it(day: FakeDay) -> None:
    found = explain(day)

    assert told(found) == [
        ("i-1", Decimal("1.5"), True, None, Decimal("1.5")),
        ("i-2", Decimal(10), True, None, Decimal(10)),
    ]
    assert (found.sum, found.total, found.adds_up, found.unknown) == (Decimal("11.5"), Decimal("11.5"), True, ())
    assert (found.version, found.contributors) == (1, 2)
    assert found.item is not None
    assert (found.item.value, found.item.version) == (Decimal("11.5"), 1)
    assert (found.published, found.published_version) == (Decimal("11.5"), 1)


def test_a_part_names_its_file_and_the_version_that_is_included(day: FakeDay) -> None:
    part = explain(day).parts[1]

    assert part.key == f"counters/{DAY}/values_i-2"
    assert part.etag == etag_of(b"A 10\n")
    assert part.sequencer == day.held["i-2"].sequencer
    assert part.uploaded_at == "then"


def test_files_that_are_what_their_snapshots_say_are_not_read(day: FakeDay) -> None:
    read: list[str] = []
    original = day.read_object

    def noted(key: str) -> tuple[bytes, str] | None:
        read.append(key)
        return original(key)

    day.read_object = noted  # type: ignore[method-assign]  # for this day alone
    day.upload("i-3", "C 8\n")

    explain(day)

    assert read == [f"counters/{DAY}/values_i-3"]


def test_a_newer_file_is_on_its_way_with_its_value(day: FakeDay) -> None:
    day.upload("i-2", "A 12\n")
    day.upload("i-4", "A 3\n")

    found = explain(day)

    assert told(found)[1:] == [
        ("i-2", Decimal(10), True, TO_SNAPSHOTS, Decimal(12)),
        ("i-4", None, False, TO_SNAPSHOTS, Decimal(3)),
    ]
    assert (found.sum, found.adds_up) == (Decimal("11.5"), True)


def test_a_version_that_was_replaced_before_any_look_is_unknown(day: FakeDay) -> None:
    day.upload("i-2", "A 12\n")
    day.process()

    found = explain(day)

    assert found.unknown == ("i-2",)
    assert told(found)[1] == ("i-2", None, False, TO_LEDGER, Decimal(12))
    assert found.adds_up is None


def test_another_look_finds_what_was_unknown(day: FakeDay) -> None:
    day.upload("i-2", "A 12\n")
    day.process()

    def go_on() -> None:
        day.aggregate()
        day.upload("i-2", "A 14\n")
        day.process()

    day.on_sleep = [go_on]

    found = explain(day, looks=2)

    # The ledger includes by now what the look before saw in the snapshot.
    assert told(found)[1] == ("i-2", Decimal(12), True, TO_LEDGER, Decimal(14))
    assert (found.sum, found.total, found.adds_up) == (Decimal("13.5"), Decimal("13.5"), True)
    assert found.parts[1].sequencer != day.held["i-2"].sequencer


def test_looking_ends_when_nothing_is_unknown(day: FakeDay) -> None:
    before = day.clock
    explain(day, looks=3)
    assert day.clock == before

    day.upload("i-2", "A 12\n")
    day.process()
    explain(day, looks=3)
    assert day.clock == before + 4


def test_a_deleted_file_counts_until_its_withdrawal_arrives(day: FakeDay) -> None:
    day.delete("i-2")
    assert told(explain(day))[1] == ("i-2", Decimal(10), True, WITHDRAWN, None)

    day.settle()

    assert [part.instance for part in explain(day).parts] == ["i-1"]


def test_a_refused_file_leaves_the_one_before_in_the_sum(day: FakeDay) -> None:
    day.upload("i-2", "A 12\nA\n")
    day.settle()

    pending = "the newest file is refused: line 2, 'A' is not COUNTER VALUE"
    assert told(explain(day))[1] == ("i-2", Decimal(10), True, pending, Decimal(10))


def test_a_counter_that_left_its_file_is_on_its_way_out(day: FakeDay) -> None:
    day.upload("i-2", "Z 1\n")

    assert told(explain(day))[1] == ("i-2", Decimal(10), True, TO_SNAPSHOTS, None)


def test_a_total_that_the_files_do_not_give_does_not_add_up(day: FakeDay) -> None:
    ledger = day.totals
    ledger.sums["A"] += 1
    day.put_ledger(ledger)

    assert explain(day).adds_up is False
    assert explain(day, "B").adds_up is True


def test_a_snapshot_that_cannot_be_read_is_told(day: FakeDay) -> None:
    day.held["i-2"] = replace(day.held["i-2"], packed=b"garbage")

    found = explain(day)

    assert told(found)[1] == ("i-2", None, False, UNREADABLE, Decimal(10))
    assert (found.unknown, found.adds_up) == (("i-2",), None)


def test_a_ledger_that_is_ahead_of_the_snapshots_is_told(day: FakeDay) -> None:
    ledger = day.totals
    ledger.seen["i-2"] = normalise_sequencer("FF")
    day.put_ledger(ledger)

    assert told(explain(day))[1][3] == INCLUDES_NEWER


def test_once_snapshots_are_expired_the_files_stand_in(day: FakeDay) -> None:
    day.held.clear()
    day.today = date(2027, 6, 1)

    found = explain(day)

    assert [(each.instance, each.value, each.pending) for each in found.parts] == [
        ("i-1", Decimal("1.5"), None),
        ("i-2", Decimal(10), None),
    ]
    assert (found.expired, found.adds_up) == (True, True)


def test_a_counter_that_nobody_names_any_more_has_a_lineage_of_nothing(day: FakeDay) -> None:
    day.upload("i-3", "D 1\n")
    day.settle()

    found = explain(day, "C")

    assert (found.parts, found.sum, found.total, found.adds_up) == ((), Decimal(0), None, True)
    assert found.item is not None
    assert found.item.value == 0


@pytest.mark.parametrize(
    ("counter", "hint"),
    [
        ("AA", f"did you mean A? `countagg query --date {DAY}` shows all counters"),
        ("quite_another", f"`countagg query --date {DAY}` shows all counters"),
    ],
)
def test_a_counter_that_is_nowhere_is_an_error_with_what_next(day: FakeDay, counter: str, hint: str) -> None:
    with pytest.raises(CountaggError, match=f"no file of {DAY} names the counter '{counter}'") as caught:
        explain(day, counter)
    assert caught.value.hint == hint


def test_a_ledger_that_cannot_be_read_is_an_error_and_no_sum_of_nothing(day: FakeDay) -> None:
    day.stored = replace(day.stored, document=b"garbage")
    with pytest.raises(CorruptDocument, match="the ledger cannot be read") as caught:
        explain(day)
    assert caught.value.where == f"totals of {DAY}"
    assert f"repair --date {DAY}" in caught.value.hint


def test_a_day_without_totals_is_told_as_such() -> None:
    with pytest.raises(CountaggError, match=rf"there are no totals for {DAY} \(UTC\)") as caught:
        explain(FakeDay())
    assert caught.value.hint


# What is meant


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("A", None),
        ("a/counter", None),
        ("totals/2026-11-20", None),
        (f"counters/{DAY}/values_i-1", f"counters/{DAY}/values_i-1"),
        (f"s3://b/counters/{DAY}/values_i-1", f"counters/{DAY}/values_i-1"),
        (f"{DAY}/values_i-1", f"counters/{DAY}/values_i-1"),
        ("2026-13-40/values_i 1", "counters/2026-13-40/values_i 1"),
        (f"{DAY}/value", None),
        (f"x/{DAY}/values_i-1", None),
    ],
)
def test_what_looks_like_a_file_is_one(what: str, key: str | None) -> None:
    assert file_key(what, SETTINGS) == key


@pytest.mark.parametrize("what", ["s3://other/counters/x", "s3://b/totals/2026-11-20", "s3://b", "s3://"])
def test_an_address_that_the_stack_does_not_read_is_refused(what: str) -> None:
    with pytest.raises(UsageError) as caught:
        file_key(what, SETTINGS)
    assert caught.value.where == what
    assert "s3://b/counters/" in caught.value.hint
