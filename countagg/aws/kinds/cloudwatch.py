"""CloudWatch: alarms on one metric each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from countagg.aws.errors import suppress_codes
from countagg.aws.kinds.shared_reads import SharedReads
from countagg.aws.session import tag_list, tag_map
from countagg.aws.waiting import ALARM_NOT_YET, MISSING, Patience
from countagg.core.names import OWNER_TAG
from countagg.provision.differences import FieldChange, Tags
from countagg.provision.place import Place
from countagg.provision.reconcile import Observed
from countagg.provision.states import AlarmState

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricAlarmTypeDef

MAX_ALARMS: Final = 100
"""Names in one DescribeAlarms, and alarms in one answer (CloudWatch API reference, DescribeAlarms)."""


class Alarms:
    """The alarms of a stack, all of which CloudWatch describes in one answer: it takes 100 names.

    Args:
        cloudwatch: the client.
        reads: by which they share that answer.
    """

    def __init__(self, cloudwatch: CloudWatchClient, reads: SharedReads) -> None:
        self.client = cloudwatch
        self._reads = reads
        self._names: list[str] = []

    def add(self, name: str) -> None:
        """Have an alarm described with the others."""
        self._names.append(name)

    def describe(self, name: str) -> MetricAlarmTypeDef | None:
        """Return an alarm; None if there is none of that name."""
        names = self._names if self._reads.are_on else [name]
        return self._reads.once("alarms", lambda: self._describe(names)).get(name)

    def _describe(self, names: Sequence[str]) -> dict[str, MetricAlarmTypeDef]:
        answer = self.client.describe_alarms(AlarmNames=names, AlarmTypes=["MetricAlarm"], MaxRecords=MAX_ALARMS)
        return {alarm["AlarmName"]: alarm for alarm in answer["MetricAlarms"]}


class Alarm:
    """An alarm. Both its raising and its end are told to the same topic."""

    def __init__(self, alarms: Alarms, name: str, place: Place, stack: str, patience: Patience) -> None:
        alarms.add(name)
        self._alarms = alarms
        self._cloudwatch = cloudwatch = alarms.client
        self._made = patience.over(cloudwatch, ALARM_NOT_YET, f"alarm {name}, until CloudWatch knows it")
        self._name = name
        self._arn = place.alarm_arn(name)
        self._stack = stack

    def read(self) -> Observed[AlarmState] | None:
        """Return it as it is."""
        alarm = self._alarms.describe(self._name)
        if alarm is None:
            return None
        tags = tag_map(self._cloudwatch.list_tags_for_resource(ResourceARN=self._arn)["Tags"])
        return Observed(_state(alarm, tags), owned=tags.get(OWNER_TAG) == self._stack)

    def create(self, desired: AlarmState) -> None:
        """Create it with its tags."""
        self._put(desired, Tags=tag_list(desired.tags.of))

    def update(self, desired: AlarmState, changes: Sequence[FieldChange]) -> None:
        """Put it as a whole; its tags apart, because that call ignores them on an alarm that exists."""
        for change in changes:
            if change.name == "tags":
                self._put_tags(change)
        if any(change.name != "tags" for change in changes):
            self._put(desired)

    def _put_tags(self, change: FieldChange) -> None:
        if change.tags_to_set:
            self._made.tag_resource(ResourceARN=self._arn, Tags=tag_list(change.tags_to_set))
        if change.tags_to_drop:
            self._made.untag_resource(ResourceARN=self._arn, TagKeys=change.tags_to_drop)

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
        with suppress_codes(*MISSING):
            self._cloudwatch.delete_alarms(AlarmNames=[self._name])


def _state(alarm: MetricAlarmTypeDef, tags: dict[str, str]) -> AlarmState:
    return AlarmState(
        description=alarm.get("AlarmDescription", ""),
        namespace=alarm.get("Namespace", ""),
        metric=alarm.get("MetricName", ""),
        dimensions={each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])},
        statistic=str(alarm.get("Statistic", "")),
        threshold=alarm.get("Threshold", 0.0),
        period=alarm.get("Period", 0),
        periods=alarm.get("EvaluationPeriods", 0),
        comparison=str(alarm.get("ComparisonOperator", "")),
        missing_data=alarm.get("TreatMissingData", "missing"),
        enabled=alarm.get("ActionsEnabled", True),
        actions=_actions(alarm),
        tags=Tags(tags),
    )


def _actions(alarm: MetricAlarmTypeDef) -> tuple[str, ...]:
    """Return the actions; where those of the alarm and of its end differ, each says what it is for."""
    raised, ended = alarm.get("AlarmActions", []), alarm.get("OKActions", [])
    if raised == ended:
        return tuple(raised)
    return (*(f"alarm: {arn}" for arn in raised), *(f"recovery: {arn}" for arn in ended))
