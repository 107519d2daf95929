"""Logs and metrics of the functions: JSON lines and embedded metrics, one of each per invocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from countagg.core.names import METRICS_NAMESPACE

RETRIED = "MessagesRetried"


def make_telemetry(function: str) -> tuple[Logger, EphemeralMetrics]:
    """Return a logger and a metrics collector that bear the function's name as `service`."""
    return (
        Logger(service=function, use_rfc3339=True, utc=True),
        EphemeralMetrics(namespace=METRICS_NAMESPACE, service=function),
    )


def report(logger: Logger, metrics: EphemeralMetrics, counts: Mapping[str, int], *, retried: int = 0) -> None:
    """Write what an invocation did: one log line with the counts, and the counts as metrics.

    Args:
        logger: where the line goes.
        metrics: where the metrics go.
        counts: name of the metric -> how many.
        retried: messages left for another try.
    """
    told = {str(name): count for name, count in counts.items() if count}
    if retried:
        told[RETRIED] = retried
    logger.info("batch done", extra=told)
    for name, count in told.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    if told:
        metrics.flush_metrics()


def utc_now() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)
