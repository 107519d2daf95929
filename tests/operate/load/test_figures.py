"""Schedules and figures of a load, as properties."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.counter_file import parse_counter_file
from countagg.operate.load.figures import (
    Bottleneck,
    Sample,
    find_knee,
    growth,
    histogram,
    percentile,
    step_figures,
)
from countagg.operate.load.schedule import (
    JITTER,
    DueCount,
    LoadStep,
    file_of,
    instance_id,
    ramp,
    steady,
    uploads_of,
)

VALUES = st.lists(st.floats(0, 1e6), max_size=200)


@given(st.integers(1, 30), st.floats(0.5, 20), st.floats(1, 60), st.integers(0, 99), st.floats(0, 100))
def test_a_schedule_is_in_order_and_as_dense_as_asked(
    instances: int, interval: float, seconds: float, seed: int, begin: float
) -> None:
    step = LoadStep(begin, seconds, interval)
    due = list(uploads_of(step, instances, seed))

    assert due == list(uploads_of(step, instances, seed))
    assert [each.at for each in due] == sorted(each.at for each in due)
    assert all(begin <= each.at < step.end + 1e-9 for each in due)
    moments: dict[int, list[float]] = {}
    for each in due:
        moments.setdefault(each.instance, []).append(each.at)
    for times in moments.values():
        assert times[0] - begin <= interval
        gaps = [after - before for before, after in pairwise(times)]
        assert all(interval * (1 - JITTER) - 1e-6 <= gap <= interval * (1 + JITTER) + 1e-6 for gap in gaps)
        assert len(times) >= int((seconds - interval) / (interval * (1 + JITTER)))


@given(st.integers(1, 20), st.lists(st.floats(0, 70), max_size=9).map(sorted))
def test_what_is_due_is_counted_by_the_moment(instances: int, moments: list[float]) -> None:
    steps = ramp(4.0, 60.0, 6.0, 2.0, 0.1)
    at = [due.at for step in steps for due in uploads_of(step, instances, 3)]
    count = DueCount(steps, instances, 3)

    assert [count.by(moment) for moment in moments] == [sum(due <= moment for due in at) for moment in moments]


def test_the_instances_are_spread_over_the_interval() -> None:
    due = list(uploads_of(LoadStep(0, 60, 60), 6_000, seed=1))

    counts = Counter(int(each.at // 10) for each in due)
    assert all(850 < counts[tenth] < 1_150 for tenth in range(5))
    assert due != list(uploads_of(LoadStep(0, 60, 60), 6_000, seed=2))


@given(st.floats(0.1, 100), st.floats(1, 600), st.floats(1, 60), st.floats(1.1, 4), st.floats(0.001, 10))
def test_a_ramp_fills_its_time_with_ever_higher_rates(
    interval: float, duration: float, seconds: float, factor: float, shortest: float
) -> None:
    steps = ramp(interval, duration, seconds, factor, shortest)

    assert steps[0].begin == 0
    assert steps[0].interval == interval
    assert steps[-1].end <= duration + 1e-6
    assert all(step.interval >= shortest for step in steps[1:])
    assert duration - steps[-1].end <= seconds / 2 or steps[-1].interval / factor < shortest
    assert all(after.begin == pytest.approx(before.end) for before, after in pairwise(steps))
    assert all(after.rate(7) == pytest.approx(factor * before.rate(7)) for before, after in pairwise(steps))


def test_a_steady_load_is_one_step() -> None:
    assert steady(60, 300) == (LoadStep(0, 300, 60),)


def test_no_two_uploads_of_an_instance_have_the_same_content() -> None:
    files = [file_of(0, 1, upload, 2) for upload in range(500)]

    assert len(set(files)) == len(files)
    assert file_of(0, 1, 3, 2) == files[3]
    assert set(parse_counter_file(file_of(5, 2, 0, 100))) == {f"loadtest_COUNTER{n}" for n in range(1, 101)}
    assert instance_id(5, 2) == "loadtest-5-000002"


@given(VALUES, st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)

    if not values:
        assert found is None
        return
    assert found in values
    assert found is not None
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) < share * len(values) + 1e-9


@given(VALUES)
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    parts = histogram(values)

    assert sum(count for _, _, count in parts) == len(values)
    if values:
        assert parts[0][0] == min(values)
        assert parts[-1][1] == max(values)
    assert all(before[1] == after[0] for before, after in pairwise(parts))


@given(st.floats(-50, 50), st.floats(-1e3, 1e3), st.integers(2, 50))
def test_growth_is_the_slope_of_a_line(slope: float, start: float, count: int) -> None:
    samples = [Sample(float(at), 0, 0, 0) for at in range(count)]

    assert growth(samples, lambda sample: start + slope * sample.at) == pytest.approx(slope, abs=1e-6)


def test_growth_of_a_single_look_is_none() -> None:
    assert growth([Sample(1.0, 5, 0, 0)], lambda sample: sample.lag) == 0
    assert growth([Sample(1.0, 5, 0, 0)] * 3, lambda sample: sample.lag) == 0


def samples_at(rate: float, *, processor: float, aggregator: float, queue: bool = True) -> list[Sample]:
    """Return the looks of ten seconds, of functions that can do so many files a second."""
    found = []
    for tick in range(101):
        at = tick / 10
        sent = rate * at
        applied = min(sent, processor * at)
        included = min(applied, aggregator * at)
        queued = round(sent - applied) if queue else 0
        found.append(Sample(at, round(sent), round(applied), round(included), queued))
    return found


@given(st.floats(20, 1_000), st.floats(20, 1_000), st.floats(20, 1_000))
def test_the_knee_is_where_the_slowest_no_longer_keeps_up(
    first: float, processor: float, aggregator: float
) -> None:
    rates = [first * 1.5**number for number in range(12)]
    steps = [
        step_figures(rate, round(10 * rate), samples_at(rate, processor=processor, aggregator=aggregator), 0.1)
        for rate in rates
    ]
    slowest = min(processor, aggregator)

    knee = find_knee(steps)

    if knee is None:
        assert rates[-1] <= slowest / 0.85
        return
    assert rates[knee.step] > slowest
    assert all(rate <= slowest / 0.85 for rate in rates[: knee.step])
    if processor < aggregator / 2 and rates[knee.step] < aggregator:
        assert knee.limit is Bottleneck.PROCESSOR
    if aggregator < processor and rates[knee.step] <= processor:
        assert knee.limit is Bottleneck.AGGREGATOR


def test_files_that_reach_no_queue_point_to_the_way_before_it() -> None:
    step = step_figures(100, 1000, samples_at(100, processor=50, aggregator=1e9, queue=False), 0.1)

    knee = find_knee([step])
    assert knee is not None
    assert (knee.limit, knee.sustained) == (Bottleneck.EVENTS, None)


def test_an_uploader_that_falls_behind_is_the_limit_itself() -> None:
    kept = step_figures(50, 500, samples_at(50, processor=1e9, aggregator=1e9), 0.3)
    late = step_figures(100, 1000, samples_at(60, processor=1e9, aggregator=1e9), 1.0)

    knee = find_knee([kept, late])
    assert knee is not None
    assert (knee.step, knee.limit) == (1, Bottleneck.UPLOADER)
    assert knee.sustained == pytest.approx(50)


def test_a_lag_that_only_steps_up_is_no_knee() -> None:
    samples = [
        Sample(each.at, each.sent, each.sent, max(0, each.sent - 30))
        for each in samples_at(100, processor=1e9, aggregator=1e9)
    ]

    assert find_knee([step_figures(100, 1000, samples, 0.1)]) is None
