"""What is told as metrics: totals, how new they are, and how the hops are.

Totals are gauges, whatever their name ends in: they fall when a file is withdrawn or replaced by a smaller one,
and may be negative. A reader of counters would take each fall for a restart, and add the whole total again.
"""

from __future__ import annotations

import platform
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from countagg import __version__
from countagg.core.printable import without_controls
from countagg.core.values import format_value
from countagg.data.snapshots import moment_of
from countagg.operate.serve.exposition import FamilyType, MetricFamily, MetricSample

if TYPE_CHECKING:
    from countagg.operate.health.status import HopHealth
    from countagg.operate.serve.stack_reader import PartState, ReadPart
    from countagg.operate.totals.query import TotalsOfDay
    from countagg.operate.totals.waiting_files import WaitingFiles


def totals_families(totals: TotalsOfDay) -> list[MetricFamily]:
    """Return a day's totals, and of which day and moment they are."""
    updated = moment_of(totals.updated_at or "")
    return [
        MetricFamily(
            "countagg_total",
            FamilyType.GAUGE,
            "Sum of a counter over all instances, of the day that countagg_day_timestamp_seconds names.",
            [
                MetricSample(format_value(value), {"counter": _label(name)})
                for name, value in totals.totals.items()
            ],
        ),
        _seconds(
            "countagg_day_timestamp_seconds",
            "When the day of the totals begins, in UTC.",
            [MetricSample(_decimal(datetime.fromisoformat(totals.day).replace(tzinfo=UTC).timestamp()))],
        ),
        _seconds(
            "countagg_totals_updated_timestamp_seconds",
            "When the totals of the day changed last.",
            [] if updated is None else [MetricSample(_decimal(updated.timestamp()))],
        ),
    ]


def age_families(
    totals: TotalsOfDay | None, parts: Mapping[ReadPart, PartState], now: datetime
) -> list[MetricFamily]:
    """Return what is not the same at the next scrape: how old everything is by now, and how reading went."""
    updated = moment_of(totals.updated_at or "") if totals else None
    read = {part: state.read_at for part, state in parts.items() if state.read_at is not None}
    return [
        MetricFamily(
            "countagg_up",
            FamilyType.GAUGE,
            "1 if the last read of everything succeeded, else 0; what could not be read is told as it was.",
            [MetricSample(str(int(all(state.reads and not state.failed for state in parts.values()))))],
        ),
        _seconds(
            "countagg_totals_age_seconds",
            "How long ago the totals of the day changed last.",
            [] if updated is None else [MetricSample(_age(updated, now))],
        ),
        _seconds(
            "countagg_last_read_timestamp_seconds",
            "When a part was read last with success.",
            [MetricSample(_decimal(at.timestamp()), {"part": part}) for part, at in read.items()],
        ),
        _seconds(
            "countagg_last_read_age_seconds",
            "How long ago a part was read last with success.",
            [MetricSample(_age(at, now), {"part": part}) for part, at in read.items()],
        ),
        MetricFamily(
            "countagg_reads",
            FamilyType.COUNTER,
            "Reads of AWS, however they ended.",
            [MetricSample(str(state.reads), {"part": part}) for part, state in parts.items()],
        ),
        MetricFamily(
            "countagg_read_errors",
            FamilyType.COUNTER,
            "Reads of AWS that failed.",
            [MetricSample(str(state.errors), {"part": part}) for part, state in parts.items()],
        ),
    ]


def health_families(waiting: WaitingFiles | None, hops: Collection[HopHealth] | None) -> Iterator[MetricFamily]:
    """Yield what is known of files on their way, and of the hops; nothing of what nobody may look at."""
    if waiting is not None:
        yield MetricFamily(
            "countagg_files_not_included",
            FamilyType.GAUGE,
            "Files of the day that the totals do not include yet, of the first 1,000 in the bucket.",
            [MetricSample(str(waiting.count))],
        )
    if hops is not None:
        known = [hop for hop in hops if hop.healthy is not None]
        yield MetricFamily(
            "countagg_hop_healthy",
            FamilyType.GAUGE,
            "1 if a hop of the pipeline works as it should, else 0; as countagg status tells it.",
            [MetricSample(str(int(bool(hop.healthy))), {"hop": hop.name}) for hop in known],
        )
        yield MetricFamily(
            "countagg_hops_unknown",
            FamilyType.GAUGE,
            "Hops that may not be looked at for want of a permission.",
            [MetricSample(str(len(hops) - len(known)))],
        )


def build_family() -> MetricFamily:
    """Return which program tells all this."""
    labels = {"version": __version__, "python_version": platform.python_version()}
    return MetricFamily("countagg_build", FamilyType.INFO, "Version of countagg.", [MetricSample("1", labels)])


def _label(name: str) -> str:
    """Return a counter's name as a label: without control characters, which a terminal may be shown.

    No two counters have the same one, which would make the whole unreadable: white space is in no name.
    """
    if without_controls(name) == name:
        return name
    escaped = name.replace("\\", "\\\\")
    return f"{without_controls(escaped)} (escaped)"


def _seconds(name: str, told: str, samples: list[MetricSample]) -> MetricFamily:
    return MetricFamily(name, FamilyType.GAUGE, told, samples, unit="seconds")


def _age(moment: datetime, now: datetime) -> str:
    return _decimal(max(0.0, (now - moment).total_seconds()))


def _decimal(number: float) -> str:
    """Return a number to the millisecond."""
    return f"{number:.3f}".removesuffix(".000")
