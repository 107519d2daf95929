"""The sections on the stack: its instances, the files that were refused, and the hops of the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from countagg.cli.instances.instances_view import state_word
from countagg.cli.report.elements import Html, element, table
from countagg.cli.report.parts import command, denied, first_of, moment, section, sentence
from countagg.cli.terminal.render import describe_age, grouped
from countagg.operate.health.status import HopHealth
from countagg.operate.instances.roster import InstanceState
from countagg.operate.permitted import NotAllowed
from countagg.operate.report.report import DayRefusal, DayReport

_NUMBERS: Final = ("Counters", "Bytes", "Lane")
_REFUSED: Final = "Refused"
_ORDER: Final = "Those come first that had files refused after their last good one, then the longest silent."
_ORDER_OF_AGES: Final = "Those come first that have been silent for longest."
_HEALTH: Final = {True: ("healthy", "good"), False: ("not healthy", "bad"), None: ("unknown", "warn")}


def instances_section(report: DayReport, most: int) -> Html:
    """Return the instances with the age of their last upload, at most so many."""
    return section("instances", "Instances", *_instances(report, most))


def _instances(report: DayReport, most: int) -> Iterator[Html]:
    roster = report.roster
    if isinstance(roster, NotAllowed):
        yield denied(roster)
        return
    if not roster.instances:
        expired = report.totals is not None and report.totals.version
        why = "their files have expired, the totals stay" if expired else "none has uploaded a file for it"
        yield sentence(f"No instances of {report.day}: {why}.")
        return
    # On a phone, what stands first is seen first.
    header = ["Instance", "Age", _REFUSED, "State", "Last upload", *_NUMBERS]
    if roster.lanes == 1:
        header.remove("Lane")
    if isinstance(report.letters, NotAllowed):
        header.remove(_REFUSED)
    how = f"{command(report, 'instances')} --date {report.day} shows all"
    shown, left = first_of(report.instances, most, "instance", how)
    rows = ([_cells(report, each)[name] for name in header] for each in shown)
    yield sentence(_ORDER if _REFUSED in header else _ORDER_OF_AGES)
    yield table(
        f"Instances of {report.day}",
        header,
        rows,
        {header.index(each) for each in ("Age", _REFUSED, *_NUMBERS) if each in header},
    )
    yield from left


def _cells(report: DayReport, state: InstanceState) -> dict[str, str]:
    age = state.age_seconds(report.at)
    numbers = (state.counters, state.bytes, state.lane)
    return {
        "Instance": state.instance,
        "State": state_word(state),
        "Last upload": "never" if state.uploaded_at is None else moment(state.uploaded_at),
        "Age": "" if age is None else describe_age(age),
        **{name: "" if each is None else grouped(each) for name, each in zip(_NUMBERS, numbers, strict=True)},
        _REFUSED: element("span", grouped(state.refused), class_="bad") if state.refused else "0",
    }


def refusals_section(report: DayReport, most: int) -> Html:
    """Return the refused files of the day that are in the dead letters, at most so many."""
    return section("refusals", "Refused files", *_refusals(report, most))


def _refusals(report: DayReport, most: int) -> Iterator[Html]:
    if isinstance(report.letters, NotAllowed):
        yield denied(report.letters)
        return
    refused = report.refused
    if refused:
        shown, left = first_of(
            refused[::-1], most, "older one", f"{command(report, 'dead-letters list')} shows all"
        )
        header = ("Instance", "Line", "Reason", "Refused at")
        yield table(f"Refused files of {report.day}", header, map(_refused_row, shown), {1})
        yield from left
    else:
        yield sentence(f"The dead letters hold no refused file of {report.day}.")
    others = Counter(each.kind for each in report.letters)
    others.subtract(each.letter.kind for each in refused)
    if beside := ", ".join(f"{kind} ({count:,})" for kind, count in others.items() if count):
        yield sentence(f"Besides, the dead letters hold what is not about this day's files: {beside}.")


def _refused_row(refused: DayRefusal) -> tuple[str, ...]:
    letter = refused.letter
    line = "" if letter.line is None else grouped(letter.line)
    return refused.instance, line, letter.reason, moment(letter.message.sent_at)


def health_section(report: DayReport) -> Html:
    """Return the hops of the pipeline, in the order of the data."""
    header = ("Hop", "Health", "State", "Detail")
    hops = table("Hops of the pipeline", header, map(_hop_row, report.hops))
    when = element(
        "p", "Every hop as it was at ", moment(report.at), ", in the order of the data.", class_="remark"
    )
    return section("health", "Health", when, hops)


def _hop_row(hop: HopHealth) -> tuple[str, ...]:
    word, kind = _HEALTH[hop.healthy]
    age = hop.metrics.get("age_seconds")
    state = hop.state if age is None else f"{describe_age(age)} ago"
    return hop.name, element("span", word, class_=kind), state, hop.detail
