"""Repair: every corruption is mended on the pipeline's own ways, and what comes meanwhile counts once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from countagg.core.days import Expiry
from countagg.core.errors import CountaggError, UsageError
from countagg.core.published import PublishedTotals
from countagg.core.sequencer import sequencer_after
from countagg.core.values import SCALE
from countagg.data.counters import CounterItem
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Hop
from countagg.operate.integrity.repair import Repairer
from countagg.operate.integrity.repair_plan import Mending, RepairAction, check_day, plan_repair
from countagg.operate.integrity.verify import verify
from tests.fakes.day import DAY, NOW, SETTINGS, FakeDay
from tests.operate.corruptions import CORRUPTIONS, Corruption, healthy_day


def day_with_a_wrong_sum() -> FakeDay:
    """Return a day whose ledger says one more of a counter than its snapshots."""
    day = healthy_day()
    ledger = day.totals
    ledger.sums["A"] += SCALE
    day.put_ledger(ledger)
    return day


def published(day: FakeDay) -> dict[str, Decimal]:
    return {name: item.value for name, item in day.items.items() if item.value}


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_what_is_wrong_is_mended_and_stays_so(corruption: Corruption) -> None:
    day = healthy_day()
    corruption.plant(day)
    repaired = day.repair()
    assert repaired.verification.ok
    assert repaired.mended
    day.settle()
    assert day.verify(0.0).ok
    # A later upload counts as ever.
    day.upload("i-2", "A 20\nB 5\n")
    day.settle()
    assert day.verify(0.0).ok
    assert published(day)["A"] == day.totals.sums["A"] // SCALE


def test_an_object_of_somebody_else_is_told_and_left_alone_and_all_else_mended() -> None:
    day = healthy_day()
    day.object = PublishedTotals(etag="theirs", foreign="its metadata do not name countagg")
    found = day.verify(0.0)
    [told] = found.differences
    assert (found.ok, told.hop) == (False, Hop.OBJECT)
    assert "move it away" in told.what
    assert day.repair().mended == ()

    day.items.pop("B")
    repaired = day.repair()
    assert [(each.hop, each.counter) for each in repaired.mended] == [(Hop.COUNTERS, "B")]
    assert repaired.verification.differences == (told,)
    assert (published(day)["B"], day.object.etag) == (Decimal(5), "theirs")

    day.object = PublishedTotals()
    assert day.repair().verification.ok
    assert day.object.totals == day.totals.sums


def test_a_healthy_day_is_left_alone() -> None:
    day = healthy_day()
    before = (dict(day.held), day.stored, dict(day.items), day.object)
    assert day.repair().mended == ()
    assert (day.held, day.stored, day.items, day.object) == before


def test_files_from_before_setup_are_taken_up() -> None:
    day = FakeDay()
    for number in range(1, 31):
        day.upload(f"i-{number}", f"A {number}\n", told=False)
    assert day.repair().verification.ok
    assert published(day) == {"A": Decimal(465)}
    assert min(each.sequencer for each in day.held.values()) == f"{1:032X}"


def test_mendings_tell_what_was_done() -> None:
    day = healthy_day()
    day.held.pop("i-2")
    day.delete("i-3", told=False)
    day.items["B"] = replace(day.items["B"], value=Decimal(6))
    assert day.repair().mended[:4] == (
        Mending(Hop.SNAPSHOTS, RepairAction.REREAD, "i-2"),
        Mending(Hop.SNAPSHOTS, RepairAction.WITHDRAW, "i-3"),
        Mending(Hop.LEDGER, RepairAction.REBUILD),
        Mending(Hop.COUNTERS, RepairAction.WRITE, counter="B"),
    )


def test_a_later_event_of_s3_wins_over_the_repair() -> None:
    day = healthy_day()
    held = day.held["i-1"]
    day.upload("i-1", "A 2\n", told=False)
    day.repair()
    mended = day.held["i-1"].sequencer
    assert held.sequencer < mended
    day.upload("i-1", "A 3\n")
    day.settle()
    assert day.held["i-1"].sequencer > mended
    assert day.verify(0.0).ok


def test_a_snapshot_that_was_deleted_comes_back_after_what_the_ledger_has_seen() -> None:
    day = healthy_day()
    seen = day.totals.seen["i-2"]
    del day.held["i-2"]
    day.repair()
    assert day.held["i-2"].sequencer > seen


def test_a_ledger_that_was_lost_goes_on_after_the_version_that_was_published() -> None:
    day = healthy_day()
    highest = day.stored.version
    day.stored = replace(day.stored, version=0, document=b"")
    day.repair()
    assert day.stored.version > max(highest - 1, day.object.version - 1)
    assert day.stored.version > max(item.version or 0 for item in day.items.values())


def test_a_ledger_is_not_rebuilt_out_of_snapshots_that_may_have_expired() -> None:
    day = healthy_day()
    stored = day.stored
    day.held.clear()
    with pytest.raises(UsageError, match="35 days before"):
        day.repair(now=NOW + timedelta(days=37))
    assert day.stored == stored


def test_a_day_that_closed_under_fewer_days_of_retention_is_not_rebuilt_under_more() -> None:
    day = healthy_day()
    day.fixed = Expiry.chosen(DAY, 10, 400)
    stored = day.stored
    day.held.clear()
    with pytest.raises(UsageError, match="has been closed since 2026-12-02") as refused:
        day.repair(now=NOW + timedelta(days=12))
    assert "never made again" in refused.value.hint
    assert day.stored == stored


def test_what_the_aggregator_passed_over_while_a_ledger_was_ahead_of_all_events_is_included() -> None:
    day = healthy_day()
    ledger = day.totals
    ledger.seen["i-1"] = "F" * 32
    day.put_ledger(ledger)

    def pass_over() -> None:
        day.upload("i-1", "A 2\n")
        day.process()
        day.aggregate()

    day.on_write = [pass_over]
    Repairer(day, day.store, day, day.settling(0.0), lambda: NOW).rebuild_ledger(DAY)
    assert day.totals.sums["A"] == 12 * SCALE
    assert day.totals.seen["i-1"] == day.held["i-1"].sequencer


def test_a_sequencer_that_no_event_can_have_is_no_base_for_that_of_a_repair() -> None:
    day = healthy_day()
    ledger = day.totals
    ledger.seen["i-1"] = "F" * 32
    day.put_ledger(ledger)
    held = day.held["i-1"]
    repaired = day.repair()
    assert repaired.verification.ok
    assert [each.action for each in repaired.mended] == [RepairAction.REBUILD]
    assert day.held["i-1"] == held


def test_a_rebuild_leaves_out_what_somebody_deleted_only_where_that_is_said() -> None:
    day = healthy_day()
    ledger = day.totals
    del day.held["i-2"]
    repairer = Repairer(day, day.store, day, day.settling(0.0), lambda: NOW)
    with pytest.raises(CountaggError, match="1 instances that are included have no snapshot, such as i-2"):
        replace(repairer, may_leave_out=False).rebuild_ledger(DAY)
    assert day.totals == ledger
    repairer.rebuild_ledger(DAY)
    assert "i-2" not in day.totals.seen


def test_the_aggregator_may_write_between_read_and_write() -> None:
    day = day_with_a_wrong_sum()

    def upload() -> None:
        day.upload("i-5", "A 100\n")
        day.process()
        day.stored = replace(day.stored, version=day.stored.version + 1)

    day.on_write = [upload]
    assert day.repair().verification.ok
    assert day.totals.sums["A"] == 111 * SCALE


def test_the_aggregator_may_write_at_most_attempts_as_long_as_one_succeeds() -> None:
    day = day_with_a_wrong_sum()

    def aggregate() -> None:
        day.stored = replace(day.stored, version=day.stored.version + 1)

    day.on_write = [aggregate] * 100
    Repairer(day, day.store, day, day.settling(0.0), lambda: NOW).rebuild_ledger(DAY)
    assert day.on_write == []
    assert day.totals.sums["A"] == 11 * SCALE


def test_a_ledger_that_changes_at_every_attempt_is_given_up_in_time() -> None:
    day = day_with_a_wrong_sum()

    def aggregate() -> None:
        day.stored = replace(day.stored, version=day.stored.version + 1)
        day.on_write.append(aggregate)

    day.on_write = [aggregate]
    repairer = Repairer(day, day.store, day, day.settling(0.0), lambda: NOW, timeout=60.0)
    began = day.clock
    with pytest.raises(CountaggError, match="at every attempt, and there is no end of it after 60 seconds"):
        repairer.rebuild_ledger(DAY)
    assert day.clock - began == pytest.approx(60.0)


def test_the_publisher_may_write_between_read_and_write() -> None:
    day = healthy_day()
    day.items["B"] = replace(day.items["B"], value=Decimal(6))
    day.object = replace(day.object, totals={}, etag="by hand")

    def newer() -> None:
        day.upload("i-2", "A 10\nB 50\n")
        day.settle()
        day.items["B"] = replace(day.items["B"], value=Decimal(50), version=day.stored.version)

    day.on_write = [newer]
    assert day.repair().verification.ok
    assert published(day)["B"] == Decimal(50)


def test_a_file_that_the_rules_refuse_is_not_sent_again() -> None:
    day = healthy_day()
    day.upload("i-2", "garbage", told=False)
    assert day.repair().mended == ()
    assert day.refused == []


def test_a_file_that_is_listed_but_not_found_is_read_again_and_never_withdrawn() -> None:
    day = healthy_day()
    day.upload("i-2", "A 100\n", told=False)
    day.unseen = {f"counters/{DAY}/values_i-2"}
    before = day.held["i-2"]
    repaired = day.repair()
    assert {each.action for each in repaired.mended if each.instance} == {RepairAction.REREAD}
    assert (repaired.verification.ok, day.held["i-2"]) == (False, before)
    day.unseen.clear()
    day.settle()
    assert day.verify().ok


def test_a_damaged_snapshot_of_a_refused_file_is_left_and_told() -> None:
    day = healthy_day()
    day.upload("i-2", "garbage")
    day.settle()
    day.refused.clear()
    day.held["i-2"] = replace(day.held["i-2"], packed=b"garbage")
    repaired = day.repair()
    assert [each.instance for each in repaired.verification.differences] == ["i-2"]
    assert (repaired.mended, day.refused) == ((), [])


def test_a_snapshot_that_the_ledger_missed_is_followed_by_the_repair() -> None:
    day = healthy_day()
    day.upload("i-1", "A 2\n")
    day.process()
    day.links.clear()
    held = day.held["i-1"].sequencer
    day.upload("i-1", "A 3\n", told=False)
    found, look = verify(Observer(day, DAY, day.today), day.settling(0.0))
    assert plan_repair(found, look, SETTINGS, "now").events["i-1"].sequencer == sequencer_after(held)
    assert day.repair().verification.ok
    assert published(day)["A"] == Decimal(13)


def test_an_item_that_is_newer_than_the_ledger_that_was_read_stays() -> None:
    day = healthy_day()
    day.items["C"] = replace(day.items["C"], value=Decimal(7))
    exactly = day.counters_exactly

    def meanwhile(_day: str, counters: Iterable[str]) -> Iterator[CounterItem]:
        day.upload("i-2", f"A 10\nB {day.events}\n")
        day.settle()
        return exactly(_day, counters)

    day.counters_exactly = meanwhile  # type: ignore[method-assign]  # to interfere
    assert day.repair().verification.ok
    assert {item.counter for item in day.wrote} == {"C"}


def test_what_breaks_during_a_repair_is_mended_too() -> None:
    day = healthy_day()
    day.items["B"] = replace(day.items["B"], value=Decimal(6))

    def lose() -> None:
        del day.held["i-3"]

    day.on_write = [lose]
    repaired = day.repair()
    assert repaired.verification.ok
    assert Mending(Hop.SNAPSHOTS, RepairAction.REREAD, "i-3") in repaired.mended


def test_what_the_processor_does_not_do_is_left_and_told() -> None:
    day = healthy_day()
    day.held.pop("i-2")
    day.processor_works = False
    repaired = day.repair()
    assert [each.instance for each in repaired.verification.differences if each.hop is Hop.SNAPSHOTS] == ["i-2"]
    # Nothing of it is lost: once the processor works again, it all arrives.
    day.processor_works = True
    day.settle()
    assert day.verify(0.0).ok


def test_a_message_that_the_queue_does_not_take_ends_the_repair() -> None:
    day = healthy_day()
    day.held.pop("i-2")
    day.send = lambda bodies: iter([[False] * len(bodies)])  # type: ignore[method-assign]  # to refuse
    with pytest.raises(CountaggError, match="not accepted"):
        day.repair()


def test_it_does_not_fight_for_ever() -> None:
    day = day_with_a_wrong_sum()

    def bump() -> None:
        day.stored = replace(day.stored, version=day.stored.version + 1)

    day.on_write = [bump] * 99
    with pytest.raises(CountaggError, match="others changed it"):
        day.repair()


@pytest.mark.parametrize(
    ("date", "reason", "hint"),
    [
        ("2026-01-01", "more than 35 days", "never made again"),
        ("2026-10-15", "more than 35 days", "last 35 days"),
        ("2026-12-24", "ahead", "last 35 days"),
    ],
)
def test_a_day_whose_files_the_processor_refuses_cannot_be_repaired(date: str, reason: str, hint: str) -> None:
    check_day(SETTINGS, SETTINGS.expiry_of(DAY), DAY, NOW)
    with pytest.raises(UsageError, match=reason) as caught:
        check_day(SETTINGS, SETTINGS.expiry_of(date), date, NOW)
    assert hint in caught.value.hint
