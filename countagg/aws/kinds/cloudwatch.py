"""CloudWatch: alarms on one metric each, and the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from countagg.aws.answers import MISSING
from countagg.aws.errors import code_of, suppress_missing
from countagg.aws.kinds.context import StackContext
from countagg.aws.kinds.tags import put_tags, tag_list, tag_map
from countagg.aws.waiting import ALARM_NOT_YET, DASHBOARD_NOT_YET
from countagg.core.names import OWNER_TAG
from countagg.provision.dashboard import is_of, parse_body
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.policies import compact
from countagg.provision.reconcile import Observed
from countagg.provision.states import AlarmState, DashboardState

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

_NOT_TAGGABLE: Final = frozenset({"InvalidParameterValue", "InvalidParameterValueException", "ValidationError"})
"""Codes by which CloudWatch refuses an ARN that cannot have tags."""


class Alarm:
    """An alarm. Both its raising and its end are told to the same topic."""

    def __init__(self, cloudwatch: CloudWatchClient, name: str, context: StackContext) -> None:
        self._cloudwatch = cloudwatch
        self._made = context.patience.over(cloudwatch, ALARM_NOT_YET, f"alarm {name}, until CloudWatch knows it")
        self._name = name
        self._arn = context.place.alarm_arn(name)
        self._context = context

    def read(self) -> Observed[AlarmState] | None:
        """Return it as it is."""
        prefix = f"{self._context.stack}-"
        alarm = self._context.reads.listed("alarms", self._name, prefix, self._list)
        if alarm is None:
            return None
        tags = tag_map(self._cloudwatch.list_tags_for_resource(ResourceARN=self._arn)["Tags"])
        return Observed(_state(alarm, tags), owned=self._context.owns(tags))

    def _list(self, prefix: str) -> dict[str, MetricAlarmTypeDef]:
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm"]
        )
        return {alarm["AlarmName"]: alarm for page in pages for alarm in page["MetricAlarms"]}

    def create(self, desired: AlarmState) -> None:
        """Create it with its tags."""
        self._put(desired, Tags=tag_list(desired.tags.of))

    def update(self, desired: AlarmState, changes: Sequence[FieldChange]) -> None:
        """Put it as a whole; its tags apart, because that call ignores them on an alarm that exists."""
        for change in changes:
            if change.name == "tags":
                put_tags(self._made, change, ResourceARN=self._arn)
        if any(change.name != "tags" for change in changes):
            self._put(desired)

    def _put(self, desired: AlarmState, **more: Any) -> None:  # noqa: ANN401 - passed on to boto3 as it is
        choices: Any = {
            "Statistic": desired.statistic,
            "ComparisonOperator": desired.comparison,
        }
        self._cloudwatch.put_metric_alarm(
            AlarmName=self._name,
            AlarmDescription=desired.description,
            Namespace=desired.namespace,
            MetricName=desired.metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in desired.dimensions.items()],
            Threshold=desired.threshold,
            Period=desired.period,
            EvaluationPeriods=desired.periods,
            DatapointsToAlarm=desired.periods,
            TreatMissingData=desired.missing_data,
            ActionsEnabled=desired.enabled,
            AlarmActions=list(desired.actions),
            OKActions=list(desired.actions),
            **choices,
            **more,
        )

    def delete(self) -> None:
        """Delete it."""
        with suppress_missing():
            self._cloudwatch.delete_alarms(AlarmNames=[self._name])


def _state(alarm: MetricAlarmTypeDef, tags: dict[str, str]) -> AlarmState:
    return AlarmState(
        description=alarm.get("AlarmDescription", ""),
        namespace=alarm.get("Namespace", ""),
        metric=alarm.get("MetricName", ""),
        dimensions={each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])},
        statistic=str(alarm.get("Statistic", "")),
        threshold=_as_chosen(alarm.get("Threshold", 0.0)),
        period=alarm.get("Period", 0),
        periods=alarm.get("EvaluationPeriods", 0),
        comparison=str(alarm.get("ComparisonOperator", "")),
        missing_data=alarm.get("TreatMissingData", "missing"),
        enabled=alarm.get("ActionsEnabled", True),
        actions=_actions(alarm),
        tags=Tags(tags),
    )


def _as_chosen(threshold: float) -> float:
    """Return a whole number as it is written: CloudWatch answers all of them with a fraction."""
    return int(threshold) if threshold.is_integer() else threshold


def _actions(alarm: MetricAlarmTypeDef) -> tuple[str, ...]:
    """Return the actions; where those of the alarm and of its end differ, each says what it is for."""
    raised, ended = alarm.get("AlarmActions", []), alarm.get("OKActions", [])
    if raised == ended:
        return tuple(raised)
    return (*(f"alarm: {arn}" for arn in raised), *(f"recovery: {arn}" for arn in ended))


class Dashboard:
    """A dashboard. It is ours by its tag, or by its body where it has none.

    CloudWatch tags dashboards only since June 2026. Where it does not, or the installed botocore does not know of
    it, there are no tags (docs/aws-facts.md#logs-metrics-and-alarms).
    """

    def __init__(self, cloudwatch: CloudWatchClient, name: str, context: StackContext) -> None:
        self._cloudwatch = cloudwatch
        what = f"dashboard {name}, until CloudWatch knows it"
        self._made = context.patience.over(cloudwatch, DASHBOARD_NOT_YET, what)
        self._name = name
        self._arn = context.place.dashboard_arn(name)
        self._stack = context.stack

    def read(self) -> Observed[DashboardState] | None:
        """Return it as it is; its JSON compared by meaning, not by its text."""
        body = parse_body(self._cloudwatch.get_dashboard(DashboardName=self._name)["DashboardBody"])
        tags = self._tags()
        owner = (tags or {}).get(OWNER_TAG)
        owned = is_of(self._stack, body) if owner is None else owner == self._stack
        return Observed(DashboardState(compact(body), None if tags is None else Tags(tags)), owned=owned)

    def _tags(self) -> dict[str, str] | None:
        """Return its tags; None where it has none and cannot have any."""
        if not self._are_tags_known:
            return None
        try:
            return tag_map(self._cloudwatch.list_tags_for_resource(ResourceARN=self._arn)["Tags"])
        except ClientError as error:
            # It is there: what is missing, or no valid resource, is something with tags.
            if code_of(error) not in {*MISSING, *_NOT_TAGGABLE}:
                raise
            return None

    @property
    def _are_tags_known(self) -> bool:
        takes = self._cloudwatch.meta.service_model.operation_model("PutDashboard").input_shape
        return takes is not None and "Tags" in takes.members

    def create(self, desired: DashboardState) -> None:
        """Create it, with its tags where the installed botocore knows them."""
        tags: Any = {}
        if desired.tags is not None and self._are_tags_known:
            tags["Tags"] = tag_list(desired.tags.of)
        self._cloudwatch.put_dashboard(DashboardName=self._name, DashboardBody=desired.body, **tags)

    def update(self, desired: DashboardState, changes: Sequence[FieldChange]) -> None:
        """Put its body; its tags apart, because that call ignores them on a dashboard that exists."""
        for change in changes:
            if change.name == "body":
                self._cloudwatch.put_dashboard(DashboardName=self._name, DashboardBody=desired.body)
            elif change.name == "tags":
                put_tags(self._made, change, ResourceARN=self._arn)

    def delete(self) -> None:
        """Delete it."""
        with suppress_missing():
            self._cloudwatch.delete_dashboards(DashboardNames=[self._name])
