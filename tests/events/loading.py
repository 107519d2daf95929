"""Loads the recorded-looking events beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


def load_event(name: str) -> dict[str, Any]:
    """Return the event in `NAME.json`, a fresh copy at each call."""
    event = json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(event, dict)
    return event


def load_body(name: str) -> str:
    """Return the event in `NAME.json` as the text of a queue message."""
    return json.dumps(load_event(name))


def replaced(document: dict[str, Any], path: list[str | int], value: object) -> dict[str, Any]:
    """Return the document with the member at the path replaced, or removed if the value is `...`."""
    *parents, last = path
    inner: Any = document
    for step in parents:
        inner = inner[step]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return document
