"""Publishers with limits and alerts in memory, and what may go wrong at each of their calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, cast

import simplejson
from botocore.exceptions import ClientError

from countagg.core.limits import Direction, Limit
from countagg.core.values import format_value
from countagg.data.limits import LIMIT_DATE, LimitsTable
from countagg.functions.limits import LimitAlerts
from countagg.functions.limits_topic import AlertsTopic
from countagg.functions.outputs import COUNTERS_A_SLICE
from countagg.functions.publisher import Publisher
from tests.fakes.conditions import holds
from tests.fakes.partiql import FakeTable
from tests.functions.publishing import NAME, SETTINGS, Outside, Record
from tests.functions.world import DAY, Context, clients_of

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

Item = dict[str, Any]
TIMEOUT: Final = 60_000


class Crash(BaseException):
    """The invocation is killed. No `Exception`: nothing runs after it."""


class Fault(Enum):
    """What happens at a call."""

    CRASH_BEFORE = auto()
    CRASH_AFTER = auto()
    ERROR_BEFORE = auto()
    ERROR_AFTER = auto()
    """The call has its effect, and its answer is an error."""


@dataclass
class Script:
    """Writes the calls for alerts down, and lets things happen at some of them.

    Attributes:
        calls: what was called, one after the other.
        faults: number of a call -> what happens at it.
        struck: at which calls what happened.
        meanwhile: number of a call -> what others do just before it.
    """

    calls: list[str] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    struck: list[tuple[str, Fault]] = field(default_factory=list)
    meanwhile: dict[int, Callable[[], None]] = field(default_factory=dict)

    def run(self, name: str, effect: Callable[[], Any]) -> Any:
        """Make a call."""
        number = len(self.calls)
        self.calls.append(name)
        if number in self.meanwhile:
            self.meanwhile.pop(number)()
        fault = self.faults.pop(number, None)
        if fault:
            self.struck.append((name, fault))
        if fault is Fault.CRASH_BEFORE:
            raise Crash
        if fault is Fault.ERROR_BEFORE:
            raise _error("InternalError", name)
        answer = effect()
        if fault is Fault.CRASH_AFTER:
            raise Crash
        if fault is Fault.ERROR_AFTER:
            raise _error("InternalError", name)
        return answer


class LimitsFake(FakeTable):
    """The counters table with its limits and alerts."""

    script: Script

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Write an item if the condition holds."""
        assert request.pop("TableName") == self.name
        item = request["Item"]
        claims = "release" if item.get("SendingUntil") == {"N": "0"} else "claim"
        name = {"reached": "reach", "sending": claims, "sent": "mark"}[item["State"]["S"]]
        return dict(self.script.run(name, lambda: self._put(item, request)))

    def _put(self, item: Item, request: dict[str, Any]) -> dict[str, Any]:
        key = item["Counter"]["S"], item["Date"]["S"]
        found = self.items.get(key)
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        if condition := request.get("ConditionExpression"):
            if not holds(condition, names, values, found):
                raise _error("ConditionalCheckFailedException", "PutItem", Item=dict(found) if found else {})
            assert all(f"{name}" in condition for name in (*names, *values))
        self.items[key] = dict(item)
        return {}

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        """Answer the queries for limits and alerts, and those of a day's counters; one item a page."""
        values = request["ExpressionAttributeValues"]
        if request["KeyConditionExpression"] == "#Counter = :key":
            assert request["ConsistentRead"]
            return [{"Items": [each]} for each in self._found("alerts", "Counter", values[":key"])]
        if values[":key"] == {"S": LIMIT_DATE}:
            assert (request["IndexName"], request["KeyConditionExpression"]) == ("ByDate", "#Date = :key")
            return [{"Items": [each]} for each in self._found("limits", "Date", values[":key"])]
        return super().paginate(**request)

    def _found(self, name: str, attribute: str, value: dict[str, str]) -> list[Item]:
        found: list[Item] = self.script.run(
            name, lambda: [dict(each) for each in self.items.values() if each[attribute] == value]
        )
        return found


class FakeTopic:
    """A topic, behind the client's `publish`."""

    def __init__(self, script: Script) -> None:
        self.messages: list[dict[str, Any]] = []
        self.denied = False
        self._script = script

    def publish(self, *, TopicArn: str, Subject: str, Message: str, MessageStructure: str) -> dict[str, str]:  # noqa: N803 - boto3's
        """Publish a message."""
        assert (TopicArn, MessageStructure) == (SETTINGS.alerts_topic_arn, "json")
        assert len(Subject.encode()) < 100
        assert Subject.isprintable()
        if self.denied:
            raise _error("AuthorizationError", "Publish")
        for_programs = simplejson.loads(Message)["default"]
        self._script.run("publish", lambda: self.messages.append(simplejson.loads(for_programs, use_decimal=True)))
        return {"MessageId": str(len(self.messages))}


class Alerting(Outside):
    """Publishers of one stack that send alerts."""

    def __init__(self) -> None:
        self.script = Script()
        self.topic = FakeTopic(self.script)
        self.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
        super().__init__()
        self.limits_table = LimitsFake(NAME)
        self.limits_table.script = self.script
        self.table = self.limits_table
        self.warm = self.start()

    def start(self, a_slice: int = COUNTERS_A_SLICE) -> Publisher:
        """Return the publisher of an execution environment that has just begun."""
        publisher = super().start(a_slice)
        table = LimitsTable(clients_of(dynamodb=self.table), NAME)
        topic = AlertsTopic(SETTINGS.alerts_topic_arn, cast("SNSClient", self.topic))
        publisher.alerts = LimitAlerts(SETTINGS, table, topic, self.logger, lambda: self.now).send
        return publisher

    def restart(self) -> None:
        """Let the next invocation find an execution environment that has just begun."""
        self.warm = self.start()

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def set_limit(self, counter: str, value: int, direction: Direction = Direction.ABOVE) -> None:
        """Set a limit, in units of 10^-9."""
        self.limit_item(Limit(counter, value, direction).owner, {"Value": {"N": format_value(value)}})

    def limit_item(self, counter: str, attributes: Item) -> None:
        """Put the item of a limit."""
        self.table.items[counter, LIMIT_DATE] = {
            "Counter": {"S": counter},
            "Date": {"S": LIMIT_DATE},
            **attributes,
        }

    def alert_item(self, name: str, day: str = DAY) -> Item:
        """Return the item of an alert."""
        return self.table.items[f"alerts {day}", name]

    def sent(self) -> list[tuple[str, str, Any, Any, int]]:
        """Return what was sent: counter, day, value, limit and version of each message."""
        names = ("counter", "date", "value", "limit", "version")
        return [cast("Any", tuple(each[name] for name in names)) for each in self.topic.messages]

    def take(self, *records: Record, left: int = TIMEOUT, by: Publisher | None = None) -> BaseException | None:
        """Hand a batch to a publisher; return what ended it before its end."""
        for each in records:
            self.ledgers.become(each)
        try:
            (by or self.warm).handle({"Records": list(records)}, Context(left))
        except (Exception, Crash) as end:  # noqa: BLE001 - whatever it is, it is returned
            return end
        return None

    def take_until_done(self, *records: Record) -> None:
        """Hand a batch to publishers as Lambda does: again and again, and in a new environment after a crash."""
        # After each death the alerts wait for 65 seconds, ten at a time.
        for _ in range(60):
            end = self.take(*records)
            if end is None:
                return
            if isinstance(end, Crash):
                self.restart()
            self.later(10)
        raise AssertionError("the batch never ends")


def _error(code: str, operation: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, **more}
    return ClientError(response, operation)
