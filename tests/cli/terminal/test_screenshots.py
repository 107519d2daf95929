"""README's pictures show what the commands show today."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from tests.cli.scenes import Scene, plain
from tests.cli.screenshots import FOLDER, REPORT, SCREENSHOTS
from tests.readme import README

NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.fixture(params=SCREENSHOTS)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the name of each picture, on a terminal of the width that it needs."""
    found: str = request.param
    monkeypatch.setenv("COLUMNS", str(SCREENSHOTS[found].columns))
    # The chart asks for it: the tests' standard output is no terminal.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("COLORTERM", raising=False)
    return found


def checked_in(name: str) -> str:
    return (FOLDER / f"{name}.svg").read_text()


def test_the_picture_has_every_line_of_the_text(name: str) -> None:
    scene: Scene = SCREENSHOTS[name]
    rows: dict[str, str] = {}
    for each in ET.fromstring(checked_in(name)).iter(f"{{{NAMESPACE}}}text"):  # noqa: S314 - our own file
        text = (each.text or "").replace("\xa0", " ")
        if text != "countagg":
            rows[each.attrib["y"]] = rows.get(each.attrib["y"], "") + text

    shown = [f"$ {scene.command}", *plain(scene.shown())]
    assert ["".join(row.split()) for row in rows.values()] == ["".join(line.split()) for line in shown if line], (
        "`make screenshots` draws it anew"
    )


def test_the_picture_names_no_host_and_brings_no_font(name: str) -> None:
    drawn = checked_in(name)

    assert set(re.findall(r"[a-z]+://[^\"<\s]+", drawn)) <= {NAMESPACE, "s3://my-counters/totals/2026-11-20"}
    assert "@font-face" not in drawn
    assert "@import" not in drawn
    assert "monospace" in drawn


def test_the_lines_fit_the_picture(name: str) -> None:
    assert max(map(len, plain(SCREENSHOTS[name].shown()))) <= SCREENSHOTS[name].columns


def test_readme_shows_each_picture_and_there_is_no_other(name: str) -> None:
    assert f"screenshots/{name}.svg)" in README
    assert {each.name for each in FOLDER.iterdir()} == {REPORT, *(f"{each}.svg" for each in SCREENSHOTS)}
