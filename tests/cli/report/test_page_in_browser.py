"""The page in a real browser, at the widths of a phone and of a desk: what it says, and whether it can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.cli.report.page import render_page
from tests.cli.account import write_day
from tests.cli.report.browser import Browser, browsing, find_browser
from tests.cli.report.reports import HOSTILE, history_of, make_report
from tests.cli.running import CommandLine

PROGRAM: Final = find_browser()
SIZES: Final = {"phone": (360, 800), "desk": (1280, 900)}
PAPER: Final = (718, 1000)
"""Of A4, at 96 pixels an inch and with margins of a centimetre."""
DAY: Final = "2026-07-02"
FILES: Final = {
    "i-1": {"http_get": "24985", "exact": "12345678901234567890123.000000001", "minus": "-7.5", HOSTILE[0]: "3"},
    "i-2": {"http_get": "67666", "exact": "0.000000001", "small": "0.000000001"},
}

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason="there is no chromium on this machine"),
    pytest.mark.xdist_group("browser"),
]

TABLES: Final = """
Object.fromEntries([...document.querySelectorAll("section")].map(section => [section.id,
  [...section.querySelectorAll("tbody tr")].map(row => [...row.children].map(cell => cell.innerText.trim()))]))
"""
OUTSIDE: Final = """
[...document.body.querySelectorAll("*")].filter(each => !each.closest(".scroll, svg, details")
  && each.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5).map(each => each.outerHTML)
"""
PALE: Final = """
(() => {
  const levels = text => text.match(/[0-9.]+/g).map(Number);
  const luminance = ([red, green, blue]) => [red, green, blue].map(each => each / 255)
    .map(each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, at) => sum + each * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = each => { const found = levels(getComputedStyle(each).backgroundColor);
    return found.length === 3 || found[3] === 1 ? found : ground(each.parentElement); };
  const contrast = each => { const [one, other] = [levels(getComputedStyle(each).color), ground(each)]
    .map(luminance).sort((a, b) => b - a); return (one + 0.05) / (other + 0.05); };
  const texts = [...document.body.querySelectorAll("*")].filter(each => !each.closest("svg")
    && [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return [texts.length, texts.filter(each => contrast(each) < 4.5).map(each => each.outerHTML)];
})()
"""
"""How many elements have a text, and those whose contrast WCAG 2 takes for too small (success criterion 1.4.3)."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(str(PROGRAM), tmp_path_factory.mktemp("browser")) as browser:
        yield browser


def save(folder: Path, **parts: Any) -> Path:
    page = folder / "page.html"
    page.write_text(render_page(make_report(**parts), 100), encoding="utf-8")
    return page


@pytest.mark.usefixtures("stack")
def test_it_says_what_the_other_commands_say(browser: Browser, countagg: CommandLine, tmp_path: Path) -> None:
    before = (date.fromisoformat(DAY) - timedelta(days=1)).isoformat()
    write_day(before, {"i-1": {"http_get": "100000", "gone": "5"}})
    write_day(DAY, FILES)
    assert countagg("report", "--date", DAY, "--save", "page.html").code == 0
    totals = countagg("query", "--date", DAY, "--output", "json").document["totals"]
    roster = countagg("instances", "--date", DAY, "--output", "json").document
    hops = countagg("status", "--output", "json").document["hops"]

    for width, height in SIZES.values():
        browser.open(tmp_path / "page.html", width, height, "light")
        tables = browser.evaluate(TABLES)

        printed = {name: value.replace(",", "") for name, value, _ in tables["totals"]}
        assert printed == {name: f"{value:f}" if value % 1 else str(value) for name, value in totals.items()}
        moves = {name: cells for name, *cells in tables["moves"]}
        assert moves["exact"][:2] == ["new", "+12,345,678,901,234,567,890,123.000000002"]
        assert moves["http_get"] == ["-7.3 %", "-7,349", "92,651", "100,000"]
        assert moves["gone"] == ["gone", "-5", "\u2013", "5"]
        assert [row[0] for row in tables["instances"]] == [each["instance"] for each in roster["instances"]]
        assert [row[0] for row in tables["health"]] == [each["hop"] for each in hops]
        assert browser.evaluate("document.querySelector('h1').innerText") == f"Totals of {DAY}"


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_into_the_window_and_only_tables_scroll(browser: Browser, size: str, tmp_path: Path) -> None:
    long = {HOSTILE[1]: ("9" * 24, "1"), "x" * 255: ("1", "9" * 24 + "." + "9" * 9)}
    for page in (save(tmp_path), save(tmp_path, history=history_of(long), bucket="b" * 63, prefix="p/" * 200)):
        browser.open(page, *SIZES[size], "light")
        browser.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")

        assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert browser.evaluate(OUTSIDE) == []
        assert SIZES[size][0] - 20 < browser.evaluate("document.documentElement.clientWidth") <= SIZES[size][0]


def test_on_paper_it_is_dark_on_light_and_no_table_is_cut(browser: Browser, tmp_path: Path) -> None:
    browser.open(save(tmp_path), *PAPER, "dark", media="print")

    cut = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
    assert browser.evaluate(cut) == 0
    assert browser.evaluate(PALE)[1] == []
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(browser: Browser, scheme: str, tmp_path: Path) -> None:
    at = datetime(2026, 11, 20, 12, tzinfo=UTC)
    browser.open(save(tmp_path, at=at, patterns=("http_*",)), *SIZES["desk"], scheme)
    texts, pale = browser.evaluate(PALE)

    assert texts > 100
    assert pale == []
    red, *_ = json.loads(browser.evaluate("`[${getComputedStyle(document.body).color.match(/[0-9]+/g)}]`"))
    assert (red > 127) is (scheme == "dark")


def test_it_loads_runs_and_sends_nothing(browser: Browser, tmp_path: Path) -> None:
    hostile = dict.fromkeys(HOSTILE, ("1", "2"))
    page = save(tmp_path, history=history_of(hostile), stack=HOSTILE[0], bucket=HOSTILE[2], patterns=HOSTILE)
    browser.open(page, *SIZES["desk"], "dark")

    assert [each["request"]["url"] for each in browser.told("Network.requestWillBeSent")] == [page.as_uri()]
    assert browser.told("Log.entryAdded") == []
    assert browser.told("Page.javascriptDialogOpening") == []
    assert browser.evaluate("document.querySelectorAll('script, img, iframe, a:not([href^=\"#\"])').length") == 0
    assert browser.evaluate("'hacked' in window") is False
    assert {row[0] for row in browser.evaluate(TABLES)["totals"]} == set(HOSTILE)
