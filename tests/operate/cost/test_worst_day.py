"""What one instance's stolen right can cost in a day, at most."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from countagg.operate.cost.model import DEFAULTS, HOPS, Bill
from countagg.operate.cost.prices import Meter, read_prices
from countagg.operate.cost.worst_day import days_taken, worst_day
from countagg.provision.settings import Retention
from tests.readme import README

PRICES: Final = read_prices("us-east-1")


def quantity(bill: Bill, hop: str, meter: Meter) -> Decimal:
    return sum(
        (line.quantity or Decimal() for line in bill.lines if (line.hop, line.meter) == (hop, meter)), Decimal()
    )


def test_the_bill_stands_in_readme() -> None:
    total = worst_day(DEFAULTS).total(PRICES)

    assert re.findall(r"at most ([\d,]+) USD a day", README) == [f"{total:,.0f}"]


def test_every_hop_has_its_lines() -> None:
    found = {line.hop for line in worst_day(DEFAULTS).lines}

    assert found == set(HOPS) - {"state", "sums", "watching"}


def test_an_instance_has_an_item_for_each_day_that_is_taken() -> None:
    assert days_taken(Retention()) == 37
    week = replace(DEFAULTS, retention=Retention(snapshots=7))
    for hop in ("snapshots", "totals"):
        assert quantity(worst_day(week), hop, Meter.DYNAMODB_WRITE) == 9 * 1_000 * 86_400


@pytest.mark.parametrize("limit", [2, 100, 1_000])
def test_the_processor_costs_what_so_many_at_a_time_cost(limit: int) -> None:
    bill = worst_day(replace(DEFAULTS, max_concurrency=limit))

    assert quantity(bill, "processor", Meter.LAMBDA_GB_SECOND) == limit * 86_400 / 4
    assert quantity(bill, "processor", Meter.LAMBDA_REQUEST) <= 3_500 * 5 * 86_400
    assert quantity(bill, "upload", Meter.S3_PUT) == 3_500 * 86_400


def test_less_concurrency_costs_less() -> None:
    bills = [worst_day(replace(DEFAULTS, max_concurrency=limit)).total(PRICES) for limit in (2, 10, 100)]

    assert bills == sorted(bills)
    assert bills[0] < bills[-1]


def test_files_that_wait_are_not_read_more_often_than_they_are_received() -> None:
    many = worst_day(replace(DEFAULTS, max_concurrency=1_000))

    assert quantity(many, "processor", Meter.S3_GET) == 3_500 * 5 * 86_400
    assert quantity(many, "queue", Meter.SQS_REQUEST) == 3_500 * 7 * 86_400


def test_versions_are_paid_for_until_they_expire() -> None:
    versioned = worst_day(replace(DEFAULTS, bucket_versioning=True))
    month, kept = (quantity(bill, "upload", Meter.S3_STORAGE) for bill in (worst_day(DEFAULTS), versioned))

    assert kept == pytest.approx(month * 35 / 30)
