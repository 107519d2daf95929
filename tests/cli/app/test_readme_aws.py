"""README's commands of the AWS command line: what they ask is asked here, of an account with a stack."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

import boto3
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters

from countagg.core.published import parse_published
from countagg.core.values import SCALE
from tests.cli.account import BUCKET, empty_bucket, publish_day, write_day
from tests.readme import shell_lines

DAY: Final = "2026-11-20"
GLOBAL: Final = {"--region"}
"""Options that are no parameters of a call."""
SERVICES: Final = {"s3api": "s3"}
"""What the AWS command line calls otherwise than boto3."""
LINES: Final = [line for line in shell_lines("aws") if not line.endswith(("create-policy", "--tags", "get-item"))]
"""All but those that are only named, without what they take."""


@pytest.fixture
def _day(stack: None) -> Iterator[None]:  # noqa: ARG001 - it must be there
    """Give the stack the totals of a day."""
    write_day(DAY, {"i-1": {"COUNTER1": "191122", "COUNTER2": "54321"}})
    publish_day(DAY, {"COUNTER1": "191122", "COUNTER2": "54321"})
    yield
    empty_bucket()


def line_of(command: str) -> list[str]:
    """Return the words of the one line that begins so, behind the command."""
    [found] = [line for line in LINES if line.startswith(f"aws {command}")]
    return shlex.split(found)[len(command.split()) + 1 :]


def parameters(words: list[str], shape: Any) -> dict[str, Any]:
    """Return what a command's options make the parameters of a call."""
    members = {f"--{xform_name(name, '-')}": (name, member) for name, member in shape.members.items()}
    found = {}
    for option, text in zip(words[::2], words[1::2], strict=True):
        if option in GLOBAL:
            continue
        name, member = members[option]
        is_json = member.type_name in {"structure", "map"} or text.startswith("[")
        found[name] = json.loads(text) if is_json else [text] if member.type_name == "list" else text
    return found


@pytest.mark.parametrize("line", [line for line in LINES if not line.startswith("aws s3 ")])
def test_the_call_is_one_that_aws_takes(line: str) -> None:
    _, service, command, *words = shlex.split(line)
    client = SERVICES.get(service, service)
    operations = boto3.client(client).meta.service_model  # type: ignore[call-overload]  # any service
    [operation] = [
        operations.operation_model(name) for name in operations.operation_names if xform_name(name, "-") == command
    ]

    validate_parameters(parameters(words, operation.input_shape), operation.input_shape)


def test_all_commands_are_found() -> None:
    assert [" ".join(line.split()[:3]) for line in LINES] == [
        "aws chatbot create-slack-channel-configuration",
        "aws cloudformation delete-stack",
        "aws dynamodb query",
        "aws iam get-policy",
        "aws s3 cp",
        "aws s3 ls",
        "aws s3api head-object",
        "aws s3api head-object",
        "aws sts get-caller-identity",
    ]


@pytest.mark.usefixtures("_day")
def test_the_query_of_a_day_gives_its_totals() -> None:
    client = boto3.client("dynamodb")
    shape: Any = client.meta.service_model.operation_model("Query").input_shape

    found = client.query(**parameters(line_of("dynamodb query"), shape))

    values = {item["Counter"]["S"]: Decimal(item["Value"]["N"]) for item in found["Items"]}
    assert values == {"COUNTER1": 191_122, "COUNTER2": 54_321}


@pytest.mark.usefixtures("_day")
def test_the_object_of_a_day_has_its_totals() -> None:
    address, target = line_of("s3 cp")
    parts = re.fullmatch(r"s3://([^/]+)/(.*)", address)
    assert parts is not None
    assert (parts[1], target) == ("my-counters", "-")

    found = boto3.client("s3").get_object(Bucket=BUCKET, Key=parts[2])

    published = parse_published(found["Body"].read(), found["Metadata"], "", "countagg")
    assert published.totals == {"COUNTER1": 191_122 * SCALE, "COUNTER2": 54_321 * SCALE}
