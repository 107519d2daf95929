"""What setup sends, beside what the exported template says: the same names with the same values.

Most of AWS's calls and CloudFormation's resources share their names; where they do not, the other stands here.
"""

from __future__ import annotations

import json
from typing import Any, Final

from countagg.provision.export.cloudformation import stack_template
from countagg.provision.policies import canonical
from countagg.provision.settings import StackSettings
from tests.aws.world import BUCKET, PLACE, World

CHOSEN: Final[dict[str, Any]] = {
    "create_bucket": True,
    "stale_alarm": "15m",
    "tags": {"team": "fleet"},
    "deletion_protection": True,
}
KINDS: Final = {
    "CreateTable": ("AWS::DynamoDB::Table", "TableName"),
    "UpdateTimeToLive": ("AWS::DynamoDB::Table", "TableName"),
    "CreateRole": ("AWS::IAM::Role", "RoleName"),
    "CreateFunction": ("AWS::Lambda::Function", "FunctionName"),
    "CreateEventSourceMapping": ("AWS::Lambda::EventSourceMapping", "FunctionName"),
    "PutMetricAlarm": ("AWS::CloudWatch::Alarm", "AlarmName"),
    "CreateQueue": ("AWS::SQS::Queue", "QueueName"),
    "PutRetentionPolicy": ("AWS::Logs::LogGroup", "LogGroupName"),
}
"""Calls that make a resource, with its type and the name that both know it by."""
NAMES: Final = {"tags": "Tags", "logGroupName": "LogGroupName", "retentionInDays": "RetentionInDays"}
LEFT_OUT: Final = {
    ("CreateFunction", "Code"): "a parameter says where it is",
    ("CreateTable", "StreamSpecification"): "CloudFormation switches it on by the type of its view alone",
}


def in_template(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return a request in CloudFormation's words."""
    # What is empty in a request is nothing in a template.
    written = {
        NAMES.get(name, name): value
        for name, value in request.items()
        if (operation, name) not in LEFT_OUT and value not in ({}, [])
    }
    if isinstance(tags := written.get("Tags"), dict):
        written["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if "AssumeRolePolicyDocument" in written:
        written["AssumeRolePolicyDocument"] = json.loads(written["AssumeRolePolicyDocument"])
    for name, text in written.pop("Attributes", {}).items():
        if name != "Policy":
            written[name] = json.loads(text)
    return written


class Resolved:
    """A template as CloudFormation would read it, as far as it follows from names; None stands for the rest."""

    def __init__(self, resources: dict[str, Any]) -> None:
        self._resources = resources
        self._known = {
            "AWS::AccountId": PLACE.account,
            "AWS::Region": PLACE.region,
            "AWS::Partition": PLACE.partition,
            "BucketName": BUCKET,
            "Prefix": "counters/",
            "OutputPrefix": "totals/",
        }
        self._arns = {
            "Topic": PLACE.topic_arn,
            "Queue": PLACE.queue_arn,
            "Table": PLACE.table_arn,
            "Role": PLACE.role_arn,
        }

    def value(self, said: Any) -> Any:
        if isinstance(said, list):
            return [self.value(each) for each in said]
        if not isinstance(said, dict):
            return said
        match said:
            case {"Ref": name}:
                found = self._known.get(name) or self._arn(name, only=("Topic",))
            case {"Fn::GetAtt": [name, attribute]}:
                found = self._arn(name) if attribute == "Arn" else None
            case {"Fn::Sub": text}:
                found = text
                for name, known in self._known.items():
                    found = found.replace(f"${{{name}}}", known)
            case _:
                return {key: self.value(each) for key, each in said.items()}
        return found

    def _arn(self, name: str, only: tuple[str, ...] = ("Topic", "Queue", "Table", "Role")) -> str | None:
        resource = self._resources.get(name, {"Type": ""})
        kind = resource["Type"].rpartition(":")[2]
        return self._arns[kind](self.value(resource["Properties"][f"{kind}Name"])) if kind in only else None


def agree(said: Any, sent: Any) -> bool:
    """Tell whether a property says what a request does; None is whatever AWS picks."""
    if said is None:
        return True
    if isinstance(said, dict) and isinstance(sent, dict):
        return said.keys() == sent.keys() and all(agree(said[key], sent[key]) for key in said)
    return bool(json.loads(canonical(said)) == json.loads(canonical(sent)))


def test_setup_and_template_ask_for_the_same(world: World) -> None:
    sent: list[tuple[str, dict[str, Any]]] = []
    world.choose(**{name: value for name, value in CHOSEN.items() if name != "create_bucket"})
    clients = world.clients
    made_by = (clients.dynamodb, clients.iam, clients.lambda_, clients.cloudwatch, clients.sqs, clients.logs)

    def record(params: dict[str, Any], model: Any, **_: object) -> None:
        sent.append((model.name, dict(params)))

    for client in made_by:
        client.meta.events.register("provide-client-params", record)
    world.set_up()
    for client in made_by:
        client.meta.events.unregister("provide-client-params", record)

    settings = StackSettings("countagg", BUCKET, **CHOSEN)
    resources = stack_template(settings, PLACE, world.code, "1.2.3").document["Resources"]
    resolve = Resolved(resources).value
    said = {
        (each["Type"], resolve(each["Properties"][name])): resolve(each["Properties"])
        for type_, name in KINDS.values()
        for each in resources.values()
        if each["Type"] == type_
    }
    differing = [
        (operation, name, value, found.get(name))
        for operation, request in sent
        if operation in KINDS
        for written in [in_template(operation, request)]
        for found in [said[KINDS[operation][0], written[KINDS[operation][1]]]]
        for name, value in written.items()
        if name not in found or not agree(found[name], value)
    ]
    assert {operation for operation, _ in sent} >= KINDS.keys()
    assert differing == []
