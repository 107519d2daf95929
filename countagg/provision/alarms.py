"""The alarms of a stack, in CloudWatch."""

from __future__ import annotations

from countagg.provision.blueprint import Blueprint
from countagg.provision.reconcile import Node
from countagg.provision.states import AlarmState
from countagg.provision.watched_metrics import Watched, all_watched, name_of_alarm


def alarms(blueprint: Blueprint) -> tuple[Node[AlarmState], ...]:
    """Return the alarms, all of which go to the alerts topic, and the end of one that was chosen before."""
    settings = blueprint.settings
    watched = all_watched(blueprint.names, settings.alarm_uploads, settings.stale_alarm)
    return tuple(_alarm(blueprint, each) for each in watched)


def _alarm(blueprint: Blueprint, watched: Watched) -> Node[AlarmState]:
    state = AlarmState(
        description=watched.description,
        namespace=watched.metric.namespace,
        metric=watched.metric.name,
        dimensions=dict(watched.metric.dimensions),
        statistic=watched.metric.statistic,
        threshold=watched.threshold,
        period=watched.period,
        periods=1,
        comparison="GreaterThanThreshold",
        missing_data=watched.missing_data,
        enabled=True,
        actions=(blueprint.alerts_arn,),
        tags=blueprint.tags,
    )
    return blueprint.node(
        f"alarm/{watched.short}",
        name_of_alarm(blueprint.names, watched.short),
        lambda _: state,
        needs=("topic/alerts",),
        unwanted=not watched.is_wanted,
    )
