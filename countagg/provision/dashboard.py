"""The dashboard of a stack, in CloudWatch: alarms, then a row of graphs for each hop in the order of the data.

Its body has the form of AWS's "Dashboard body structure and syntax" (docs/aws-facts.md#logs-metrics-and-alarms).
The metrics are those of `metrics`, and the red lines in the graphs are the thresholds of `watched_metrics`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import OWNER_TAG, Names
from countagg.provision import metrics
from countagg.provision.blueprint import Blueprint
from countagg.provision.metrics import Metric
from countagg.provision.policies import compact
from countagg.provision.reconcile import Node
from countagg.provision.states import DashboardState
from countagg.provision.watched_metrics import PERIOD, Watched, all_watched, name_of_alarm

DASHBOARD_NODE: Final = "dashboard"
_COLUMNS: Final = 24
"""Of a dashboard's grid."""
_NOTE_HEIGHT: Final = 3
_ALARMS_HEIGHT: Final = 4
_GRAPH_HEIGHT: Final = 6
_RED: Final = "#d62728"

Widget = dict[str, Any]
"""An entry of the body's `widgets`."""


@dataclass(frozen=True, slots=True)
class _Graph:
    """A graph.

    Attributes:
        title: of it; no other has the same.
        metrics: on its left axis.
        beside: on its right axis, because their values are of another size.
        shows_alarms: whether the thresholds of the alarms are drawn. The axis reaches up to them then, which hides
            the shape of what stays far below.
    """

    title: str
    metrics: tuple[Metric, ...]
    beside: tuple[Metric, ...] = ()
    shows_alarms: bool = False


def dashboard_name(names: Names, region: str) -> str:
    """Return the dashboard's name. Dashboards are global to an account, so the region is part of it."""
    return f"{names.stack}-{region}"


def dashboard(blueprint: Blueprint) -> Node[DashboardState]:
    """Return the dashboard, or the end of one that was chosen before."""
    return blueprint.node(
        DASHBOARD_NODE,
        dashboard_name(blueprint.names, blueprint.place.region),
        lambda _: DashboardState(compact(dashboard_body(blueprint)), blueprint.tags),
        unwanted=not blueprint.settings.dashboard,
    )


def dashboard_body(blueprint: Blueprint) -> dict[str, Any]:
    """Return the dashboard's body, as CloudWatch takes it in JSON."""
    names, settings = blueprint.names, blueprint.settings
    watched = [each for each in all_watched(names, settings.alarm_uploads, settings.stale_alarm) if each.is_wanted]
    alarms = [blueprint.place.alarm_arn(name_of_alarm(names, each.short)) for each in watched]
    rows = _rows(names, is_silence_watched=settings.stale_alarm is not None)
    graphs = [[_graph_widget(graph, watched, blueprint.place.region) for graph in row] for row in rows]
    # Of the alarms, those that are raised come first.
    states = {"title": "Alarms", "alarms": alarms, "sortBy": "stateUpdatedTimestamp"}
    lines: list[tuple[int, list[Widget]]] = [
        (_NOTE_HEIGHT, [{"type": "text", "properties": {"markdown": _note(blueprint)}}]),
        (_ALARMS_HEIGHT, [{"type": "alarm", "properties": states}]),
        *((_GRAPH_HEIGHT, row) for row in graphs),
    ]
    # The lines of alarms are for their period: it must not follow the time shown.
    return {"start": "-PT6H", "periodOverride": "inherit", "widgets": list(_placed(lines))}


def _placed(lines: Iterable[tuple[int, Sequence[Widget]]]) -> Iterator[Widget]:
    """Yield the widgets of lines, of a height each, from the top; those of a line share its width."""
    top = 0
    for height, line in lines:
        width = _COLUMNS // len(line)
        for number, widget in enumerate(line):
            yield {**widget, "x": number * width, "y": top, "width": width, "height": height}
        top += height


def is_of(stack: str, body: object) -> bool:
    """Tell whether a dashboard's parsed body says that it is this stack's.

    AWS tags dashboards only since June 2026, and not everywhere, so they say it themselves.
    """
    widgets = body.get("widgets") if isinstance(body, Mapping) else None
    return isinstance(widgets, list) and any(_is_note_of(stack, each) for each in widgets)


def _is_note_of(stack: str, widget: object) -> bool:
    properties = widget.get("properties") if isinstance(widget, Mapping) else None
    text = properties.get("markdown") if isinstance(properties, Mapping) else None
    return isinstance(text, str) and _mark(stack) in text.splitlines()


def parse_body(body: str) -> object:
    """Return a dashboard's body out of its text; the text itself if it is no JSON."""
    try:
        parsed: object = json.loads(body)
    except ValueError:
        return body
    return parsed


def _mark(stack: str) -> str:
    return f"`{OWNER_TAG} = {stack}`"


def _note(blueprint: Blueprint) -> str:
    names = blueprint.names
    hops = (
        f"bucket `{blueprint.settings.bucket}`",
        f"queue `{names.uploads}`",
        *(f"`{name}`" for name in names.functions.values()),
    )
    return "\n".join(
        (
            f"# {names.stack}, {blueprint.place.region}",
            f"{' → '.join(hops)}. A row each, in this order; above a red line an alarm is raised.",
            "`countagg setup` made this dashboard, and undoes what is changed here. `countagg status` tells more.",
            "",
            _mark(names.stack),
        )
    )


def _rows(names: Names, *, is_silence_watched: bool) -> Iterator[Sequence[_Graph]]:
    """Yield the rows of graphs: the hops in the order of the data, then what was refused, failed, or fills up."""
    uploads, processor, aggregator, publisher = names.uploads, names.processor, names.aggregator, names.publisher
    age = (metrics.oldest_age(uploads),)
    yield (
        _Graph("Uploads: files", (metrics.messages_sent(uploads),)),
        _Graph("Uploads: age of the oldest that waits", age, shows_alarms=True),
        _Graph("Uploads: waiting", (metrics.depth(uploads),), shows_alarms=True),
    )
    silence = _Graph("Instances: silent", (metrics.instances_silent(processor),))
    yield (
        _Graph("Processor: files applied", (metrics.files_applied(processor),)),
        *((silence,) if is_silence_watched else ()),
        _calls("Processor", processor),
    )
    changes, rebuilt = (metrics.links_added(aggregator),), (metrics.days_rebuilt(aggregator),)
    yield (
        _Graph("Aggregator: changes taken up, days rebuilt", changes, rebuilt),
        _lag("Aggregator", aggregator),
        _calls("Aggregator", aggregator),
    )
    counters, objects = (metrics.counters_published(publisher),), (metrics.objects_published(publisher),)
    yield (
        _Graph("Publisher: counters, objects", counters, objects),
        _lag("Publisher", publisher),
        _calls("Publisher", publisher),
    )
    refused, skipped = metrics.files_refused(processor), metrics.files_skipped(processor)
    full = metrics.ledgers_nearly_full(aggregator), metrics.days_beyond_max_counters(publisher)
    yield (
        _Graph("Refusals", (refused, skipped, metrics.rebuilds_refused(aggregator))),
        _Graph("Dead letters", (metrics.depth(names.dead_letters),)),
        _Graph("Fullness of ledgers and days", full),
    )


def _lag(hop: str, function: str) -> _Graph:
    return _Graph(f"{hop}: lag", (metrics.iterator_age(function),), shows_alarms=True)


def _calls(hop: str, function: str) -> _Graph:
    failures = (metrics.errors(function), metrics.throttles(function))
    return _Graph(f"{hop}: failures, and calls", failures, (metrics.invocations(function),))


def _graph_widget(graph: _Graph, watched: Sequence[Watched], region: str) -> Widget:
    """Return a graph of a stack in that region, without its place."""
    lines = [
        {"label": each.short, "value": each.threshold, "fill": "above", "color": _RED}
        for each in watched
        if graph.shows_alarms and each.metric in graph.metrics
    ]
    axis = {"min": 0}
    properties = {
        "title": graph.title,
        "view": "timeSeries",
        "stacked": False,
        "region": region,
        "period": PERIOD,
        "metrics": [*map(_listed, graph.metrics), *(_listed(each, yAxis="right") for each in graph.beside)],
        "yAxis": {"left": axis, "right": axis} if graph.beside else {"left": axis},
        **({"annotations": {"horizontal": lines}} if lines else {}),
    }
    return {"type": "metric", "properties": properties}


def _listed(metric: Metric, **rendering: str) -> list[Any]:
    """Return a metric as the body lists it: namespace, name, dimensions by turns, and how it is drawn."""
    dimensions = [part for dimension in metric.dimensions for part in dimension]
    return [metric.namespace, metric.name, *dimensions, {"stat": metric.statistic, **rendering}]
