"""Every resource of the stack by itself: create, create again, destroy, destroy again.

What is particular to a kind stands in the file of its service.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from countagg.aws.session import Clients
from countagg.provision.reconcile import Action
from tests.aws.world import Calls, World, account, touched

CREATED_BY = {
    "topic/uploads": ["CreateTopic", "SetTopicAttributes"],
    "topic/alerts": ["CreateTopic"],
    "queue/dead-letters": ["CreateQueue"],
    "queue/uploads": ["CreateQueue"],
    "subscription/uploads": ["Subscribe"],
    "table/snapshots": ["CreateTable", "UpdateTimeToLive"],
    "table/totals": ["CreateTable", "UpdateTimeToLive"],
    "table/counters": ["CreateTable", "UpdateTimeToLive"],
    "logs/processor": ["CreateLogGroup", "PutRetentionPolicy"],
    "logs/aggregator": ["CreateLogGroup", "PutRetentionPolicy"],
    "logs/publisher": ["CreateLogGroup", "PutRetentionPolicy"],
    "role/processor": ["CreateRole", "PutRolePolicy"],
    "role/aggregator": ["CreateRole", "PutRolePolicy"],
    "role/publisher": ["CreateRole", "PutRolePolicy"],
    "function/processor": ["CreateFunction"],
    "function/aggregator": ["CreateFunction"],
    "function/publisher": ["CreateFunction"],
    "mapping/processor": ["CreateEventSourceMapping"],
    "mapping/aggregator": ["CreateEventSourceMapping"],
    "mapping/publisher": ["CreateEventSourceMapping"],
    "bucket": ["CreateBucket", "PutPublicAccessBlock", "PutBucketEncryption", "PutBucketPolicy"],
    "notification/uploads": ["PutBucketNotificationConfiguration"],
}
DELETED_BY = {
    "topic": ["DeleteTopic"],
    "queue": ["DeleteQueue"],
    "subscription": ["Unsubscribe"],
    "table": ["DeleteTable"],
    "logs": ["DeleteLogGroup"],
    "role": ["DeleteRolePolicy", "DeleteRole"],
    "function": ["DeleteFunction"],
    "mapping": ["DeleteEventSourceMapping"],
    "bucket": ["DeleteBucket"],
    "notification": ["PutBucketNotificationConfiguration"],
}

WITH = {
    "topic/uploads": {"subscription/uploads"},
    "table/snapshots": {"mapping/aggregator"},
    "table/totals": {"mapping/publisher"},
    "function/processor": {"mapping/processor"},
    "function/aggregator": {"mapping/aggregator"},
    "function/publisher": {"mapping/publisher"},
    "bucket": {"notification/uploads"},
}
"""What goes, or is bound to what went, together with a resource."""

every_resource = pytest.mark.parametrize("name", CREATED_BY)


@pytest.fixture(scope="module")
def shared(recorded: tuple[Clients, Calls]) -> Iterator[World]:
    """Give a stack that all tests of this file share: each of them leaves it as it was."""
    clients, calls = recorded
    calls.reset()
    with account():
        world = World(clients, calls)
        world.set_up()
        yield world


def test_these_are_all_resources(shared: World) -> None:
    assert [node.id for node in shared.nodes()] == list(CREATED_BY)


@every_resource
def test_destroy_destroy_again_create_and_create_again(shared: World, name: str) -> None:
    (node,) = shared.nodes(name)
    before = node.resource.read()

    assert touched(shared.tear_down([node])) == [(name, Action.DELETE, ())]
    assert shared.mutating == DELETED_BY[name.partition("/")[0]]
    assert node.resource.read() is None

    assert shared.tear_down([node]) == ()
    assert shared.mutating == []
    node.resource.delete()
    assert node.resource.read() is None

    assert touched(shared.plan([node])) == [(name, Action.CREATE, ())]

    # With all others, whose outputs it needs.
    again = {change[0] for change in touched(shared.set_up())}
    assert name in again
    assert again - {name} <= WITH.get(name, set())
    after = node.resource.read()
    assert before is not None
    assert after is not None
    assert after.owned
    if not name.startswith("mapping/"):
        assert after.state == before.state

    assert touched(shared.set_up()) == []
    assert shared.mutating == []
