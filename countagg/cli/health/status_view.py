"""The hops of a pipeline in all forms: once, or again and again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from countagg.cli.app.session import Session
from countagg.cli.terminal.columns import longest_word
from countagg.cli.terminal.live import NewsWriter, most_that_fits, show_live, utc_now_text
from countagg.cli.terminal.render import (
    counted,
    describe_age,
    make_cell,
    make_table,
    write_table,
)
from countagg.cli.terminal.result import write_result
from countagg.operate.health.status import HopHealth
from countagg.operate.health.status_watch import StatusLook

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.table import Table
    from rich.text import Text

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


def show_status(
    session: Session, follow: Callable[[Iterable[None]], Iterator[StatusLook]], interval: float
) -> None:
    """Show the hops as they are, until Ctrl-C or until nobody reads it any more.

    Where it is not redrawn those that changed are written; in JSON all, with the names of those that changed.
    The parameters are those of `show_live`.
    """
    writer = NewsWriter(session, *_HEADER)

    def append(look: StatusLook) -> None:
        if look.changed:
            document = {**status_document(session, look.hops), "changed": [hop.name for hop in look.changed]}
            rows = list(map(_row, look.changed))
            writer.write(session.now(), document, rows, rows)

    drawn: tuple[StatusLook | None, str] = None, ""

    def draw(look: StatusLook, console: Console) -> RenderableType:
        nonlocal drawn
        if look is not drawn[0]:
            drawn = look, utc_now_text(session)
        return draw_status(look, session.options.stack, drawn[1], console)

    show_live(session, follow, interval, draw, append)


def draw_status(look: StatusLook, stack: str, time: str, console: Console) -> RenderableType:
    """Return what a terminal shows of a look: the verdict, and below it as many hops as fit.

    Where not all fit, what is well takes a line each, and the last to be left out is what is not.
    """
    from rich.console import Group
    from rich.text import Text

    verdict = _verdict(look.hops, stack, time)
    names = max((longest_word(hop.name) for hop in look.hops), default=0)
    table = _hops_table(look.hops, console.width, ())
    # A table that would break a name is no table.
    arrange = _hops_table if (table.columns[0].width or 0) >= names else _hop_records
    whole = Group(verdict, arrange(look.hops, console.width, ()))
    if len(console.render_lines(whole, pad=False)) <= console.height:
        return whole
    ranked = sorted(look.hops, key=lambda hop: _rank(hop, look.changed))

    def draw(number: int) -> Group:
        shown = [hop for hop in look.hops if hop in ranked[:number]]
        well = [row for row, hop in enumerate(shown) if hop.healthy is not False]
        left_out = Text(_left_out(ranked[number:]), style="dim")
        return Group(verdict, arrange(shown, console.width, well), left_out)

    return most_that_fits(console, len(ranked), draw)


def _hops_table(hops: Sequence[HopHealth], width: int, one_line: Collection[int]) -> Table:
    return make_table(_HEADER, map(_row_with_age, hops), frozenset(), _MARKS, width, one_line)


def _hop_records(hops: Sequence[HopHealth], _width: int, one_line: Collection[int]) -> Group:
    """Return a line for each hop, and its detail below it but for those that take one line."""
    from rich.console import Group
    from rich.padding import Padding

    parts: list[RenderableType] = []
    for number, hop in enumerate(hops):
        name, healthy, state, detail = _row_with_age(hop)
        parts.append(make_cell(f"{name}  {healthy}  {state}", _MARKS["HEALTHY"][healthy]))
        if detail and number not in one_line:
            parts.append(Padding(make_cell(detail), (0, 0, 0, 4)))
    return Group(*parts)


def _verdict(hops: Sequence[HopHealth], stack: str, time: str) -> Text:
    from rich.text import Text

    ailing = [hop.name for hop in hops if hop.healthy is False]
    state = (f"NOT HEALTHY: {', '.join(ailing)}", "bold red") if ailing else ("healthy", "green")
    return Text.assemble((f"{stack}: ", "bold"), state, (f"; {time}; Ctrl-C ends", "dim"))


def _rank(hop: HopHealth, changed: Sequence[HopHealth]) -> tuple[int, bool]:
    """Return where a hop stands among those that are to be shown."""
    return (False, None, True).index(hop.healthy), hop not in changed


def _left_out(hops: Sequence[HopHealth]) -> str:
    """Return what is said of the hops that have no room."""
    if not hops:
        return "`countagg status` shows each in full"
    counts = {
        "not healthy": sum(hop.healthy is False for hop in hops),
        "unknown": sum(hop.healthy is None for hop in hops),
    }
    how = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "healthy"
    return f"{counted(len(hops), 'more hop')} not shown: {how}; `countagg status` shows all"
