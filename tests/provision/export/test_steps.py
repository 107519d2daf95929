from __future__ import annotations

from typing import Any

import pytest

from countagg.provision.export.steps import DIRECT_SIZE, DeploymentStep, deployment_steps, readme
from countagg.provision.settings import StackSettings
from tests.provision.export.templates import EVERYTHING, KEY, make_template


def steps_of(size: int = 1_000, **chosen: Any) -> tuple[DeploymentStep, ...]:
    settings = StackSettings("countagg", "fleet-counters", **chosen)
    return deployment_steps(make_template(**chosen), "template.yaml", size, settings)


def test_a_bucket_that_is_created_takes_no_step_of_its_own() -> None:
    assert [step.title for step in steps_of(create_bucket=True)] == [
        "Upload the functions' zip",
        "Create the stack, or bring it up to date",
        "Look at it with countagg",
    ]


def test_what_cloudformation_has_no_resource_for_is_a_step() -> None:
    everything = EVERYTHING | {"create_bucket": False}
    titles = [step.title for step in steps_of(**everything)]
    assert titles[0] == f"Let S3, SNS and CloudWatch use the key {KEY}"
    assert titles[3:-1] == [
        "Have the bucket fleet-counters notify the topic",
        "Let the alerts' topic send to the queue alerts-of-theirs",
        "Have ops@example.com confirm the subscription",
        "Have https://example.org/alerts?a=1 confirm the subscription",
    ]


def test_the_notification_of_a_bucket_of_others_keeps_its_other_entries() -> None:
    [step] = [step for step in steps_of(prefix="in/") if "notify" in step.title]
    assert step.commands[0] == "countagg setup --stack countagg --yes"
    get, put = step.commands[-2:]
    assert 'select(.Id != "countagg-uploads")] + [{"Id": "countagg-uploads", "TopicArn": $topic' in get
    assert '"Value": "in/"' in get
    assert "put-bucket-notification-configuration --bucket fleet-counters" in put


@pytest.mark.parametrize(("size", "goes_through"), [(DIRECT_SIZE, False), (DIRECT_SIZE + 1, True)])
def test_a_template_that_is_too_large_goes_through_a_bucket(size: int, goes_through: bool) -> None:  # noqa: FBT001 - a case
    [deploy] = [step for step in steps_of(size) if step.title.startswith("Create")]
    assert ('--s3-bucket "$CODE_BUCKET"' in deploy.commands[0]) is goes_through


def test_every_parameter_is_said_so_that_another_zip_gets_to_a_stack_that_is_there() -> None:
    [deploy] = [step for step in steps_of(prefix="in/") if step.title.startswith("Create")]
    zip_name = make_template().zip_name
    assert deploy.commands[0].splitlines()[-1].split() == [
        "--parameter-overrides",
        "BucketName=fleet-counters",
        "Prefix=in/",
        "OutputPrefix=totals/",
        'CodeBucket="$CODE_BUCKET"',
        f"CodeKey={zip_name}",
    ]


def test_the_readme_has_every_step_and_says_how_to_remove_it_all() -> None:
    steps = steps_of(alarm_email="ops@example.com")
    text = readme(StackSettings("countagg", "fleet-counters"), steps, "template.yaml")
    for step in steps:
        assert step.title in text
        assert all(command in text for command in step.commands)
    assert "aws cloudformation delete-stack --stack-name countagg" in text
    assert "countagg teardown --stack countagg" in text
