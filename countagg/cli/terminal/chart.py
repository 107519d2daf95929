"""Charts for a terminal, drawn by plotille in braille dots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from countagg.cli.terminal.scale import LogScale, find_log_scale
from countagg.core.lazy_dataclass import dataclass

HEIGHT: Final = 12
"""Rows of the plot; title and axes take four more."""

_LABEL: Final = 10
_TICK: Final = 10
_AROUND: Final = 22
"""Columns that labels and the names of the axes take."""
NARROWEST: Final = _AROUND + _TICK + 1
"""Columns that a chart takes at least."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        points: days since the first one, and values; at least one.
        colour: its name.
    """

    points: Sequence[tuple[int, float]]
    colour: str


def draw_chart(lines: Sequence[Line], days: Sequence[str], columns: int) -> str:
    """Return a chart, coloured by escapes where standard output is a terminal.

    Where one line would flatten another it has a log scale, and says so.

    Args:
        lines: what to draw; days without a value are bridged.
        days: YYYY-MM-DD, two at least; the names of the first coordinate.
        columns: how wide it may be.
    """
    from plotille import Figure

    steps = len(days) - 1
    scale = find_log_scale([[value for _, value in line.points] for line in lines])
    height_of = scale.position if scale else float
    low, high = _limits([value for line in lines for _, value in line.points], scale)
    figure = Figure()
    ticks = max(1, (columns - _AROUND) // _TICK)
    figure.width, figure.height = _TICK * (steps * (ticks // steps) if steps <= ticks else ticks), HEIGHT
    figure.origin = False
    figure.x_label, figure.y_label = "day", "log scale" if scale else "value"
    # A point at the very end would fall off the canvas.
    figure.set_x_limits(0, steps * (1 + 1e-6))
    figure.set_y_limits(low, high)
    figure.x_ticks_fkt = lambda here, _: _name_day(here, days, between=steps > ticks)
    figure.y_ticks_fkt = lambda here, above: _name_value(here, above, scale).rjust(_LABEL)
    dot = steps / (2 * figure.width)
    for line in lines:
        days_of = [float(index) for index, _ in line.points]
        values = [height_of(value) for _, value in line.points]
        if len(values) == 1:
            # The canvas has no dot for the very last moment: a single point is drawn from a bit before it.
            days_of, values = [days_of[0] - 1.5 * dot, *days_of], values * 2
        figure.plot(days_of, values, lc=line.colour)
    return str(figure.show(legend=False))


def _limits(values: Sequence[float], scale: LogScale | None) -> tuple[float, float]:
    """Return where the vertical axis begins and ends: at 0, unless values lie below it."""
    low, high = (scale.low, scale.high) if scale else (min(0.0, *values), max(0.0, *values))
    if scale:
        low, high = scale.position(low), scale.position(high)
    return (low, high + (high - low) * 0.05) if high > low else (low, low + 1.0)


def _name_value(here: float, above: float, scale: LogScale | None) -> str:
    """Return the label of a row, from its lower end to that of the next one.

    On a log scale it is what is named there: a value in between would say nothing.
    """
    if scale is None:
        return label_value(here, above - here)
    named = [tick for tick in scale.ticks if here <= scale.position(tick) < above]
    return label_value(named[0], abs(named[0]) or 1.0) if named else ""


def _name_day(position: float, days: Sequence[str], *, between: bool) -> str:
    """Return the day nearest to a tick as MM-DD.

    Args:
        position: of the tick, in days since the first.
        days: YYYY-MM-DD.
        between: whether ticks between two days bear a name: there are fewer ticks than days.
    """
    index = min(round(position), len(days) - 1)
    return days[index][5:] if between or math.isclose(position, index, abs_tol=0.01) else ""


def label_value(value: float, step: float) -> str:
    """Return a value as a label of at most ten characters.

    Args:
        value: the value.
        step: the distance to the next label, which tells how many decimals are of use.
    """
    decimals = max(0, -math.floor(math.log10(step))) if 0 < step < 1 else 0
    text = f"{value:,.{decimals}f}"
    return text if len(text) <= _LABEL else f"{value:.3g}"
