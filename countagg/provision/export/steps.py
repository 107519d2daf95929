"""What to do with an exported template, one step after the other, and what CloudFormation has no resource for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from countagg.core.lazy_dataclass import dataclass
from countagg.provision.export.cloudformation import Template, logical_id
from countagg.provision.export.forms import CODE_BUCKET
from countagg.provision.notifications import entry_of
from countagg.provision.policies import load_policy
from countagg.provision.settings import StackSettings
from countagg.provision.states import NotificationState
from countagg.provision.subscriptions import SubscriptionKind

DIRECT_SIZE: Final = 51_200
"""Bytes of a template that CloudFormation takes within a request (docs/aws-facts.md#cloudformation)."""
_CONFIRM: Final = "SNS has sent a message with a link to follow; a URL gets it as SubscribeURL."
_NOTIFICATION: Final = "notification/uploads"


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """Something to do.

    Attributes:
        title: what.
        reason: what one should know of it.
        commands: that do it, in a shell; none for what is done elsewhere.
    """

    title: str
    reason: str
    commands: tuple[str, ...] = ()


def deployment_steps(
    template: Template, file_name: str, size: int, settings: StackSettings
) -> tuple[DeploymentStep, ...]:
    """Return the steps that bring the stack about.

    Args:
        template: the stack.
        file_name: of the template.
        size: of that file, in bytes.
        settings: of the stack.
    """
    return tuple(_steps(template, file_name, size, settings))


def _steps(template: Template, file_name: str, size: int, settings: StackSettings) -> Iterator[DeploymentStep]:
    stack, name = settings.stack, template.zip_name
    if settings.kms_key:
        statement = json.dumps(load_policy("with-key/key", {})["Statement"][0])
        yield DeploymentStep(
            f"Let S3, SNS and CloudWatch use the key {settings.kms_key}",
            f"The key is not the stack's: this statement must be in its policy. {statement}",
        )
    yield DeploymentStep(
        "Upload the functions' zip",
        "Any bucket in the stack's region will do. The file's name changes with the code: keep it.",
        ("CODE_BUCKET=...", f'aws s3 cp {name} "s3://$CODE_BUCKET/{name}"'),
    )
    large = ('--s3-bucket "$CODE_BUCKET"',) if size > DIRECT_SIZE else ()
    deploy = _command(
        f"aws cloudformation deploy --stack-name {stack} --template-file {file_name}",
        *large,
        "--capabilities CAPABILITY_NAMED_IAM",
        f"--parameter-overrides {' '.join(_said(template))}",
    )
    yield DeploymentStep(
        "Create the stack, or bring it up to date",
        "Its roles have fixed names, hence CAPABILITY_NAMED_IAM. Name every parameter: in an update, others "
        "keep their old values.",
        (deploy,),
    )
    if _NOTIFICATION in template.apart:
        yield _notify(settings, template.apart[_NOTIFICATION])
    for node in template.apart:
        if node.startswith("alert-queue-policy/"):
            yield _let_send(node.partition("/")[2], settings)
    for each in settings.deliveries:
        if each.kind in {SubscriptionKind.EMAIL, SubscriptionKind.HTTPS}:
            yield DeploymentStep(f"Have {each.endpoint} confirm the subscription", _CONFIRM)
    look = (f"countagg plan --stack {stack} --detailed-exitcode", f"countagg upload-sample --stack {stack} --wait")
    yield DeploymentStep(
        "Look at it with countagg", "The plan shows no change, and the sample files give their totals.", look
    )


def _said(template: Template) -> Iterator[str]:
    for name, parameter in template.document["Parameters"].items():
        yield f'{name}="$CODE_BUCKET"' if name == CODE_BUCKET else f"{name}={parameter['Default']}"


def _command(*parts: str) -> str:
    return " \\\n  ".join(parts)


def _notify(settings: StackSettings, state: NotificationState) -> DeploymentStep:
    return DeploymentStep(
        f"Have the bucket {settings.bucket} notify the topic",
        "CloudFormation has no resource for the notifications of a bucket that is there already. setup adds this "
        "one entry, keeps all others, and changes nothing else:",
        (f"countagg setup --stack {settings.stack} --yes", *_without_countagg(settings, state)),
    )


def _let_send(queue: str, settings: StackSettings) -> DeploymentStep:
    return DeploymentStep(
        f"Let the alerts' topic send to the queue {queue}",
        "CloudFormation would replace the queue's whole policy. setup adds one statement and keeps all others.",
        (f"countagg setup --stack {settings.stack} --yes",),
    )


def _without_countagg(settings: StackSettings, state: NotificationState) -> tuple[str, ...]:
    bucket, name = settings.bucket, settings.names.uploads
    entry = json.dumps(entry_of(name, replace(state, topic="$topic", prefix=settings.prefix)))
    entry = entry.replace('"$topic"', "$topic")
    find = _command(
        f"TOPIC=$(aws cloudformation describe-stack-resource --stack-name {settings.stack}",
        f"--logical-resource-id {logical_id('topic/uploads')}",
        "--query StackResourceDetail.PhysicalResourceId --output text)",
    )
    others = f'[.TopicConfigurations[]? | select(.Id != "{name}")]'
    add = "\n".join(
        (
            f"aws s3api get-bucket-notification-configuration --bucket {bucket} |",
            '  jq -n --arg topic "$TOPIC" \'(input? // {}) | .TopicConfigurations =',
            f"  {others} + [{entry}]' > notification.json",
        )
    )
    put = _command(
        f"aws s3api put-bucket-notification-configuration --bucket {bucket}",
        "--notification-configuration file://notification.json",
    )
    return "# or without countagg:", find, add, put


def readme(settings: StackSettings, steps: Sequence[DeploymentStep], file_name: str) -> str:
    """Return the steps as a document to keep beside the template."""
    parts = [_ABOUT.format(stack=settings.stack, file_name=file_name)]
    for number, step in enumerate(steps, start=1):
        parts += [f"## {number}. {step.title}", step.reason]
        if step.commands:
            parts.append("\n".join(("```sh", *step.commands, "```")))
    return "\n\n".join([*parts, _AFTERWARDS.format(stack=settings.stack)]) + "\n"


_ABOUT: Final = """\
# The stack {stack} as a CloudFormation template

`{file_name}` is the whole stack as `countagg setup` would make it, in any account and region. Its parameters are
the bucket and its folders, and where the functions' zip is. All other choices were made when it was written:
another `countagg export cloudformation` makes others. The commands are to be run in this folder."""

_AFTERWARDS: Final = """\
## Afterwards

Change the stack by a new export and another deployment, not by `countagg setup`, of whose changes CloudFormation
knows nothing.

To remove it: `aws cloudformation delete-stack --stack-name {stack}` leaves what holds data, the tables and a
bucket that it created; `countagg teardown --stack {stack}` then removes that too, and the entry in a bucket of
others."""
