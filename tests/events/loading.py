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
