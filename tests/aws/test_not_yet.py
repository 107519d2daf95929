"""Every answer that AWS may give for some time after a call, given after each such call; and those that stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from countagg.aws.kinds.context import Forced
from countagg.core.errors import CountaggError, TimedOut
from tests.aws.by_hand import FEWEST, PARTS
from tests.aws.delays import Delays, NotYet
from tests.aws.inventory import inventory
from tests.aws.not_yet import ANSWERS, HARMLESS, UNASKED
from tests.aws.others import OUR_BOUNDARY, THEIR_POLICY
from tests.aws.test_drift import DRIFTS
from tests.aws.test_lifecycle import CREATED_BY
from tests.aws.world import World, make_zip, touched
from tests.readme import README

pytestmark = pytest.mark.exhaustive

KINDS = {
    "sns": "subscription",
    "sqs": "queue",
    "dynamodb": "table",
    "logs": "logs",
    "iam": "role",
    "cloudwatch": "alarm",
    "s3": "bucket",
}
"""Which parts of a stack an answer of a service is about; Lambda's are about functions or mappings."""
DRIFTED = {
    "role": ("role/publisher trust",),
    "subscription": ("topic/uploads statements removed", "subscription/uploads raw_delivery"),
    "queue": ("queue/uploads retention",),
    "mapping": ("mapping/processor batch_size",),
}


def kind_of(entry: NotYet) -> str:
    service, _, call = entry.call.partition(".")
    if service == "lambda":
        return "mapping" if "Mapping" in call + entry.after or call == "ListTags" else "function"
    if "Dashboard" in entry.after:
        return "dashboard"
    return KINDS[service]


def focus(world: World, kind: str) -> World:
    world.clients.iam.create_policy(PolicyName="bounds", PolicyDocument=THEIR_POLICY)
    return world.focus(*FEWEST.get(kind, PARTS[kind]))


def work(world: World, kind: str, run: Callable[[Callable[[], object]], None]) -> None:
    """Set up, tear down, set up, change every kind of thing, and tear down; each step by `run`."""
    world.code = make_zip("old")
    world.choose(bucket_versioning=True, dashboard=True)
    run(world.set_up)
    run(world.tear_down)
    run(world.set_up)
    for name in DRIFTED.get(kind, ()):
        (drift,) = (each for each in DRIFTS if each.name.startswith(name))
        drift.change(world)
    world.code = make_zip("new")
    world.choose(
        tags={"team": "fleet"},
        point_in_time_recovery=True,
        deletion_protection=True,
        permissions_boundary=OUR_BOUNDARY,
        bucket_versioning=True,
        dashboard=True,
    )
    run(world.set_up)
    world.choose(
        dropped_tags=frozenset({"team"}),
        point_in_time_recovery=True,
        deletion_protection=True,
        bucket_versioning=True,
        dashboard=True,
    )
    run(world.set_up)
    assert touched(world.plan()) == []
    run(lambda: world.tear_down(world.nodes(forced=Forced(protected=True))))


@contextmanager
def delayed(world: World, delays: Delays) -> Iterator[None]:
    """Let AWS delay its answers within."""
    world.calls.delays = delays
    try:
        yield
    finally:
        world.calls.delays = None


def work_delayed(world: World, kind: str, delays: Delays) -> None:
    def run(step: Callable[[], object]) -> None:
        with delayed(world, delays):
            step()

    work(world, kind, run)


def batched(entries: Sequence[NotYet], size: int) -> Iterator[Sequence[NotYet]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]


ALL_KINDS = tuple(dict.fromkeys(map(kind_of, ANSWERS)))


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("kind", ALL_KINDS)
def test_setup_and_teardown_get_through_every_answer(world: World, kind: str, times: int) -> None:
    focus(world, kind)
    entries = [each for each in ANSWERS if kind_of(each) == kind]
    # A read is denied by one answer after the other: too many of them last longer than AWS does.
    for batch in batched(entries, 50 if times == 1 else 6):
        delays = Delays(tuple(batch), times)
        work_delayed(world, kind, delays)
        assert [each.name for each in batch if not delays.given[each]] == []
    assert [node.id for node in world.nodes() if node.resource.read() is not None] == []


@pytest.mark.parametrize(
    "entry", [each for each in ANSWERS if each.pair not in HARMLESS], ids=lambda entry: entry.name
)
def test_an_answer_that_stays_ends_with_aws_s_own_words(world: World, entry: NotYet) -> None:
    kind = kind_of(entry)
    focus(world, kind)
    world.patience = world.patience.within(60)
    with pytest.raises(CountaggError) as caught:
        work_delayed(world, kind, Delays((entry,), 10**6))
    assert isinstance(caught.value, TimedOut)
    assert (entry.text if entry.code else "not listed") in str(caught.value)
    assert caught.value.hint
    assert world.clock.now <= 80


@pytest.mark.parametrize(
    "entry", [each for each in ANSWERS if each.pair in HARMLESS], ids=lambda entry: entry.name
)
def test_an_answer_that_does_no_harm_may_stay(world: World, entry: NotYet) -> None:
    focus(world, kind_of(entry))
    delays = Delays((entry,), 10**6)
    work_delayed(world, kind_of(entry), delays)
    assert delays.given[entry]
    assert world.waited_for == []


ALIKE = {each.name: each for each in ANSWERS if each.alike}


@pytest.mark.parametrize("name", ALIKE)
def test_an_answer_that_only_looks_alike_ends_at_once_with_aws_s_own_words(world: World, name: str) -> None:
    entry = ALIKE[name]
    kind = kind_of(entry)
    focus(world, kind)
    similar = NotYet(entry.call, entry.after, entry.code, entry.alike, entry.source)
    with pytest.raises(CountaggError) as caught:
        work_delayed(world, kind, Delays((similar,), 10**6))
    assert not isinstance(caught.value, TimedOut)
    assert entry.alike in str(caught.value)
    assert (world.clock.now, world.waited_for) == (0, [])


def test_a_whole_stack_gets_through_all_answers_at_once(world: World) -> None:
    before = inventory(world.clients)
    delays = Delays(ANSWERS, 1)
    with delayed(world, delays):
        world.set_up()
    assert touched(world.plan()) == []
    with delayed(world, delays):
        world.tear_down()
    assert inventory(world.clients) == before
    assert sum(delays.given.values()) > 150


def test_the_readme_tells_how_many_answers_there_are() -> None:
    assert f"each of {len(ANSWERS)} such answers" in README


def test_every_call_on_what_was_just_created_has_an_answer(world: World) -> None:
    """A new kind of resource, or a new call, belongs into the table."""
    created = {"PutDashboard", *(calls[0] for calls in CREATED_BY.values())}
    created -= {"PutBucketNotificationConfiguration"}
    delays = Delays()
    world.clients.iam.create_policy(PolicyName="bounds", PolicyDocument=THEIR_POLICY)
    for kind in ALL_KINDS:
        work_delayed(world.focus(*FEWEST.get(kind, PARTS[kind])), kind, delays)
    followed = [(after, call) for after, call in delays.followed if after.partition(".")[2] in created]
    assert {after.partition(".")[2] for after, _ in followed} == created
    assert created <= {each.after.partition(".")[2] for each in ANSWERS}
    answered = {each.call for each in ANSWERS}
    calls = {call for _, call in followed if call.partition(".")[2] not in created}
    assert calls - answered - UNASKED == set()
