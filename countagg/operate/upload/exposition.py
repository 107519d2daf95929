"""What exporters of Prometheus write: the text format, and OpenMetrics, parsed by prometheus_client."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final

from countagg.core.errors import InvalidCounterFile, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.upload.series import series_name

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.samples import Sample

_STARTS: Final = frozenset({"process_start_time_seconds", "node_boot_time_seconds"})
_COUNTING: Final = {
    "counter": ("_total", ""),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}
"""Endings of the series that count, by the type of their metric; a quantile of a summary counts nothing."""
_NAMES = re.compile(r"^[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)", re.MULTILINE)
"""Names at the beginning of lines."""
_UNTYPED: Final = frozenset({"unknown", "untyped"})
_SHOWN: Final = 100
_CREATED: Final = "_created"


@dataclass(frozen=True, slots=True)
class ExpositionEntry:
    """A series: its name as a counter, its number, and whether it counts."""

    name: str
    number: str
    is_counter: bool


@dataclass(frozen=True, slots=True)
class Exposition:
    """What an exporter says.

    Attributes:
        entries: its series.
        started: when its process, or its machine, has begun, whichever is earlier; None if it does not say.
    """

    entries: tuple[ExpositionEntry, ...]
    started: float | None


def read_exposition(text: str, *, openmetrics: bool) -> Exposition:
    """Read what an exporter says; timestamps are ignored.

    Args:
        text: of its answer.
        openmetrics: whether it is in the stricter of the two formats.

    Raises:
        InvalidCounterFile: it cannot be read.
        UsageError: the library that reads it is not installed.
    """
    parse = _parser(openmetrics=openmetrics)
    try:
        metrics = list(parse(text))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        line = None if openmetrics else _broken_line(text, parse)
        reason = str(error)[:_SHOWN] or "it cannot be read"
        raise InvalidCounterFile(f"{reason}; it was read as prometheus", line) from error
    # By way of their texts: the largest whole numbers are no floats, but infinite ones.
    starts = (
        float(str(sample.value))
        for metric in metrics
        for sample in metric.samples
        if sample.name in _STARTS and not sample.labels
    )
    written = frozenset(_NAMES.findall(text))
    entries = (
        each for metric in metrics for sample in metric.samples for each in _entries(metric, sample, written)
    )
    return Exposition(tuple(entries), min(filter(math.isfinite, starts), default=None))


def _entries(metric: Metric, sample: Sample, written: Collection[str]) -> Iterable[ExpositionEntry]:
    if sample.name == metric.name + _CREATED:
        return  # a time, of a metric that counts
    endings = _COUNTING.get(metric.type)
    if endings is None:
        # Of no type, and called as nothing but a counter may be (OpenMetrics, "Counter").
        counting = metric.type in _UNTYPED and sample.name.endswith("_total")
    else:
        counting = any(sample.name == metric.name + ending for ending in endings)
    # The parser calls all counters as OpenMetrics does, also one that its exporter calls otherwise.
    own = sample.name.removesuffix("_total")
    name = own if own in written and sample.name not in written else sample.name
    # A float's shortest form is the number that the exporter meant.
    yield ExpositionEntry(series_name(name, sample.labels), repr(sample.value), counting)


def _parser(*, openmetrics: bool) -> Callable[[str], Iterable[Metric]]:
    try:
        if openmetrics:
            from prometheus_client.openmetrics import parser as strict  # noqa: PLC0415 - of an extra

            return strict.text_string_to_metric_families
        from prometheus_client import parser  # noqa: PLC0415 - of an extra
    except ImportError as error:
        raise UsageError(
            "what exporters of Prometheus write is read by a library that is not installed",
            hint="pip install 'countagg[prometheus]'",
        ) from error
    return parser.text_string_to_metric_families


def _broken_line(text: str, parse: Callable[[str], Iterable[Metric]]) -> int | None:
    """Return the first line that cannot be read by itself."""
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            list(parse(line))
        except (ValueError, LookupError, TypeError, AttributeError):
            return number
    return None
