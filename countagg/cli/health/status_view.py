"""The hops of a pipeline in all forms: once, or again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Group
from rich.text import Text

from countagg.cli.app.session import Session
from countagg.cli.terminal.live import NewsWriter, show_live, utc_now_text
from countagg.cli.terminal.render import (
    describe_age,
    make_table,
    write_table,
)
from countagg.cli.terminal.result import write_result
from countagg.operate.health.status import HopHealth
from countagg.operate.health.status_watch import StatusLook

_HEADER: Final = ("HOP", "HEALTHY", "STATE", "DETAIL")
_HEALTH: Final = {True: "yes", False: "NO", None: "?"}
_MARKS: Final = {"HEALTHY": {"yes": "green", "NO": "bold red", "?": "yellow"}}


def is_healthy(hops: Iterable[HopHealth]) -> bool:
    """Tell whether no hop is known to be unhealthy."""
    return all(hop.healthy is not False for hop in hops)


def write_hops(session: Session, hops: Sequence[HopHealth]) -> None:
    """Write the hops in the form that is asked for."""
    write_result(
        session,
        status_document(session, hops),
        _HEADER,
        map(_row, hops),
        lambda: write_table(session.result_console, _HEADER, map(_row_with_age, hops), marks=_MARKS),
    )


def status_document(session: Session, hops: Iterable[HopHealth]) -> dict[str, object]:
    """Return the hops as JSON has them."""
    listed = list(hops)
    return {
        "stack": session.options.stack,
        "healthy": is_healthy(listed),
        "hops": [_hop_document(hop) for hop in listed],
    }


def _hop_document(hop: HopHealth) -> dict[str, object]:
    return {
        "hop": hop.name,
        "healthy": hop.healthy,
        "state": hop.state,
        "detail": hop.detail,
        "metrics": {name: _number(value) for name, value in hop.metrics.items()},
        "not_allowed": list(hop.not_allowed),
        **hop.facts,
    }


def _number(value: float | None) -> float | None:
    """Return counts, which CloudWatch has as floats too, as whole numbers."""
    return int(value) if value is not None and value == int(value) else value


def _row(hop: HopHealth) -> tuple[str, ...]:
    return hop.name, _HEALTH[hop.healthy], hop.state, hop.detail


def _row_with_age(hop: HopHealth) -> tuple[str, ...]:
    """Return the row for people, who would rather read how old something is than when it was."""
    age = hop.metrics.get("age_seconds")
    if age is None:
        return _row(hop)
    return hop.name, _HEALTH[hop.healthy], f"{describe_age(age)} ago", hop.detail


def show_status(session: Session, looks: Iterator[StatusLook]) -> None:
    """Show the hops as they are, until Ctrl-C or until nobody reads it any more.

    Where it is not redrawn those that changed are written; in JSON all, with the names of those that changed.
    """
    writer = NewsWriter(session, *_HEADER)

    def append(look: StatusLook) -> None:
        if look.changed:
            document = {**status_document(session, look.hops), "changed": [hop.name for hop in look.changed]}
            rows = list(map(_row, look.changed))
            writer.write(session.now(), document, rows, rows)

    show_live(session, looks, lambda look, _height: draw_status(session, look), append)


def draw_status(session: Session, look: StatusLook) -> Group:
    """Return what a terminal shows of a look."""
    state = "healthy" if is_healthy(look.hops) else "NOT HEALTHY"
    told = f"{session.options.stack}: {state}, {utc_now_text(session)}; Ctrl-C ends"
    return Group(make_table(_HEADER, map(_row_with_age, look.hops), frozenset(), _MARKS), Text(told, style="dim"))
