"""What somebody does to a stack by hand, and what countagg must do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from countagg.core.names import OWNER_TAG
from tests.aws.world import BUCKET, PLACE, World, touched, updated

TABLES = {f"table/{name}": f"countagg-{name}" for name in ("snapshots", "totals", "counters")}
FUNCTIONS = {f"function/{name}": f"countagg-{name}" for name in ("processor", "aggregator", "publisher")}
ROLES = {f"role/{name}": f"countagg-{name}-{PLACE.region}" for name in ("processor", "aggregator", "publisher")}
LOGS = {f"logs/{name}": f"/aws/lambda/countagg-{name}" for name in ("processor", "aggregator", "publisher")}
TOPICS = {f"topic/{name}": f"countagg-{name}" for name in ("uploads", "alerts")}
QUEUES = {f"queue/{name}": f"countagg-{name}" for name in ("uploads", "dead-letters")}
PARTS = {
    "topic": ("topic", "queue", "subscription"),
    "queue": ("queue",),
    "subscription": ("topic", "queue", "subscription"),
    "table": ("table",),
    "logs": ("logs",),
    "role": ("role",),
    "function": ("queue/dead-letters", "role", "function"),
    "mapping": ("queue", "table/snapshots", "table/totals", "role", "function", "mapping"),
    "bucket": ("topic/uploads", "bucket", "notification"),
    "notification": ("topic/uploads", "bucket", "notification"),
}
"""Parts of a stack that are enough to look at one kind."""
TAGGED = (*TOPICS, *QUEUES, *TABLES, *LOGS, *ROLES, *FUNCTIONS, "bucket")


def assert_mended(world: World, node: str, fields: tuple[str, ...], calls: list[str]) -> None:
    """Check that plan names exactly these fields, and that setup puts them back by these calls alone."""
    assert touched(world.plan()) == updated(node, *fields)
    assert touched(world.set_up()) == updated(node, *fields)
    assert world.mutating == calls
    assert touched(world.set_up()) == []
    assert world.mutating == []


def queue_url(world: World, name: str) -> str:
    """Return the URL of a queue."""
    return world.clients.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def tag(world: World, node: str, key: str, value: str) -> None:
    """Set a tag of a resource."""
    pairs: Any = [{"Key": key, "Value": value}]
    _tagging(world, node)["set"]({key: value}, pairs)


def untag(world: World, node: str) -> None:
    """Take the owner's tag off."""
    _tagging(world, node)["remove"](OWNER_TAG)


def tags_of(world: World, node: str) -> dict[str, str]:
    """Return the tags of a resource."""
    (found,) = world.nodes(node)
    observed = found.resource.read()
    assert observed is not None
    tags: dict[str, str] = dict(observed.state.tags.of)
    return tags


def _tagging(world: World, node: str) -> dict[str, Callable[..., object]]:
    c, kind = world.clients, node.partition("/")[0]
    ways: dict[str, Callable[[], dict[str, Callable[..., object]]]] = {
        "topic": lambda: _by_arn(c.sns, PLACE.topic_arn(TOPICS[node])),
        "table": lambda: _by_arn(c.dynamodb, PLACE.table_arn(TABLES[node])),
        "queue": lambda: {
            "set": lambda tags, _: c.sqs.tag_queue(QueueUrl=queue_url(world, QUEUES[node]), Tags=tags),
            "remove": lambda key: c.sqs.untag_queue(QueueUrl=queue_url(world, QUEUES[node]), TagKeys=[key]),
        },
        "logs": lambda: {
            "set": lambda tags, _: c.logs.tag_resource(resourceArn=PLACE.log_group_arn(LOGS[node]), tags=tags),
            "remove": lambda key: c.logs.untag_resource(
                resourceArn=PLACE.log_group_arn(LOGS[node]), tagKeys=[key]
            ),
        },
        "role": lambda: {
            "set": lambda _, pairs: c.iam.tag_role(RoleName=ROLES[node], Tags=pairs),
            "remove": lambda key: c.iam.untag_role(RoleName=ROLES[node], TagKeys=[key]),
        },
        "function": lambda: {
            "set": lambda tags, _: c.lambda_.tag_resource(Resource=PLACE.function_arn(FUNCTIONS[node]), Tags=tags),
            "remove": lambda key: c.lambda_.untag_resource(
                Resource=PLACE.function_arn(FUNCTIONS[node]), TagKeys=[key]
            ),
        },
        "bucket": lambda: {
            "set": lambda _, pairs: _tag_bucket(world, pairs),
            "remove": lambda _: c.s3.delete_bucket_tagging(Bucket=BUCKET),
        },
    }
    return ways[kind]()


def _by_arn(client: Any, arn: str) -> dict[str, Callable[..., object]]:
    return {
        "set": lambda _, pairs: client.tag_resource(ResourceArn=arn, Tags=pairs),
        "remove": lambda key: client.untag_resource(ResourceArn=arn, TagKeys=[key]),
    }


def _tag_bucket(world: World, pairs: list[Any]) -> None:
    kept = world.clients.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    others = [pair for pair in kept if pair["Key"] != pairs[0]["Key"]]
    world.clients.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [*others, *pairs]})
