"""Totals are not lost because something expires, whatever is chosen for retention meanwhile."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from countagg.core.days import Expiry
from countagg.core.partitions import Layout
from countagg.core.values import SCALE
from countagg.data.day_records import DayRecord
from countagg.data.store import Store
from countagg.functions.aggregator import Aggregator, SnapshotsMissing
from countagg.functions.processor import Processor
from tests.functions.alerting import Alerting
from tests.functions.publishing import EXPIRES_AT, Outside, stream
from tests.functions.world import DAY, Context, World, emitted_metrics, sqs_record

TOMORROW: Final = "2026-11-21"
LAST_SECOND: Final = datetime(2026, 12, 25, 23, 59, 59, tzinfo=UTC)
"""Of the last day on which files of `DAY` are taken, with 35 days of retention."""
CLOSING: Final = datetime(2026, 12, 27, tzinfo=UTC)


@dataclass
class Operator:
    """A stack of which the operator changes the settings as time goes by."""

    world: World

    def process(self, body: str, now: datetime, days: tuple[int, int] = (35, 400)) -> None:
        """Handle an event at a time, by a processor that knows a choice of retention."""
        settings = replace(self.world.settings, snapshot_retention_days=days[0], totals_retention_days=days[1])
        store = Store(settings, self.world.clients)
        processor = Processor(settings, store, self.world.logger, self.world.metrics, lambda: now)
        assert processor.handle({"Records": [sqs_record(body, "1")]}, Context(60_000)) == {"batchItemFailures": []}

    def upload(
        self, instance: str, at: datetime, *, handled: datetime | None = None, days: tuple[int, int] = (35, 400)
    ) -> None:
        """Write a file at a time; its event is handled at once, or later."""
        body = self.world.created(self.world.put(instance, b"a 1\n"))
        self.process(of(body, at), handled or at, days)

    def aggregator(self, days: tuple[int, int]) -> Aggregator:
        """Return an aggregator that knows a choice of retention."""
        settings = replace(self.world.settings, snapshot_retention_days=days[0], totals_retention_days=days[1])
        return Aggregator(
            Store(settings, self.world.clients), self.world.logger, self.world.metrics, self.world.now
        )

    def expiry(self, instance: str, day: str = DAY) -> int:
        """Return when a snapshot expires."""
        item = self.world.snapshot_item(instance, day)
        assert item is not None
        return int(item["ExpiresAt"]["N"])

    def ledger_expiry(self, day: str = DAY) -> int:
        """Return when a ledger expires."""
        item = self.world.totals_item(day)
        assert item is not None
        return int(item["ExpiresAt"]["N"])


@pytest.fixture
def operator(world: World) -> Operator:
    return Operator(world)


def of(body: str, moment: datetime) -> str:
    """Return an event as one of another time."""
    message = json.loads(body)
    message["Records"][0]["eventTime"] = f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
    return json.dumps(message)


def days_after(days: int) -> datetime:
    return datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(days=days)


# What is taken


def test_an_upload_of_the_last_moment_counts_though_it_is_handled_after_midnight(operator: Operator) -> None:
    operator.upload("i-1", LAST_SECOND, handled=LAST_SECOND + timedelta(seconds=2))
    operator.upload("i-2", LAST_SECOND, handled=CLOSING - timedelta(seconds=1))
    assert [operator.world.counters_of(name) for name in ("i-1", "i-2")] == [{"a": SCALE}, {"a": SCALE}]


def test_a_removal_of_the_last_moment_counts_though_it_is_handled_after_midnight(operator: Operator) -> None:
    operator.upload("i-1", days_after(0))
    key = f"counters/{DAY}/values_i-1"
    operator.world.delete(key)
    operator.process(of(operator.world.removed(key), LAST_SECOND), LAST_SECOND + timedelta(seconds=2))
    assert operator.world.counters_of("i-1") == {}


def test_an_upload_after_that_midnight_is_refused(operator: Operator) -> None:
    operator.upload("i-1", LAST_SECOND + timedelta(seconds=1))
    [refusal] = operator.world.refusals()
    assert refusal["reason"] == f"the date {DAY} is more than 35 days before 2026-12-26 (UTC)"


@pytest.mark.parametrize("days", [(35, 400), (400, 400)], ids=["the same", "raised since"])
def test_an_event_that_comes_out_of_the_dead_letters_after_the_day_is_closed_is_refused(
    operator: Operator, days: tuple[int, int]
) -> None:
    operator.upload("i-1", days_after(0))
    operator.upload("i-2", days_after(1), handled=CLOSING, days=days)
    assert operator.world.counters_of("i-2") is None
    [refusal] = operator.world.refusals()
    assert refusal["reason"] == (
        f"the date {DAY} has been closed since 2026-12-27 (UTC), before its snapshots expire"
    )


def test_a_day_that_would_be_closed_at_once_does_not_begin(operator: Operator) -> None:
    operator.upload("i-1", days_after(1), handled=CLOSING)
    assert operator.world.snapshot_item(DAY, "layout") is None
    assert len(operator.world.refusals()) == 1


def test_more_retention_does_not_open_a_day_again_whose_snapshots_are_gone(operator: Operator) -> None:
    operator.upload("i-1", days_after(0), days=(10, 400))
    operator.upload("i-2", days_after(20), days=(35, 400))
    assert operator.world.counters_of("i-2") is None
    [refusal] = operator.world.refusals()
    assert "has been closed since 2026-12-02" in refusal["reason"]


def test_a_removal_of_a_closed_day_is_skipped(operator: Operator) -> None:
    operator.upload("i-1", days_after(0), days=(10, 400))
    key = f"counters/{DAY}/values_i-1"
    operator.world.delete(key)
    operator.process(of(operator.world.removed(key), days_after(20)), days_after(20), (35, 400))
    assert operator.world.counters_of("i-1") == {"a": SCALE}
    assert operator.world.refusals() == []


def test_less_retention_closes_a_day_earlier_and_as_much_as_before_opens_it_again(operator: Operator) -> None:
    operator.upload("i-1", days_after(0))
    operator.upload("i-2", days_after(11), days=(10, 10))
    operator.upload("i-3", days_after(12), days=(35, 400))
    assert [operator.world.counters_of(name) is None for name in ("i-1", "i-2", "i-3")] == [False, True, False]


# When it expires


@pytest.mark.parametrize("later", [(10, 10), (70, 400)])
def test_all_snapshots_of_a_day_expire_with_its_first(operator: Operator, later: tuple[int, int]) -> None:
    operator.upload("i-1", days_after(0))
    operator.upload("i-2", days_after(1), days=later)
    fixed = Expiry.chosen(DAY, 35, 400)
    assert [operator.expiry(name) for name in ("i-1", "i-2")] == [fixed.snapshots, fixed.snapshots]


def test_a_record_of_the_older_form_is_completed_and_goes_on(operator: Operator) -> None:
    last = Expiry.chosen(DAY, 400, 400).snapshots
    item: dict[str, Any] = {"Date": {"S": "layout"}, "Instance": {"S": DAY}, "ExpiresAt": {"N": str(last)}}
    item |= {"Lanes": {"N": "3"}, "CounterShards": {"N": "1"}}
    operator.world.clients.dynamodb.put_item(TableName=operator.world.names.snapshots, Item=item)
    operator.upload("i-1", days_after(0))
    record = DayRecord(Layout(3, 1), Expiry.chosen(DAY, 35, 400))
    assert operator.world.snapshot_item(DAY, "layout") == record.to_item(DAY)
    [partition] = Layout(3, 1).partitions_of(DAY, "i-1")
    assert operator.expiry("i-1", partition) == record.expiry.snapshots


@pytest.mark.parametrize("days", [(35, 400), (10, 10), (70, 3_650)])
def test_a_ledger_expires_with_its_day_whatever_its_aggregator_knows(
    operator: Operator, days: tuple[int, int]
) -> None:
    operator.upload("i-1", days_after(0))
    record = operator.world.snapshot_changed("i-2", {"a": SCALE})
    operator.aggregator(days).handle({"Records": [record]}, Context(60_000))
    assert operator.ledger_expiry() == Expiry.chosen(DAY, 35, 400).totals


def test_the_ledgers_of_a_split_day_expire_together(operator: Operator) -> None:
    split = Layout(2, 1)
    operator.world.store.records.fix(DAY, DayRecord(split, Expiry.chosen(DAY, 35, 400)))
    for partition, days in zip(split.partitions(DAY), ((35, 400), (10, 10)), strict=True):
        record = operator.world.snapshot_changed("i-1", {"a": SCALE}, day=partition)
        operator.aggregator(days).handle({"Records": [record]}, Context(60_000))
    assert len({operator.ledger_expiry(partition) for partition in split.partitions(DAY)}) == 1


def test_without_a_record_a_ledger_never_expires_earlier_than_it_did(operator: Operator) -> None:
    for number, days in enumerate(((10, 10), (35, 400), (10, 10))):
        record = operator.world.snapshot_changed(f"i-{number}", {"a": SCALE})
        operator.aggregator(days).handle({"Records": [record]}, Context(60_000))
        assert operator.ledger_expiry() == Expiry.chosen(DAY, *((10, 10), (35, 400), (35, 400))[number]).totals


def test_totals_outlive_the_snapshots_of_their_day_also_where_fewer_days_were_chosen(operator: Operator) -> None:
    operator.upload("i-1", days_after(0), days=(35, 10))
    record = operator.world.snapshot_changed("i-2", {"a": SCALE})
    operator.aggregator((35, 10)).handle({"Records": [record]}, Context(60_000))
    assert operator.ledger_expiry() > operator.expiry("i-1")


def test_a_counter_expires_with_its_ledger() -> None:
    outside = Outside()
    outside.publish(*stream([{"a": SCALE}, {"a": SCALE, "b": 1}]))
    assert {item["ExpiresAt"]["N"] for item in outside.table.items.values()} == {str(EXPIRES_AT)}


def test_what_a_ledger_without_an_expiry_says_expires_by_the_settings() -> None:
    outside, records = Outside(), stream([{"a": SCALE}])
    del records[0]["dynamodb"]["NewImage"]["ExpiresAt"]
    outside.publish(*records)
    [item] = outside.table.items.values()
    assert item["ExpiresAt"] == {"N": str(Expiry.chosen(DAY, 35, 400).totals)}


def test_an_alert_expires_with_its_ledger() -> None:
    outside = Alerting()
    outside.set_limit("a", SCALE)
    outside.publish(*stream([{"a": 5 * SCALE}]))
    assert outside.alert_item("a 1")["ExpiresAt"] == {"N": str(EXPIRES_AT)}


# The second line of defence


def test_a_rebuild_that_would_lose_an_instance_keeps_the_ledger(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    world = operator.world
    aggregator = operator.aggregator((35, 400))
    records = [world.snapshot_changed(f"i-{number}", {"a": SCALE * 100 * number}) for number in (1, 2, 3)]
    aggregator.handle({"Records": records}, Context(60_000))
    for name in ("i-1", "i-2", "i-3"):
        key: Any = {"Date": {"S": DAY}, "Instance": {"S": name}}
        world.clients.dynamodb.delete_item(TableName=world.names.snapshots, Key=key)
    capsys.readouterr()
    late = world.snapshot_changed("i-1", {"a": SCALE})
    other = world.snapshot_changed("i-1", {"a": 7 * SCALE}, day=TOMORROW)
    with pytest.raises(SnapshotsMissing, match=r"2 instances have no snapshot, such as i-2"):
        aggregator.handle({"Records": [late, other]}, Context(60_000))
    assert world.ledger().sums == {"a": 600 * SCALE}
    # It holds nobody else up.
    assert world.ledger(TOMORROW).sums == {"a": 7 * SCALE}
    assert emitted_metrics(capsys) == {"RebuildsRefused": 1, "LinksAdded": 1}
    [error] = [line for line in world.log_lines() if line["level"] == "ERROR"]
    assert (error["message"], error["day"], error["instances"], error["instance"]) == (
        "snapshots are missing, ledger kept",
        DAY,
        2,
        "i-2",
    )


def test_once_the_others_are_there_again_the_day_is_rebuilt(operator: Operator) -> None:
    world = operator.world
    aggregator = operator.aggregator((35, 400))
    records = [world.snapshot_changed(f"i-{number}", {"a": SCALE}) for number in (1, 2)]
    aggregator.handle({"Records": records}, Context(60_000))
    for name in ("i-1", "i-2"):
        key: Any = {"Date": {"S": DAY}, "Instance": {"S": name}}
        world.clients.dynamodb.delete_item(TableName=world.names.snapshots, Key=key)
    lost = world.snapshot_changed("i-1", {"a": 2 * SCALE})
    with pytest.raises(SnapshotsMissing):
        aggregator.handle({"Records": [lost]}, Context(60_000))
    aggregator.handle({"Records": [world.snapshot_changed("i-2", {"a": 3 * SCALE})]}, Context(60_000))
    assert world.ledger().sums == {"a": 5 * SCALE}
