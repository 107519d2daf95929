"""A settings file, as `outputs --output toml` writes it for instances and every command reads it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from countagg.cli.app.preferences import Written
from countagg.cli.app.session import Session
from countagg.cli.terminal.render import for_reader


def write_settings(session: Session, settings: Mapping[str, Written]) -> None:
    """Write settings to stdout as a settings file holds them.

    Args:
        session: where to.
        settings: by their names; tables come last.
    """
    lines = [f"# Of the stack {session.options.stack}, for `countagg upload` on its instances.", *_lines(settings)]
    session.stdout.writelines(f"{for_reader(session.stdout, line)}\n" for line in lines)


def _lines(settings: Mapping[str, Written]) -> Iterator[str]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield f"[{name}]"
            yield from _lines(value)
        else:
            # A text or a whole number of JSON is one of TOML.
            yield f"{name} = {json.dumps(value)}"
