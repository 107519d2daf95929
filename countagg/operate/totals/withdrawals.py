"""Instances that are taken out of a day's totals: their files are deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from countagg.core.object_keys import build_object_key
from countagg.core.polling import Polling
from countagg.operate.parallel import in_parallel

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline, SnapshotHead

_PAUSE_SECONDS: Final = 0.5


def instances_with_files(pipeline: Pipeline, day: str) -> list[str]:
    """Return the instances that have a file of a day."""
    folder = build_object_key(pipeline.settings.prefix, day, "")
    return [found.key.removeprefix(folder) for found in pipeline.list_objects(day)]


def those_there(pipeline: Pipeline, day: str, instances: Sequence[str]) -> list[str]:
    """Return those of the instances that have a file of a day, or of which its totals may include something."""
    there = {head.instance for head in pipeline.snapshot_heads(day) if head.etag}
    there.update(instances_with_files(pipeline, day))
    return [each for each in instances if each in there]


def withdraw(pipeline: Pipeline, day: str, instances: Sequence[str], on_file: Callable[[], None]) -> None:
    """Delete the files of instances; the pipeline takes them out of the totals then."""

    def delete(instance: str) -> None:
        pipeline.delete_counter_file(build_object_key(pipeline.settings.prefix, day, instance))

    for _ in in_parallel(delete, instances):
        on_file()


def await_withdrawn(pipeline: Pipeline, day: str, instances: Sequence[str], polling: Polling) -> Iterator[int]:
    """Yield of how many instances the totals include nothing any more, until that is all, or the time is over."""
    for _ in polling.looks(_PAUSE_SECONDS):
        count = count_withdrawn(pipeline, day, instances)
        yield count
        if count == len(instances):
            return


def count_withdrawn(pipeline: Pipeline, day: str, instances: Sequence[str]) -> int:
    """Count the instances of which the totals include nothing any more."""
    heads = {head.instance: head for head in pipeline.snapshot_heads(day)}
    seen = pipeline.totals(day).ledger.seen
    return sum(_is_withdrawn(instance, heads, seen) for instance in instances)


def _is_withdrawn(instance: str, heads: dict[str, SnapshotHead], seen: dict[str, str]) -> bool:
    head = heads.get(instance)
    return head is None or (not head.etag and head.content_sequencer <= seen.get(instance, ""))
