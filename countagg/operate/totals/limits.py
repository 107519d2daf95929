"""Limits: which there are, which of them a day's totals have passed, and whether their alerts find their way."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from countagg.aws.invocations import Invocation, invoke
from countagg.aws.subscribers import Subscribers, read_subscribers
from countagg.core.counter_file import check_counter_name, parse_counters
from countagg.core.errors import CountaggError, InvalidCounterFile, UsageError, shorten
from countagg.core.lazy_dataclass import dataclass
from countagg.core.limits import Alert, AlertState, Direction, Limit, ask_for_test
from countagg.core.values import parse_value
from countagg.data.limits import LimitsTable

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline
    from countagg.aws.session import Clients

_WITH_DIRECTION: Final = re.compile(rb"[ \t]*\S+[ \t]+\S+[ \t]+(above|below)[ \t]*\r?")


@dataclass(frozen=True, slots=True)
class LimitOfDay:
    """A limit, and how a day's total stands to it.

    Attributes:
        counter: whose.
        limit: in units of 10^-9; None for an invalid one.
        value: the total in units of 10^-9; None if no instance counts it.
        alert: how far the day's alert about this limit is; None if there is none.
        alerted_at: when it was sent, UTC, ISO 8601; None if it was not.
        problem: why the limit is invalid; empty for a valid one.
        direction: which totals pass the limit.
    """

    counter: str
    limit: int | None
    value: int | None
    alert: AlertState | None = None
    alerted_at: str | None = None
    problem: str = ""
    direction: Direction = Direction.ABOVE

    @property
    def passed(self) -> bool:
        """Whether the total is above the limit, or has fallen below it."""
        return self.reached is not False and self._limit is not None and self._limit.is_passed_by(self.value)

    @property
    def reached(self) -> bool | None:
        """Whether the total has been seen at a limit below, so that it can fall; None of other limits."""
        if self._limit is None or self.direction is Direction.ABOVE:
            return None
        return self._limit.is_reached_by(self.value) or self.alert is not None

    @property
    def _limit(self) -> Limit | None:
        return None if self.limit is None else Limit(self.counter, self.limit, self.direction)


@dataclass(frozen=True, slots=True)
class LimitsOfDay:
    """All limits, by counter, beside the totals of a day in this version; 0 if nothing was uploaded."""

    day: str
    version: int
    limits: tuple[LimitOfDay, ...]


def compare_limits(pipeline: Pipeline, limits: LimitsTable, day: str) -> LimitsOfDay:
    """Compare all limits with a day's totals."""
    stored = sorted(limits.read(), key=lambda each: (each.counter, each.direction))
    alerts = {each.alert.name: each for each in limits.alerts(day)} if stored else {}
    totals = pipeline.totals(day)
    passed = []
    for each in stored:
        alert = None if each.limit is None else alerts.get(each.limit.name)
        passed.append(
            LimitOfDay(
                counter=each.counter,
                limit=each.value,
                value=totals.ledger.sums.get(each.counter),
                alert=alert.state if alert else None,
                alerted_at=(alert.sent_at or None) if alert else None,
                problem=each.problem,
                direction=each.direction,
            )
        )
    return LimitsOfDay(day, totals.version, tuple(passed))


def check_limit(counter: str, text: str) -> int:
    """Check what an operator typed by the rules of counter files.

    Returns:
        The limit in units of 10^-9.

    Raises:
        UsageError: name or value break a rule.
    """
    try:
        check_counter_name(counter)
    except ValueError as error:
        raise UsageError(str(error), where="COUNTER", hint="give the name as the counter files have it") from error
    try:
        return parse_value(text)
    except ValueError as error:
        raise UsageError(str(error), where="VALUE", hint="give a number such as 250000 or 0.5") from error


def check_limits_file(name: str, content: bytes) -> list[Limit]:
    """Read a file of limits, in the form of counter files; behind the value may stand the direction.

    Returns:
        The limits, by counter.

    Raises:
        UsageError: a rule is broken, with the line.
    """
    lines: dict[Direction, list[bytes]] = {direction: [] for direction in Direction}
    for line in content.split(b"\n"):
        found = _WITH_DIRECTION.fullmatch(line)
        direction = Direction(found[1].decode()) if found else Direction.ABOVE
        for each, its_lines in lines.items():
            # Lines keep their numbers.
            its_lines.append((line[: found.start(1)] if found else line) if each is direction else b"")
    try:
        limits = [
            Limit(counter, value, direction)
            for direction, its_lines in lines.items()
            for counter, value in parse_counters(b"\n".join(its_lines)).items()
        ]
    except InvalidCounterFile as error:
        where = name if error.line is None else f"{name}, line {error.line}"
        raise UsageError(error.reason, where=where, hint="mend the file; nothing was set") from error
    return sorted(limits, key=lambda each: (each.counter, each.direction))


@dataclass(frozen=True, slots=True)
class SentTest:
    """A marked message that was sent.

    Attributes:
        alert: what it says.
        message_id: that SNS gave it.
        subscribers: of the topic.
    """

    alert: Alert
    message_id: str
    subscribers: Subscribers


def send_test(
    clients: Clients, pipeline: Pipeline, limits: LimitsTable, limit: tuple[str, Direction | None], day: str
) -> SentTest:
    """Have the publisher send a marked message about a counter's limit; nothing that is stored changes.

    Args:
        clients: to invoke the function with.
        pipeline: of the stack.
        limits: of the stack.
        limit: the counter, and which of its limits; None for the one above if there is one, else the one below.
        day: whose total the message tells.

    Raises:
        CountaggError: the counter has no such limit, or the publisher could not send.
    """
    found = _find_limit(limits, *limit)
    totals = pipeline.totals(day)
    alert = replace(found.alert(day, totals.ledger.sums.get(found.counter), totals.version), is_test=True)
    function = pipeline.names.publisher
    message_id = _message_id(invoke(clients, function, ask_for_test(alert)), function)
    return SentTest(alert, message_id, read_subscribers(clients, pipeline.settings.alerts_topic_arn))


def _find_limit(limits: LimitsTable, counter: str, direction: Direction | None) -> Limit:
    for each in sorted(limits.read(), key=lambda each: each.direction):
        if each.counter == counter and direction in (None, each.direction) and each.limit is not None:
            return each.limit
    which = "limit" if direction is None else f"limit {direction}"
    raise CountaggError(
        f"there is no valid {which}",
        where=f"counter {counter}",
        hint="`countagg limits list` shows those there are",
    )


def _message_id(invocation: Invocation, function: str) -> str:
    """Return the id that the function answers with."""
    answer = json.loads(invocation.answer or "null")
    if invocation.error is None and isinstance(answer, str):
        return answer
    where = f"function {function}"
    if isinstance(answer, dict) and answer.get("errorType") == "KeyError":
        # It looks for stream records: it does not know this event yet.
        raise CountaggError(
            "it is of a version that sends no tests", where=where, hint="`countagg setup` brings it up to date"
        )
    reason = answer.get("errorMessage", answer) if isinstance(answer, dict) else answer
    raise CountaggError(
        f"the test was not sent: {reason if isinstance(reason, str) else shorten(reason)}",
        where=where,
        hint="`countagg plan` shows what differs from what setup made; then `countagg logs --function publisher`",
    )
