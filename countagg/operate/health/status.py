"""Status: the hops of the pipeline in the order of the data, and whether each works as it should.

A hop is unhealthy by what does not pass by itself, or what somebody has to look at: a part that is missing or
broken, a mapping that is paused or fails, anything in the dead letters, an alarm that is raised or gone. Failed
calls alone are no such thing: they are tried again, and what goes on failing raises an alarm or ends in the dead
letters. Nor is code of another version: it works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from countagg.aws.health import FunctionHealth, Health, LastChange
from countagg.aws.pipeline import MappingHealth, Pipeline, QueueDepth
from countagg.core.lazy_dataclass import dataclass
from countagg.core.names import Names
from countagg.core.published import MOVE_AWAY
from countagg.core.versions import changes_of
from countagg.data.snapshots import moment_of
from countagg.operate.permitted import NotAllowed, attempt
from countagg.provision import metrics
from countagg.provision.metrics import Metric
from countagg.provision.watched_metrics import alarm_names

METRICS_LAST: Final = timedelta(minutes=1)
"""Metrics have a value a minute, and their price; they are not read more often."""

NO_DATA: Final = "no data"
_ABSENT: Final = "absent"
_PRESENT: Final = "present"
_READ_METRICS: Final = "cloudwatch:GetMetricData"
_READ_LOG: Final = "logs:FilterLogEvents"
_SHOWN_OF_KEY: Final = 100


@dataclass(frozen=True, slots=True)
class HopHealth:
    """One hop.

    Attributes:
        name: kind and short name, as in the plan.
        healthy: whether it works as it should; None if it may not be looked at.
        state: in AWS's words, or `absent`, or `unknown`.
        detail: numbers and remarks for people.
        metrics: numbers by name; None where there is no data. Durations are in seconds.
        not_allowed: actions that the principal may not do, and that would tell more.
        facts: whatever else is known of this kind of hop.
    """

    name: str
    healthy: bool | None
    state: str
    detail: str = ""
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    not_allowed: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Inspector:
    """Looks at every hop, again and again.

    Attributes:
        pipeline: the deployed stack.
        health: further reads of it.
        code: SHA-256 of this version's zip, as Lambda tells it; None if that is not compared.
        now: the clock, aware.
        with_metrics: whether metrics are read, which have a price; no hop's health goes by them.
    """

    pipeline: Pipeline
    health: Health
    code: str | None
    now: Callable[[], datetime]
    with_metrics: bool = True
    _metrics: Mapping[Metric, float | None] | NotAllowed = field(default_factory=dict, init=False)
    _metrics_at: datetime | None = field(default=None, init=False)
    _skipped: str | NotAllowed | None = field(default=None, init=False)

    def look(self) -> tuple[HopHealth, ...]:
        """Look once."""
        self._read_metrics()
        return tuple(self._hops())

    def _hops(self) -> Iterator[HopHealth]:
        pipeline, names = self.pipeline, self.pipeline.names
        yield _presence("notification/uploads", attempt("s3:GetBucketNotification", pipeline.has_notification))
        yield _presence("topic/uploads", attempt("sns:ListTopics", lambda: pipeline.topic_exists(names.uploads)))
        yield self._uploads()
        for short, function, table in (
            ("processor", names.processor, names.snapshots),
            ("aggregator", names.aggregator, names.totals),
            ("publisher", names.publisher, names.counters),
        ):
            yield self._function(short, function)
            yield self._mapping(short, function)
            yield self._table(table)
        yield self._dead_letters()
        yield self._alarms()
        yield from self._last_changes()

    def _read_metrics(self) -> None:
        now = self.now()
        if self.with_metrics and (self._metrics_at is None or now - self._metrics_at >= METRICS_LAST):
            wanted = watched_metrics(self.pipeline.names)
            self._metrics = attempt(_READ_METRICS, lambda: self.health.metrics(wanted, now))
            self._metrics_at = now
            processor, self._skipped = self.pipeline.names.processor, None
            if self._metric(metrics.files_skipped(processor)):
                self._skipped = attempt(_READ_LOG, lambda: self.health.skipped_key(processor, now))

    def _metric(self, metric: Metric) -> float | None:
        return None if isinstance(self._metrics, NotAllowed) else self._metrics.get(metric)

    @property
    def _denied_metrics(self) -> tuple[str, ...]:
        return (self._metrics.action,) if isinstance(self._metrics, NotAllowed) else ()

    # Hops

    def _uploads(self) -> HopHealth:
        name, queue = "queue/uploads", self.pipeline.names.uploads
        depth = self._depth(queue)
        if not isinstance(depth, QueueDepth):
            return _presence(name, depth)
        oldest = self._metric(metrics.oldest_age(queue))
        numbers = {"waiting": depth.waiting, "in_flight": depth.in_flight, "oldest_seconds": oldest}
        waited = NO_DATA if oldest is None else f"{oldest:,.0f} s"
        told = self._metrics.text if isinstance(self._metrics, NotAllowed) else f"oldest: {waited}"
        detail = f"{depth.waiting} waiting, {depth.in_flight} in flight; {told}"
        return HopHealth(
            name, healthy=True, state=_PRESENT, detail=detail, metrics=numbers, not_allowed=self._denied_metrics
        )

    def _dead_letters(self) -> HopHealth:
        name, depth = "queue/dead-letters", self._depth(self.pipeline.names.dead_letters)
        if not isinstance(depth, QueueDepth):
            return _presence(name, depth)
        held = depth.waiting + depth.in_flight
        detail = f"{held} held" if held else "empty"
        return HopHealth(name, healthy=not held, state=_PRESENT, detail=detail, metrics={"held": held})

    def _depth(self, queue: str) -> QueueDepth | NotAllowed | None:
        return attempt("sqs:GetQueueAttributes", lambda: self.pipeline.queue_depth(queue))

    def _function(self, short: str, function: str) -> HopHealth:
        name = f"function/{short}"
        found = attempt("lambda:GetFunctionConfiguration", lambda: self.health.function(function))
        if not isinstance(found, FunctionHealth):
            return _presence(name, found)
        numbers = self._numbers(short, function)
        current = self.code in (None, found.code)
        problem = attempt("iam:GetRole", lambda: self.health.grant_problem(function))
        example = self._skipped if short == "processor" else None
        hidden = tuple(each.action for each in (problem, example) if isinstance(each, NotAllowed))
        shown = example if isinstance(example, str) else ""
        remarks = [
            self._metrics.text if isinstance(self._metrics, NotAllowed) else _last_hour(numbers, shown),
            "" if current else "code of another version",
            f"last update failed: {found.failure}" if found.failure else "",
            f"{problem}; run `countagg setup`" if isinstance(problem, str) else "",
            problem.text if isinstance(problem, NotAllowed) else "",
        ]
        # Lambda puts a function to sleep that was not called for weeks, and wakes it by itself.
        works = found.state in {"Active", "Inactive"} and not found.failure and not isinstance(problem, str)
        detail = "; ".join(filter(None, remarks))
        not_allowed = (*self._denied_metrics, *hidden)
        return HopHealth(name, works, found.state, detail, numbers, not_allowed, {"code_current": current})

    def _numbers(self, short: str, function: str) -> dict[str, float | None]:
        numbers = {
            "invocations": self._metric(metrics.invocations(function)),
            "errors": self._metric(metrics.errors(function)),
            "throttles": self._metric(metrics.throttles(function)),
        }
        if short == "processor":
            refused, skipped = metrics.files_refused(function), metrics.files_skipped(function)
            return numbers | {"files_refused": self._metric(refused), "files_skipped": self._metric(skipped)}
        age = self._metric(metrics.iterator_age(function))
        numbers["iterator_age_seconds"] = None if age is None else age / 1000
        if short == "aggregator":
            numbers["ledgers_nearly_full"] = self._metric(metrics.ledgers_nearly_full(function))
        else:
            numbers["days_beyond_max_counters"] = self._metric(metrics.days_beyond_max_counters(function))
        return numbers

    def _mapping(self, short: str, function: str) -> HopHealth:
        name = f"mapping/{short}"
        mapping = attempt("lambda:ListEventSourceMappings", lambda: self.pipeline.mapping_health(function))
        if not isinstance(mapping, MappingHealth):
            return _presence(name, mapping)
        failed = mapping.last_result.upper().startswith(("FAILED", "PROBLEM"))
        return HopHealth(name, mapping.state == "Enabled" and not failed, mapping.state, mapping.last_result)

    def _table(self, table: str) -> HopHealth:
        name = f"table/{table.removeprefix(f'{self.pipeline.names.stack}-')}"
        status = attempt("dynamodb:DescribeTable", lambda: self.pipeline.table_status(table))
        if isinstance(status, NotAllowed):
            return _presence(name, status)
        return HopHealth(name, healthy=status in {"ACTIVE", "UPDATING"}, state=status)

    def _alarms(self) -> HopHealth:
        names = alarm_names(self.pipeline.names, self.pipeline.settings.stale_alarm)
        alarms = attempt("cloudwatch:DescribeAlarms", lambda: self.health.alarms(names.values()))
        if isinstance(alarms, NotAllowed):
            return _presence("alarms", alarms)
        raised = [short for short, name in names.items() if alarms.get(name) == "ALARM"]
        missing = [short for short, name in names.items() if name not in alarms]
        parts = [("in alarm", raised), ("missing", missing)]
        detail = "; ".join(f"{what}: {', '.join(shorts)}" for what, shorts in parts if shorts)
        return HopHealth(
            "alarms",
            healthy=not raised and not missing,
            state="ALARM" if raised else _ABSENT if missing else "OK",
            detail=detail or f"{len(alarms)} alarms",
            metrics={"in_alarm": len(raised), "missing": len(missing)},
            facts={"in_alarm": raised, "missing": missing},
        )

    def _last_changes(self) -> Iterator[HopHealth]:
        counted = attempt("dynamodb:GetItem", self._last_counted)
        yield self._last_change("last-upload", counted)
        if isinstance(counted, NotAllowed):
            # Without it, nobody knows of which day it would be.
            yield self._last_change("last-published", counted)
            return
        day = counted.day if counted else self.now().astimezone(UTC).date().isoformat()
        published = attempt("s3:GetObject", lambda: self._last_published(day))
        hop = self._last_change("last-published", published)
        if isinstance(published, LastChange) and published.foreign is not None:
            detail = f"the object of {published.day} is left alone: {published.foreign}; {MOVE_AWAY}"
            hop = replace(hop, healthy=False, detail=detail, metrics={**hop.metrics, "version": None})
        elif isinstance(published, LastChange) and self._is_ahead(published, counted):
            remedy = f"`countagg repair --date {published.day}`"
            hop = replace(hop, healthy=False, detail=f"{hop.detail}, which is newer than its ledger: {remedy}")
        yield hop

    def _is_ahead(self, published: LastChange, counted: LastChange | None) -> bool:
        """Tell whether something is published that no ledger says, by a hand or of a table that was lost."""
        if counted and published.day == counted.day and published.version <= counted.version:
            return False
        # What was read before may be older than what was published.
        stored = self.health.counted(published.day, consistent=True)
        return published.version > (stored.version if stored else 0)

    def _last_counted(self) -> LastChange | None:
        """Return the newest change of the ledgers; uploads may name yesterday and, by a clock ahead, tomorrow."""
        today = self.now().astimezone(UTC).date()
        days = [(today + timedelta(days=offset)).isoformat() for offset in (-1, 0, 1)]
        changes = [change for day in days if (change := self.health.counted(day))]
        return max(changes, key=lambda change: change.at or "", default=None)

    def _last_published(self, day: str) -> LastChange | None:
        """Return what was published last of that day, or of the day before if that is all there is."""
        before = (date.fromisoformat(day) - timedelta(days=1)).isoformat()
        return self.health.published(day) or self.health.published(before)

    def _last_change(self, name: str, change: LastChange | NotAllowed | None) -> HopHealth:
        if isinstance(change, NotAllowed):
            return _presence(name, change)
        if change is None:
            nothing = {"age_seconds": None, "version": None}
            return HopHealth(name, healthy=True, state="none", metrics=nothing, facts={"date": None})
        at = moment_of(change.at or "")
        age = None if at is None else max(0, int((self.now() - at).total_seconds()))
        state = change.at or "" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        numbers = {"age_seconds": age, "version": change.version}
        detail = f"version {changes_of(change.version)} of {change.day}"
        return HopHealth(
            name, healthy=True, state=state, detail=detail, metrics=numbers, facts={"date": change.day}
        )


def watched_metrics(names: Names) -> Sequence[Metric]:
    """Return the metrics that the hops show."""
    of_functions = [
        metric(name)
        for name in names.functions.values()
        for metric in (metrics.invocations, metrics.errors, metrics.throttles)
    ]
    lag = [metrics.iterator_age(names.aggregator), metrics.iterator_age(names.publisher)]
    files = [metrics.files_refused(names.processor), metrics.files_skipped(names.processor)]
    own = [metrics.ledgers_nearly_full(names.aggregator), metrics.days_beyond_max_counters(names.publisher)]
    return [*of_functions, *lag, *files, *own, metrics.oldest_age(names.uploads)]


def _presence(name: str, found: bool | NotAllowed | None) -> HopHealth:  # noqa: FBT001 - it is what is told
    """Return the hop of something of which no more is known than whether it is there, if that."""
    if isinstance(found, NotAllowed):
        return HopHealth(name, healthy=None, state="unknown", detail=found.text, not_allowed=(found.action,))
    return HopHealth(name, healthy=bool(found), state=_PRESENT if found else _ABSENT)


def _last_hour(numbers: Mapping[str, float | None], skipped: str) -> str:
    """Return the numbers as text, of which there may be only some, with the key of a file that was skipped."""
    such = skipped if len(skipped) <= _SHOWN_OF_KEY else f"{skipped[:_SHOWN_OF_KEY]}..."
    told = {
        "calls": numbers["invocations"],
        "errors": numbers["errors"],
        "throttles": numbers["throttles"],
        "refused": numbers.get("files_refused"),
        f"skipped{f', such as {such}' if such else ''}": numbers.get("files_skipped"),
        "ledgers nearly full": numbers.get("ledgers_nearly_full"),
        "days beyond --max-counters": numbers.get("days_beyond_max_counters"),
    }
    counts = ", ".join(f"{value:,.0f} {what}" for what, value in told.items() if value is not None)
    age = numbers.get("iterator_age_seconds")
    lag = "" if age is None else f"; iterator age {age:,.1f} s"
    return f"last hour: {counts or NO_DATA}{lag}"
