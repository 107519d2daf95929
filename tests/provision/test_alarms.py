from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from countagg.core.names import METRICS_NAMESPACE
from countagg.core.silence import interval_of_looks
from countagg.functions.processor import Outcome
from countagg.functions.silence import INSTANCES_SILENT
from countagg.provision.alarms import alarms
from countagg.provision.states import AlarmState
from countagg.provision.watched_metrics import MAX_LAG, alarm_names
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
SILENT = "alarm/instances-silent"


def test_what_is_watched() -> None:
    wanted = [node for node in alarms(make_stack()) if not node.unwanted]
    assert [node.id for node in wanted] == [f"alarm/{name}" for name in WATCHED]
    assert {node.name for node in wanted} == {f"countagg-{name}" for name in WATCHED}
    assert alarm_names(make_stack().names, None) == {name: f"countagg-{name}" for name in WATCHED}


def test_silent_instances_are_watched_if_that_is_chosen_and_not_any_more_once_it_is_taken_back() -> None:
    (unwanted,) = (node for node in alarms(make_stack()) if node.unwanted)
    chosen = make_stack(stale_alarm="15m")
    assert (unwanted.id, unwanted.name) == (SILENT, "countagg-instances-silent")
    assert not node_of(chosen, SILENT).unwanted
    assert alarm_names(chosen.names, "15m")["instances-silent"] == "countagg-instances-silent"


def test_that_nobody_uploads_any_more_raises_the_alarm_of_silent_instances_too() -> None:
    """The processor looks when it is called, several times in each period."""
    for age, seconds in (("3m", 180), ("15m", 900), ("12h", 43_200)):
        state: AlarmState = state_of(make_stack(stale_alarm=age), SILENT)
        assert (state.metric, state.statistic, state.threshold) == (INSTANCES_SILENT, "Maximum", 0)
        assert (state.missing_data, state.period, state.periods) == ("breaching", seconds, 1)
        assert state.dimensions == {"service": "countagg-processor"}
        assert re.fullmatch(r"[A-Z][^\n]{10,120}", state.description)
        # The interval, and the time that a metric takes to arrive.
        assert interval_of_looks(timedelta(seconds=seconds)).total_seconds() * 2 < seconds


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
