"""The command that reads totals: of a day, of many days, or again and again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from countagg.cli.app import completion
from countagg.cli.app.options import DATA_FORMS, OutputForm
from countagg.cli.app.registry import command
from countagg.cli.app.session import Session
from countagg.cli.app.shared_options import AnyDateOption
from countagg.cli.terminal.render import counted
from countagg.cli.totals.query_view import write_day
from countagg.cli.totals.waiting_files import look_for_waiting, tell_waiting
from countagg.core.days import resolve_day
from countagg.core.errors import UsageError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.operate.totals.query import Choice, TotalsOfDay
from countagg.operate.totals.query import query as ask

_OF_ONE_DAY: Final = (OutputForm.TEXT, OutputForm.PROMETHEUS)
"""Forms that have no room for days, instances or changes."""
_FORMS: Final = (*DATA_FORMS, *_OF_ONE_DAY)
_HISTORY: Final = "History"
_WATCH: Final = "Watching"


class Sort(StrEnum):
    """Orders of counters."""

    NAME = "name"
    VALUE = "value"


_CounterOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Only this counter, or those like 'http_*'; may be repeated.", autocompletion=completion.counters
    ),
]
_ByInstanceOption = Annotated[bool, typer.Option("--by-instance", help="Also show who contributes what.")]
_SinceOption = Annotated[
    str | None,
    typer.Option(
        help="From this day on; a date, today, yesterday, 30d or 4w.",
        autocompletion=completion.ages_or_days,
        rich_help_panel=_HISTORY,
    ),
]
_UntilOption = Annotated[
    str | None,
    typer.Option(
        help="Up to this day; by default today.", autocompletion=completion.days, rich_help_panel=_HISTORY
    ),
]
_TopOption = Annotated[int | None, typer.Option(min=1, help="Only this many counters, the largest.")]
_SortOption = Annotated[
    Sort | None, typer.Option(help="By name, or the largest first.", show_default="name; value with --top")
]
_WatchOption = Annotated[
    bool, typer.Option("--watch", help="Show changes as they happen, until Ctrl-C.", rich_help_panel=_WATCH)
]
_IntervalOption = Annotated[
    float, typer.Option(min=0.1, help="Seconds between two looks of --watch.", rich_help_panel=_WATCH)
]
_SaveOption = Annotated[
    Path | None, typer.Option(help="Write a picture too, as .png, .svg or .html.", rich_help_panel=_HISTORY)
]
_PivotOption = Annotated[
    bool, typer.Option("--pivot", help="As a matrix: a row a day, a column a counter.", rich_help_panel=_HISTORY)
]


@command("query", forms=_FORMS)
def query(
    session: Session,
    date: AnyDateOption = None,
    counter: _CounterOption = None,
    by_instance: _ByInstanceOption = False,
    since: _SinceOption = None,
    until: _UntilOption = None,
    top: _TopOption = None,
    sort: _SortOption = None,
    watch: _WatchOption = False,
    interval: _IntervalOption = 2.0,
    save: _SaveOption = None,
    pivot: _PivotOption = False,
) -> None:
    """Show the totals of a day, or with --since those of many days.

    Without a day it is today's.

    Example: countagg query --date yesterday --counter COUNTER1
    """
    if date is None and since is None and until is None:
        date = "today"
    asked = Asked(date, since, until, by_instance=by_instance, watch=watch, save=save, pivot=pivot)
    asked.check(session.options.output)
    by_value = (sort or (Sort.VALUE if top else Sort.NAME)) is Sort.VALUE
    choice = Choice(tuple(counter or ()), top, by_value)
    if since is not None:
        _show_history(session, asked, since, choice)
    elif watch:
        _watch(session, str(date), choice, interval)
    else:
        _show_day(session, str(date), choice, by_instance=by_instance)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options that do not all go together."""

    date: str | None
    since: str | None
    until: str | None
    by_instance: bool
    watch: bool
    save: Path | None
    pivot: bool

    def check(self, form: OutputForm) -> None:
        """Refuse options that exclude or need each other.

        Raises:
            UsageError: it names them.
        """
        history, plain = self.since is not None, form in _OF_ONE_DAY
        of_histories = {"--until": self.until, "--save": self.save, "--pivot": self.pivot or None}
        if not history and (given := [option for option, value in of_histories.items() if value is not None]):
            hint = "give --since too, such as --since 30d"
            raise UsageError("only a history takes it", where=given[0], hint=hint)
        excluded = (
            ("--date, --since", self.date is not None and history),
            ("--by-instance, --since", self.by_instance and history),
            ("--watch, --since", self.watch and history),
            ("--watch, --by-instance", self.watch and self.by_instance),
            (f"--output {form}, --since", plain and history),
            (f"--output {form}, --watch", plain and self.watch),
            (f"--output {form}, --by-instance", plain and self.by_instance),
        )
        for options, both in excluded:
            if both:
                raise UsageError("they exclude each other", where=options, hint="leave one of them out")


def _show_day(session: Session, date: str, choice: Choice, *, by_instance: bool) -> None:
    day = resolve_day(date, session.now())
    totals = ask(session.pipeline, day, choice, by_instance=by_instance)
    waiting = look_for_waiting(session, totals)
    tell_waiting(session, totals, waiting)
    if totals.version and (missing := choice.unmatched(totals.totals) if choice.top is None else []):
        session.remark(f"no instance counts {_named(missing)} on {totals.day}")
    elif totals.version and not totals.totals:
        session.remark(f"no instance counts anything on {totals.day}")
    write_day(session, totals, waiting)


def _named(counters: Iterable[str]) -> str:
    """Return names as they are told: one with white space, which no counter has, in quotes."""
    return printable(", ".join(name if name.split() == [name] else repr(name) for name in counters))


def _watch(session: Session, date: str, choice: Choice, interval: float) -> None:
    from countagg.cli.totals.watch_view import show_looks
    from countagg.operate.totals.watching import watch

    def look() -> TotalsOfDay:
        # At midnight, `today` is another day.
        day = resolve_day(date, session.now())
        return ask(session.pipeline, day, choice)

    show_looks(session, lambda moments: watch(look, moments), interval)


def _show_history(session: Session, asked: Asked, since: str, choice: Choice) -> None:
    from countagg.cli.totals.history_view import write_history, write_matrix
    from countagg.cli.totals.picture import Picture
    from countagg.operate.moments import parse_past_day
    from countagg.operate.totals.history import days_between, read_history

    picture = Picture.at(asked.save) if asked.save else None
    now = session.now()
    last = parse_past_day(asked.until, now, "--until") if asked.until else now.astimezone(UTC).date()
    days = days_between(parse_past_day(since, now, "--since"), last)
    with session.busy(f"reading {counted(len(days), 'day')}"):
        history = read_history(session.pipeline, days, choice)
    if not any(day.version for day in history.days):
        session.remark(f"there are no totals from {days[0]} to {days[-1]} (UTC)")
    elif missing := choice.unmatched(history.names) if choice.top is None else []:
        session.remark(f"no instance counts {_named(missing)} on these days")
    if asked.pivot:
        write_matrix(session, history, list(choice.order(history.sums)))
    else:
        write_history(session, history)
    if picture:
        with session.busy(f"drawing {picture.path}"):
            drawn = picture.draw(history)
        session.save(picture.path, drawn)
