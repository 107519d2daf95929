"""The dashboard: of the documented form, and of nothing that does not exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from countagg.core.names import METRICS_NAMESPACE, OWNER_TAG
from countagg.provision import metrics
from countagg.provision.alarms import alarms
from countagg.provision.dashboard import dashboard_body, dashboard_name, is_of, parse_body
from countagg.provision.place import Place
from countagg.provision.states import DashboardState
from tests.provision.dashboard_structure import NAME, problems
from tests.provision.stacks import PLACE, make_stack, node_of, state_of

PLACES = (
    PLACE,
    Place("123456789012", "us-gov-west-1", "aws-us-gov"),
    Place("123456789012", "cn-north-1", "aws-cn"),
)
FUNCTIONS = Path(__file__).parents[2] / "countagg" / "functions"
HOPS = ("Uploads", "Processor", "Aggregator", "Publisher")


@pytest.fixture
def body() -> Any:
    return dashboard_body(make_stack(dashboard=True))


def graphs(body: Any) -> dict[str, Any]:
    return {
        each["properties"]["title"]: each["properties"] for each in body["widgets"] if each["type"] == "metric"
    }


def metrics_of(body: Any) -> Iterator[tuple[str, str, str, str]]:
    """Yield namespace, name, owner and statistic of every metric that is drawn."""
    for graph in graphs(body).values():
        for namespace, name, _, owner, rendering in graph["metrics"]:
            yield namespace, name, owner, rendering["stat"]


# The form


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.partition)
@pytest.mark.parametrize("stale_alarm", [None, "15m"])
@pytest.mark.parametrize("name", ["ab", "s" * 32])
def test_the_body_is_of_the_documented_form(place: Place, stale_alarm: str | None, name: str) -> None:
    stack = make_stack(place, stack=name, bucket="b" * 63, dashboard=True, stale_alarm=stale_alarm)
    state: DashboardState = state_of(stack, "dashboard")
    assert problems(json.loads(state.body)) == []
    assert re.fullmatch(NAME, node_of(stack, "dashboard").name)
    assert {graph["region"] for graph in graphs(json.loads(state.body)).values()} == {place.region}


def widget(body: Any, kind: str) -> Any:
    return next(each for each in body["widgets"] if each["type"] == kind)


MISTAKES: dict[str, Callable[[Any], object]] = {
    "no widgets": lambda body: body.pop("widgets"),
    "too many widgets": lambda body: body["widgets"].extend([widget(body, "text")] * 500),
    "unknown member": lambda body: body.update(widgts=[]),
    "unknown period": lambda body: body.update(periodOverride="always"),
    "no type": lambda body: body["widgets"][0].pop("type"),
    "unknown type": lambda body: body["widgets"][0].update(type="graph"),
    "no properties": lambda body: body["widgets"][0].pop("properties"),
    "too wide": lambda body: body["widgets"][0].update(width=25),
    "of no width": lambda body: body["widgets"][0].update(width=0),
    "too high": lambda body: body["widgets"][0].update(height=1001),
    "beyond the grid": lambda body: widget(body, "metric").update(x=20),
    "on another": lambda body: body["widgets"][-1].update(y=body["widgets"][-1]["y"] - 1),
    "no text": lambda body: widget(body, "text")["properties"].clear(),
    "a name for an ARN": lambda body: widget(body, "alarm")["properties"].update(alarms=["countagg-errors"]),
    "no alarm": lambda body: widget(body, "alarm")["properties"].update(alarms=[]),
    "too many alarms": lambda body: widget(body, "alarm")["properties"].update(
        alarms=[PLACE.alarm_arn(str(each)) for each in range(101)]
    ),
    "no region": lambda body: widget(body, "metric")["properties"].pop("region"),
    "an odd period": lambda body: widget(body, "metric")["properties"].update(period=90),
    "unknown view": lambda body: widget(body, "metric")["properties"].update(view="line"),
    "half a dimension": lambda body: widget(body, "metric")["properties"]["metrics"][0].pop(2),
    "unknown statistic": lambda body: widget(body, "metric")["properties"]["metrics"][0][-1].update(stat="Mean"),
    "a line without a value": lambda body: graphs(body)["Publisher: lag"]["annotations"]["horizontal"][0].pop(
        "value"
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found(body: Any, mistake: str) -> None:
    wrong = deepcopy(body)
    MISTAKES[mistake](wrong)
    assert problems(wrong)
    assert problems(body) == []


# The name


def test_stacks_of_one_name_in_two_regions_have_a_dashboard_each() -> None:
    """Dashboards are global to an account."""
    here, there = (
        make_stack(Place(PLACE.account, region), dashboard=True) for region in ("eu-central-1", "us-east-1")
    )
    assert [node_of(each, "dashboard").name for each in (here, there)] == [
        "countagg-eu-central-1",
        "countagg-us-east-1",
    ]
    assert dashboard_name(here.names, "eu-central-1") == "countagg-eu-central-1"
    assert PLACE.arn_of("dashboard", "countagg-eu-central-1") == (
        "arn:aws:cloudwatch::123456789012:dashboard/countagg-eu-central-1"
    )


# The choice


def test_there_is_a_dashboard_only_if_that_is_chosen() -> None:
    assert node_of(make_stack(), "dashboard").unwanted
    assert not node_of(make_stack(dashboard=True), "dashboard").unwanted


# The content


def test_the_hops_come_in_the_order_of_the_data_each_in_a_row_of_its_own(body: Any) -> None:
    places = {
        title: (each["y"], each["x"]) for each in body["widgets"] if (title := each["properties"].get("title"))
    }
    assert next(iter(places)) == "Alarms"
    rows = [{places[title][0] for title in places if title.startswith(f"{hop}:")} for hop in HOPS]
    assert all(len(row) == 1 for row in rows)
    assert sorted(places.values()) == list(places.values())
    assert [min(row) for row in rows] == sorted(min(row) for row in rows)
    assert {"Refusals", "Dead letters"} < places.keys()


def counted(folder: Path) -> set[str]:
    """Return the texts of the functions' source, among which are the names of what they count."""
    return {
        node.value
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_metric_is_one_that_is_there() -> None:
    """AWS's are those that alarms and `status` read (docs/aws-facts.md); ours those that the functions count."""
    everything = make_stack(dashboard=True, stale_alarm="15m")
    ours, names = counted(FUNCTIONS), everything.names
    of_functions = (metrics.invocations, metrics.errors, metrics.throttles, metrics.iterator_age)
    of_queues = (metrics.messages_sent, metrics.oldest_age, metrics.depth)
    of_aws = {(each.namespace, each.name) for of in (*of_functions, *of_queues) for each in (of("x"),)}
    owners = {
        METRICS_NAMESPACE: set(names.functions.values()),
        "AWS/Lambda": set(names.functions.values()),
        "AWS/SQS": {names.uploads, names.dead_letters},
    }
    for namespace, name, owner, _ in metrics_of(dashboard_body(everything)):
        assert owner in owners[namespace]
        assert name in ours if namespace == METRICS_NAMESPACE else (namespace, name) in of_aws


@pytest.mark.parametrize("stale_alarm", [None, "15m"])
def test_all_that_raises_an_alarm_is_drawn_and_every_alarm_is_listed(stale_alarm: str | None) -> None:
    stack = make_stack(dashboard=True, stale_alarm=stale_alarm)
    wanted = [node for node in alarms(stack) if not node.unwanted]
    body: Any = dashboard_body(stack)
    drawn = {(namespace, name, owner) for namespace, name, owner, _ in metrics_of(body)}
    states = [state_of(stack, node.id) for node in wanted]
    assert {(each.namespace, each.metric, *each.dimensions.values()) for each in states} <= drawn
    assert widget(body, "alarm")["properties"]["alarms"] == [PLACE.alarm_arn(node.name) for node in wanted]


def test_lines_are_the_thresholds_of_alarms_over_their_own_period(body: Any) -> None:
    stack = make_stack()
    by_short = {node.name.removeprefix("countagg-"): state_of(stack, node.id) for node in alarms(stack)}
    lines = 0
    for graph in graphs(body).values():
        for line in graph.get("annotations", {}).get("horizontal", ()):
            alarm, lines = by_short[line["label"]], lines + 1
            assert (line["value"], graph["period"]) == (alarm.threshold, alarm.period)
            assert alarm.metric in {each[1] for each in graph["metrics"]}
    assert lines == 4
    assert body["periodOverride"] == "inherit"


# Whose it is


def test_a_body_says_whose_it_is_and_nobody_elses() -> None:
    body = dashboard_body(make_stack(dashboard=True))
    assert is_of("countagg", body)
    assert not is_of("count", body)
    assert not is_of("countagg-2", body)
    assert not is_of("countagg", dashboard_body(make_stack(stack="other", dashboard=True)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        '"countagg"',
        "{}",
        '{"widgets": {}}',
        '{"widgets": [null, 5, {}, {"properties": null}, {"properties": {"markdown": 5}}]}',
        json.dumps({"widgets": [{"type": "text", "properties": {"markdown": f"about {OWNER_TAG} = countagg"}}]}),
    ],
)
def test_what_others_made_is_not_ours(text: str) -> None:
    assert not is_of("countagg", parse_body(text))


def test_the_note_names_bucket_and_hops_in_order(body: Any) -> None:
    text = widget(body, "text")["properties"]["markdown"]
    hops = (
        "fleet-counters",
        "countagg-uploads",
        "countagg-processor",
        "countagg-aggregator",
        "countagg-publisher",
    )
    positions = [text.index(f"`{hop}`") for hop in hops]
    assert positions == sorted(positions)
    assert "eu-central-1" in text
