"""The exported template, deployed by the embedded engine's CloudFormation: a second opinion on what setup sends.

The engine's knows fewer properties than AWS's. They are listed here, and done by the services' own calls as the
template says them; the template stays as AWS takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import boto3
import pytest

from countagg.aws.session import Clients
from countagg.local import EngineRecord
from tests.embedded.test_lifecycle import inventory
from tests.embedded.test_provisioning import make_key
from tests.embedded.world import CommandLine, DeployedStack, engine_clients, wait_until
from tests.provision.export.templates import read_template

pytestmark = [pytest.mark.embedded, pytest.mark.xdist_group("embedded")]

STACK: Final = "exported"
BUCKET: Final = "exported-data"
CODE_BUCKET: Final = "code-of-exported"

Properties = dict[str, Any]


def switch_ttl(clients: Clients, name: str, said: Properties) -> None:
    clients.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=said["TimeToLiveSpecification"])


def switch_recovery(clients: Clients, name: str, said: Properties) -> None:
    recovery = said["PointInTimeRecoverySpecification"]
    clients.dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def encrypt_table(clients: Clients, name: str, said: Properties) -> None:
    chosen = said["SSESpecification"]
    encryption: Any = {
        "Enabled": chosen["SSEEnabled"],
        **{key: chosen[key] for key in ("SSEType", "KMSMasterKeyId")},
    }
    clients.dynamodb.update_table(TableName=name, SSESpecification=encryption)


def encrypt_topic(clients: Clients, arn: str, said: Properties) -> None:
    clients.sns.set_topic_attributes(
        TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=said["KmsMasterKeyId"]
    )


def bound_role(clients: Clients, name: str, said: Properties) -> None:
    clients.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=said["PermissionsBoundary"])


def tag_mapping(clients: Clients, uuid: str, said: Properties) -> None:
    arn = f"arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{uuid}"
    clients.lambda_.tag_resource(Resource=arn, Tags={tag["Key"]: tag["Value"] for tag in said["Tags"]})


def tag_bucket(clients: Clients, name: str, said: Properties) -> None:
    clients.s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": said["Tags"]})


def encrypt_bucket(clients: Clients, name: str, said: Properties) -> None:
    [rule] = said["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    encryption: Any = {
        "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"],
        "BucketKeyEnabled": rule["BucketKeyEnabled"],
    }
    clients.s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [encryption]})


def rule_lifecycle(clients: Clients, name: str, said: Properties) -> None:
    rules: Any = []
    for rule in said["LifecycleConfiguration"]["Rules"]:
        others = {key: rule[key] for key in rule if key not in {"Id", "Prefix", "ExpiredObjectDeleteMarker"}}
        marker = {"ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker")}
        expiry = {"Expiration": marker} if "ExpiredObjectDeleteMarker" in rule else {}
        rules.append({"ID": rule["Id"], "Filter": {"Prefix": rule["Prefix"]}, **others, **expiry})
    clients.s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


LACKING: Final[dict[tuple[str, str], tuple[str, Callable[[Clients, str, Properties], None]]]] = {
    ("AWS::DynamoDB::Table", "TimeToLiveSpecification"): ("ttl_attribute", switch_ttl),
    ("AWS::DynamoDB::Table", "PointInTimeRecoverySpecification"): ("point_in_time_recovery", switch_recovery),
    ("AWS::DynamoDB::Table", "SSESpecification"): ("kms_key", encrypt_table),
    ("AWS::SNS::Topic", "KmsMasterKeyId"): ("kms_key", encrypt_topic),
    ("AWS::IAM::Role", "PermissionsBoundary"): ("permissions_boundary", bound_role),
    ("AWS::Lambda::EventSourceMapping", "Tags"): ("tags", tag_mapping),
    ("AWS::S3::Bucket", "Tags"): ("tags", tag_bucket),
    ("AWS::S3::Bucket", "BucketEncryption"): ("encryption", encrypt_bucket),
    ("AWS::S3::Bucket", "LifecycleConfiguration"): ("lifecycle", rule_lifecycle),
}
"""Properties that the engine's CloudFormation leaves out: the field of ours that shows it, and what does it."""


@pytest.fixture(scope="module")
def clients(engine: EngineRecord) -> Clients:
    return engine_clients(engine)


@pytest.fixture(scope="module")
def folder(clients: Clients, command_line: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a stack with every option."""
    folder = tmp_path_factory.mktemp("handover")
    boundary = clients.iam.create_policy(
        PolicyName="exported-bounds",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
    )["Policy"]["Arn"]
    options = (
        *("--bucket", BUCKET, "--create-bucket", "--prefix", "in/", "--output-prefix", "out/"),
        *("--memory", "processor=512", "--window", "publisher=1", "--retention", "logs=90", "--lanes", "2"),
        *("--alarm-email", "ops@example.org", "--stale-alarm", "15m", "--tag", "team=fleet"),
        *("--permissions-boundary", boundary, "--role-path", "/ops/", "--kms-key", make_key(clients)),
        *("--bucket-versioning", "--point-in-time-recovery", "--deletion-protection", "--dashboard"),
    )
    command_line("export", "cloudformation", "--stack", STACK, *options, "--out", str(folder))
    return folder


@pytest.fixture(scope="module")
def cloudformation(engine: EngineRecord) -> Any:
    return boto3.client(
        "cloudformation",
        region_name="us-east-1",
        endpoint_url=engine.endpoint_url,
        aws_access_key_id=engine.access_key.id,
        aws_secret_access_key=engine.access_key.secret,
    )


def settled(cloudformation: Any) -> str:
    """Wait until the stack is no longer being changed; return its status."""
    found: list[Any] = []

    def is_settled() -> bool:
        found[:] = [each for each in cloudformation.describe_stacks()["Stacks"] if each["StackName"] == STACK]
        return not found or not found[0]["StackStatus"].endswith("_IN_PROGRESS")

    wait_until("CloudFormation", is_settled)
    return str(found[0]["StackStatus"]) if found else "gone"


@pytest.fixture(scope="module")
def stack(
    clients: Clients, command_line: CommandLine, folder: Path, cloudformation: Any
) -> Iterator[DeployedStack]:
    """Deploy the template as its README says."""
    [code] = folder.glob("*.zip")
    clients.s3.create_bucket(Bucket=CODE_BUCKET)
    clients.s3.put_object(Bucket=CODE_BUCKET, Key=code.name, Body=code.read_bytes())
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=(folder / "template.yaml").read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "CodeBucket", "ParameterValue": CODE_BUCKET}],
    )
    assert settled(cloudformation) == "CREATE_COMPLETE"
    yield DeployedStack(STACK, BUCKET, command_line, clients, prefix="in/")
    clients.s3.delete_object(Bucket=CODE_BUCKET, Key=code.name)
    clients.s3.delete_bucket(Bucket=CODE_BUCKET)


def pending(stack: DeployedStack) -> set[tuple[str, str]]:
    """Return what setup would change: kinds with their fields."""
    changes = stack.run("plan", "--output", "json").json()["changes"]
    assert {change["action"] for change in changes} <= {"keep", "update"}
    return {
        (change["resource"].partition("/")[0], field["name"].partition(".")[0])
        for change in changes
        for field in change["fields"]
        if change["action"] == "update"
    }


def test_the_deployed_template_is_what_setup_would_make_and_counts(
    clients: Clients, stack: DeployedStack, folder: Path, cloudformation: Any
) -> None:
    resources = read_template((folder / "template.yaml").read_text())["Resources"]
    made = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    }
    assert made.keys() == resources.keys()
    # Without its tag nobody would look into the bucket.
    tag_bucket(clients, BUCKET, resources["Bucket"]["Properties"])
    kinds = {
        "Table": "table",
        "Topic": "topic",
        "Role": "role",
        "EventSourceMapping": "mapping",
        "Bucket": "bucket",
    }
    lacking = {(kinds[type_.rpartition(":")[2]], field) for (type_, _), (field, _) in LACKING.items()}
    assert pending(stack) == lacking - {("bucket", "tags")}

    for name, resource in resources.items():
        for (type_, said), (_, complete) in LACKING.items():
            if resource["Type"] == type_ and said in resource["Properties"]:
                complete(clients, made[name], resource["Properties"])

    assert pending(stack) == set()
    stack.run("upload-sample", "--wait")
    today = datetime.now(UTC).date().isoformat()
    assert stack.query(today)["totals"]["COUNTER1"] == 191122
    assert stack.run("verify", "--date", today, "--output", "json").json()["ok"]


def test_what_the_stack_leaves_when_it_goes_is_the_data_which_teardown_removes(
    clients: Clients, stack: DeployedStack, cloudformation: Any
) -> None:
    cloudformation.delete_stack(StackName=STACK)
    assert settled(cloudformation) in {"DELETE_COMPLETE", "gone"}
    assert inventory(clients, STACK) == {
        BUCKET,
        *(f"{STACK}-{table}" for table in ("snapshots", "totals", "counters")),
    }

    forced = ("--delete-objects", "--delete-protected")
    removed = stack.run("teardown", "--bucket", BUCKET, *forced, "--yes", "--output", "json").json()
    assert removed["left_over"] == []
    assert inventory(clients, STACK) == set()
