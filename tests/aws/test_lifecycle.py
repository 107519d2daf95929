"""Every resource of the stack by itself: create, create again, destroy, destroy again.

What is particular to a kind stands in the file of its service.
"""

from __future__ import annotations

import pytest

from countagg.provision.reconcile import Action
from tests.aws.by_hand import ALARMS, FUNCTIONS, LOGS, MAPPINGS, ROLES, TABLES
from tests.aws.world import World, touched

CREATED_BY = {
    **{name: ["CreateLogGroup", "PutRetentionPolicy"] for name in LOGS},
    "topic/uploads": ["CreateTopic", "SetTopicAttributes"],
    "topic/alerts": ["CreateTopic", "SetTopicAttributes"],
    "queue/dead-letters": ["CreateQueue"],
    "queue/uploads": ["CreateQueue"],
    "subscription/uploads": ["Subscribe"],
    **{name: ["CreateTable", "UpdateTimeToLive"] for name in TABLES},
    **{name: ["CreateRole", "PutRolePolicy"] for name in ROLES},
    **{name: ["CreateFunction"] for name in FUNCTIONS},
    **{name: ["CreateEventSourceMapping"] for name in MAPPINGS},
    **{name: ["PutMetricAlarm"] for name in ALARMS},
    "bucket": [
        *("CreateBucket", "PutPublicAccessBlock", "PutBucketEncryption", "PutBucketPolicy"),
        "PutBucketLifecycleConfiguration",
    ],
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
    "mapping": ["UpdateEventSourceMapping", "DeleteEventSourceMapping"],
    "alarm": ["DeleteAlarms"],
    "bucket": ["DeleteBucket"],
    "notification": ["PutBucketNotificationConfiguration"],
}
MUTATIONS = sum(len(calls) for calls in CREATED_BY.values())
"""Calls of a setup that change something."""
DELETIONS = sum(len(DELETED_BY[name.partition("/")[0]]) for name in CREATED_BY)
"""Calls of a teardown that change something."""

WITH = {
    "topic/uploads": {"subscription/uploads"},
    "table/snapshots": {"mapping/aggregator"},
    "table/totals": {"mapping/publisher"},
    "role/processor": {"function/processor"},
    "role/aggregator": {"function/aggregator"},
    "role/publisher": {"function/publisher"},
    "function/processor": {"mapping/processor"},
    "function/aggregator": {"mapping/aggregator"},
    "function/publisher": {"mapping/publisher"},
    "bucket": {"notification/uploads"},
}
"""What goes, or is bound to what went, together with a resource."""

every_resource = pytest.mark.parametrize(
    "name", [name for name in CREATED_BY if name not in ALARMS or name == "alarm/dead-letters"]
)
"""One alarm stands for all."""


def test_these_are_all_resources(shared: World) -> None:
    assert [node.id for node in shared.nodes() if not node.unwanted] == list(CREATED_BY)


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
