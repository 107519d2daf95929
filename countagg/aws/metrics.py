"""CloudWatch's metrics, read by period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from countagg.aws.errors import aws_errors
from countagg.aws.session import Clients
from countagg.core.errors import AwsCallFailed
from countagg.provision.metrics import Metric

HOUR: Final = 3_600
_AT_ONCE: Final = 500
"""Metrics of one call, as CloudWatch limits them."""


def read_metrics(
    clients: Clients, metrics: Sequence[Metric], since: datetime, until: datetime, period: int = HOUR
) -> dict[Metric, Mapping[datetime, float]]:
    """Return the statistic of each metric in each period. A period for which CloudWatch has nothing is absent.

    Args:
        clients: to work with.
        metrics: which.
        since: where the first period begins, aware.
        until: the end, aware.
        period: seconds.

    Raises:
        AwsCallFailed: the service could not read one of them.
    """
    series: dict[Metric, Mapping[datetime, float]] = {}
    with aws_errors("metrics"):
        for start in range(0, len(metrics), _AT_ONCE):
            part = {f"m{index}": metric for index, metric in enumerate(metrics[start : start + _AT_ONCE])}
            queries: Any = [_query(key, metric, period) for key, metric in part.items()]
            pages = clients.cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=since, EndTime=until
            )
            values: dict[str, defaultdict[datetime, float]] = {key: defaultdict(float) for key in part}
            for result in (result for page in pages for result in page["MetricDataResults"]):
                if result.get("StatusCode") == "InternalError":
                    told = "; ".join(each.get("Value", "") for each in result.get("Messages", []))
                    what = f"CloudWatch could not read {result.get('Label')}: {told}"
                    raise AwsCallFailed(what, where="metrics", hint="look again later")
                # Those of one metric may stand on several pages.
                for time, value in zip(result["Timestamps"], result["Values"], strict=True):
                    values[result["Id"]][time] += value
            series |= {metric: dict(values[key]) for key, metric in part.items()}
    return series


def _query(key: str, metric: Metric, period: int) -> Mapping[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions},
            "Period": period,
            "Stat": metric.statistic,
        },
    }
