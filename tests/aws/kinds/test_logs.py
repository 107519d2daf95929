from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from countagg.core.errors import AwsCallFailed
from tests.aws import by_hand
from tests.aws.by_hand import LOGS
from tests.aws.world import World, touched

PARTS = by_hand.PARTS["logs"]

GROUP = LOGS["logs/processor"]


def retention(world: World) -> int | None:
    groups = world.clients.logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    return next(group.get("retentionInDays") for group in groups if group["logGroupName"] == GROUP)


def test_a_group_has_its_retention(deployed: World) -> None:
    assert retention(deployed) == 30


def test_a_group_whose_name_only_begins_like_ours_is_another(world: World) -> None:
    world.clients.logs.create_log_group(logGroupName=f"{GROUP}-old")
    (node,) = world.nodes("logs/processor")
    assert node.resource.read() is None
    world.set_up([node])
    assert touched(world.plan([node])) == []
    world.tear_down([node])
    left = world.clients.logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in left] == [f"{GROUP}-old"]


def test_other_errors_rise_with_the_name_of_the_resource(deployed: World) -> None:
    (node,) = deployed.nodes("logs/processor")
    deployed.answers("DeleteLogGroup", "ServiceUnavailableException", "try later")
    with pytest.raises(AwsCallFailed, match=r"^logs/processor: DeleteLogGroup failed: try later$") as caught:
        node.resource.delete()
    assert isinstance(caught.value.__cause__, ClientError)
