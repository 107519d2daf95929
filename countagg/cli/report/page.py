"""A day as a page of HTML: one file that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from countagg import __version__
from countagg.cli.report.elements import Html, element
from countagg.cli.report.parts import moment
from countagg.cli.report.stack_sections import (
    health_section,
    instances_section,
    refusals_section,
)
from countagg.cli.report.tiles import Tile, tiles_of
from countagg.cli.report.totals_sections import history_section, moves_section, totals_section
from countagg.cli.terminal.render import describe_age
from countagg.core.versions import changes_of
from countagg.data.snapshots import moment_of
from countagg.operate.report.report import DayReport

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded, run or sent, whatever an instance may have named a counter."""
_LINKS: Final = {
    "moves": "Moved",
    "totals": "Totals",
    "history": "History",
    "instances": "Instances",
    "refusals": "Refused",
    "health": "Health",
}


def render_page(report: DayReport, most: int) -> str:
    """Return the page.

    Args:
        report: what it shows.
        most: rows of a table.
    """
    main = element(
        "main",
        _notes(report),
        moves_section(report),
        totals_section(report, most),
        history_section(report),
        instances_section(report, most),
        refusals_section(report, most),
        health_section(report),
    )
    body = element("body", _header(report), main, _footer(report))
    return f"<!doctype html>\n{element('html', _head(report), body, lang='en')}\n"


def title_of(report: DayReport) -> str:
    """Return what the page shows."""
    return f"Totals of {report.day}"


def _head(report: DayReport) -> Html:
    # The style sheet is ours: no text from outside is in it.
    style = Html(files("countagg.cli.report").joinpath("page.css").read_text(encoding="utf-8"))
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{title_of(report)} - {report.stack}"),
        element("style", style),
    )


def _header(report: DayReport) -> Html:
    links = (element("a", text, href=f"#{name}") for name, text in _LINKS.items())
    return element(
        "header",
        element("p", f"countagg · stack {report.stack} · s3://{report.bucket}/{report.prefix}", class_="eyebrow"),
        element("h1", title_of(report)),
        element("p", *_dates(report), class_="dates"),
        element("dl", *map(_tile, tiles_of(report)), class_="tiles"),
        element("nav", *links, aria_label="Sections"),
    )


def _dates(report: DayReport) -> Iterator[str]:
    totals = report.totals
    if totals is not None and totals.version:
        changed = moment_of(totals.updated_at or "")
        at = moment(changed) if changed else totals.updated_at or "an unknown time"
        age = "" if changed is None else f", {describe_age((report.at - changed).total_seconds())} before"
        yield from (
            "Version ",
            str(changes_of(totals.version)),
            ", changed last at ",
            at,
            f"{age} it was read at ",
        )
    else:
        yield "Read at "
    yield moment(report.at)
    yield "."


def _tile(tile: Tile) -> Html:
    value = element("dd", tile.value, class_=f"value {tile.kind}".rstrip())
    return element("div", element("dt", tile.name), value, element("dd", tile.detail))


def _notes(report: DayReport) -> Html:
    notes = [element("li", each) for each in _remarks(report)]
    return element("ul", *notes, class_="notes") if notes else Html()


def _remarks(report: DayReport) -> Iterator[str]:
    if report.patterns:
        yield f"Only some counters: {', '.join(report.patterns)}."
    if not report.is_over:
        yield f"{report.day} (UTC) is not over: its totals still change, and stand beside those of a whole day."
    if report.is_closed is True:
        yield "The day is closed: no file of it is taken any more."
    if report.not_allowed:
        yield f"Not all could be read; missing permissions: {', '.join(report.not_allowed)}."


def _footer(report: DayReport) -> Html:
    told = f"Made by countagg {__version__} from the stack {report.stack}; numbers are exact."
    return element("footer", element("p", told))
