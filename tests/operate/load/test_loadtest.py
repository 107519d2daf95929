"""A load on a pipeline in memory; the threads are real, the times are small."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from countagg.aws.pipeline import DayTotals, SnapshotHead
from countagg.core.counter_file import parse_counter_file
from countagg.core.errors import AwsCallFailed
from countagg.core.polling import Polling
from countagg.core.values import SCALE
from countagg.operate.cost.prices import read_prices
from countagg.operate.load.cost import estimate
from countagg.operate.load.figures import Bottleneck, Sample
from countagg.operate.load.loadtest import Load, LoadTest
from countagg.operate.load.schedule import instance_id, ramp, steady
from countagg.operate.totals.withdrawals import count_withdrawn, withdraw
from tests.fakes.bucket import etag_of
from tests.fakes.pipeline import DAY, FakePipeline

GENEROUS = 300.0


@dataclass
class Working(FakePipeline):
    """A pipeline that applies each upload at once, and includes it if it still aggregates.

    Attributes:
        aggregating: whether the aggregator works.
        refused: every so many uploads fail; 0 for none.
        number: of the last event.
        deleted: keys whose objects were deleted.
        lock: one change at a time.
    """

    aggregating: bool = True
    refused: int = 0
    number: int = 0
    deleted: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put_counter_file(self, key: str, content: bytes) -> str:
        with self.lock:
            self.number += 1
            if self.refused and self.number % self.refused == 0:
                raise AwsCallFailed("S3 is out of order", where=key)
            self.uploaded.append((key, content))
            counters = {name: value // SCALE for name, value in parse_counter_file(content).items()}
            self.hold(key.rpartition("values_")[2], counters, number=self.number, etag=etag_of(content))
            if self.aggregating:
                self.aggregate()
            return etag_of(content)

    def delete_counter_file(self, key: str) -> None:
        with self.lock:
            self.deleted.append(key)
            self.number += 1
            self.hold(key.rpartition("values_")[2], {}, number=self.number, etag="")
            if self.aggregating:
                self.aggregate()

    def snapshot_heads(self, day: str) -> list[SnapshotHead]:  # type: ignore[override]  # as they are at one moment
        with self.lock:
            return list(super().snapshot_heads(day))

    def totals(self, day: str) -> DayTotals:
        with self.lock:
            return super().totals(day)


def load_of(instances: int = 4, interval: float = 0.2, duration: float = 0.5) -> Load:
    return Load(DAY, instances, 3, steady(interval, duration), seed=0, workers=3)


def run(
    fake: Working, load: Load, drain: float = GENEROUS, sleep: Callable[[float], None] = time.sleep
) -> LoadTest:
    test = LoadTest(fake, load, lambda _sample, _failures: None, Polling(drain, sleep))
    test.run()
    return test


class Slow(Working):
    """A pipeline that takes longer for an upload than the load goes on."""

    def put_counter_file(self, key: str, content: bytes) -> str:
        time.sleep(1.0)
        return super().put_counter_file(key, content)


def test_what_waits_for_a_worker_at_the_end_is_not_sent_and_counted() -> None:
    outcome = run(Slow(), replace(load_of(instances=2, interval=0.5), workers=1)).outcome

    assert outcome.due == outcome.sent + outcome.not_sent == 2


def test_everything_that_is_sent_is_included_and_timed() -> None:
    fake = Working()
    outcome = run(fake, load_of()).outcome

    assert outcome.due == outcome.sent + outcome.not_sent >= 8
    assert len(fake.uploaded) == outcome.sent == len(outcome.latencies)
    assert outcome.drained
    assert outcome.missing == {}
    assert all(latency >= 0 for latency in outcome.latencies)
    assert {key for key, _ in fake.uploaded} == {
        f"counters/{DAY}/values_{instance_id(0, number)}" for number in range(4)
    }
    assert len(outcome.steps) == 1
    samples = outcome.samples
    assert samples == sorted(samples, key=lambda sample: sample.at)


def test_every_look_is_told() -> None:
    told: list[Sample] = []
    test = LoadTest(Working(), load_of(), lambda sample, _: told.append(sample), Polling(GENEROUS))
    outcome = test.run()

    assert told == outcome.samples


def test_what_is_not_included_in_time_is_named() -> None:
    outcome = run(Working(aggregating=False), load_of(), drain=0.0).outcome

    assert not outcome.drained
    assert sum(outcome.missing.values()) == outcome.sent > 0
    assert outcome.latencies == []
    assert outcome.samples[-1].applied == outcome.sent


def test_uploads_that_fail_are_counted_and_the_others_go_on() -> None:
    outcome = run(Working(refused=3), load_of()).outcome

    assert outcome.failed_uploads == len(outcome.failures) > 0
    assert "S3 is out of order" in outcome.failures[0]
    assert outcome.drained


def test_looks_that_fail_are_told_and_the_load_goes_on() -> None:
    class Flickering(Working):
        looks = 0

        def totals(self, day: str) -> DayTotals:
            self.looks += 1
            if self.looks % 2 == 0:
                raise AwsCallFailed("throttled", where="totals")
            return super().totals(day)

    outcome = run(Flickering(), load_of()).outcome

    assert "totals: throttled" in outcome.failures
    assert outcome.failed_uploads == 0
    assert outcome.samples[-1].included > 0


def test_ctrl_c_ends_the_uploads_and_waits_for_what_was_sent() -> None:
    fake = Working()

    def sleep(seconds: float) -> None:
        if len(fake.uploaded) >= 3 and not pressed:
            pressed.append(True)
            raise KeyboardInterrupt
        time.sleep(min(seconds, 0.05))

    pressed: list[bool] = []
    outcome = run(fake, load_of(duration=60.0), sleep=sleep).outcome

    assert outcome.interrupted
    assert outcome.drained
    assert outcome.due < 200
    assert 3 <= outcome.sent == len(fake.uploaded) < 100


def test_a_second_ctrl_c_ends_the_wait() -> None:
    fake = Working(aggregating=False)

    def sleep(_seconds: float) -> None:
        if fake.uploaded:
            raise KeyboardInterrupt

    outcome = run(fake, load_of(duration=60.0), sleep=sleep).outcome

    assert outcome.interrupted
    assert not outcome.drained


def test_a_ramp_ends_at_the_knee() -> None:
    load = Load(DAY, 40, 2, ramp(0.5, 60, 1.0, 2, 0.01), seed=0, workers=3, until_knee=True)
    outcome = run(Working(aggregating=False), load, drain=0.0).outcome

    assert outcome.knee is not None
    assert outcome.knee.limit in {Bottleneck.AGGREGATOR, Bottleneck.UPLOADER}
    assert len(outcome.steps) == outcome.knee.step + 1 < len(load.steps)
    # What would have been due in the steps that were left out, is not.
    assert outcome.due == sum(step.due for step in outcome.steps)


def test_an_upload_of_an_instance_waits_for_the_one_before_it() -> None:
    under_way: set[str] = set()
    clashes: list[str] = []
    slow = threading.Event()

    class Slow(Working):
        def put_counter_file(self, key: str, content: bytes) -> str:
            if key in under_way:
                clashes.append(key)
            under_way.add(key)
            slow.wait(0.05)
            under_way.discard(key)
            return super().put_counter_file(key, content)

    fake = Slow()
    outcome = run(fake, load_of(instances=1, interval=0.01, duration=0.5)).outcome

    assert clashes == []
    assert outcome.not_sent > 0


def test_withdrawn_instances_leave_the_totals() -> None:
    fake, load = Working(), load_of()
    run(fake, load)
    assert count_withdrawn(fake, DAY, load.instance_ids) == 0
    done: list[int] = []

    fake.aggregating = False
    withdraw(fake, DAY, load.instance_ids, lambda: done.append(1))
    behind = count_withdrawn(fake, DAY, load.instance_ids)
    fake.aggregate()

    assert len(done) == len(fake.deleted) == 4
    assert behind == 0
    assert count_withdrawn(fake, DAY, load.instance_ids) == 4
    assert count_withdrawn(fake, DAY, ["never-there"]) == 1


def test_the_estimate_grows_with_the_load_and_has_the_watching_in_it() -> None:
    prices = read_prices("us-east-1")
    short = estimate(Load(DAY, 100, 100, steady(60, 60), 0), 0, prices)
    long = estimate(Load(DAY, 100, 100, steady(60, 600), 0), 0, prices)
    watched = estimate(Load(DAY, 100, 100, steady(60, 60), 0), 6_000, prices)

    assert short.files == pytest.approx(100)
    assert long.usd > 5 * short.usd > 0
    assert watched.usd > short.usd
    assert long.units_per_file == short.units_per_file
    (each,) = short.units_per_file
    assert each > 3
    assert short.write_units([100], 100) == 100 * each
    assert short.write_units([], 0) == 0


def test_each_steps_files_have_the_write_units_of_its_rate() -> None:
    found = estimate(Load(DAY, 100, 100, ramp(60, 60, 20, 4, 0.1), 0), 0, read_prices("us-east-1"))
    first, second, third = found.units_per_file

    assert first > second > third
    assert found.write_units([10, 20], 35) == pytest.approx(10 * first + 20 * second + 5 * third)
