from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from countagg.aws.health import WINDOW, FunctionHealth, Health, LastChange
from countagg.aws.pipeline import Pipeline
from countagg.core.errors import AccessDenied, AwsCallFailed
from countagg.core.names import Names
from countagg.core.object_keys import SKIPPED
from countagg.core.published import published_metadata, render_published
from countagg.core.values import SCALE
from countagg.operate.health.status import watched_metrics
from countagg.provision import metrics
from countagg.provision.watched_metrics import alarm_names
from tests.aws.world import BUCKET, World

DAY = "2026-11-20"
NAMES = Names("countagg")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PARTS = (
    "topic",
    "queue",
    "table/snapshots",
    "table/totals",
    "role/processor",
    "function/processor",
    "alarm/processor",
    "alarm/dead-letters",
    "bucket",
)


@pytest.fixture
def health(deployed: World) -> Health:
    return Health(deployed.clients, Pipeline.deployed(deployed.clients, "countagg").settings)


# Functions


def test_a_function_has_a_state_and_the_hash_of_its_code(deployed: World, health: Health) -> None:
    assert health.function(NAMES.processor) == FunctionHealth("Active", deployed.code.sha256)
    deployed.clients.lambda_.delete_function(FunctionName=NAMES.processor)
    assert health.function(NAMES.processor) is None


@pytest.mark.parametrize(
    ("told", "failure"),
    [
        ({"LastUpdateStatus": "Successful"}, None),
        ({"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such key"}, "no such key"),
        ({"LastUpdateStatus": "Failed"}, "no reason given"),
    ],
)
def test_an_update_that_failed_has_a_reason(health: Health, told: dict[str, str], failure: str | None) -> None:
    class OneFunction:
        def get_function_configuration(self, **_: object) -> dict[str, str]:
            return {"State": "Active", "CodeSha256": "hash", **told}

    with_one(health, lambda_=OneFunction())

    assert health.function("f") == FunctionHealth("Active", "hash", failure)


def with_one(health: Health, **clients: Any) -> None:
    health._clients = type("OneClient", (), clients)()  # noqa: SLF001 - in place of the real one


# Metrics


def test_metrics_are_summed_over_the_hour_and_of_ages_the_newest_counts(deployed: World, health: Health) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    wanted = watched_metrics(NAMES)
    errors, age = metrics.errors(NAMES.processor), metrics.iterator_age(NAMES.publisher)
    for metric, values in ((errors, [(70, 50.0), (50, 1.0), (30, 0.0), (5, 2.0)]), (age, [(50, 900.0), (5, 7.0)])):
        for minutes, value in values:
            deployed.clients.cloudwatch.put_metric_data(
                Namespace=metric.namespace,
                MetricData=[
                    {
                        "MetricName": metric.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
                        "Timestamp": now - timedelta(minutes=minutes),
                        "Value": value,
                    }
                ],
            )

    found = health.metrics(wanted, now)

    assert list(found) == list(wanted)
    assert found.pop(errors) == 3.0
    assert found.pop(age) == 7.0
    assert set(found.values()) == {None}


class PagedMetrics:
    """CloudWatch that answers in pages, and notes what it was asked."""

    def __init__(self, *pages: list[dict[str, Any]]) -> None:
        self.pages = pages
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, name: str) -> PagedMetrics:
        assert name == "get_metric_data"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        self.asked.append(request)
        return [{"MetricDataResults": page} for page in self.pages]


def result(index: int, *values: tuple[int, float], status: str = "Complete", **more: Any) -> dict[str, Any]:
    times = [NOW - timedelta(minutes=minutes) for minutes, _ in values]
    return {
        "Id": f"m{index}",
        "Label": "Errors",
        "StatusCode": status,
        "Timestamps": times,
        "Values": [value for _, value in values],
        **more,
    }


def test_all_metrics_are_read_in_one_request_and_from_every_page(health: Health) -> None:
    wanted = [metrics.errors("f"), metrics.oldest_age("q")]
    fake = PagedMetrics(
        [result(0, (9, 1.0), status="PartialData"), result(1, (3, 30.0), (9, 90.0))], [result(0, (2, 4.0))]
    )
    with_one(health, cloudwatch=fake)

    assert health.metrics(wanted, NOW) == {wanted[0]: 5.0, wanted[1]: 30.0}

    (request,) = fake.asked
    assert (request["StartTime"], request["EndTime"]) == (NOW - WINDOW, NOW)
    assert [query["MetricStat"] for query in request["MetricDataQueries"]] == [
        {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": "Errors",
                "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
        {
            "Metric": {
                "Namespace": "AWS/SQS",
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "q"}],
            },
            "Period": 60,
            "Stat": "Maximum",
        },
    ]


def test_a_metric_that_the_service_could_not_read_is_not_taken_for_none(health: Health) -> None:
    failed = result(0, status="InternalError", Messages=[{"Code": "c", "Value": "try again"}])
    with_one(health, cloudwatch=PagedMetrics([failed]))

    with pytest.raises(AwsCallFailed, match="could not read Errors: try again"):
        health.metrics([metrics.errors("f")], NOW)


def test_every_metric_that_raises_an_alarm_is_shown_by_number_or_depth(deployed: World) -> None:
    alarms = deployed.clients.cloudwatch.describe_alarms()["MetricAlarms"]
    shown = {(metric.namespace, metric.name, metric.dimensions[0][1]) for metric in watched_metrics(NAMES)}
    depths = {("AWS/SQS", metrics.depth("q").name, queue) for queue in (NAMES.uploads, NAMES.dead_letters)}

    assert {(a["Namespace"], a["MetricName"], a["Dimensions"][0]["Value"]) for a in alarms} <= shown | depths


# The example of an object that is skipped


class OneLog:
    """CloudWatch Logs with some events, or an error, and what it was asked."""

    def __init__(self, *messages: str, code: str = "") -> None:
        self.messages = messages
        self.code = code
        self.asked: list[dict[str, Any]] = []

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "m"}}, "FilterLogEvents")
        return {"events": [{"message": message} for message in self.messages], "nextToken": "more"}


def skipped_line(key: object) -> str:
    return json.dumps({"level": "INFO", "message": SKIPPED, "skipped": 3, "key": key})


def test_the_newest_key_that_one_request_finds_is_the_example(health: Health) -> None:
    log = OneLog(skipped_line("counters/a"), skipped_line("counters/b"), "no JSON", "[]", skipped_line(7))
    with_one(health, logs=log)

    assert health.skipped_key(NAMES.processor, NOW) == "counters/b"

    (request,) = log.asked
    milliseconds = int(NOW.timestamp() * 1000)
    assert request == {
        "logGroupName": "/aws/lambda/countagg-processor",
        "startTime": milliseconds - 3_600_000,
        "endTime": milliseconds,
        "filterPattern": f'"{SKIPPED}"',
    }


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "ThrottlingException"])
def test_without_a_log_or_under_throttling_there_is_no_example(health: Health, code: str) -> None:
    with_one(health, logs=OneLog(code=code))
    assert health.skipped_key(NAMES.processor, NOW) is None


def test_a_log_that_tells_nothing_gives_no_example(health: Health) -> None:
    with_one(health, logs=OneLog())
    assert health.skipped_key(NAMES.processor, NOW) is None


def test_a_log_that_may_not_be_read_is_told_as_denied(health: Health) -> None:
    with_one(health, logs=OneLog(code="AccessDeniedException"))
    with pytest.raises(AccessDenied):
        health.skipped_key(NAMES.processor, NOW)


# Alarms


def test_alarms_have_states_and_those_that_are_missing_have_none(deployed: World, health: Health) -> None:
    deployed.clients.cloudwatch.set_alarm_state(
        AlarmName="countagg-dead-letters", StateValue="ALARM", StateReason="test"
    )

    found = health.alarms(alarm_names(NAMES, "15m").values())

    assert found.keys() == {"countagg-processor-errors", "countagg-processor-throttles", "countagg-dead-letters"}
    assert found["countagg-dead-letters"] == "ALARM"
    assert found["countagg-processor-errors"] != "ALARM"


def test_one_request_holds_the_names_of_all_alarms() -> None:
    # As DescribeAlarms limits them.
    assert len(alarm_names(NAMES, "15m")) <= 100


# The data


def test_the_last_change_of_a_ledger(deployed: World, health: Health) -> None:
    assert health.counted(DAY) is None
    item: Any = {"Date": {"S": DAY}, "Version": {"N": "17"}, "Document": {"B": b"x"}}
    deployed.clients.dynamodb.put_item(
        TableName="countagg-totals", Item=item | {"UpdatedAt": {"S": "2026-11-20T10:00:00Z"}}
    )
    assert health.counted(DAY) == LastChange(DAY, 17, "2026-11-20T10:00:00Z")
    deployed.clients.dynamodb.put_item(TableName="countagg-totals", Item=item)
    assert health.counted(DAY) == LastChange(DAY, 17, None)


@pytest.mark.parametrize("short", ["totals", "snapshots"])
def test_without_a_table_there_is_no_last_change(deployed: World, health: Health, short: str) -> None:
    deployed.clients.dynamodb.delete_table(TableName=f"countagg-{short}")
    assert health.counted(DAY) is None


def test_the_last_change_of_a_published_object(deployed: World, health: Health) -> None:
    # moto 5.2 ignores the condition of our policy and would refuse every object.
    deployed.clients.s3.delete_bucket_policy(Bucket=BUCKET)
    assert health.published(DAY) is None
    deployed.clients.s3.put_object(
        Bucket=BUCKET, Key=f"totals/{DAY}", Body=b"A 1\n", Metadata=published_metadata("countagg", 9, "then")
    )
    found = health.published(DAY)
    assert found is not None
    assert (found.day, found.version) == (DAY, 9)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(str(found.at))) < timedelta(hours=1)
    deployed.clients.s3.put_object(Bucket=BUCKET, Key=f"totals/{DAY}", Body=b"A 1\n")
    by_hand = health.published(DAY)
    assert by_hand is not None
    assert (by_hand.version, bool(by_hand.foreign)) == (0, True)
    content = render_published({"A": SCALE}, 9)
    deployed.clients.s3.put_object(Bucket=BUCKET, Key=f"totals/{DAY}", Body=content)
    copied = health.published(DAY)
    assert copied is not None
    assert (copied.version, copied.foreign) == (0, None)


def test_without_a_bucket_nothing_is_published(deployed: World, health: Health) -> None:
    deployed.answers("GetObject", "NoSuchBucket", "The specified bucket does not exist")
    assert health.published(DAY) is None


def test_a_published_object_that_s3_does_not_read_out_is_told(deployed: World, health: Health) -> None:
    deployed.answers("GetObject", "InvalidObjectState", "not valid for the object's storage class")
    found = health.published(DAY)
    assert found is not None
    assert (found.day, found.version, found.at) == (DAY, 0, None)
    assert "it is archived" in str(found.foreign)


@pytest.mark.parametrize(
    ("operation", "code", "ask"),
    [
        ("GetFunctionConfiguration", "AccessDeniedException", lambda health: health.function("f")),
        ("GetMetricData", "AccessDenied", lambda health: health.metrics([metrics.errors("f")], NOW)),
        ("DescribeAlarms", "AccessDenied", lambda health: health.alarms(["a"])),
        ("GetItem", "AccessDeniedException", lambda health: health.counted(DAY)),
        ("GetObject", "AccessDenied", lambda health: health.published(DAY)),
    ],
)
def test_what_is_not_allowed_rises_with_the_action_that_aws_names(
    deployed: World, health: Health, operation: str, code: str, ask: Callable[[Health], object]
) -> None:
    message = f"User: u is not authorized to perform: service:{operation} on resource: arn:r because no policy"
    deployed.answers(operation, code, message)
    with pytest.raises(AccessDenied) as caught:
        ask(health)
    assert caught.value.action == f"service:{operation}"
    deployed.answers(operation, code, "Forbidden")
    with pytest.raises(AccessDenied) as caught:
        ask(health)
    assert caught.value.action == ""
    deployed.answers(operation, "SlowDown", "slow down", times=9)
    with pytest.raises(AwsCallFailed, match="slow down") as failed:
        ask(health)
    assert failed.value.where
