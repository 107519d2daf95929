"""The writes of a repair to snapshots of which the processor takes no event.

Each keeps the counters of the snapshot, or withdraws it with a change that the aggregator follows, so that the
totals are those of some versions of the files at every moment.
"""

from __future__ import annotations

from countagg.aws.day_reader import DayReader
from countagg.aws.day_writer import DayWriter
from countagg.data.attributes import DATE
from countagg.operate.integrity.repair_plan import RepairPlan
from countagg.operate.integrity.stored_forms import Terms, item_problems


def write_snapshots(reader: DayReader, writer: DayWriter, plan: RepairPlan, terms: Terms) -> None:
    """Correct and withdraw what a plan says, where it still is wrong.

    What others change meanwhile stays as it is then; the verification after the repair sees it.
    """
    for instance, changed in plan.corrections.items():
        for item in reader.snapshot_items(terms.day, instance):
            wrong = {name for name, _ in item_problems(item, terms)}
            if found := {name: value for name, value in changed.items() if name in wrong}:
                writer.replace_snapshot(DATE.find(item), instance, item, found)
    for instance, changed in plan.withdrawals.items():
        held = {DATE.find(item): item for item in reader.snapshot_items(terms.day, instance)}
        for partition in reader.layout(terms.day).partitions_of(terms.day, instance):
            writer.replace_snapshot(partition, instance, held.get(partition), changed)
