"""The hops of a pipeline, and when each counts as healthy."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from countagg.aws.pipeline import MappingHealth, QueueDepth
from countagg.operate.status import Hop, status
from tests.cli.fake_pipeline import FakePipeline

FUNCTIONS = ("countagg-processor", "countagg-aggregator", "countagg-publisher")
TABLES = ("countagg-snapshots", "countagg-totals", "countagg-counters")


@pytest.fixture
def fake() -> FakePipeline:
    """Give a pipeline of which every hop is healthy."""
    return FakePipeline(
        functions=dict.fromkeys(FUNCTIONS, "Active"),
        mappings=dict.fromkeys(FUNCTIONS, MappingHealth("Enabled", "OK")),
        tables=dict.fromkeys(TABLES, "ACTIVE"),
        queues={"countagg-uploads": QueueDepth(3, 2), "countagg-dead-letters": QueueDepth(0, 0)},
        topics={"countagg-uploads"},
        notified=True,
    )


def unhealthy(fake: FakePipeline) -> list[Hop]:
    return [hop for hop in status(fake.pipeline) if not hop.healthy]


def test_the_hops_stand_in_the_order_of_the_data(fake: FakePipeline) -> None:
    assert status(fake.pipeline) == (
        Hop("notification/uploads", healthy=True, state="present"),
        Hop("topic/uploads", healthy=True, state="present"),
        Hop("queue/uploads", healthy=True, state="present", detail="3 waiting, 2 in flight"),
        Hop("function/processor", healthy=True, state="Active"),
        Hop("mapping/processor", healthy=True, state="Enabled", detail="OK"),
        Hop("table/snapshots", healthy=True, state="ACTIVE"),
        Hop("function/aggregator", healthy=True, state="Active"),
        Hop("mapping/aggregator", healthy=True, state="Enabled", detail="OK"),
        Hop("table/totals", healthy=True, state="ACTIVE"),
        Hop("function/publisher", healthy=True, state="Active"),
        Hop("mapping/publisher", healthy=True, state="Enabled", detail="OK"),
        Hop("table/counters", healthy=True, state="ACTIVE"),
        Hop("queue/dead-letters", healthy=True, state="present", detail="empty"),
    )


def test_of_a_stack_that_is_gone_every_hop_is_absent_and_unhealthy() -> None:
    hops = status(FakePipeline().pipeline)

    assert len(hops) == 13
    assert {(hop.state, hop.healthy) for hop in hops} == {("absent", False)}


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (
            lambda fake: setattr(fake, "notified", False),
            Hop("notification/uploads", healthy=False, state="absent"),
        ),
        (lambda fake: fake.topics.clear(), Hop("topic/uploads", healthy=False, state="absent")),
        (lambda fake: fake.queues.pop("countagg-uploads"), Hop("queue/uploads", healthy=False, state="absent")),
        (
            lambda fake: fake.functions.update({"countagg-aggregator": "Failed"}),
            Hop("function/aggregator", healthy=False, state="Failed"),
        ),
        (
            lambda fake: fake.mappings.update({"countagg-processor": MappingHealth("Disabled", "OK")}),
            Hop("mapping/processor", healthy=False, state="Disabled", detail="OK"),
        ),
        (
            lambda fake: fake.mappings.update({"countagg-publisher": MappingHealth("Enabled", "PROBLEM: no")}),
            Hop("mapping/publisher", healthy=False, state="Enabled", detail="PROBLEM: no"),
        ),
        (
            lambda fake: fake.mappings.update({"countagg-publisher": MappingHealth("Enabled", "Failed")}),
            Hop("mapping/publisher", healthy=False, state="Enabled", detail="Failed"),
        ),
        (
            lambda fake: fake.tables.update({"countagg-totals": "DELETING"}),
            Hop("table/totals", healthy=False, state="DELETING"),
        ),
        (
            lambda fake: fake.queues.update({"countagg-dead-letters": QueueDepth(2, 1)}),
            Hop("queue/dead-letters", healthy=False, state="present", detail="3 held"),
        ),
        (
            lambda fake: fake.queues.update({"countagg-dead-letters": QueueDepth(0, 1)}),
            Hop("queue/dead-letters", healthy=False, state="present", detail="1 held"),
        ),
    ],
)
def test_what_is_wrong_with_one_hop_shows_on_it_alone(
    harm: Callable[[FakePipeline], object], expected: Hop, fake: FakePipeline
) -> None:
    harm(fake)

    assert unhealthy(fake) == [expected]


@pytest.mark.parametrize(
    "change",
    [
        lambda fake: fake.functions.update({"countagg-processor": "Inactive"}),
        lambda fake: fake.tables.update({"countagg-counters": "UPDATING"}),
        lambda fake: fake.mappings.update({"countagg-processor": MappingHealth("Enabled", "")}),
        lambda fake: fake.mappings.update(
            {"countagg-processor": MappingHealth("Enabled", "No records processed")}
        ),
        lambda fake: fake.queues.update({"countagg-uploads": QueueDepth(100_000, 1_000)}),
    ],
)
def test_what_passes_by_itself_is_healthy(change: Callable[[FakePipeline], object], fake: FakePipeline) -> None:
    change(fake)

    assert unhealthy(fake) == []
