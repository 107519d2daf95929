"""Limits: which there are, and which of them a day's totals have passed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from countagg.core.counter_file import check_counter_name, parse_counters
from countagg.core.errors import InvalidCounterFile, UsageError
from countagg.core.limits import AlertState
from countagg.core.values import parse_value
from countagg.data.limits import LimitsTable

if TYPE_CHECKING:
    from countagg.aws.pipeline import Pipeline


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
    """

    counter: str
    limit: int | None
    value: int | None
    alert: AlertState | None = None
    alerted_at: str | None = None
    problem: str = ""

    @property
    def passed(self) -> bool:
        """Whether the total is above the limit."""
        return self.limit is not None and self.value is not None and self.value > self.limit


@dataclass(frozen=True, slots=True)
class LimitsOfDay:
    """All limits, by counter, beside the totals of a day in this version; 0 if nothing was uploaded."""

    day: str
    version: int
    limits: tuple[LimitOfDay, ...]


def compare_limits(pipeline: Pipeline, limits: LimitsTable, day: str) -> LimitsOfDay:
    """Compare all limits with a day's totals."""
    stored = sorted(limits.read(), key=lambda each: each.counter)
    alerts = {(each.alert.counter, each.alert.limit): each for each in limits.alerts(day)} if stored else {}
    totals = pipeline.totals(day)
    passed = []
    for each in stored:
        alert = None if each.value is None else alerts.get((each.counter, each.value))
        passed.append(
            LimitOfDay(
                counter=each.counter,
                limit=each.value,
                value=totals.ledger.sums.get(each.counter),
                alert=alert.state if alert else None,
                alerted_at=(alert.sent_at or None) if alert else None,
                problem=each.problem,
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


def check_limits_file(name: str, content: bytes) -> dict[str, int]:
    """Read a file of limits, in the form of counter files.

    Raises:
        UsageError: a rule is broken, with the line.
    """
    try:
        return parse_counters(content)
    except InvalidCounterFile as error:
        where = name if error.line is None else f"{name}, line {error.line}"
        raise UsageError(error.reason, where=where, hint="mend the file; nothing was set") from error
