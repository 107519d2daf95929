"""What somebody does to a stack by hand, and what countagg must do about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from countagg.core.names import OWNER_TAG
from tests.aws.world import BUCKET, PLACE, World, touched, updated

TABLES = {f"table/{name}": f"countagg-{name}" for name in ("snapshots", "totals", "counters")}
FUNCTIONS = {f"function/{name}": f"countagg-{name}" for name in ("processor", "aggregator", "publisher")}
ROLES = {f"role/{name}": f"countagg-{name}-{PLACE.region}" for name in ("processor", "aggregator", "publisher")}
LOGS = {f"logs/{name}": f"/aws/lambda/countagg-{name}" for name in ("processor", "aggregator", "publisher")}
TOPICS = {f"topic/{name}": f"countagg-{name}" for name in ("uploads", "alerts")}
QUEUES = {f"queue/{name}": f"countagg-{name}" for name in ("uploads", "dead-letters")}
MAPPINGS = {f"mapping/{name}": f"countagg-{name}" for name in ("processor", "aggregator", "publisher")}
ALARMS = {
    f"alarm/{name}": f"countagg-{name}"
    for name in (
        "processor-errors",
        "processor-throttles",
        "aggregator-errors",
        "aggregator-throttles",
        "aggregator-iterator-age",
        "publisher-errors",
        "publisher-throttles",
        "publisher-iterator-age",
        "files-refused",
        "uploads-age",
        "uploads-depth",
        "uploads-rate",
        "dead-letters",
    )
}
DASHBOARD = f"countagg-{PLACE.region}"
PARTS = {
    "topic": ("topic", "queue", "subscription"),
    "queue": ("queue",),
    "subscription": ("topic", "queue", "subscription"),
    "table": ("table",),
    "logs": ("logs",),
    "role": ("role",),
    "function": ("logs", "queue/dead-letters", "role", "function"),
    "mapping": ("queue", "table/snapshots", "table/totals", "role", "function", "mapping"),
    "alarm": ("topic/alerts", "alarm"),
    "dashboard": ("dashboard",),
    "bucket": ("topic/uploads", "bucket", "notification"),
    "notification": ("topic/uploads", "bucket", "notification"),
}
"""Parts of a stack that are enough to look at one kind."""
FEWEST = {
    "table": ("table/counters",),
    "logs": ("logs/processor",),
    "role": ("role/publisher",),
    "alarm": ("topic/alerts", "alarm/dead-letters"),
    "function": (
        "logs/processor",
        "queue/dead-letters",
        "role/processor",
        "role/aggregator",
        "function/processor",
    ),
    "mapping": (
        *("queue", "table/snapshots", "logs/processor", "role/processor", "role/aggregator"),
        *("function/processor", "mapping/processor"),
    ),
}
"""The fewest parts that show a kind; of others, those of `PARTS`."""
TAGGED = (*TOPICS, *QUEUES, *TABLES, *LOGS, *ROLES, *FUNCTIONS, *MAPPINGS, *ALARMS, "bucket")
"""Everything that bears tags, whatever is chosen."""
TAGGED_BY_CHOICE = (*TAGGED, "dashboard")
"""With what bears tags and is there only if that is chosen."""
TAG_CALLS = {
    "topic": ("TagResource", "UntagResource"),
    "queue": ("TagQueue", "UntagQueue"),
    "table": ("TagResource", "UntagResource"),
    "logs": ("TagResource", "UntagResource"),
    "role": ("TagRole", "UntagRole"),
    "function": ("TagResource", "UntagResource"),
    "mapping": ("TagResource", "UntagResource"),
    "alarm": ("TagResource", "UntagResource"),
    "dashboard": ("TagResource", "UntagResource"),
    "bucket": ("PutBucketTagging", "PutBucketTagging"),
}
"""By kind: the calls that set tags and remove them."""


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


def untag(world: World, node: str, key: str = OWNER_TAG) -> None:
    """Take a tag off, by default the owner's."""
    _tagging(world, node)["remove"](key)


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
        "function": lambda: _by_lambda_arn(world, PLACE.function_arn(FUNCTIONS[node])),
        "mapping": lambda: _by_lambda_arn(world, mapping(world, MAPPINGS[node])["EventSourceMappingArn"]),
        "alarm": lambda: {
            "set": lambda _, pairs: c.cloudwatch.tag_resource(
                ResourceARN=PLACE.alarm_arn(ALARMS[node]), Tags=pairs
            ),
            "remove": lambda key: c.cloudwatch.untag_resource(
                ResourceARN=PLACE.alarm_arn(ALARMS[node]), TagKeys=[key]
            ),
        },
        "dashboard": lambda: {
            "set": lambda _, pairs: c.cloudwatch.tag_resource(
                ResourceARN=PLACE.dashboard_arn(DASHBOARD), Tags=pairs
            ),
            "remove": lambda key: c.cloudwatch.untag_resource(
                ResourceARN=PLACE.dashboard_arn(DASHBOARD), TagKeys=[key]
            ),
        },
        "bucket": lambda: {
            "set": lambda _, pairs: _tag_bucket(world, pairs[0]["Key"], pairs),
            "remove": lambda key: _tag_bucket(world, key, []),
        },
    }
    return ways[kind]()


def _by_arn(client: Any, arn: str) -> dict[str, Callable[..., object]]:
    return {
        "set": lambda _, pairs: client.tag_resource(ResourceArn=arn, Tags=pairs),
        "remove": lambda key: client.untag_resource(ResourceArn=arn, TagKeys=[key]),
    }


def _by_lambda_arn(world: World, arn: str) -> dict[str, Callable[..., object]]:
    aws = world.clients.lambda_
    return {
        "set": lambda tags, _: aws.tag_resource(Resource=arn, Tags=tags),
        "remove": lambda key: aws.untag_resource(Resource=arn, TagKeys=[key]),
    }


def _tag_bucket(world: World, key: str, pairs: list[Any]) -> None:
    kept = world.clients.s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"]
    others = [pair for pair in kept if pair["Key"] != key]
    world.clients.s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [*others, *pairs]})


def mapping(world: World, function: str) -> Any:
    """Return a function's only event source mapping, as Lambda tells it."""
    (found,) = world.clients.lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return {key: value for key, value in found.items() if key != "LastModified"}


def change_mapping(world: World, node: str, **settings: Any) -> None:
    """Change settings of an event source mapping."""
    world.clients.lambda_.update_event_source_mapping(UUID=mapping(world, MAPPINGS[node])["UUID"], **settings)


def change_function(world: World, node: str, **settings: Any) -> None:
    """Change settings of a function."""
    world.clients.lambda_.update_function_configuration(FunctionName=FUNCTIONS[node], **settings)


def change_alarm(world: World, node: str, **settings: Any) -> None:
    """Put an alarm anew, with some of it changed; None leaves it out."""
    cloudwatch = world.clients.cloudwatch
    (found,) = cloudwatch.describe_alarms(AlarmNames=[ALARMS[node]])["MetricAlarms"]
    told: Any = {**found, **settings}
    kept = {key: told[key] for key in _ALARM if key in told and told[key] is not None}
    cloudwatch.put_metric_alarm(**kept)


_ALARM = (
    *("AlarmName", "AlarmDescription", "ActionsEnabled", "OKActions", "AlarmActions", "MetricName", "Namespace"),
    *("Statistic", "Dimensions", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"),
    *("ComparisonOperator", "TreatMissingData"),
)


def change_dashboard(world: World, change: Callable[[Any], object]) -> None:
    """Change the parsed body of the dashboard, and put it with other white space and other order."""
    cloudwatch = world.clients.cloudwatch
    body = json.loads(cloudwatch.get_dashboard(DashboardName=DASHBOARD)["DashboardBody"])
    change(body)
    text = json.dumps(dict(reversed(body.items())), indent=2)
    cloudwatch.put_dashboard(DashboardName=DASHBOARD, DashboardBody=text)


def change_queue(world: World, node: str, **attributes: str) -> None:
    """Change attributes of a queue."""
    world.clients.sqs.set_queue_attributes(
        QueueUrl=queue_url(world, QUEUES[node]),
        Attributes=attributes,  # type: ignore[arg-type]  # any attributes' names
    )


def change_topic(world: World, node: str, name: str, value: str) -> None:
    """Change an attribute of a topic."""
    arn = PLACE.topic_arn(TOPICS[node])
    world.clients.sns.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)


def change_table(world: World, node: str, **settings: Any) -> None:
    """Change a table, in one call for each setting, as DynamoDB wants it."""
    world.clients.dynamodb.update_table(TableName=TABLES[node], **settings)


def set_expiry(world: World, node: str, attribute: str, *, on: bool) -> None:
    """Switch a table's expiry on or off."""
    world.clients.dynamodb.update_time_to_live(
        TableName=TABLES[node], TimeToLiveSpecification={"Enabled": on, "AttributeName": attribute}
    )


def replace_stream(world: World, node: str, view: str = "NEW_AND_OLD_IMAGES") -> None:
    """Switch a table's stream off, and another one on."""
    change_table(world, node, StreamSpecification={"StreamEnabled": False})
    change_table(world, node, StreamSpecification={"StreamEnabled": True, "StreamViewType": view})


@contextmanager
def failed(world: World, node: str, reason: str, **state: str) -> Iterator[None]:
    """Let Lambda report a function as failed until it gets both its code and its configuration anew."""
    events, name = world.clients.lambda_.meta.events, FUNCTIONS[node]
    missing = {"UpdateFunctionCode", "UpdateFunctionConfiguration"}

    def report(parsed: Any, model: Any, **_: object) -> None:
        if parsed.get("FunctionName") == name:
            missing.discard(model.name)
        found = parsed.get("Configuration", {})
        if found.get("FunctionName") == name and missing:
            found.update(state or {"State": "Failed", "StateReason": reason})

    events.register("after-call.lambda", report)
    try:
        yield
    finally:
        events.unregister("after-call.lambda", report)
