"""Metrics by the hour, on moto."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countagg.aws.metrics import read_metrics
from countagg.provision.metrics import Metric
from tests.aws.world import World
from tests.fakes.clients import FakeClients

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
APPLIED = Metric("countagg", "FilesApplied", (("service", "countagg-processor"),))


def put(world: World, metric: Metric, value: float, ago: timedelta) -> None:
    world.clients.cloudwatch.put_metric_data(
        Namespace=metric.namespace,
        MetricData=[
            {
                "MetricName": metric.name,
                "Dimensions": [{"Name": name, "Value": text} for name, text in metric.dimensions],
                "Value": value,
                "Timestamp": NOW - ago,
            }
        ],
    )


def test_what_was_counted_is_added_up_by_the_hour(world: World) -> None:
    other = replace(APPLIED, dimensions=(("service", "other-processor"),))
    silent = replace(APPLIED, name="FilesRefused")
    for minutes, value in ((150, 5.0), (140, 7.0), (30, 1.5), (6 * 60, 1_000.0)):
        put(world, APPLIED, value, timedelta(minutes=minutes))
    put(world, other, 99.0, timedelta(minutes=30))

    found = read_metrics(world.clients, [APPLIED, silent], NOW - timedelta(hours=3), NOW)

    hours = {NOW - timedelta(hours=3): 12.0, NOW - timedelta(hours=1): 1.5}
    assert found == {APPLIED: hours, silent: {}}


class PagedMetrics:
    """Answers each request for metrics on two pages."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def get_paginator(self, name: str) -> PagedMetrics:
        assert name == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        queries = request["MetricDataQueries"]
        self.asked.append(len(queries))
        for value in (1.0, 2.0):
            results = [{"Id": query["Id"], "Timestamps": [NOW], "Values": [value]} for query in queries]
            yield {"MetricDataResults": results}


@pytest.mark.parametrize(("metrics", "asked"), [(3, [3]), (1_100, [500, 500, 100])])
def test_pages_are_added_up_and_no_call_asks_for_too_many(metrics: int, asked: list[int]) -> None:
    client = PagedMetrics()
    wanted = [replace(APPLIED, name=f"m{number}") for number in range(metrics)]

    found = read_metrics(FakeClients(cloudwatch=client), wanted, NOW - timedelta(hours=1), NOW)

    assert client.asked == asked
    assert found == {metric: {NOW: 3.0} for metric in wanted}
