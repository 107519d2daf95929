"""What a self-test works with: one stack, one day, one counter of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from countagg.aws import probes
from countagg.aws.day_reader import DayReader
from countagg.aws.invocations import Invocation, invoke
from countagg.aws.kinds.context import Forced
from countagg.aws.pipeline import Pipeline
from countagg.aws.waiting import USUAL, Patience
from countagg.core.counter_file import render_counters
from countagg.core.errors import CountaggError, UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.limits import AlertState, Limit
from countagg.core.names import Names
from countagg.core.object_keys import build_object_key
from countagg.core.polling import Polling
from countagg.data.limits import LimitsTable
from countagg.data.queues import DeadLetterQueue
from countagg.operate.dead_letters.dead_letters import DeadLetter, decode
from countagg.operate.integrity.evidence import Observer
from countagg.operate.integrity.findings import Verification
from countagg.operate.integrity.sums import in_units
from countagg.operate.integrity.verify import verify
from countagg.operate.selftest.selftest import MOST_UPLOADS
from countagg.operate.stack.deployment import Deployment, Plan, apply, remove
from countagg.provision.choices import Chosen
from countagg.provision.reconcile import Action, Change

if TYPE_CHECKING:
    from countagg.aws.session import Clients

FIRST: Final = "selftest-1"
SECOND: Final = "selftest-2"
COUNTER: Final = "countagg_selftest"
"""The instances and the counter of the test; no fleet has them."""
_TEST_MESSAGE: Final = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
IDLE_EVENTS: Final[Mapping[str, Any]] = {
    "processor": {"Records": [{"messageId": "selftest", "body": _TEST_MESSAGE, "eventSource": "aws:sqs"}]},
    "aggregator": {"Records": []},
    "publisher": {"Records": []},
}
"""For each function an event that gives it nothing to do. Powertools takes no batch of SQS without a record: the
processor gets the message that S3 sends when a notification is set up (docs/aws-facts.md#s3-events)."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What each hop shows of the test; values in units of 10^-9, None where a hop does not name the counter.

    Attributes:
        etags: of the files that the snapshots hold, by instance; empty for a withdrawn one.
        sequencers: of the snapshots, by instance.
        ledger: the sum in the ledger.
        table: the value in the table of counters.
        object: the value in the published object.
        alert: how far the alert about the limit is; None if there is none.
    """

    etags: Mapping[str, str]
    sequencers: Mapping[str, str]
    ledger: int | None
    table: int | None
    object: int | None
    alert: AlertState | None


@dataclass
class WaitLog:
    """Adds up how long AWS was waited for, by what was waited for.

    Attributes:
        tell: told what is waited for.
        sleep: pauses for so many seconds.
    """

    tell: Callable[[str], None]
    sleep: Callable[[float], None] = time.sleep
    _what: str = field(default="", init=False)
    _seconds: dict[str, float] = field(default_factory=dict, init=False)

    @property
    def patience(self) -> Patience:
        """How to wait so that it is written down."""
        return Patience(self._announce, replace(USUAL, sleep=self._pause), self.tell)

    def take(self) -> dict[str, float]:
        """Return the seconds by what was waited for, and begin anew."""
        taken, self._seconds = self._seconds, {}
        return {what: round(seconds, 1) for what, seconds in taken.items()}

    def _announce(self, what: str) -> None:
        self._what = what
        self.tell(f"waiting for {what}")

    def _pause(self, seconds: float) -> None:
        self._seconds[self._what] = self._seconds.get(self._what, 0.0) + seconds
        self.sleep(seconds)


@dataclass
class Bench:
    """Reads and writes of a self-test.

    Attributes:
        clients: to work with.
        deployment: sets up and tears down.
        chosen: of the throw-away stack, or just the name of one that is there.
        day: YYYY-MM-DD.
        today: UTC.
        meter: of the clients' calls.
        begun: told which resource is touched.
        uploads: files that were uploaded.
    """

    clients: Clients
    deployment: Deployment
    chosen: Chosen
    day: str
    today: date
    meter: probes.CallMeter
    begun: Callable[[str, Action], None]
    uploads: int = field(default=0, init=False)
    _plan: Plan | None = field(default=None, init=False)

    @cached_property
    def pipeline(self) -> Pipeline:
        """The stack, once it is there."""
        return Pipeline.deployed(self.clients, self.chosen.stack)

    @cached_property
    def _limits(self) -> LimitsTable:
        return LimitsTable(self.clients, Names(self.chosen.stack).counters)

    # The stack

    def set_up(self, *, bucket_versioning: bool | None = None) -> list[Change]:
        """Set the throw-away stack up, or bring it back to what it should be; return what was done."""
        self._plan = self.deployment.plan(self.chosen.but(bucket_versioning=bucket_versioning))
        return [each for each in apply(self._plan, self.begun) if each.action is not Action.KEEP]

    def delete_role(self, function: str) -> None:
        """Delete a function's role, as a hand would."""
        nodes = self._plan.nodes if self._plan else ()
        (role,) = (node for node in nodes if node.id == f"role/{function}")
        role.resource.delete()

    def tear_down(self) -> tuple[str, ...]:
        """Tear the throw-away stack down, with its bucket; return what is left."""
        stack = self.chosen.stack
        forced = Forced(objects=True, protected=False)
        plan = self.deployment.plan_removal(stack, self.chosen.bucket, frozenset(), forced)
        changes = tuple(remove(plan, frozenset(), self.begun))
        return self.deployment.receipt(stack, plan, changes).left_over

    def invoke(self, function: str) -> Invocation:
        """Invoke a function, by its short name, with an event that gives it nothing to do."""
        return invoke(self.clients, self.pipeline.names.functions[function], IDLE_EVENTS[function])

    def fail_statement(self) -> probes.StatementAnswer:
        """Ask for an update of the counter's item whose condition fails."""
        return probes.fail_statement(self.clients, self.pipeline.names.counters, COUNTER, self.day)

    # Files

    def _key(self, instance: str) -> str:
        return build_object_key(self.pipeline.settings.prefix, self.day, instance)

    def put(self, instance: str, value: int) -> str:
        """Upload a file with the counter, in units of 10^-9; return its ETag."""
        return self._put(instance, render_counters({COUNTER: value}))

    def put_malformed(self, instance: str) -> str:
        """Upload a file whose first line is no counter; return its ETag."""
        return self._put(instance, f"{COUNTER} many\n".encode())

    def _put(self, instance: str, content: bytes) -> str:
        if self.uploads >= MOST_UPLOADS:
            raise CountaggError(f"the ceiling of {MOST_UPLOADS} uploads is reached")
        self.uploads += 1
        return self.pipeline.put_counter_file(self._key(instance), content)

    def delete(self, instance: str) -> None:
        """Delete a file."""
        self.pipeline.delete_counter_file(self._key(instance))

    def has_file(self, instance: str) -> bool:
        """Tell whether GET finds a file."""
        return self.pipeline.find_object(self._key(instance)) is not None

    # Effects

    def look(self) -> Sight:
        """Look at every hop, from the first to the last."""
        heads = list(self.pipeline.snapshot_heads(self.day))
        ledger = self.pipeline.totals(self.day).ledger
        counters = self.pipeline.counters_exactly(self.day, [COUNTER])
        items = {each.counter: in_units(each.value) for each in counters if each.value is not None}
        published = self.pipeline.published(self.day).totals
        alerts = {each.alert.counter: each.state for each in self._limits.alerts(self.day)}
        return Sight(
            etags={head.instance: head.etag for head in heads},
            sequencers={head.instance: head.sequencer for head in heads},
            ledger=ledger.sums.get(COUNTER),
            table=items.get(COUNTER),
            object=published.get(COUNTER),
            alert=alerts.get(COUNTER),
        )

    def set_limit(self, value: int) -> None:
        """Set the counter's limit, in units of 10^-9."""
        self._limits.put(Limit(COUNTER, value))

    def take_dead_letters(self) -> list[DeadLetter]:
        """Take the test's own messages out of the dead letter queue; the others stay."""
        queue = DeadLetterQueue(self.clients, self.pipeline.settings.dead_letters_url)
        letters = [decode(message) for message in queue.receive()]
        keys = {self._key(FIRST), self._key(SECOND)}
        own = [letter for letter in letters if letter.key in keys]
        queue.give_back([letter.message for letter in letters if letter not in own])
        queue.delete([letter.message for letter in own])
        return own

    def verify(self, settle: float) -> Verification:
        """Recompute the day from its files; what differs for so many seconds is wrong."""
        observer = Observer(self.pipeline, self.day, self.today, lambda _done, _total: None)
        return verify(observer, Polling(settle))[0]

    def clean_up(self) -> None:
        """Take files, limit and dead letters of the test away from a stack that stays."""
        for instance in (FIRST, SECOND):
            self.delete(instance)
        self._limits.delete(COUNTER)
        self.take_dead_letters()


def find_unused_day(reader: DayReader, today: date) -> str:
    """Return the latest day before today that uploads are taken for and nothing is known of.

    Raises:
        UsageError: there is none.
    """
    for back in range(1, reader.settings.snapshot_retention_days):
        day = (today - timedelta(days=back)).isoformat()
        if _is_unused(reader, day):
            return day
    raise UsageError(
        "every day that uploads are taken for has files already",
        where="--stack",
        hint="leave it out: the test makes a stack of its own then",
    )


def _is_unused(reader: DayReader, day: str) -> bool:
    """Tell whether nothing was ever uploaded for a day."""
    if next(reader.list_objects(day), None) is not None or reader.ledger(day).version:
        return False
    return not reader.sequencers(day) and not reader.published(day).etag
