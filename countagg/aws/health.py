"""How the parts of a deployed stack are doing: functions, metrics, alarms, and what the data last did.

Beside those of `Pipeline`, the reads of `status`. Each needs one permission, named in its docstring; one that the
principal lacks rises as `AccessDenied`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from countagg.aws.answers import MISSING, is_throttling
from countagg.aws.day_tables import DayTables
from countagg.aws.errors import aws_errors, code_of, suppress_missing
from countagg.aws.grants import grant_problem
from countagg.aws.log_events import milliseconds
from countagg.aws.metrics import read_metrics
from countagg.aws.session import Clients
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.core.object_keys import SKIPPED
from countagg.core.published import PublishedTotals
from countagg.core.settings import FunctionSettings
from countagg.data.attributes import VERSION
from countagg.data.ledgers import UPDATED_AT
from countagg.data.published import PublishedObjects
from countagg.provision.metrics import MAXIMUM, Metric

WINDOW: Final = timedelta(hours=1)
"""How far back metrics are looked at."""
_RESOLUTION: Final = 60
"""Seconds of one value: SQS and Lambda have one a minute."""


@dataclass(frozen=True, slots=True)
class FunctionHealth:
    """A function.

    Attributes:
        state: in AWS's words.
        code: SHA-256 of its zip, as Lambda tells it.
        failure: why its last update failed; None if it did not.
    """

    state: str
    code: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class LastChange:
    """When the data of a day changed last.

    Attributes:
        day: YYYY-MM-DD.
        version: of the ledger that it changed to.
        at: UTC, ISO 8601; None if that is not known.
        foreign: why what is there is left alone (`PublishedTotals.foreign`); None if it is not.
    """

    day: str
    version: int
    at: str | None
    foreign: str | None = None


class Health:
    """Reads of a deployed stack.

    Args:
        clients: to work with.
        settings: of the stack.
    """

    def __init__(self, clients: Clients, settings: FunctionSettings) -> None:
        self._clients = clients
        self._days = DayTables(clients, Names(settings.stack), settings.layout)
        self._published = PublishedObjects(clients, settings)

    def function(self, name: str) -> FunctionHealth | None:
        """Return how a function is; None if there is none (`lambda:GetFunctionConfiguration`)."""
        with aws_errors(f"function {name}"), suppress_missing():
            configuration = self._clients.lambda_.get_function_configuration(FunctionName=name)
            failed = configuration.get("LastUpdateStatus") == "Failed"
            reason = configuration.get("LastUpdateStatusReason", "no reason given") if failed else None
            return FunctionHealth(str(configuration.get("State", "Active")), configuration["CodeSha256"], reason)
        return None

    def grant_problem(self, function: str) -> str | None:
        """Return why a function cannot decrypt its environment; None if it can (`iam:GetRole` on its role)."""
        return grant_problem(self._clients, function)

    def metrics(self, wanted: Sequence[Metric], now: datetime) -> dict[Metric, float | None]:
        """Read metrics of the last hour, all in one request (`cloudwatch:GetMetricData`).

        Returns:
            Of a sum, the sum over the hour; of a maximum, its newest value; None where the service has no data.

        Raises:
            AwsCallFailed: the service could not read one of them.
        """
        end = now.astimezone(UTC)
        series = read_metrics(self._clients, wanted, end - WINDOW, end, _RESOLUTION)
        return {metric: _one(metric, values) for metric, values in series.items()}

    def skipped_key(self, processor: str, now: datetime) -> str | None:
        """Return the key of an object that was skipped in the last hour (`logs:FilterLogEvents` on the log group).

        It is an example, for which one request is made: None if that finds none, or there were too many.
        """
        end = now.astimezone(UTC)
        with aws_errors(f"log of {processor}"):
            try:
                answer = self._clients.logs.filter_log_events(
                    logGroupName=Names.log_group(processor),
                    startTime=milliseconds(end - WINDOW),
                    endTime=milliseconds(end),
                    filterPattern=f'"{SKIPPED}"',
                )
            except ClientError as error:
                if code_of(error) in MISSING or is_throttling(code_of(error)):
                    return None
                raise
        keys = [_skipped_key(event.get("message", "")) for event in answer.get("events", [])]
        return next((key for key in reversed(keys) if key is not None), None)

    def alarms(self, names: Iterable[str]) -> dict[str, str]:
        """Return the states of those alarms that there are, at most 100, by name (`cloudwatch:DescribeAlarms`)."""
        with aws_errors("alarms"):
            answer = self._clients.cloudwatch.describe_alarms(
                AlarmNames=list(names), AlarmTypes=["MetricAlarm"], MaxRecords=100
            )
        return {alarm["AlarmName"]: str(alarm["StateValue"]) for alarm in answer["MetricAlarms"]}

    def counted(self, day: str, *, consistent: bool = False) -> LastChange | None:
        """Return the last change of a day's ledger; None if there is none, or no table (`dynamodb:GetItem`)."""
        change = None
        with _none_without_a_place():
            stored = self._days.ledger(day, VERSION, UPDATED_AT, consistent=consistent)
            if stored.version:
                change = LastChange(day, stored.version, stored.updated_at or None)
        return change

    def published(self, day: str) -> LastChange | None:
        """Return how new a day's published object is; None if there is none, or no bucket.

        It needs `s3:GetObject` on it, and `s3:ListBucket`, without which S3 does not tell absent from forbidden.
        """
        published, written_at = PublishedTotals(), None
        with _none_without_a_place():
            published, written_at = self._published.read_version(day)
        if published == PublishedTotals():
            return None
        at = None if written_at is None else written_at.isoformat(timespec="seconds")
        return LastChange(day, published.version, at, published.foreign)


@contextmanager
def _none_without_a_place() -> Iterator[None]:
    """End the block where there is no table or bucket that it could read from."""
    try:
        yield
    except CountaggError as error:
        if not (isinstance(error.__cause__, ClientError) and code_of(error.__cause__) in MISSING):
            raise


def _skipped_key(message: str) -> str | None:
    try:
        line = json.loads(message)
        key = line["key"] if line["message"] == SKIPPED else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) else None


def _one(metric: Metric, values: Mapping[datetime, float]) -> float | None:
    if not values:
        return None
    return values[max(values)] if metric.statistic == MAXIMUM else sum(values.values())
