"""Throttled reads: answered below botocore's own retries, as AWS does; setup survives several of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse, HeadersDict
from moto.core.botocore_stubber import MockRawResponse

from countagg.core.errors import AwsCallFailed
from tests.aws.world import World, touched
from tests.quick_moto import read_cache

TRIES = 5
"""That botocore makes in all: see `session`."""


def in_json(code: str) -> tuple[dict[str, str], str]:
    return {"x-amzn-errortype": code}, json.dumps({"__type": code, "message": "Rate exceeded"})


def in_xml(code: str) -> tuple[dict[str, str], str]:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>Rate exceeded</Message></Error>"
    return {}, f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"


def of_s3(code: str) -> tuple[dict[str, str], str]:
    return {}, f"<Error><Code>{code}</Code><Message>Please reduce your request rate.</Message></Error>"


Throttled = tuple[str, str, int, str, Callable[[str], tuple[dict[str, str], str]]]
READS: list[Throttled] = [
    ("logs", "DescribeLogGroups", 400, "ThrottlingException", in_json),
    ("sns", "GetTopicAttributes", 400, "Throttling", in_xml),
    ("sns", "ListSubscriptionsByTopic", 400, "Throttling", in_xml),
    ("sqs", "GetQueueAttributes", 400, "RequestThrottled", in_json),
    ("dynamodb", "DescribeTable", 400, "ThrottlingException", in_json),
    ("dynamodb", "DescribeContinuousBackups", 400, "ThrottlingException", in_json),
    ("iam", "GetRole", 400, "Throttling", in_xml),
    ("iam", "ListRolePolicies", 400, "Throttling", in_xml),
    ("lambda", "GetFunction", 429, "TooManyRequestsException", in_json),
    ("lambda", "ListEventSourceMappings", 429, "TooManyRequestsException", in_json),
    ("cloudwatch", "DescribeAlarms", 400, "Throttling", in_json),
    ("s3", "GetBucketLocation", 503, "SlowDown", of_s3),
    ("s3", "GetBucketNotificationConfiguration", 503, "SlowDown", of_s3),
]

PARTS = {
    "logs": ("logs",),
    "sns": ("topic", "queue", "subscription"),
    "sqs": ("queue",),
    "dynamodb": ("table",),
    "iam": ("role",),
    "lambda": ("queue", "role/processor", "function/processor", "mapping/processor"),
    "cloudwatch": ("topic/alerts", "alarm"),
    "s3": ("bucket", "notification"),
}

every_read = pytest.mark.parametrize("read", READS, ids=lambda read: f"{read[0]} {read[1]}")


@contextmanager
def throttled(world: World, read: Throttled, times: int) -> Iterator[list[int]]:
    """Answer the first requests of an operation with a throttling; yield how many were so."""
    service, operation, status, code, form = read
    client: Any = getattr(world.clients, "lambda_" if service == "lambda" else service)
    headers, body = form(code)
    answered: list[int] = []

    def refuse(request: Any, **_: object) -> AWSResponse | None:
        if len(answered) >= times:
            return None
        answered.append(status)
        raw: Any = MockRawResponse(body)
        told: Any = HeadersDict(headers)
        return AWSResponse(request.url, status, told, raw)

    event = f"before-send.{service}.{operation}"
    client.meta.events.register_first(event, refuse)
    try:
        with read_cache().off():
            yield answered
    finally:
        client.meta.events.unregister(event, refuse)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let botocore's pauses take no time."""
    found: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", found.append)
    return found


@pytest.fixture
def focused(world: World, read: Throttled) -> World:
    """Give the parts of a stack that the service holds."""
    world.focus(*PARTS[read[0]]).set_up()
    return world


@every_read
def test_a_read_that_is_throttled_several_times_is_survived(
    focused: World, read: Throttled, pauses: list[float]
) -> None:
    with throttled(focused, read, TRIES - 1) as answered:
        assert touched(focused.set_up()) == []
    assert len(answered) == len(pauses) == TRIES - 1
    assert focused.mutating == []


@every_read
def test_a_read_that_is_throttled_all_the_time_is_not_taken_for_absent(
    focused: World, read: Throttled, pauses: list[float]
) -> None:
    with throttled(focused, read, TRIES), pytest.raises(AwsCallFailed) as caught:
        focused.set_up()
    assert f"{read[1]} failed" in caught.value.what
    assert len(pauses) == TRIES - 1
    assert focused.mutating == []
    # The same command again goes through.
    assert touched(focused.set_up()) == []
