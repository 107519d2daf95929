"""Query: a day's totals, and who contributes what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from countagg.aws.pipeline import Pipeline
from countagg.core.counter_file import read_canonical
from countagg.core.snapshot import unpack_canonical


@dataclass(frozen=True, slots=True)
class TotalsOfDay:
    """Totals of a day.

    Attributes:
        day: YYYY-MM-DD.
        version: of the ledger; 0 if nothing was uploaded.
        updated_at: UTC, ISO 8601; empty if nothing was uploaded.
        totals: counter -> sum in units of 10^-9, by name.
        instances: instance -> its counters; None if that was not asked for.
    """

    day: str
    version: int
    updated_at: str
    totals: Mapping[str, int]
    instances: Mapping[str, Mapping[str, int]] | None


def query(pipeline: Pipeline, day: str, counters: Sequence[str] = (), *, by_instance: bool = False) -> TotalsOfDay:
    """Read a day's totals.

    Args:
        pipeline: the deployed stack.
        day: YYYY-MM-DD.
        counters: only these; all if empty.
        by_instance: also what each instance contributes.
    """
    found = pipeline.totals(day)
    return TotalsOfDay(
        day=day,
        version=found.version,
        updated_at=found.updated_at,
        totals=_only(found.ledger.sums, counters),
        instances=_contributions(pipeline, day, counters) if by_instance else None,
    )


def _contributions(pipeline: Pipeline, day: str, counters: Sequence[str]) -> dict[str, Mapping[str, int]]:
    """Return the counters of each instance, without those that withdrew their file."""
    contributions = {
        snapshot.instance: _only(read_canonical(unpack_canonical(snapshot.packed)), counters)
        for snapshot in pipeline.snapshots(day)
        if snapshot.etag
    }
    return {instance: found for instance, found in sorted(contributions.items()) if found or not counters}


def _only(values: Mapping[str, int], counters: Sequence[str]) -> dict[str, int]:
    return {name: values[name] for name in sorted(values) if not counters or name in counters}
