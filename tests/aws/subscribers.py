"""Functions and queues of others in an account, which are subscribed to a stack."""

from __future__ import annotations

import json
from typing import Any, Final

from countagg.provision.subscriptions import Subscriber, SubscriptionKind
from tests.aws.drift_functions import ANYBODY
from tests.aws.moto_gaps import ACCOUNT
from tests.aws.others import THEIR_POLICY
from tests.aws.world import PLACE, World, make_zip

FUNCTION: Final = "act"
ROLE: Final = "act-role"
OTHER_ROLE: Final = "other-role"
PATH: Final = "/ops/"
QUEUE: Final = "on-call"
QUEUE_ARN: Final = PLACE.queue_arn(QUEUE)
URL: Final = "https://example.org/alerts"
SUBSCRIBERS: Final = (
    Subscriber(SubscriptionKind.FUNCTION, FUNCTION, ("http_*",), f"ops/{ROLE}"),
    Subscriber(SubscriptionKind.HTTPS, URL),
    Subscriber(SubscriptionKind.QUEUE, QUEUE_ARN),
)
THEIR_STATEMENT: Final = {
    "Sid": "Theirs",
    "Effect": "Allow",
    "Principal": {"AWS": ACCOUNT},
    "Action": "sqs:ReceiveMessage",
    "Resource": QUEUE_ARN,
}


def role_arn(name: str) -> str:
    """Return the ARN of a role of theirs."""
    return PLACE.role_arn(name, PATH)


def make_subscribers(world: World) -> None:
    """Make a function with its role and another role, and a queue, each with a policy of its own."""
    iam, sqs = world.clients.iam, world.clients.sqs
    for role in (ROLE, OTHER_ROLE):
        iam.create_role(Path=PATH, RoleName=role, AssumeRolePolicyDocument=ANYBODY)
        iam.put_role_policy(RoleName=role, PolicyName="theirs", PolicyDocument=THEIR_POLICY)
    make_function(world, FUNCTION)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [THEIR_STATEMENT]})
    sqs.create_queue(QueueName=QUEUE, Attributes={"Policy": policy})


def make_function(world: World, name: str) -> None:
    """Make a function of theirs."""
    world.clients.lambda_.create_function(
        FunctionName=name,
        Role=role_arn(ROLE),
        Runtime="python3.13",
        Handler="act.handler",
        Code={"ZipFile": make_zip("theirs").content},
    )


def queue_policy(world: World) -> Any:
    """Return the policy of their queue."""
    url = world.clients.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    answer = world.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return json.loads(answer["Attributes"].get("Policy") or "{}")


def put_queue_policy(world: World, policy: Any) -> None:
    """Set the policy of their queue."""
    url = world.clients.sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    world.clients.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})


def role_policies(world: World, role: str = ROLE) -> list[str]:
    """Return the names of a role's inline policies."""
    return world.clients.iam.list_role_policies(RoleName=role)["PolicyNames"]


def alert_subscription(world: World, endpoint: str) -> str:
    """Return the ARN of the alerts' subscription of an endpoint."""
    found = world.clients.sns.list_subscriptions_by_topic(TopicArn=PLACE.topic_arn("countagg-alerts"))
    (arn,) = (each["SubscriptionArn"] for each in found["Subscriptions"] if each["Endpoint"] == endpoint)
    return arn
