"""Pictures of a history: a Vega-Lite chart, drawn by vl-convert without a browser and without the network."""

from __future__ import annotations

import html
import importlib
import math
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from countagg.cli.app.target_file import check_target
from countagg.cli.terminal.scale import find_log_scale
from countagg.core.errors import CountaggError
from countagg.core.lazy_dataclass import dataclass
from countagg.core.printable import printable
from countagg.core.values import to_number
from countagg.operate.totals.history import History

_SUFFIXES: Final = (".png", ".svg", ".html")
_LIBRARY: Final = "vl_convert"
_SCALE: Final = 2
_TITLE_OF_THE_LIBRARY: Final = "<title>Chart</title>"
_MOST_DAYS_NAMED: Final = 10
_NAME_OF_TICK: Final = "abs(datum.value) < 1e9 ? format(datum.value, ',~r') : format(datum.value, '.0e')"
# No name that was made printable has it.
_STANDS_FOR_LESS: Final = "\ue000"
# No counter's name has white space , and no property of a JavaScript object.
_NO_PROPERTY: Final = " "


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to be written.

    Attributes:
        path: where to; its suffix says what it will be.
        library: what draws it.
    """

    path: Path
    library: ModuleType

    @classmethod
    def at(cls, path: Path) -> Picture:
        """Prepare a picture, before any time is spent on its data.

        Raises:
            UsageError: pictures are not made in that form, or there is no such folder.
            CountaggError: the library is not installed.
        """
        check_target(path, "picture", _SUFFIXES)
        try:
            return cls(path, importlib.import_module(_LIBRARY))
        except ImportError as error:
            raise CountaggError(
                "pictures need a library that is not installed",
                where="--save",
                hint="pip install 'countagg[chart]'",
                detail=str(error),
            ) from error

    def draw(self, history: History) -> bytes:
        """Return the content of its file."""
        suffix = self.path.suffix.lower()
        if suffix == ".png":
            return bytes(self.library.vegalite_to_png(specify(history), scale=_SCALE))
        if suffix == ".svg":
            return str(self.library.vegalite_to_svg(specify(history))).encode()
        # The library writes names into a script as they are: one that ends the script would run as another.
        safe = specify(history, less_than=_STANDS_FOR_LESS)
        page = str(self.library.vegalite_to_html(safe, bundle=True))
        title = f"<title>{html.escape(title_of(history))}</title>"
        page = page.replace(_TITLE_OF_THE_LIBRARY, title, 1)
        return page.replace(_STANDS_FOR_LESS, "\\u003c").encode()


def specify(history: History, less_than: str = "<") -> dict[str, Any]:
    """Return the chart in Vega-Lite's terms.

    Vega looks up the lines by their names in a JavaScript object, where it also finds what every object has, such
    as `constructor`; so a name ends with what no property has, and the legend leaves that out.

    Args:
        history: what it shows.
        less_than: how `<` is written in names.
    """
    shown = {name: printable(name).replace("<", less_than) + _NO_PROPERTY for name in history.names}
    values = [
        {"day": day.day, "counter": shown[name], "value": float(to_number(value))}
        for day in history.days
        for name, value in day.totals.items()
    ]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": title_of(history),
        "width": 800,
        "height": 400,
        "data": {"values": values},
        "mark": {"type": "line", "point": True, "strokeJoin": "round"},
        "encoding": {
            "x": _day_axis([date.fromisoformat(day.day) for day in history.days]),
            "y": _value_axis(history),
            "color": {
                "field": "counter",
                "type": "nominal",
                "sort": list(shown.values()),
                "legend": {"labelExpr": "trim(datum.label)"},
            },
        },
    }


def title_of(history: History) -> str:
    """Return what a picture shows."""
    first, last = history.days[0].day, history.days[-1].day
    return f"Totals of {first}" if first == last else f"Totals from {first} to {last}"


def _day_axis(days: Sequence[date]) -> dict[str, Any]:
    """Return the axis of all days, also of those without totals; those of UTC, wherever it is looked at."""
    # A day alone stands in the middle.
    around = timedelta(days=len(days) == 1)
    return {
        "field": "day",
        "type": "temporal",
        "timeUnit": "utcyearmonthdate",
        "title": "day (UTC)",
        "scale": {"type": "utc", "domain": [_moment(days[0] - around), _moment(days[-1] + around)]},
        "axis": {"values": [_moment(day) for day in named_days(days)], "format": "%Y-%m-%d"},
    }


def named_days(days: Sequence[date]) -> list[date]:
    """Return the days that are named at the axis: the first and the last, and evenly as many as have room."""
    step = math.ceil(len(days) / _MOST_DAYS_NAMED)
    # The last but one is left out where it would stand too near to the last.
    return [*days[: max(0, len(days) - step) : step], days[-1]]


def _moment(day: date) -> dict[str, Any]:
    return {"year": day.year, "month": day.month, "date": day.day, "utc": True}


def _value_axis(history: History) -> dict[str, Any]:
    axis = {"field": "value", "type": "quantitative", "title": "total"}
    lines = [[float(to_number(value)) for _, value in history.series(name)] for name in history.names]
    scale = find_log_scale(lines)
    if scale is None:
        return axis
    return {
        **axis,
        "title": "total (log scale)",
        "scale": {"type": "symlog", "constant": scale.constant, "domain": [scale.low, scale.high]},
        "axis": {"values": scale.ticks, "labelExpr": _NAME_OF_TICK},
    }
