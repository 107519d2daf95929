"""Subscribers on the embedded engine: real receivers hear of real changes and alerts.

It delivers alerts to queues and by HTTP, and calls functions with what changes in a table. It sends no mail,
speaks no TLS, puts nowhere what cannot be delivered, and makes no stream records of the publisher's PartiQL
statements: what calls the function here are the writes of `repair`.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest

from countagg.local import EngineRecord
from tests.embedded.people import Person, hire
from tests.embedded.world import CommandLine, DeployedStack, wait_until

pytestmark = [
    pytest.mark.embedded,
    pytest.mark.xdist_group("embedded"),
    pytest.mark.usefixtures("without_limits"),
]

ACCOUNT: Final = "000000000000"
FUNCTION: Final = "act-on-changes"
HANDLER: Final = """
import json, os, boto3
def handler(event, context):
    client = boto3.client("sqs", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    client.send_message(QueueUrl=os.environ["HEARD"], MessageBody=json.dumps(event["Records"]))
"""
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def make_queue(stack: DeployedStack, name: str) -> str:
    """Make a queue and return its URL."""
    return stack.clients.sqs.create_queue(QueueName=name)["QueueUrl"]


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def subscribed(person: Person) -> list[Any]:
    """Return whom countagg subscribed; others may hear of the shared stack's alerts too."""
    listed = person("subscribe", "list", "--output", "json").json()["subscriptions"]
    return [each for each in listed if each["by_countagg"]]


def received(stack: DeployedStack, url: str) -> list[Any]:
    """Take what is in a queue now."""
    found: list[Any] = []
    while messages := stack.clients.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            stack.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


Hire = Callable[..., Person]


@pytest.fixture
def hired(stack: DeployedStack, engine: EngineRecord, command_line: CommandLine) -> Hire:
    """Return what makes somebody who may do what a deployer may, who is to subscribe these, and nothing else."""

    def hire_deployer(name: str, *subscribers: str) -> Person:
        named = [word for each in subscribers for word in ("--subscriber", each)]
        policy = stack.run("permissions", "print", "--role", "deployer", *named).out
        return Person(engine, command_line, hire(stack.clients, name, policy), stack.name)

    return hire_deployer


@pytest.fixture
def posted() -> Iterator[tuple[str, list[Any]]]:
    """Give the URL of a receiver on this machine, and what was posted to it."""
    found: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write no log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/alerts", found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def heard(stack: DeployedStack) -> Iterator[str]:
    """Make a function that passes on what it is called with; give the URL of the queue that it goes to."""
    url, clients = make_queue(stack, "heard"), stack.clients
    role = clients.iam.create_role(RoleName=FUNCTION, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn("heard")}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    clients.iam.put_role_policy(RoleName=FUNCTION, PolicyName="send", PolicyDocument=policy)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("act.py", HANDLER)
    clients.lambda_.create_function(
        FunctionName=FUNCTION,
        Role=role,
        Runtime="python3.13",
        Handler="act.handler",
        Code={"ZipFile": content.getvalue()},
        Environment={"Variables": {"HEARD": url}},
    )
    yield url
    assert clients.iam.list_role_policies(RoleName=FUNCTION)["PolicyNames"] == ["send"]
    clients.lambda_.delete_function(FunctionName=FUNCTION)
    clients.sqs.delete_queue(QueueUrl=url)


def test_alerts_come_to_a_queue_and_to_a_url(
    stack: DeployedStack, hired: Hire, posted: tuple[str, list[Any]]
) -> None:
    url, (endpoint, posts) = make_queue(stack, "on-call"), posted
    deployer = hired("subscribes-alerts", queue_arn("on-call"))
    deployer("subscribe", "queue", queue_arn("on-call"), "--yes")
    deployer("subscribe", "https", endpoint, "--yes")
    wait_until("the confirmation", lambda: len(posts) == 1)
    assert posts[0]["Type"] == "SubscriptionConfirmation"
    stack.clients.sns.confirm_subscription(TopicArn=posts[0]["TopicArn"], Token=posts[0]["Token"])
    day = stack.new_day()

    stack.run("limits", "set", "HEARD_OF", "5")
    stack.put(day, "i-1", "HEARD_OF 6\n")
    wait_until("the post", lambda: len(posts) == 2)
    messages: list[Any] = []

    def told() -> bool:
        messages.extend(received(stack, url))
        return bool(messages)

    wait_until("the message", told)
    messages.append(json.loads(posts[1]["Message"]))

    alert = ("limit-passed", "HEARD_OF", 6)
    assert [(each["kind"], each["counter"], each["value"]) for each in messages] == [alert, alert]
    assert posts[1]["Type"] == "Notification"
    assert posts[1]["Subject"] == f"Limit passed: HEARD_OF is above 5 on {day}"
    planned = deployer("plan", "--output", "json").json()
    assert planned["summary"]["keep"] == len(planned["changes"])
    for end in (queue_arn("on-call"), endpoint):
        deployer("subscribe", "remove", end, "--yes")
    assert subscribed(deployer) == []
    answer = stack.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert not answer["Attributes"].get("Policy")


def test_a_function_is_called_with_the_changes_that_it_subscribed_to(
    stack: DeployedStack, hired: Hire, heard: str
) -> None:
    day, deployer = stack.new_day(), hired("subscribes-functions", FUNCTION)
    stack.put(day, "i-1", "http_get 5\nhttp_put 6\nother 7\n")
    stack.wait_until_published(day)
    deployer("subscribe", "function", FUNCTION, "--counter", "http_*", "--yes")
    [listed] = subscribed(deployer)
    assert (listed["endpoint"], listed["counters"], listed["state"]) == (FUNCTION, ["http_*"], "active")

    # A limit, an item that goes, and one that it did not subscribe to are nothing to it.
    stack.run("limits", "set", "http_get", "100")
    records: list[Any] = []

    def told_of_changes() -> bool:
        # A mapping that begins with what comes may miss what comes while it begins.
        for counter in ("http_get", "http_put", "other"):
            key: Any = {"Counter": {"S": counter}, "Date": {"S": day}}
            stack.clients.dynamodb.delete_item(TableName=stack.names.counters, Key=key)
        stack.run("repair", "--date", day, "--settle", "1", "--yes")
        records.extend(record for batch in received(stack, heard) for record in batch)
        return {record["dynamodb"]["Keys"]["Counter"]["S"] for record in records} == {"http_get", "http_put"}

    wait_until("both changes", told_of_changes)
    images = {each["dynamodb"]["NewImage"]["Counter"]["S"]: each["dynamodb"]["NewImage"] for each in records}
    assert {name: image["Value"]["N"] for name, image in images.items()} == {"http_get": "5", "http_put": "6"}
    assert {each["eventName"] for each in records} == {"INSERT"}
    assert all(image["Date"]["S"] == day for image in images.values())
    deployer("subscribe", "remove", FUNCTION, "--yes")
