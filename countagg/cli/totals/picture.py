"""Pictures of a history: a Vega-Lite chart, drawn by vl-convert without a browser and without the network."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from countagg.core.errors import CountaggError, UsageError
from countagg.core.printable import printable
from countagg.core.values import to_number
from countagg.operate.totals.history import History

_SUFFIXES: Final = (".png", ".svg", ".html")
_LIBRARY: Final = "vl_convert"
_SCALE: Final = 2
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
    def at(cls, path: Path, load: Callable[[str], ModuleType] = importlib.import_module) -> Picture:
        """Prepare a picture, before any time is spent on its data.

        Args:
            path: where it will be written.
            load: imports a module.

        Raises:
            UsageError: pictures are not made in that form.
            CountaggError: the library is not installed, or there is no such folder.
        """
        if path.suffix.lower() not in _SUFFIXES:
            raise UsageError(
                f"{path.name!r} is not a picture format",
                where="--save",
                hint=f"use a name that ends in {', '.join(_SUFFIXES)}",
            )
        try:
            has_folder = path.parent.is_dir()
        except OSError as error:
            raise _unwritable(path, error) from error
        if not has_folder:
            raise CountaggError(f"there is no folder {str(path.parent)!r}", where="--save", hint="make it first")
        try:
            return cls(path, load(_LIBRARY))
        except ImportError as error:
            raise CountaggError(
                "pictures need a library that is not installed",
                where="--save",
                hint="pip install 'countagg[chart]'",
                detail=str(error),
            ) from error

    def write(self, history: History) -> None:
        """Draw and write it.

        Raises:
            CountaggError: the file cannot be written.
        """
        try:
            self.path.write_bytes(self._draw(history))
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _draw(self, history: History) -> bytes:
        suffix = self.path.suffix.lower()
        if suffix == ".png":
            return bytes(self.library.vegalite_to_png(specify(history), scale=_SCALE))
        if suffix == ".svg":
            return str(self.library.vegalite_to_svg(specify(history))).encode()
        # The library writes names into a script as they are: one that ends the script would run as another.
        safe = specify(history, less_than=_STANDS_FOR_LESS)
        page = str(self.library.vegalite_to_html(safe, bundle=True))
        return page.replace(_STANDS_FOR_LESS, "\\u003c").encode()


def _unwritable(path: Path, error: OSError) -> CountaggError:
    return CountaggError(f"it cannot be written: {error.strerror}", where=str(path), hint="name another file")


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
        "title": f"Totals from {history.days[0].day} to {history.days[-1].day}",
        "width": 800,
        "height": 400,
        "data": {"values": values},
        "mark": {"type": "line", "point": True},
        "encoding": {
            # Days are those of UTC, wherever the picture is looked at.
            "x": {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate", "title": "day (UTC)"},
            "y": {"field": "value", "type": "quantitative", "title": "total"},
            "color": {
                "field": "counter",
                "type": "nominal",
                "sort": list(shown.values()),
                "legend": {"labelExpr": "trim(datum.label)"},
            },
        },
    }
