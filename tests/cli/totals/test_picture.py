"""Pictures of a history."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

import pytest

from countagg.cli.totals.picture import Picture, specify
from countagg.core.values import SCALE
from countagg.operate.totals.history import History
from countagg.operate.totals.query import TotalsOfDay

HOSTILE: Final = "</script><script>alert(1)</script>"
HISTORY: Final = History(
    (
        TotalsOfDay("2026-07-01", 1, "", {HOSTILE: 5 * SCALE, "größe\u202e": SCALE // 4}),
        TotalsOfDay("2026-07-02", 0, None, {}),
        TotalsOfDay("2026-07-03", 1, "", {HOSTILE: 7 * SCALE}),
    )
)


def test_the_chart_holds_every_value_under_its_day() -> None:
    specified = specify(HISTORY)

    assert specified["data"]["values"] == [
        {"day": "2026-07-01", "counter": f"{HOSTILE} ", "value": 5.0},
        {"day": "2026-07-01", "counter": "größe\\u202e ", "value": 0.25},
        {"day": "2026-07-03", "counter": f"{HOSTILE} ", "value": 7.0},
    ]
    assert specified["title"] == "Totals from 2026-07-01 to 2026-07-03"
    assert specified["encoding"]["x"]["timeUnit"].startswith("utc")
    assert specified["encoding"]["color"]["sort"] == [f"{HOSTILE} ", "größe\\u202e "]


def written(folder: Path, name: str) -> bytes:
    path = folder / name
    Picture.at(path).write(HISTORY)
    return path.read_bytes()


def test_a_page_runs_no_script_that_a_counter_is_named_after(tmp_path: Path) -> None:
    page = written(tmp_path, "a.html").decode()

    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert json.dumps(HOSTILE).strip('"').replace("<", "\\u003c") in page
    assert "\ue000" not in page


def test_a_page_needs_no_network(tmp_path: Path) -> None:
    page = written(tmp_path, "a.html").decode()

    assert not re.findall(r"<(?:script|link)[^>]*(?:src|href)=", page)


def drawn(path: Path, history: History) -> ET.Element:
    Picture.at(path).write(history)
    return ET.fromstring(path.read_bytes())  # noqa: S314 - our own file


def texts_of(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_drawing_is_well_formed_and_names_the_counters(tmp_path: Path) -> None:
    root = drawn(tmp_path / "a.svg", HISTORY)

    texts = texts_of(root)
    assert HOSTILE in texts
    assert r"größe\u202e" in texts
    assert any("Jul" in text for text in texts)
    assert root.findall(".//{http://www.w3.org/2000/svg}script") == []


# The properties of JavaScript's Object.prototype.
OF_OBJECTS: Final = (
    *("__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__proto__", "constructor"),
    *("hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"),
)
# What paths to fields and expressions are made of.
OF_VEGA: Final = (
    *("a.b", "a\\.b", "a[0]", "a['x']", 'a["x"]', "a'b", 'a"b', "a\\b", "a\\", "[", "datum.value", "${a}"),
    *("null", "undefined", "NaN", "true", "0", "length", "prototype"),
)


@pytest.mark.parametrize("names", [OF_OBJECTS, OF_VEGA])
def test_counters_may_be_called_as_anything_of_javascript_is(names: tuple[str, ...], tmp_path: Path) -> None:
    totals = {name: number * SCALE for number, name in enumerate(names, start=1)}
    history = History(tuple(TotalsOfDay(f"2026-07-0{day}", 1, "", totals) for day in (1, 2)))

    root = drawn(tmp_path / "a.svg", history)

    lines = [each for each in root.iter() if each.get("aria-roledescription") == "line mark"]
    assert len(lines) == len(names)
    assert set(names) <= set(texts_of(root))


def test_an_image_is_twice_as_fine_as_the_chart(tmp_path: Path) -> None:
    image = written(tmp_path, "a.png")

    width, height = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    assert width >= 1600
    assert height >= 800


@pytest.mark.parametrize("count", [0, 1])
def test_a_history_of_little_makes_a_picture_too(count: int, tmp_path: Path) -> None:
    history = History(tuple(TotalsOfDay("2026-07-01", 1, "", {"a": 1}) for _ in range(count)) or HISTORY.days[1:2])

    Picture.at(tmp_path / "a.svg").write(history)

    assert (tmp_path / "a.svg").stat().st_size > 0


def test_three_years_of_many_counters_are_not_too_much(tmp_path: Path) -> None:
    totals = {f"c{number}": number * SCALE for number in range(20)}
    history = History(
        tuple(TotalsOfDay(f"2026-{1 + n // 28 % 12:02d}-{n % 28 + 1:02d}", 1, "", totals) for n in range(600))
    )

    Picture.at(tmp_path / "a.svg").write(history)

    assert (tmp_path / "a.svg").read_bytes().count(b"c19") >= 1
