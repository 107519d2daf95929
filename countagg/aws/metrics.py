"""CloudWatch's metrics: what they count by the hour."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

HOUR: Final = 3_600
_AT_ONCE: Final = 500
"""Metrics of one call, as CloudWatch limits them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: namespace, name, and the dimensions that tell whose it is, as (name, value)."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]


def hourly_sums(
    cloudwatch: CloudWatchClient, metrics: Sequence[Metric], since: datetime, until: datetime
) -> dict[Metric, dict[datetime, float]]:
    """Return what each metric counted in each hour. An hour for which CloudWatch has nothing is absent.

    Args:
        cloudwatch: the client to use.
        metrics: which.
        since: where the first hour begins, aware.
        until: the end, aware.
    """
    sums: dict[Metric, dict[datetime, float]] = {metric: {} for metric in metrics}
    with aws_errors("metrics of CloudWatch"):
        for start in range(0, len(metrics), _AT_ONCE):
            part = metrics[start : start + _AT_ONCE]
            for index, times, values in _results(cloudwatch, part, since, until):
                hours = defaultdict(float, sums[part[index]])
                for time, value in zip(times, values, strict=True):
                    hours[time] += value
                sums[part[index]] = dict(hours)
    return sums


def _results(
    cloudwatch: CloudWatchClient, metrics: Sequence[Metric], since: datetime, until: datetime
) -> Iterator[tuple[int, list[datetime], list[float]]]:
    queries: Any = [_query(index, metric) for index, metric in enumerate(metrics)]
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=since, EndTime=until
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            yield int(result["Id"].removeprefix("m")), result.get("Timestamps", []), result.get("Values", [])


def _query(index: int, metric: Metric) -> Mapping[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {
        "Id": f"m{index}",
        "MetricStat": {
            "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
            "Period": HOUR,
            "Stat": "Sum",
        },
    }
