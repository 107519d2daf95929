"""README shows plan, setup and teardown as they print: `...` stands for what is left out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.cli.account import ACCOUNT, moto_account, set_up
from tests.cli.running import CommandLine
from tests.readme import assert_shown, transcript_of

BUCKET = "my-counters"


@pytest.fixture
def _account(tmp_path: Path) -> Iterator[None]:
    with moto_account(tmp_path):
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        queue = boto3.client("sqs").create_queue(QueueName="theirs")["QueueUrl"]
        entry = {
            "Id": "theirs",
            "QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue.rpartition('/')[2]}",
            "Events": ["s3:ObjectCreated:*"],
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "theirs/"}]}},
        }
        boto3.client("s3").put_bucket_notification_configuration(
            Bucket=BUCKET,
            NotificationConfiguration={"QueueConfigurations": [entry]},  # type: ignore[list-item]  # one entry
            SkipDestinationValidation=True,
        )
        set_up("--bucket", BUCKET)
        yield


def change_by_hand() -> None:
    boto3.client("lambda").update_function_configuration(FunctionName="countagg-aggregator", MemorySize=128)
    boto3.client("cloudwatch").delete_alarms(AlarmNames=["countagg-dead-letters"])
    statement = {"Sid": "Everything", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    boto3.client("iam").put_role_policy(
        RoleName="countagg-processor-us-east-1",
        PolicyName="by-hand",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )


@pytest.mark.usefixtures("_account")
def test_plan_setup_and_teardown_print_what_readme_shows(countagg: CommandLine) -> None:
    change_by_hand()
    for command in ("plan", "setup", "teardown"):
        line, *shown = transcript_of(f"countagg {command}")
        _, *arguments = shlex.split(line)
        ran = countagg(*arguments)
        assert ran.code == 0, ran.err
        # On a terminal stderr and stdout stand one after the other.
        assert_shown(shown, ran.out if command == "plan" else f"{ran.err}{ran.out}{ran.err}")
