"""A report in four figures: what the page has at its head, and a terminal shows."""

from __future__ import annotations

from countagg.cli.health.status_view import is_healthy
from countagg.cli.report.parts import count_moves
from countagg.cli.terminal.render import counted, describe_age, grouped
from countagg.core.lazy_dataclass import dataclass
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.report import DayReport

_UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure.

    Attributes:
        name: what it is of.
        value: the figure itself.
        detail: what it means.
        kind: `good`, `bad` or `warn`; empty for none of them.
    """

    name: str
    value: str
    detail: str
    kind: str = ""


def tiles_of(report: DayReport) -> tuple[Tile, ...]:
    """Return the figures of a report."""
    return _counters(report), _instances(report), _refusals(report), _health(report)


def _counters(report: DayReport) -> Tile:
    name, history = "Counters", report.history
    if isinstance(history, NotAllowed):
        return Tile(name, _UNKNOWN, history.text, "warn")
    day = history.days[-1]
    if not day.version:
        return Tile(name, "0", "no totals of this day")
    moves = report.moves
    told = "no totals of the day before" if moves is None else f"{count_moves(moves)} against the day before"
    return Tile(name, grouped(len(day.totals)), told)


def _instances(report: DayReport) -> Tile:
    name = "Instances"
    if isinstance(report.roster, NotAllowed):
        return Tile(name, _UNKNOWN, report.roster.text, "warn")
    uploads = [each for each in report.instances if each.uploaded_at is not None and not each.is_withdrawn]
    ages = [each.age_seconds(report.at) or 0.0 for each in uploads]
    if not ages:
        return Tile(name, "0", "no file of this day is stored")
    newest, oldest = describe_age(min(ages)), describe_age(max(ages))
    told = f"uploaded {newest} ago" if newest == oldest else f"uploaded {newest} to {oldest} ago"
    return Tile(name, grouped(len(ages)), told)


def _refusals(report: DayReport) -> Tile:
    name = "Refused files"
    if isinstance(report.letters, NotAllowed):
        return Tile(name, _UNKNOWN, report.letters.text, "warn")
    instances = {each.instance for each in report.refused}
    if not instances:
        return Tile(name, "0", "none of this day in the dead letters")
    return Tile(name, grouped(len(report.refused)), f"of {counted(len(instances), 'instance')}", "bad")


def _health(report: DayReport) -> Tile:
    name = "Health"
    if not is_healthy(report.hops):
        return Tile(name, "not healthy", ", ".join(hop.name for hop in report.hops if hop.healthy is False), "bad")
    unknown = sum(hop.healthy is None for hop in report.hops)
    if unknown:
        return Tile(name, "unknown", f"{counted(unknown, 'hop')} may not be looked at", "warn")
    return Tile(name, "healthy", f"all {counted(len(report.hops), 'hop')}", "good")
