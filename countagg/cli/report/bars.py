"""Bars, a bar a day, as SVG: what a counter was on each of many days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from countagg.cli.report.elements import Html, element
from countagg.cli.terminal.render import grouped
from countagg.core.lazy_dataclass import dataclass
from countagg.core.values import to_number

_GAP: Final = 0.25
"""Between two bars, as a share of what a day has."""
_LEAST: Final = 1.0
"""Height of a bar of 0, so that it is told from a day without the counter."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where bars are drawn, in units of the picture."""

    width: int
    height: int


SMALL: Final = Frame(96, 22)
LARGE: Final = Frame(280, 72)


def describe_values(values: Sequence[int | None]) -> str:
    """Return the range of values, for who does not see their bars."""
    known = [each for each in values if each is not None]
    if not known:
        return "no totals"
    low, high = (grouped(to_number(each)) for each in (min(known), max(known)))
    if len(known) == 1:
        return f"{low} on one day"
    return f"always {low}" if low == high else f"from {low} to {high}"


def draw_bars(days: Sequence[str], values: Sequence[int | None], frame: Frame) -> Html:
    """Draw a counter's totals, in units of 10^-9, on a scale that has 0; a day that does not have it is left out.

    The last bar is set off. In a large frame, each names its day and value where one points at it.
    """
    bars = [
        _bar(day, value, place, "last" if at == len(days) - 1 else "bar", told=frame is LARGE)
        for at, (day, value, place) in enumerate(zip(days, values, _places(values, frame), strict=True))
        if value is not None
    ]
    return element(
        "svg",
        *bars,
        _zero_line(values, frame),
        viewBox=f"0 0 {frame.width} {frame.height}",
        width=frame.width,
        height=frame.height,
        role="img",
        aria_label=f"{len(days)} days: {describe_values(values)}",
    )


def _scale(values: Sequence[int | None], frame: Frame) -> tuple[float, float]:
    """Return the height of 10^-9, and where 0 is, from the top."""
    numbers = [each for each in values if each is not None]
    low, high = min(0, *numbers, 0), max(0, *numbers, 0)
    scale = frame.height / ((high - low) or 1)
    return scale, high * scale


def _zero_line(values: Sequence[int | None], frame: Frame) -> Html:
    _, zero = _scale(values, frame)
    return element("rect", x=0, y=f"{min(zero, frame.height - 1):.1f}", width=frame.width, height=1, class_="zero")


def _places(values: Sequence[int | None], frame: Frame) -> list[tuple[float, float, float, float]]:
    """Return left, top, width and height of each bar."""
    numbers = [0 if each is None else each for each in values]
    scale, zero = _scale(values, frame)
    step = frame.width / len(numbers)
    places = []
    for at, number in enumerate(numbers):
        height = max(_LEAST, abs(number) * scale)
        top = zero if number < 0 else zero - height
        inside = min(max(0.0, top), frame.height - height)
        places.append((at * step + step * _GAP / 2, inside, step * (1 - _GAP), height))
    return places


def _bar(day: str, value: int, place: tuple[float, float, float, float], kind: str, *, told: bool) -> Html:
    left, top, width, height = (f"{each:.1f}" for each in place)
    title = [element("title", f"{day}: {grouped(to_number(value))}")] if told else []
    return element("rect", *title, x=left, y=top, width=width, height=height, class_=kind)
