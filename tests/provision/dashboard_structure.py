"""The documented form of a dashboard's body, as a schema that takes nothing else.

Sources: Amazon CloudWatch, "Dashboard body structure and syntax" (widgets, properties of text, metric and alarm
widgets, format of a metric in the array, annotations) and "CloudWatch service quotas" (metrics of a widget and of
a dashboard). Kinds of widgets that no dashboard of ours has are left out, so that they are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final

from jsonschema import Draft202012Validator

COLUMNS: Final = 24
MAX_WIDGETS: Final = 500
MAX_METRICS_OF_WIDGET: Final = 500
MAX_METRICS: Final = 2_500
NAME: Final = r"[A-Za-z0-9_-]{1,255}"
"""Of a dashboard (PutDashboard, DashboardName)."""
_REGION: Final = r"^[a-z]{2}(-[a-z]+)+-\d$"
_TIME: Final = r"^(-P(\d+[YMWD])*(T(\d+[HMS])+)?|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z)$"
_STATISTIC: Final = (
    r"^(SampleCount|Average|Sum|Minimum|Maximum|IQM|[pP]\d{1,2}(\.\d+)?|(tm|wm|tc|ts)\d{1,2}(\.\d+)?)$"
)
_COLOR: Final = r"^#[0-9a-f]{6}$"
# 1, 5, 10, 30, 60, and multiples of 60; those below 60 are of high-resolution metrics, which ours are not.
_PERIOD: Final = {"type": "integer", "minimum": 60, "multipleOf": 60}
_SIDE: Final = {"enum": ["left", "right"]}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_AXIS: Final = _object(
    {
        "label": {"type": "string"},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "showUnits": {"type": "boolean"},
    }
)
_RENDERING: Final = _object(
    {
        "color": {"type": "string", "pattern": _COLOR},
        "expression": {"type": "string", "maxLength": 1024},
        "id": {"type": "string", "pattern": r"^[a-z][A-Za-z0-9_]{0,254}$"},
        "label": {"type": "string"},
        "period": _PERIOD,
        "region": {"type": "string", "pattern": _REGION},
        "stat": {"type": "string", "pattern": _STATISTIC},
        "visible": {"type": "boolean"},
        "yAxis": _SIDE,
    }
)
_METRIC_NAMES: Final = {"type": "string", "minLength": 1, "maxLength": 255}
_HORIZONTAL: Final = _object(
    {
        "value": {"type": "number"},
        "label": {"type": "string"},
        "color": {"type": "string", "pattern": _COLOR},
        "fill": {"enum": ["above", "below", "none"]},
        "visible": {"type": "boolean"},
        "yAxis": _SIDE,
    },
    "value",
)
_PROPERTIES: Final = {
    "text": _object(
        {"markdown": {"type": "string"}, "background": {"enum": ["solid", "transparent"]}}, "markdown"
    ),
    "alarm": _object(
        {
            "alarms": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "uniqueItems": True,
                "items": {
                    "type": "string",
                    "pattern": r"^arn:aws(-us-gov|-cn)?:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.{1,255}$",
                },
            },
            "sortBy": {"enum": ["default", "stateUpdatedTimestamp", "timestamp"]},
            "states": {"type": "array", "items": {"enum": ["ALARM", "INSUFFICIENT_DATA", "OK"]}},
            "title": {"type": "string"},
        },
        "alarms",
    ),
    "metric": _object(
        {
            "accountId": {"type": "string"},
            "annotations": _object({"horizontal": {"type": "array", "items": _HORIZONTAL}}),
            "legend": _object({"position": {"enum": ["right", "bottom", "hidden"]}}, "position"),
            "liveData": {"type": "boolean"},
            "metrics": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_METRICS_OF_WIDGET,
                "items": {"type": "array", "minItems": 2},
            },
            "period": _PERIOD,
            "region": {"type": "string", "pattern": _REGION},
            "setPeriodToTimeRange": {"type": "boolean"},
            "stacked": {"type": "boolean"},
            "stat": {"type": "string", "pattern": _STATISTIC},
            "timezone": {"type": "string", "pattern": r"^[+-]\d{4}$"},
            "title": {"type": "string"},
            "view": {"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]},
            "yAxis": _object({"left": _AXIS, "right": _AXIS}),
        },
        # Of the graph of an alarm, annotations are enough; ours are of metrics.
        *("metrics", "region"),
    ),
}


def _kind(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return _object(
        {
            "type": {"const": kind},
            "x": {"type": "integer", "minimum": 0, "maximum": COLUMNS - 1},
            "y": {"type": "integer", "minimum": 0},
            "width": {"type": "integer", "minimum": 1, "maximum": COLUMNS},
            "height": {"type": "integer", "minimum": 1, "maximum": 1000},
            "properties": properties,
        },
        *("type", "properties"),
    )


SCHEMA: Final = _object(
    {
        "start": {"type": "string", "pattern": _TIME},
        "end": {"type": "string", "pattern": _TIME},
        "periodOverride": {"enum": ["auto", "inherit"]},
        "widgets": {
            "type": "array",
            "maxItems": MAX_WIDGETS,
            "items": {"oneOf": [_kind(kind, properties) for kind, properties in _PROPERTIES.items()]},
        },
    },
    "widgets",
)

_OF_BODIES, _OF_NAMES, _OF_RENDERING = map(Draft202012Validator, (SCHEMA, _METRIC_NAMES, _RENDERING))


def problems(body: Any) -> list[str]:
    """Return what is wrong with a dashboard's parsed body; nothing if AWS takes it as it is meant."""
    found = [f"{error.json_path}: {error.message}" for error in _OF_BODIES.iter_errors(body)]
    return found or [*_misplaced(body["widgets"]), *_metrics(body["widgets"])]


def _misplaced(widgets: list[dict[str, Any]]) -> Iterator[str]:
    for widget in widgets:
        if widget["x"] + widget["width"] > COLUMNS:
            yield f"{_name(widget)} is wider than what is left of the grid"
    for one, other in combinations(widgets, 2):
        if _meet(one, other, "x", "width") and _meet(one, other, "y", "height"):
            yield f"{_name(one)} and {_name(other)} lie on each other"


def _meet(one: dict[str, Any], other: dict[str, Any], start: str, size: str) -> bool:
    first, second = sorted((one, other), key=lambda each: each[start])
    return bool(first[start] + first[size] > second[start])


def _metrics(widgets: list[dict[str, Any]]) -> Iterator[str]:
    listed = [(widget, each) for widget in widgets for each in widget["properties"].get("metrics", ())]
    if len(listed) > MAX_METRICS:
        yield f"{len(listed)} metrics are too many"
    for widget, (*names, rendering) in listed:
        where = f"{_name(widget)}: {names}"
        # Namespace and name, then dimensions as name and value, then how it is drawn.
        if len(names) % 2 or len(names) < 2 or not all(map(_OF_NAMES.is_valid, names)):
            yield f"{where} are no namespace, name and dimensions"
        yield from (f"{where}: {error.message}" for error in _OF_RENDERING.iter_errors(rendering))


def _name(widget: dict[str, Any]) -> str:
    return str(widget["properties"].get("title", widget["type"]))
