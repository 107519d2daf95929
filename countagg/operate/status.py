"""Status: the hops of the pipeline in the order of the data."""

from __future__ import annotations

from dataclasses import dataclass

from countagg.aws.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop.

    Attributes:
        name: kind and short name, as in the plan.
        healthy: whether it works as it should.
        state: in AWS's words, or `absent`.
        detail: numbers and remarks for people.
    """

    name: str
    healthy: bool
    state: str
    detail: str = ""


def status(pipeline: Pipeline) -> tuple[Hop, ...]:
    """Look at every hop."""
    names = pipeline.names
    return (
        _present("notification/uploads", found=pipeline.has_notification()),
        _present("topic/uploads", found=pipeline.topic_exists(names.uploads)),
        _queue(pipeline, "queue/uploads", names.uploads),
        _function(pipeline, "function/processor", names.processor),
        _mapping(pipeline, "mapping/processor", names.processor),
        _table(pipeline, "table/snapshots", names.snapshots),
        _function(pipeline, "function/aggregator", names.aggregator),
        _mapping(pipeline, "mapping/aggregator", names.aggregator),
        _table(pipeline, "table/totals", names.totals),
        _function(pipeline, "function/publisher", names.publisher),
        _mapping(pipeline, "mapping/publisher", names.publisher),
        _table(pipeline, "table/counters", names.counters),
        _dead_letters(pipeline),
    )


def _present(hop: str, *, found: bool) -> Hop:
    return Hop(hop, found, "present" if found else "absent")


def _queue(pipeline: Pipeline, hop: str, name: str) -> Hop:
    depth = pipeline.queue_depth(name)
    if depth is None:
        return _present(hop, found=False)
    return Hop(hop, healthy=True, state="present", detail=f"{depth.waiting} waiting, {depth.in_flight} in flight")


def _dead_letters(pipeline: Pipeline) -> Hop:
    depth = pipeline.queue_depth(pipeline.names.dead_letters)
    if depth is None:
        return _present("queue/dead-letters", found=False)
    held = depth.waiting + depth.in_flight
    return Hop("queue/dead-letters", healthy=not held, state="present", detail=f"{held} held" if held else "empty")


def _function(pipeline: Pipeline, hop: str, name: str) -> Hop:
    state = pipeline.function_state(name)
    # Lambda puts a function to sleep that was not called for weeks, and wakes it by itself.
    return Hop(hop, healthy=state in {"Active", "Inactive"}, state=state)


def _mapping(pipeline: Pipeline, hop: str, name: str) -> Hop:
    found = pipeline.mapping_health(name)
    if found is None:
        return _present(hop, found=False)
    failed = found.last_result.upper().startswith(("FAILED", "PROBLEM"))
    return Hop(hop, healthy=found.state == "Enabled" and not failed, state=found.state, detail=found.last_result)


def _table(pipeline: Pipeline, hop: str, name: str) -> Hop:
    state = pipeline.table_status(name)
    return Hop(hop, healthy=state in {"ACTIVE", "UPDATING"}, state=state)
