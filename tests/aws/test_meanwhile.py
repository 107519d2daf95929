"""Two setups, or two teardowns, at once; and creations whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from countagg.core.errors import MadeMeanwhile, NotOwned
from countagg.core.names import OWNER_TAG
from countagg.provision.reconcile import Action, deploy, destroy
from tests.aws.by_hand import FEWEST, PARTS, tag, untag
from tests.aws.inventory import inventory
from tests.aws.world import World, touched
from tests.fakes.provisioning import silent

pytestmark = pytest.mark.exhaustive

EXISTS = {
    "role": ("CreateRole", "EntityAlreadyExists", "Role with name countagg-x already exists."),
    "logs": ("CreateLogGroup", "ResourceAlreadyExistsException", "The specified log group already exists"),
    "bucket": ("CreateBucket", "BucketAlreadyOwnedByYou", "Your previous request to create it succeeded"),
    "queue": (
        "CreateQueue",
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute VisibilityTimeout",
    ),
    "table": ("CreateTable", "ResourceInUseException", "Table already exists: countagg-x"),
    "function": ("CreateFunction", "ResourceConflictException", "Function already exist: countagg-x"),
    "mapping": (
        "CreateEventSourceMapping",
        "ResourceConflictException",
        "The event source arn and function provided mapping already exists.",
    ),
    "topic": (
        "CreateTopic",
        "InvalidParameter",
        "Invalid parameter: Tags Reason: Topic already exists with different tags",
    ),
    "subscription": (
        "Subscribe",
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    ),
}
"""By kind: the call that creates it, and how AWS refuses it of what is there (docs/aws-facts.md)."""
NODE = {
    "role": "role/processor",
    "logs": "logs/processor",
    "bucket": "bucket",
    "queue": "queue/dead-letters",
    "table": "table/counters",
    "function": "function/processor",
    "mapping": "mapping/processor",
    "topic": "topic/alerts",
    "subscription": "subscription/uploads",
}
every_kind = pytest.mark.parametrize("kind", EXISTS)


class Intruder:
    """Does something in between, before one call: the first of its name, or any by its number."""

    def __init__(self, world: World, act: Callable[[], object], call: str = "", number: int = 0) -> None:
        self._world = world
        self._act = act
        self._call = call
        self._left = number
        self.came = False

    def before(self, model: Any, **_: object) -> None:
        if self.came or (self._call and model.name != self._call):
            return
        if self._left:
            self._left -= 1
            return
        self.came = True
        self._act()


@contextmanager
def intruded(world: World, act: Callable[[], object], call: str = "", number: int = 0) -> Iterator[Intruder]:
    """Let somebody act in between."""
    intruder = Intruder(world, act, call, number)
    events = [
        client.meta.events
        for client in (
            *(world.clients.iam, world.clients.logs, world.clients.s3, world.clients.sqs, world.clients.sns),
            *(world.clients.dynamodb, world.clients.lambda_, world.clients.cloudwatch),
        )
    ]
    for each in events:
        each.register_first("before-call", intruder.before)
    try:
        yield intruder
    finally:
        for each in events:
            each.unregister("before-call", intruder.before)


def without(world: World, kind: str) -> World:
    """Set up what a kind needs, without the node of that kind."""
    world.focus(*PARTS[kind]).set_up()
    (node,) = world.nodes(NODE[kind])
    node.resource.delete()
    return world


@every_kind
def test_what_another_setup_makes_meanwhile_is_taken_as_it_is(world: World, kind: str) -> None:
    call, code, text = EXISTS[kind]
    without(world, kind)

    def made_by_another() -> None:
        world.set_up()
        # Where moto makes it again, AWS refuses.
        world.answers(call, code, text)

    with intruded(world, made_by_another, call) as intruder:
        changes = world.set_up()
    assert intruder.came
    assert touched(changes) == []
    assert world.calls.errors.get(call) in ([], None)
    assert world.clock.pauses == []
    world.calls.errors.clear()
    assert touched(world.plan()) == []


@every_kind
def test_what_another_setup_makes_differently_meanwhile_is_updated(world: World, kind: str) -> None:
    call, code, text = EXISTS[kind]
    without(world, kind)

    def made_by_another() -> None:
        world.set_up()
        if kind == "subscription":
            (found,) = world.clients.sns.list_subscriptions()["Subscriptions"]
            world.clients.sns.set_subscription_attributes(
                SubscriptionArn=found["SubscriptionArn"],
                AttributeName="RawMessageDelivery",
                AttributeValue="false",
            )
        else:
            tag(world, NODE[kind], "team", "theirs")
        world.answers(call, code, text)

    world.choose(tags={"team": "ours"})
    with intruded(world, made_by_another, call):
        changes = world.set_up()
    assert (NODE[kind], Action.UPDATE) in [change[:2] for change in touched(changes)]
    assert world.clock.pauses == []
    assert touched(world.plan()) == []


@pytest.mark.parametrize("kind", [kind for kind in EXISTS if kind not in {"subscription", "mapping"}])
def test_what_somebody_else_makes_meanwhile_is_not_ours(world: World, kind: str) -> None:
    call, code, text = EXISTS[kind]
    without(world, kind)

    def made_by_others() -> None:
        world.set_up()
        if kind == "bucket":
            world.clients.s3.put_bucket_tagging(Bucket=world.bucket, Tagging={"TagSet": []})
        else:
            untag(world, NODE[kind], OWNER_TAG)
        world.answers(call, code, text)

    with intruded(world, made_by_others, call), pytest.raises(NotOwned):
        world.set_up()
    assert world.clock.pauses == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("UpdateTimeToLive", "TimeToLive is already enabled"),
        ("UpdateTable", "Table already has an enabled stream: TableName: countagg-snapshots"),
    ],
)
def test_an_update_that_somebody_else_made_meanwhile_is_done(world: World, change: str, text: str) -> None:
    world.focus("table").set_up()
    aws = world.clients.dynamodb

    def spoil() -> None:
        if change == "UpdateTable":
            aws.update_table(TableName="countagg-snapshots", StreamSpecification={"StreamEnabled": False})
        else:
            aws.update_time_to_live(
                TableName="countagg-snapshots",
                TimeToLiveSpecification={"Enabled": False, "AttributeName": "ExpiresAt"},
            )

    spoil()

    def mended_by_another() -> None:
        world.set_up()
        world.answers(change, "ValidationException", text)

    with intruded(world, mended_by_another, change):
        assert touched(world.set_up()) == []
    assert world.clock.pauses == []


def test_what_is_refused_again_and_again_is_told_in_aws_s_words(world: World) -> None:
    world.focus("role").set_up()
    (node,) = world.nodes("role/processor")
    node.resource.delete()
    world.answers("PutRolePolicy", "EntityAlreadyExists", "It is there and it is not.", times=100)
    with pytest.raises(MadeMeanwhile, match="there and it is not") as caught:
        world.set_up()
    assert caught.value.where == "role/processor"
    assert world.clock.pauses == []


# At every call

NODES = {**NODE, "alarm": "alarm/dead-letters"}


NEEDED = {"function": ("queue/dead-letters", "role/processor"), "subscription": ("topic/uploads",)}
"""What a node is set up with: it needs their outputs, or goes with them."""


@pytest.mark.parametrize("kind", NODES)
def test_two_setups_and_two_teardowns_at_once_end_right_whichever_call_they_meet_at(
    world: World, kind: str
) -> None:
    world.focus(*FEWEST.get(kind, PARTS[kind])).set_up()
    world.focus(NODES[kind], *NEEDED.get(kind, ()))
    (node,) = world.nodes(NODES[kind])
    came, number = True, 0
    while came:
        node.resource.delete()
        with intruded(world, world.set_up, number=number) as intruder:
            world.set_up()
        came = intruder.came
        assert touched(world.plan()) == []
        number += 1
    came, number = True, 0
    while came:
        with intruded(world, lambda: world.tear_down(world.nodes(node.id)), number=number) as intruder:
            world.tear_down([node])
        came = intruder.came
        assert node.resource.read() is None
        world.set_up()
        number += 1
    assert number > 2
    assert world.clock.pauses == []


def test_two_setups_side_by_side_and_two_teardowns_side_by_side(world: World) -> None:
    """The other is always one resource ahead or behind, at each call that changes something."""
    before = inventory(world.clients)

    def side_by_side(one: Iterator[Any], other: Iterator[Any]) -> None:
        working = [True]

        def act(model: Any, **_: object) -> None:
            if working[0] and not model.name.startswith(("Get", "List", "Describe", "Head")):
                working[0] = False
                next(other, None)
                working[0] = True

        world.clients.iam.meta.events.register_first("before-call", act)
        try:
            list(one)
        finally:
            world.clients.iam.meta.events.unregister("before-call", act)
        list(other)

    side_by_side(
        deploy(world.nodes(), dry_run=False, announce=silent),
        deploy(world.nodes(), dry_run=False, announce=silent),
    )
    assert touched(world.plan()) == []
    side_by_side(
        destroy(world.nodes(), dry_run=False, announce=silent),
        destroy(world.nodes(), dry_run=False, announce=silent),
    )
    assert inventory(world.clients) == before
    assert world.clock.pauses == []
