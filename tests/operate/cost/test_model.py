"""Bills: the lines reckoned by hand, and how they grow."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countagg.core.errors import UsageError
from countagg.core.names import Names
from countagg.operate.cost.countagg import our_bill
from countagg.operate.cost.fleet_sizes import DoesNotFit, Sizes, size_article, size_fleet
from countagg.operate.cost.growth import article_sizes_of, bill_of_article, grow_instances, sizes_of, vary_windows
from countagg.operate.cost.measured import full_hour, measure, measured_lines
from countagg.operate.cost.model import ASSUMED, DEFAULTS, HOPS, Bill, Workload
from countagg.operate.cost.prices import DEFAULT_REGION, Meter, Prices, read_prices
from countagg.operate.cost.write_units import Rhythm, article_write_units_per_file, rhythm_of, write_units_per_file
from countagg.provision.metrics import Metric
from countagg.provision.settings import DASHBOARD_PRICE, PerFunction
from tests.provision.stacks import IDS

PRICES: Final = read_prices(DEFAULT_REGION)
WORK: Final = Workload(instances=60, counters=100, interval=60.0, days=30.0)
SIZES: Final = Sizes(1_700, 600, 900, 1.0, 2_500, 3.0, 70, 1.0)


def quantity(bill: Bill, hop: str, meter: Meter) -> Decimal:
    return sum(
        (line.quantity or Decimal() for line in bill.lines if (line.hop, line.meter) == (hop, meter)), Decimal()
    )


def test_what_each_file_takes_is_counted_by_the_file() -> None:
    bill, files = our_bill(WORK, SIZES), Decimal(30 * 86_400)

    assert WORK.files == files
    assert quantity(bill, "upload", Meter.S3_PUT) == files
    assert quantity(bill, "processor", Meter.S3_GET) == files
    assert quantity(bill, "notification", Meter.SNS_PUBLISH) == files
    assert quantity(bill, "snapshots", Meter.DYNAMODB_WRITE) == files
    # A file a second: a batch of the aggregator has the first, and what comes within its second.
    assert quantity(bill, "totals", Meter.DYNAMODB_WRITE) == files / 2 * 3
    # Half a version a second: the first, and five within ten seconds.
    publications = float(files) / 2 / 6
    assert float(quantity(bill, "object", Meter.S3_PUT)) == pytest.approx(publications)
    written = publications * 100 * 2
    assert float(quantity(bill, "counters", Meter.DYNAMODB_WRITE)) == pytest.approx(written)
    # Limits and alerts, and the newest ledger, of which a unit reads 4 KB.
    assert float(quantity(bill, "publisher", Meter.DYNAMODB_READ)) == pytest.approx(2.5 * publications)
    assert float(quantity(bill, "publisher", Meter.S3_GET)) == pytest.approx(publications)


def test_the_sums_of_services_and_of_hops_are_the_total() -> None:
    for bill in (our_bill(WORK, SIZES), bill_of_article(WORK)):
        assert bill is not None
        assert sum(bill.by_service(PRICES).values()) == bill.total(PRICES)
        assert sum(bill.by_hop(PRICES).values()) == bill.total(PRICES)
        assert bill.by_hop(PRICES).keys() <= set(HOPS)
        assert bill.complete


def test_a_price_is_applied_to_its_unit() -> None:
    line = next(line for line in our_bill(WORK, SIZES).lines if line.meter is Meter.S3_PUT)

    assert line.usd(PRICES) == Decimal("12.96")


def test_an_idle_queue_is_asked_by_five_pollers_every_20_seconds() -> None:
    idle = replace(WORK, instances=1, interval=1e9)

    assert float(quantity(our_bill(idle, SIZES), "queue", Meter.SQS_REQUEST)) == pytest.approx(648_000, rel=0.001)


def test_a_busy_queue_is_asked_once_a_batch() -> None:
    busy = replace(WORK, instances=60_000)
    requests = float(quantity(our_bill(busy, SIZES), "queue", Meter.SQS_REQUEST))

    assert requests == pytest.approx(busy.files * (1 + 2 / 10), rel=0.01)


def test_files_without_news_change_no_output() -> None:
    quiet = our_bill(replace(WORK, changed=0.0), SIZES)

    assert quantity(quiet, "object", Meter.S3_PUT) == 0
    assert quantity(quiet, "counters", Meter.DYNAMODB_WRITE) == 0
    assert quantity(quiet, "snapshots", Meter.DYNAMODB_WRITE) == 30 * 86_400
    hops = ("totals", "aggregator", "publisher")
    meters = (Meter.DYNAMODB_WRITE, Meter.LAMBDA_REQUEST, Meter.DYNAMODB_READ, Meter.S3_GET)
    assert {quantity(quiet, hop, meter) for hop in hops for meter in meters if _has(quiet, hop, meter)} == {0}


def _has(bill: Bill, hop: str, meter: Meter) -> bool:
    return any((line.hop, line.meter) == (hop, meter) for line in bill.lines)


def test_of_the_counters_of_changed_files_those_are_published_that_one_of_them_changed() -> None:
    single = write_units_per_file(SIZES, Rhythm(), 100, 1.0, 0.01)
    assert single == pytest.approx(SIZES.snapshot_units + SIZES.ledger_units + 2 * SIZES.counter_units)
    both = write_units_per_file(SIZES, Rhythm(1, 2, 1), 100, 1.0, 0.01)
    published = 100 * (1 - 0.99**2)
    assert both == pytest.approx(
        SIZES.snapshot_units + (SIZES.ledger_units + 2 * SIZES.counter_units * published) / 2
    )
    assert write_units_per_file(SIZES, Rhythm(), 100, 0.0) == SIZES.snapshot_units


def test_the_alarms_are_those_of_the_stack() -> None:
    assert ASSUMED.alarms == sum(name.startswith("alarm/") for name in IDS)


def test_an_alarm_of_silent_instances_costs_itself_and_reads_of_all_snapshots() -> None:
    plain, watched = (our_bill(WORK, SIZES, replace(DEFAULTS, stale_alarm=each)) for each in (None, "15m"))
    assert quantity(watched, "watching", Meter.ALARM) - quantity(plain, "watching", Meter.ALARM) == 1
    assert quantity(watched, "watching", Meter.METRIC) - quantity(plain, "watching", Meter.METRIC) == 1
    looks = 30 * 24 * 12
    assert quantity(plain, "watching", Meter.DYNAMODB_READ) == 0
    assert float(quantity(watched, "watching", Meter.DYNAMODB_READ)) == pytest.approx(
        looks * WORK.instances * SIZES.snapshot / 8_192
    )


def test_a_dashboard_costs_three_dollars_a_month() -> None:
    plain, shown = (our_bill(WORK, SIZES, replace(DEFAULTS, dashboard=each)) for each in (False, True))
    usd = shown.total(PRICES) - plain.total(PRICES)
    assert DASHBOARD_PRICE.startswith(f"{usd.normalize():f} USD a month")
    assert not _has(plain, "watching", Meter.DASHBOARD)
    week = our_bill(replace(WORK, days=7.5), SIZES, replace(DEFAULTS, dashboard=True))
    assert quantity(week, "watching", Meter.DASHBOARD) == Decimal("0.25")


@given(st.integers(1, 100_000), st.floats(0.1, 10_000), st.integers(0, 300), st.integers(0, 300))
def test_a_longer_window_never_makes_more_calls(instances: int, interval: float, window: int, longer: int) -> None:
    work = Workload(instances, 100, interval)
    low, high = sorted((window, longer))
    short, long = (
        rhythm_of(work, SIZES, replace(DEFAULTS, window=PerFunction(each, each, each))) for each in (low, high)
    )

    assert 1 <= short.files_per_call <= long.files_per_call <= 10
    assert 1 <= short.files_per_version <= long.files_per_version <= 1_000
    assert short.files_per_publication <= long.files_per_publication * (1 + 1e-9)


@given(st.floats(1, 1_000), st.floats(1, 100), st.integers(1, 1_000), st.floats(0, 1))
def test_units_a_file_shrink_with_the_batches(
    files: float, versions: float, counters: int, changed: float
) -> None:
    single = write_units_per_file(SIZES, Rhythm(), counters, changed)
    batched = write_units_per_file(SIZES, Rhythm(1, files, versions), counters, changed)

    assert SIZES.snapshot_units <= batched <= single + 1e-9


def test_the_articles_units_grow_with_instances_times_counters() -> None:
    small, large = article_sizes_of(100, 10), article_sizes_of(1_000, 10)

    assert article_write_units_per_file(small, 10) == 10 * (2 * 3 + 1)
    assert article_write_units_per_file(large, 10) == 10 * (2 * 24 + 1)


def test_sizes_grow_as_the_fleet_does() -> None:
    few, many = size_fleet(10, 100), size_fleet(1_000, 100)

    assert few.snapshot == pytest.approx(many.snapshot, rel=0.02)
    assert few.ledger < many.ledger / 8
    assert size_fleet(10, 1_000).packed > 8 * few.packed
    assert size_fleet(10, 100) == few


@pytest.mark.parametrize(("instances", "counters"), [(30_000, 100), (10, 100_000), (1_000_000, 1), (1, 1_000_000)])
def test_what_does_not_fit_is_said(instances: int, counters: int) -> None:
    with pytest.raises(DoesNotFit):
        size_fleet(instances, counters)


def test_the_article_does_not_fit_either() -> None:
    with pytest.raises(DoesNotFit, match="400 KB"):
        size_article(30_000, 1)
    assert bill_of_article(replace(WORK, instances=30_000)) is None


def test_growth_shows_smaller_and_larger_fleets_and_where_it_ends() -> None:
    points = grow_instances(replace(WORK, instances=10_000), DEFAULTS, PRICES)

    assert [point.instances for point in points] == [1_000, 10_000, 100_000, 1_000_000]
    ours = [point.ours for point in points]
    assert ours[3] is None
    assert points[3].article is None
    assert ours[0] is not None
    assert ours[2] is not None
    assert ours[0] < ours[2]


def test_the_chosen_window_is_among_those_that_are_compared() -> None:
    effects = vary_windows(WORK, replace(DEFAULTS, window=PerFunction(0, 7, 10)), PRICES)

    aggregator = [each for each in effects if each.function == "aggregator"]
    assert [each.seconds for each in aggregator] == [0, 1, 7, 10, 60]
    assert [each.usd for each in aggregator] == sorted((each.usd for each in aggregator), reverse=True)
    ours = our_bill(WORK, sizes_of(60, 100), replace(DEFAULTS, window=PerFunction(0, 7, 10))).total(PRICES)
    assert aggregator[2].usd == ours


# Prices


def test_our_table_has_every_meter_with_its_source() -> None:
    assert set(PRICES.of) == set(Meter)
    assert all(price.usd > 0 and price.source for price in PRICES.of.values())
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", PRICES.as_of)
    assert PRICES.of[Meter.DYNAMODB_WRITE].usd == Decimal("0.000000625")


def test_a_region_that_our_table_does_not_know_has_the_prices_of_another_which_says_so() -> None:
    assert read_prices("eu-central-1") == PRICES
    assert read_prices("us-west-2") == replace(PRICES, region="us-west-2")


def one_table(folder: Path, text: str) -> Path:
    file = folder / "prices.toml"
    file.write_text(text)
    return file


def table(region: str, **changed: str) -> str:
    entries = {meter.value: '{usd = 2, per = 1000, source = "contract"}' for meter in Meter} | changed
    lines = "".join(f"{name} = {entry}\n" for name, entry in entries.items() if entry)
    return f"as_of = 2026-01-01\n[regions.{region}]\n{lines}"


def test_another_table_is_taken(tmp_path: Path) -> None:
    found = read_prices("eu-central-1", one_table(tmp_path, table("eu-central-1")))

    assert (found.region, found.as_of) == ("eu-central-1", "2026-01-01")
    assert found.of[Meter.ALARM].usd == Decimal("0.002")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not toml", "cannot be read"),
        (table("eu-west-1"), "no prices for eu-central-1"),
        (table("eu-central-1", alarm=""), "not a table of prices"),
        (table("eu-central-1", alarm="{usd = -1, per = 1, source = 'x'}"), "not a table of prices"),
        (table("eu-central-1", alarm="{usd = 1, per = 0, source = 'x'}"), "not a table of prices"),
        (table("eu-central-1", alarm="{usd = nan, per = 1, source = 'x'}"), "not a table of prices"),
        (table("eu-central-1", alarm="7"), "not a table of prices"),
        ("as_of = 2026-01-01\nregions = 7", "no prices for eu-central-1"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_prices("eu-central-1", one_table(tmp_path, text))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_prices("us-east-1", tmp_path / "absent.toml")


# Measured

NOW: Final = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
NAMES: Final = Names("countagg")


def counted(bill: Bill, prices: Prices) -> dict[tuple[str, Meter], Decimal | None]:
    assert bill.total(prices) >= 0
    return {(line.hop, line.meter): line.quantity for line in bill.lines}


def test_what_was_measured_is_a_bill_for_a_month() -> None:
    lines = measured_lines(NAMES, {NAMES.processor: 512})
    hour = full_hour(NOW) - timedelta(hours=2)
    calls = Metric("AWS/Lambda", "Invocations", (("FunctionName", NAMES.processor),))
    duration = replace(calls, name="Duration")
    sums = {calls: {hour: 100.0, hour + timedelta(hours=1): 150.0}, duration: {hour: 5_000.0}}

    found = measure(lines, sums, NOW)

    # 2.5 hours of the 720 of a month.
    assert found.since == hour
    quantities = counted(found.bill, PRICES)
    assert quantities["processor", Meter.LAMBDA_REQUEST] == 250 * 288
    assert quantities["processor", Meter.LAMBDA_GB_SECOND] == Decimal("2.5") * 288
    assert quantities["aggregator", Meter.LAMBDA_REQUEST] is None
    assert quantities["upload", Meter.S3_PUT] is None
    assert not found.bill.complete


def test_the_units_of_the_index_are_counted_with_those_of_its_table() -> None:
    lines = [
        line for line in measured_lines(NAMES, {}) if (line.hop, line.meter) == ("counters", Meter.DYNAMODB_WRITE)
    ]

    ((table_metric, index_metric),) = [line.metrics for line in lines]
    assert dict(table_metric.dimensions) == {"TableName": NAMES.counters}
    assert dict(index_metric.dimensions) == {"TableName": NAMES.counters, "GlobalSecondaryIndexName": "ByDate"}


def test_what_a_stack_chose_to_be_watched_by_is_in_a_measured_bill() -> None:
    chosen = replace(DEFAULTS, dashboard=True, stale_alarm="15m")
    plain, watched = (measure(measured_lines(NAMES, {}), {}, NOW, each).bill for each in (DEFAULTS, chosen))
    modelled = our_bill(WORK, SIZES, chosen)
    for meter in (Meter.ALARM, Meter.METRIC, Meter.DASHBOARD):
        assert quantity(watched, "watching", meter) == quantity(modelled, "watching", meter)
    assert (
        watched.total(PRICES) - plain.total(PRICES)
        == PRICES.of[Meter.DASHBOARD].usd + PRICES.of[Meter.ALARM].usd + PRICES.of[Meter.METRIC].usd
    )


def test_nothing_measured_is_no_bill_of_zero() -> None:
    found = measure(measured_lines(NAMES, {}), {}, NOW)

    assert found.since is None
    assert {line.hop for line in found.bill.lines if line.quantity is not None} == {"watching"}
