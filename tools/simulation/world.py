"""The whole stack of a run: fakes of the services, wired as `countagg.provision.stack` wires the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, cast

from countagg.core.names import Names
from countagg.core.partitions import Layout
from countagg.core.published import published_key
from countagg.core.settings import FunctionSettings
from tests.events.loading import load_body
from tests.functions.world import ACCOUNT, BUCKET
from tests.provision.stacks import make_stack, state_of
from tools.simulation.alerts import AlertsWorld
from tools.simulation.bucket import Bucket
from tools.simulation.clients import Services, SnsFake, make_clients
from tools.simulation.counters import Counters
from tools.simulation.faults import Fault, Faults
from tools.simulation.functions import CountedMetrics, Function, Handler, MakeHandler, Runtime, quiet_logger
from tools.simulation.invocations import Invocation, Setting
from tools.simulation.mappings import StreamMapping
from tools.simulation.operators import Operator
from tools.simulation.plans import PREFIX, Disturbance, Plan, Step
from tools.simulation.queues import DeadLetters, UploadsQueue
from tools.simulation.retention import Kept, Later
from tools.simulation.rules import Rules
from tools.simulation.stored import Stored
from tools.simulation.streams import Stream
from tools.simulation.tables import Table
from tools.simulation.timeline import HOUR, Timeline
from tools.simulation.trace import Trace

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NAMES: Final = Names("countagg")
SETTINGS: Final = FunctionSettings(
    stack=NAMES.stack,
    bucket=BUCKET,
    bucket_owner=ACCOUNT,
    prefix=PREFIX,
    output_prefix="totals/",
    dead_letters_url="https://queue.test/dead-letters",
    snapshot_retention_days=35,
    totals_retention_days=400,
    alerts_topic_arn="arn:aws:sns:us-east-1:123456789012:countagg-alerts",
)


_NO_EVENTS: Final = (load_body("s3-test-event"), "no JSON", load_body("s3-foreign-source"))
"""What else may be in the queue: S3's test of the topic, and what somebody else sent."""


_TABLE_MADE_SECONDS: Final = 2.0
_READS: Final = ("GetObject", "ListObjectVersions", "GetItem", "Query", "TransactGetItems")
_WRITES_ITEMS: Final = ("PutItem", "BatchExecuteStatement", "TransactWriteItems")
_WRITES_REST: Final = ("SendMessage", "PutObject", "Publish")
_DENIED: Final = (_READS + _WRITES_ITEMS + _WRITES_REST, _WRITES_ITEMS, _WRITES_REST)


@cache
def _state(name: str) -> Any:
    """Return what setup makes of a resource: batch sizes, tries, filters and time-outs are the real ones."""
    return state_of(make_stack(), name)


def _with(settings: FunctionSettings, layout: Layout) -> FunctionSettings:
    """Return the settings of an operator who has days spread in another way."""
    return replace(settings, lanes=layout.lanes, counter_shards=layout.shards)


class World:
    """One run's services.

    Args:
        plan: of the run.
        rules: which handlers run.
        traced: whether to keep an account.

    Attributes:
        kept: what the operator chose for retention, and chose before within the present chapter: functions that
            know the older choice run on.
    """

    def __init__(self, plan: Plan, rules: Rules, *, traced: bool) -> None:
        self.plan = plan
        self.rules = rules
        self.random = Random(plan.seed)
        self.kept = [plan.kept]
        self.timeline = Timeline(plan.start)
        self.faults = Faults(plan.seed, plan.rates, plan.script)
        self.trace = Trace(self.timeline.utc, wanted=traced)
        self.metrics = CountedMetrics()
        self.dead_letters = DeadLetters()
        self.setting = Setting(self.timeline, self.faults, self.random, self.trace, plan.latency_spread)
        self.snapshots = self._table(NAMES.snapshots, "Date", "Instance")
        self.totals = self._table(NAMES.totals, "Date")
        self.stored = Stored(self.snapshots, self.totals)
        self.counters = Counters(NAMES.counters, self.timeline, self.faults, self.random)
        self.alerts = AlertsWorld(self._table(NAMES.counters, "Counter", "Date"), plan.limits)
        self.functions = {
            "processor": self._function("processor", rules.processor),
            "aggregator": self._function("aggregator", rules.aggregator),
            "publisher": self._function("publisher", rules.publisher),
        }
        queue = _state("queue/uploads")
        self.queue = UploadsQueue(
            self.setting,
            _state("mapping/processor"),
            visibility=queue.visibility_timeout,
            max_receives=json.loads(queue.redrive_policy)["maxReceiveCount"],
            function=self.functions["processor"],
            dead_letters=self.dead_letters,
        )
        prefix = _state("notification/uploads").prefix
        self.bucket = Bucket(self.setting, prefix, self.queue.notify, versioned=plan.versioned)
        self.operator = Operator(
            self.setting, self._services(), self.queue, lambda: _with(self._settings(), plan.layouts[-1])
        )
        self.tables = {"aggregator": self.snapshots, "publisher": self.totals}
        self.mappings = {hop: self._mapping(hop) for hop in self.tables}
        for hop in self.tables:
            self._attach_new_stream(hop)
        self.performed: Callable[[Step, datetime], None] = lambda _step, _moment: None

    def _table(self, name: str, *key_names: str) -> Table:
        return Table(name, key_names, self.timeline, self.faults, self.random)

    def _services(self) -> Services:
        return Services(
            self.bucket,
            self.dead_letters,
            SETTINGS.dead_letters_url,
            {NAMES.snapshots: self.snapshots, NAMES.totals: self.totals},
            self.counters,
            self.alerts,
            self.plan.page_size,
        )

    def _settings(self) -> FunctionSettings:
        kept = self.kept[-1]
        return replace(
            SETTINGS,
            snapshot_retention_days=kept.snapshots,
            totals_retention_days=kept.totals,
            stale_alarm=self.plan.stale_alarm,
        )

    def _function(self, short: str, make: MakeHandler) -> Function:
        def handler(running: Callable[[], Invocation]) -> Handler:
            services = self._services()
            # A function puts no other items into the table of counters than those of alerts.
            services = replace(services, tables={**services.tables, NAMES.counters: self.alerts.table})
            clients = make_clients(self.setting, services, running)
            sns = cast("SNSClient", SnsFake(services, running)) if self.plan.limits else None
            layout = self.random.choice(self.plan.layouts)
            settings = _with(self._settings(), layout)
            return make(Runtime(settings, clients, quiet_logger(), self.metrics, self.timeline.utc, sns))

        return Function(self.setting, short, _state(f"function/{short}").timeout, handler)

    def _mapping(self, hop: str) -> StreamMapping:
        state = _state(f"mapping/{hop}")
        if self.rules.sees_repeats:
            state = replace(state, filters=_state("mapping/publisher").filters)
        mapping = StreamMapping(self.setting, state, self.functions[hop], self.dead_letters)
        self.tables[hop].unheard = lambda key, item: mapping.lose_unheard("/".join(key), item)
        return mapping

    def _attach_new_stream(self, hop: str) -> None:
        table = self.tables[hop]
        label = f"{self.timeline.utc():%Y-%m-%dT%H:%M:%S.%f}"
        arn = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{table.name}/stream/{label}"
        table.stream = Stream(arn, self.timeline, self.random, self.plan.partitions)
        self.mappings[hop].attach(table.stream, self.plan.factor)

    # What happens

    def perform(self, step: Step) -> None:
        """Write or delete an object."""
        self.trace.tell("upload", f"{step.key}: {'deleted' if step.file is None else step.file}")
        self.performed(step, self.timeline.utc())
        if step.file is None:
            self.bucket.delete(step.key)
        else:
            self.bucket.put(step.key, step.file.content)

    def disturb(self, disturbance: Disturbance) -> None:
        """Let something happen to a part of the stack."""
        self.trace.tell("disturbance", f"{disturbance.fault} ({disturbance.hop})")
        self.faults.note(disturbance.fault)
        {
            Fault.OUTAGE: self._switch_off,
            Fault.FUNCTION_BROKEN: self._break,
            Fault.SHARD_SPLIT: self._split_shard,
            Fault.MAPPING_RECREATED: self._recreate_mapping,
            Fault.FACTOR_CHANGED: self._change_factor,
            Fault.STREAM_RECREATED: self._recreate_stream,
            Fault.REPAIRED: self._repair_some_day,
            Fault.TOTALS_LOST: self._lose_totals,
            Fault.DAY_DENIED: self._deny_day,
        }[disturbance.fault](disturbance.hop, disturbance.amount)

    def _switch_off(self, hop: str, seconds: float) -> None:
        mapping = self.queue if hop == "processor" else self.mappings[hop]
        mapping.disabled_until = self.timeline.now + seconds

    def _break(self, hop: str, seconds: float) -> None:
        function = self.functions[hop]
        function.broken_until = self.timeline.now + seconds
        function.denied = self.random.choice(_DENIED)

    def _split_shard(self, hop: str, _amount: float) -> None:
        stream = self.tables[hop].stream
        if stream is not None:
            stream.split()

    def _recreate_mapping(self, hop: str, _amount: float) -> None:
        stream = self.tables[hop].stream
        if stream is not None:
            self.mappings[hop].attach(stream, self.plan.factor)

    def _change_factor(self, hop: str, amount: float) -> None:
        self.mappings[hop].change_factor(1 + int(amount * 5))

    def _repair_some_day(self, _hop: str, amount: float) -> None:
        days = self.stored.days()
        if days:
            self.operator.repair(days[int(amount * len(days))])

    def _deny_day(self, _hop: str, amount: float) -> None:
        """Let somebody deny the functions to write the object of a day, for hours."""
        days = self.stored.days()
        if days:
            key = published_key(SETTINGS.output_prefix, days[int(amount * len(days))])
            self.bucket.denied_until[key] = self.timeline.now + 12 * HOUR * amount

    def _recreate_stream(self, hop: str, amount: float) -> None:
        """Switch a stream off, and some time later a new one on; what was not read by then is never read."""
        self.tables[hop].stream = None

        def switch_on() -> None:
            if self.tables[hop].stream is None:
                self.mappings[hop].lose(self.mappings[hop].unread(), Fault.RECORD_UNREAD)
                self._attach_new_stream(hop)

        self.timeline.after(amount**4 * HOUR, switch_on)

    def _lose_totals(self, _hop: str, amount: float) -> None:
        """Delete the totals table, and some time later make it anew, with another stream."""
        self.totals.lose()

        def make_anew() -> None:
            self.totals.absent = False
            if self.totals.stream is None:
                self.mappings["publisher"].lose(self.mappings["publisher"].unread(), Fault.RECORD_UNREAD)
                self._attach_new_stream("publisher")

        self.timeline.after(_TABLE_MADE_SECONDS + amount**4 * HOUR, make_anew)

    def _go_on(self, later: Later) -> None:
        """Let days pass; then the operator changes his mind, and TTL removes what has expired by now."""
        self.kept = self.kept[-1:]
        for function in self.functions.values():
            function.begin_anew()
        self.alerts.table.expire()
        self.timeline.after(later.chosen_after, partial(self._choose, later.kept))
        for expire in (self.snapshots.expire, self.totals.expire, self.counters.expire):
            if self.random.random() < 0.5:
                expire()
            for _ in range(3):
                self.timeline.after(self.random.random() * later.span, expire)

    def _choose(self, kept: Kept) -> None:
        if kept != self.kept[-1]:
            self.trace.tell("operator", f"chooses {kept}")
            self.faults.note(Fault.RETENTION_CHANGED)
            self.kept.append(kept)

    def run_chapter(self, number: int) -> None:
        """Let a chapter happen, and wait until all is quiet."""
        chapter = self.plan.chapters[number]
        begin = self.plan.start + timedelta(days=chapter.pause)
        self.timeline.now = max(self.timeline.now, begin.timestamp())
        self.faults.on = True
        if chapter.later is not None:
            self._go_on(chapter.later)
        for body in _NO_EVENTS[: chapter.strangers]:
            self.queue.send(body, "")
        for step in chapter.steps:
            self.timeline.after(step.after, partial(self.perform, step))
        for disturbance in chapter.disturbances:
            self.timeline.after(disturbance.after, partial(self.disturb, disturbance))
        self.timeline.run()
        self.faults.on = False

    def mend(self) -> None:
        """Wait until nothing is switched off or broken any more, and every object is seen."""
        ends = [self.queue.disabled_until, *self.bucket.seen_again.values(), *self.bucket.denied_until.values()]
        ends += [mapping.disabled_until for mapping in self.mappings.values()]
        ends += [function.broken_until for function in self.functions.values()]
        self.timeline.now = max(self.timeline.now, *ends)
