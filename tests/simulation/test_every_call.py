"""One small world, and one fault at each of its service calls in turn: what chance may miss is met here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from countagg.core.partitions import Layout
from tools.simulation.faults import Fault, Strike
from tools.simulation.files import UNITS, File
from tools.simulation.plans import Chapter, Plan, Step
from tools.simulation.run import run

pytestmark = pytest.mark.exhaustive

DAY = "counters/2026-11-20/values_"
ONE = File(b"a 1\nb 2\n", {"a": UNITS, "b": 2 * UNITS})
OTHER = File(b"a 5\n", {"a": 5 * UNITS})
BAD = File(b"a 1\na 1\n", None, "is repeated", 2)
STEPS = (
    Step(0.0, f"{DAY}i-0", ONE),
    Step(20.0, f"{DAY}i-1", OTHER),
    Step(40.0, f"{DAY}i-0", OTHER),
    Step(40.01, f"{DAY}i-1", BAD),
    Step(80.0, f"{DAY}i-1", None),
    Step(120.0, f"{DAY}i-1", ONE),
    Step(120.02, f"{DAY}i-0", ONE),
)
PLAN = Plan(
    seed=1,
    start=datetime(2026, 11, 20, 9, tzinfo=UTC),
    chapters=(Chapter(0.0, STEPS, ()),),
    rates={},
    latency_spread=1.0,
    partitions=2,
    factor=1,
    page_size=1,
    layouts=(Layout(),),
    script=frozenset(),
)
SPLIT = Layout(3, 2)
LAYOUTS = pytest.mark.parametrize("layout", [Layout(), SPLIT], ids=["whole", "split"])


@LAYOUTS
def test_without_a_fault_nothing_is_wrong_and_nothing_is_done_twice(layout: Layout) -> None:
    result = run(replace(PLAN, layouts=(layout,)))
    assert result.wrong == ()
    assert result.metrics["EventsAlreadyNewer"] == 0
    assert result.metrics["FilesRefused"] == 1
    assert result.metrics["FilesApplied"] == 6
    assert result.metrics["LinksAdded"] == 6 * layout.shards


@pytest.mark.parametrize(
    "fault",
    [
        Fault.KILLED_BEFORE,
        Fault.KILLED_AFTER,
        Fault.THROTTLED,
        Fault.REQUEST_LOST,
        Fault.ANSWER_LOST,
        Fault.LANDED_LATE,
        Fault.SLOW_CALL,
        Fault.BODY_BROKEN,
        Fault.OUTCOME_UNSEEN,
        Fault.STALE_POLLER,
        Fault.CHECKPOINT_BACK,
        Fault.DELETION_LOST,
        Fault.MESSAGE_REPEATED,
        Fault.EVENT_DUPLICATED,
        Fault.EVENT_DELAYED,
    ],
)
@pytest.mark.parametrize("client_gives_up", [False, True])
@LAYOUTS
def test_a_fault_at_any_opportunity(fault: Fault, layout: Layout, *, client_gives_up: bool) -> None:
    places = 0
    while True:
        script: set[Strike] = {(fault, places + 1)}
        if client_gives_up:
            script.add((Fault.CLIENT_GAVE_UP, 1))
        result = run(replace(PLAN, layouts=(layout,), script=frozenset(script)))
        if not result.struck:
            break
        places += 1
        assert result.wrong == (), f"{fault} at its opportunity {places}"
    assert places >= 5


def test_a_reading_transaction_cancelled_at_any_opportunity() -> None:
    places = 0
    while (
        result := run(replace(PLAN, layouts=(SPLIT,), script=frozenset({(Fault.READ_CANCELLED, places + 1)})))
    ).struck:
        places += 1
        assert result.wrong == (), f"at opportunity {places}"
    assert places >= 2


@LAYOUTS
def test_killed_twice_running_at_any_two_calls(layout: Layout) -> None:
    for first in range(1, 40, 3):
        for later in (1, 2, 5):
            script = frozenset({(Fault.KILLED_AFTER, first), (Fault.KILLED_AFTER, first + later)})
            assert run(replace(PLAN, layouts=(layout,), script=script)).wrong == ()
