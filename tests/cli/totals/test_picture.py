"""Pictures of a history."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from countagg.cli.totals.picture import Picture, named_days, specify
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


def specified_of(*lines: tuple[int, ...]) -> dict[str, Any]:
    """Return the chart of counters with these values, a day each."""
    days = [{f"c{index}": value * SCALE for index, value in enumerate(day)} for day in zip(*lines, strict=True)]
    return specify(
        History(
            tuple(TotalsOfDay(f"2026-07-{number:02d}", 1, "", day) for number, day in enumerate(days, start=1))
        )
    )


def test_a_counter_that_another_would_flatten_is_drawn_on_a_log_scale_that_says_so() -> None:
    axis = specified_of((2_000_000, 3_000_000), (3, 0))["encoding"]["y"]

    assert axis["title"] == "total (log scale)"
    assert axis["scale"] == {"type": "symlog", "constant": pytest.approx(0.1), "domain": [0.0, 3e6]}
    assert axis["axis"]["values"] == [0, 1, 100, 10_000, 1_000_000]
    usual = specified_of((2_000_000, 3_000_000), (300_000, 0))["encoding"]["y"]
    assert (usual["title"], "scale" in usual) == ("total", False)


def test_a_log_scale_is_drawn_with_plain_numbers(tmp_path: Path) -> None:
    history = History((TotalsOfDay("2026-07-01", 1, "", {"a": 5 * SCALE // 100, "b": -7_000_000 * SCALE}),) * 2)

    texts = texts_of(drawn(tmp_path / "a.svg", history))

    assert {"total (log scale)", "0", "\N{MINUS SIGN}1,000,000", "0.01"} <= set(texts)


def moment(day: int) -> dict[str, object]:
    return {"year": 2026, "month": 7, "date": day, "utc": True}


def test_the_days_of_the_axis_are_those_of_the_title_whether_they_have_totals_or_not() -> None:
    empty = TotalsOfDay("2026-07-01", 0, None, {})
    history = History((empty, replace(HISTORY.days[0], day="2026-07-02"), replace(empty, day="2026-07-03")))
    axis = specify(history)["encoding"]["x"]

    assert specify(history)["title"] == "Totals from 2026-07-01 to 2026-07-03"
    assert axis["scale"]["domain"] == [moment(1), moment(3)]
    assert axis["axis"]["values"] == [moment(1), moment(2), moment(3)]
    alone = specify(History(history.days[1:2]))
    assert alone["title"] == "Totals of 2026-07-02"
    assert alone["encoding"]["x"]["scale"]["domain"] == [moment(1), moment(3)]
    assert alone["encoding"]["x"]["axis"]["values"] == [moment(2)]


@pytest.mark.parametrize("count", [*range(1, 40), 365, 1_100])
def test_the_first_and_the_last_day_are_named_and_no_day_stands_near_to_another(count: int) -> None:
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(count)]

    named = named_days(days)

    assert (named[0], named[-1]) == (days[0], days[-1])
    assert len(named) <= 10
    distances = [(after - before).days for before, after in pairwise(named)]
    assert all(distance >= distances[0] for distance in distances)


def test_a_drawing_names_each_day_once(tmp_path: Path) -> None:
    texts = texts_of(drawn(tmp_path / "a.svg", HISTORY))

    assert [text for text in texts if text.startswith("2026-")] == [day.day for day in HISTORY.days]


def test_a_page_has_a_title(tmp_path: Path) -> None:
    page = written(tmp_path, "a.html").decode()

    assert re.findall("<title>(.*)</title>", page) == ["Totals from 2026-07-01 to 2026-07-03"]


def written(folder: Path, name: str) -> bytes:
    return Picture.at(folder / name).draw(HISTORY)


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
    return ET.fromstring(Picture.at(path).draw(history))  # noqa: S314 - our own file


def texts_of(root: ET.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_drawing_is_well_formed_and_names_the_counters(tmp_path: Path) -> None:
    root = drawn(tmp_path / "a.svg", HISTORY)

    texts = texts_of(root)
    assert HOSTILE in texts
    assert r"größe\u202e" in texts
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

    assert Picture.at(tmp_path / "a.svg").draw(history)


def test_three_years_of_many_counters_are_not_too_much(tmp_path: Path) -> None:
    totals = {f"c{number}": number * SCALE for number in range(20)}
    history = History(
        tuple(TotalsOfDay(f"2026-{1 + n // 28 % 12:02d}-{n % 28 + 1:02d}", 1, "", totals) for n in range(600))
    )

    assert Picture.at(tmp_path / "a.svg").draw(history).count(b"c19") >= 1
