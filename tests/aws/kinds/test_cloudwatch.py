from __future__ import annotations

from typing import Any

import pytest

from countagg.core.names import OWNER_TAG
from tests.aws import by_hand
from tests.aws.by_hand import ALARMS, change_alarm, tag, tags_of
from tests.aws.world import OURS, PLACE, World, touched, updated

PARTS = by_hand.PARTS["alarm"]

NODE = "alarm/aggregator-iterator-age"
TOPIC = PLACE.topic_arn("countagg-alerts")


def told(world: World, node: str = NODE) -> dict[str, Any]:
    (found,) = world.clients.cloudwatch.describe_alarms(AlarmNames=[ALARMS[node]])["MetricAlarms"]
    return dict(found)


def test_these_are_all_alarms(deployed: World) -> None:
    found = deployed.clients.cloudwatch.describe_alarms()["MetricAlarms"]
    assert {each["AlarmName"] for each in found} == set(ALARMS.values())
    nodes = [node for node in deployed.nodes() if node.id.startswith("alarm/") and not node.unwanted]
    assert {node.id for node in nodes} == ALARMS.keys()


def test_an_alarm_is_as_designed(deployed: World) -> None:
    found = told(deployed)
    assert (found["Namespace"], found["MetricName"], found["Statistic"]) == (
        "AWS/Lambda",
        "IteratorAge",
        "Maximum",
    )
    assert found["Dimensions"] == [{"Name": "FunctionName", "Value": "countagg-aggregator"}]
    assert (found["Threshold"], found["ComparisonOperator"]) == (600_000, "GreaterThanThreshold")
    assert (found["Period"], found["EvaluationPeriods"], found["DatapointsToAlarm"]) == (300, 1, 1)
    assert found["TreatMissingData"] == "notBreaching"
    assert found["ActionsEnabled"] is True


@pytest.mark.parametrize("node", ALARMS)
def test_every_alarm_tells_its_beginning_and_its_end_to_the_alerts(deployed: World, node: str) -> None:
    found = told(deployed, node)
    assert found["AlarmActions"] == found["OKActions"] == [TOPIC]
    assert found["AlarmDescription"]
    assert found["TreatMissingData"] == "notBreaching"


def test_actions_that_differ_say_what_each_is_for(deployed: World) -> None:
    change_alarm(deployed, NODE, OKActions=[])
    (change,) = (each for each in deployed.plan() if each.resource == NODE)
    assert change.fields[0].current == (f"alarm: {TOPIC}",)
    assert change.fields[0].desired == (TOPIC,)


def test_an_alarm_on_a_formula_is_put_back(deployed: World) -> None:
    deployed.clients.cloudwatch.put_metric_alarm(
        AlarmName=ALARMS[NODE],
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Metrics=[
            {
                "Id": "m",
                "MetricStat": {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"},
            }
        ],
    )
    assert [each[0] for each in touched(deployed.set_up())] == [NODE]
    assert deployed.mutating == ["PutMetricAlarm"]
    assert told(deployed)["MetricName"] == "IteratorAge"
    assert touched(deployed.plan()) == []


def test_tags_are_set_apart_because_cloudwatch_ignores_them_on_an_alarm_that_exists(deployed: World) -> None:
    change_alarm(deployed, NODE, Threshold=1)
    tag(deployed, NODE, "cost-centre", "17")
    nodes = deployed.nodes(NODE, tags={"team": "a"})
    changes = touched(deployed.set_up(nodes))
    assert changes == updated(NODE, "threshold", "tags")
    assert deployed.mutating == ["TagResource", "PutMetricAlarm"]
    (request,) = deployed.sent("PutMetricAlarm")
    assert "Tags" not in request
    assert tags_of(deployed, NODE) == {**OURS, "team": "a", "cost-centre": "17"}


def test_a_threshold_is_shown_as_it_is_written(deployed: World) -> None:
    for threshold, shown in ((1, "1"), (0.5, "0.5")):
        change_alarm(deployed, NODE, Threshold=threshold)
        (change,) = [change for change in deployed.plan() if change.fields]
        assert [(field.name, str(field.current), str(field.desired)) for field in change.fields] == [
            ("threshold", shown, "600000")
        ]


def test_a_new_alarm_gets_its_tags_in_the_same_call(world: World) -> None:
    (node,) = world.nodes(NODE)
    world.set_up([node])
    assert world.mutating == ["PutMetricAlarm"]
    assert tags_of(world, NODE) == {OWNER_TAG: "countagg"}
