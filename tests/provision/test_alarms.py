from __future__ import annotations

import json
import re

import pytest

from countagg.core.names import METRICS_NAMESPACE
from countagg.functions.processor import Outcome
from countagg.provision.alarms import MAX_LAG, alarms
from countagg.provision.states import AlarmState
from tests.provision.stacks import PLACE, make_stack, node_of, state_of

WATCHED = {
    "processor-errors": ("AWS/Lambda", "Errors", "Sum", 0),
    "processor-throttles": ("AWS/Lambda", "Throttles", "Sum", 0),
    "aggregator-errors": ("AWS/Lambda", "Errors", "Sum", 0),
    "aggregator-throttles": ("AWS/Lambda", "Throttles", "Sum", 0),
    "aggregator-iterator-age": ("AWS/Lambda", "IteratorAge", "Maximum", 600_000),
    "publisher-errors": ("AWS/Lambda", "Errors", "Sum", 0),
    "publisher-throttles": ("AWS/Lambda", "Throttles", "Sum", 0),
    "publisher-iterator-age": ("AWS/Lambda", "IteratorAge", "Maximum", 600_000),
    "files-refused": (METRICS_NAMESPACE, "FilesRefused", "Sum", 0),
    "uploads-age": ("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 600),
    "uploads-depth": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 10_000),
    "uploads-rate": ("AWS/SQS", "NumberOfMessagesSent", "Sum", 50_000),
    "dead-letters": ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 0),
}


def test_what_is_watched() -> None:
    assert [node.id for node in alarms(make_stack())] == [f"alarm/{name}" for name in WATCHED]
    assert {node.name for node in alarms(make_stack())} == {f"countagg-{name}" for name in WATCHED}


@pytest.mark.parametrize("name", WATCHED)
def test_each_alarm_watches_its_metric_and_tells_the_alerts_topic(name: str) -> None:
    state: AlarmState = state_of(make_stack(), f"alarm/{name}")
    assert (state.namespace, state.metric, state.statistic, state.threshold) == WATCHED[name]
    assert state.actions == (PLACE.topic_arn("countagg-alerts"),)
    assert (state.enabled, state.missing_data, state.comparison) == (True, "notBreaching", "GreaterThanThreshold")
    assert node_of(make_stack(), f"alarm/{name}").needs == ("topic/alerts",)
    function, _, _ = name.partition("-")
    expected = {
        "AWS/Lambda": {"FunctionName": f"countagg-{function}"},
        "AWS/SQS": {"QueueName": "countagg-dead-letters" if name == "dead-letters" else "countagg-uploads"},
        METRICS_NAMESPACE: {"service": "countagg-processor"},
    }
    assert state.dimensions == expected[state.namespace]


def test_uploads_are_counted_by_the_minute() -> None:
    state: AlarmState = state_of(make_stack(alarm_uploads=300), "alarm/uploads-rate")
    assert (state.threshold, state.period) == (1_500, 300)


def test_lag_is_noticed_long_before_the_stream_forgets() -> None:
    assert MAX_LAG < 24 * 3_600 / 10


def test_the_metric_of_refused_files_is_the_one_that_the_processor_reports() -> None:
    assert state_of(make_stack(), "alarm/files-refused").metric == Outcome.REFUSED


@pytest.mark.parametrize("name", WATCHED)
def test_a_description_says_what_is_wrong_in_a_line(name: str) -> None:
    description = state_of(make_stack(), f"alarm/{name}").description
    assert re.fullmatch(r"[A-Z][^\n]{10,120}", description)
    assert json.dumps(description).isascii()
